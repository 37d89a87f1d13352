"""Listening: plain http on loopback only; elsewhere TLS, or a proxy that is stated to do it."""

import asyncio
import ipaddress
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import uvicorn
from litestar.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from micgate.service.http.errors import UnsafeListening

HEADERS_WITHIN = 10.0
"""Seconds for the head of a request."""
KEEP_ALIVE = 75
STOP_WITHIN = 2
"""Seconds for what is being answered when it ends."""
BACKLOG = 2048


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where to listen. `proxies` are the addresses that a TLS proxy in front connects from."""

    host: str = "127.0.0.1"
    port: int = 8700
    tls_certificate: str | None = None
    tls_key: str | None = None
    proxies: tuple[str, ...] = ()

    @property
    def loopback(self) -> bool:
        return is_loopback(self.host)

    @property
    def local(self) -> bool:
        """Only this machine can reach us."""
        return self.loopback and not self.proxies

    def check(self) -> None:
        """Raise `UnsafeListening` if keys would travel in the clear."""
        if bool(self.tls_certificate) != bool(self.tls_key):
            raise UnsafeListening(
                "TLS needs a certificate and its key.", remedy="Set MICGATE_TLS_CERT and MICGATE_TLS_KEY."
            )
        if not (self.loopback or self.tls_certificate or self.proxies):
            raise UnsafeListening(
                f"{self.host} is no loopback address, and API keys would travel in the clear.",
                remedy="Set MICGATE_TLS_CERT and MICGATE_TLS_KEY, or MICGATE_TRUSTED_PROXY to the address of "
                "the proxy that speaks TLS in front of micgate.",
            )

    def url(self, port: int) -> str:
        scheme = "https" if self.tls_certificate else "http"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{scheme}://{host}:{port}"


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class Patient(HttpToolsProtocol):
    """Patient, but not for ever: a request whose head does not arrive is cut off."""

    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn
        super().connection_made(transport)
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._head_is_here()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        if self._deadline is None:
            self._expect_head()

    def on_headers_complete(self) -> None:
        self._head_is_here()
        super().on_headers_complete()

    def _expect_head(self) -> None:
        self._deadline = self.loop.call_later(HEADERS_WITHIN, self._give_up)

    def _head_is_here(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _give_up(self) -> None:
        if not self.transport.is_closing():
            self.transport.close()


class Server(uvicorn.Server):
    """Signals are whoever runs the process's business."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def bind(address: Address) -> socket.socket:
    """Raises `OSError` when the port is taken."""
    address.check()
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    # Named, because asyncio turns Nagle's algorithm off only then: answers would wait 40 ms.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((address.host, address.port))
        listening.listen(BACKLOG)
    except OSError:
        listening.close()
        raise
    listening.setblocking(False)
    return listening


def server(app: ASGIApp, address: Address) -> Server:
    return Server(uvicorn.Config(**_config(app, address)))


def _config(app: ASGIApp, address: Address) -> dict[str, Any]:
    """No access log: addresses hold ids of persons. Its own log would also print exceptions whole."""
    return {
        "app": app,
        "http": Patient,
        "ws": "none",
        "lifespan": "off",
        "log_config": None,
        "log_level": "critical",
        "access_log": False,
        "server_header": False,
        "proxy_headers": bool(address.proxies),
        "forwarded_allow_ips": list(address.proxies),
        "timeout_keep_alive": KEEP_ALIVE,
        "timeout_graceful_shutdown": STOP_WITHIN,
        "h11_max_incomplete_event_size": 32_768,
        "ssl_certfile": address.tls_certificate,
        "ssl_keyfile": address.tls_key,
    }
