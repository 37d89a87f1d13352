"""What people read when there was no answer, the same for both HTTP libraries. `host` is host and port."""

import os
import ssl

from micgate.client.errors import NotReached, TimedOut

_SERVE = "Check the address (MICGATE_URL), and whether the service runs: micgate serve."


def no_connection(host: str, error: BaseException | None) -> NotReached:
    number = (error.errno or 0) if isinstance(error, OSError) else 0
    why = f": {os.strerror(number).lower()}" if number > 0 else ""
    return NotReached(f"The service at {host} cannot be connected to{why}.", remedy=_SERVE, sent=False)


def by_proxy(host: str) -> NotReached:
    return NotReached(
        f"The proxy on the way to the service at {host} cannot be reached, or refused the way.",
        remedy="Check HTTPS_PROXY; hosts to reach without it go into NO_PROXY.",
        sent=False,
    )


def untrusted(host: str, error: BaseException | None) -> NotReached:
    reason = error.verify_message if isinstance(error, ssl.SSLCertVerificationError) else "no TLS handshake"
    return NotReached(
        f"The certificate of the service at {host} cannot be verified: {reason.rstrip('.')}.",
        remedy="Have SSL_CERT_FILE name a PEM file with your network's CA certificates; check the scheme.",
        sent=False,
    )


def slow_to_connect(host: str) -> TimedOut:
    return TimedOut(f"No connection to the service at {host} in time.", remedy=_SERVE, sent=False)


def silent(host: str, seconds: float) -> TimedOut:
    return TimedOut(
        f"The service at {host} did not answer within {seconds:.3g} s.",
        remedy="See what came of it (micgate mutes) before asking again.",
        sent=True,
    )


def cut(host: str) -> NotReached:
    return NotReached(
        f"The connection to the service at {host} was cut.",
        remedy="See what came of it (micgate mutes) before asking again.",
        sent=True,
    )
