"""What people read when there was no answer at all: one text per cause, the same for both HTTP libraries.

`where` is host and port. `reached` False means that the request certainly did not leave.
"""

import os
import ssl

from micgate.genesys.errors import NotGenesys, TimedOut, Unreachable
from micgate.genesys.messages import Kind, Request


def held_back() -> Unreachable:
    return Unreachable(
        "The request was held back at the last moment: this process may no longer send.",
        means="Nothing was sent.",
        remedy="Nothing needs to be done: another micgate has taken over, or this one tries again.",
        cause="held_back",
        reached=False,
    )


def unknown_name(where: str) -> Unreachable:
    return Unreachable(
        f"The name {where} was not found (DNS).",
        means="Nothing was sent.",
        remedy="Check GENESYS_REGION and the network. Where only a proxy leads outside, set HTTPS_PROXY.",
        cause="name",
        reached=False,
    )


def refused(where: str, error: OSError | None) -> Unreachable:
    return Unreachable(
        f"{where} cannot be connected to: {_reason(error)}.",
        means="Nothing was sent.",
        remedy="Check GENESYS_REGION and the firewall. A simulator has to be running (micgate twin).",
        cause="refused",
        reached=False,
    )


def _verdict(error: ssl.SSLCertVerificationError) -> str:
    """Some of OpenSSL's end with a full stop."""
    return (error.verify_message or "no reason given").rstrip(".")


def untrusted(where: str, error: BaseException | None) -> Unreachable:
    """The TLS handshake failed: a certificate that cannot be verified, or no TLS at all."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return Unreachable(
            f"The certificate of {where} cannot be verified: {_verdict(error)}.",
            means="Nothing was sent. A proxy that inspects TLS shows up like this, and so does an attacker.",
            remedy="Have SSL_CERT_FILE (or REQUESTS_CA_BUNDLE) name a PEM file with your network's CA "
            "certificates. Verification cannot be switched off.",
            cause="tls",
            reached=False,
        )
    reason = getattr(error, "reason", None) or "handshake failed"
    return Unreachable(
        f"{where} did not complete a TLS handshake: {str(reason).replace('_', ' ').lower()}.",
        means="Nothing was sent. Something other than https may be listening there.",
        remedy="Check the scheme and port in GENESYS_REGION, and the proxy.",
        cause="tls",
        reached=False,
    )


def proxy_unreachable(proxy: str, error: OSError | None) -> Unreachable:
    return Unreachable(
        f"The proxy {proxy} cannot be reached: {_reason(error)}.",
        means="Nothing was sent.",
        remedy="Check HTTPS_PROXY; hosts to reach without it go into NO_PROXY.",
        cause="proxy",
        reached=False,
    )


def unknown_proxy(proxy: str) -> Unreachable:
    return Unreachable(
        f"The name of the proxy {proxy} was not found (DNS).",
        means="Nothing was sent.",
        remedy="Check HTTPS_PROXY; hosts to reach without it go into NO_PROXY.",
        cause="proxy",
        reached=False,
    )


def proxy_refused(proxy: str, where: str, status: int | None) -> Unreachable:
    if status == _PROXY_AUTHENTICATION:
        return Unreachable(
            f"The proxy {proxy} wants a user name and password (407).",
            means="Nothing was sent.",
            remedy="Put them into its address: HTTPS_PROXY=http://user:password@proxy:port .",
            cause="proxy",
            reached=False,
            status=status,
        )
    return Unreachable(
        f"The proxy {proxy} refused the way to {where}{f' ({status})' if status else ''}.",
        means="Nothing was sent.",
        remedy=f"Have {where} allowed on the proxy, or name it in NO_PROXY.",
        cause="proxy",
        reached=False,
        status=status,
    )


_PROXY_AUTHENTICATION = 407


def cut(where: str, request: Request | None = None) -> Unreachable:
    means, remedy = _doubt(request)
    return Unreachable(
        f"The connection to {where} was cut before the answer was complete.",
        means=means,
        remedy=f"{remedy}.",
        cause="cut",
    )


def silent(where: str, request: Request) -> TimedOut:
    means, remedy = _doubt(request)
    return TimedOut(
        f"{where} did not answer within {request.timeout:.3g} s.",
        means=means,
        remedy=f"{remedy}; MICGATE_TIMEOUT sets how long to wait.",
    )


def _doubt(request: Request | None) -> tuple[str, str]:
    """What an answer that never came leaves open, and what to do then."""
    if request is not None and request.kind is Kind.CHANGE:
        return (
            "Whether the request took effect is not known.",
            "Look at the present state before sending it again",
        )
    return "It only asked: nothing was changed.", "Try again; micgate doctor looks at the way there"


def slow_to_connect(where: str, seconds: float) -> TimedOut:
    return TimedOut(
        f"No connection to {where} within {seconds:.3g} s.",
        means="Nothing was sent.",
        remedy="Check the network and its firewall. Where only a proxy leads outside, set HTTPS_PROXY.",
        reached=False,
    )


def not_http(where: str) -> NotGenesys:
    return NotGenesys(
        f"{where} sent something that is no HTTP answer.",
        means="That is not the platform: a proxy, a gateway or a wrong port answers in its place.",
        remedy="Check GENESYS_REGION and HTTPS_PROXY.",
    )


def _reason(error: OSError | None) -> str:
    if error is None or error.errno is None:
        return "no connection"
    return os.strerror(error.errno).lower()
