"""The certificate that the service shows, tried before it listens: the server would end without a word."""

import ssl
from pathlib import Path

from micgate.service.http.listen import Address
from micgate.settings import SettingError


def check(address: Address) -> None:
    """Raise `SettingError` for a certificate or a key that TLS cannot be spoken with."""
    if address.tls_certificate is None or address.tls_key is None:
        return
    for variable, file in (
        ("MICGATE_TLS_CERT", address.tls_certificate),
        ("MICGATE_TLS_KEY", address.tls_key),
    ):
        _check_readable(variable, file)
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(
            address.tls_certificate,
            address.tls_key,
            password="",  # else OpenSSL asks for one on the terminal
        )
    except (ssl.SSLError, ValueError) as error:
        raise SettingError(_what(error), remedy=_REMEDY) from None


def _check_readable(variable: str, file: str) -> None:
    try:
        with Path(file).open("rb"):
            pass
    except OSError as error:
        raise SettingError(
            f"{variable} names {file}, which cannot be read: {error.strerror}.",
            remedy="Correct the path, or let this account read the file.",
        ) from None


def _what(error: ssl.SSLError | ValueError) -> str:
    if getattr(error, "reason", None) == "KEY_VALUES_MISMATCH":
        return "The key of MICGATE_TLS_KEY is not the one of the certificate in MICGATE_TLS_CERT."
    return "MICGATE_TLS_CERT and MICGATE_TLS_KEY are no certificate and key that TLS can be spoken with."


_REMEDY = "Give a PEM file each: the certificate and those that vouch for it, and its key without a password."
