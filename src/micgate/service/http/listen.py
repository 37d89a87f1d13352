"""Listening: plain http on loopback only; elsewhere TLS, or a proxy that is stated to do it."""

import asyncio
import ipaddress
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import uvicorn
from litestar.types import ASGIApp
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from micgate.service.http import refusal
from micgate.service.http.errors import HeadTooLarge, Malformed, ServiceError, UnsafeListening
from micgate.service.http.proxy import OnlyThrough

HEADERS_WITHIN = 10.0
"""Seconds for the head of a request."""
HEAD_BYTES = 32_768
"""Address and headers, and what may follow a body in parts."""
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

    def near_url(self, port: int) -> str:
        """For whoever is on this machine: nobody connects to all addresses at once."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104 -- not listened on
        return replace(self, host=host).url(port)


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class Patient(HttpToolsProtocol):
    """Patient, but not for ever: a request whose head does not arrive, or does not end, is cut off."""

    _deadline: asyncio.TimerHandle | None = None
    _arrived = 0
    _read = 0

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._deadline is not None:
            self._arrived += len(data)
            if self._arrived > HEAD_BYTES:
                self._refuse(_endless())

    def on_header(self, name: bytes, value: bytes) -> None:
        """One that follows a body in parts, too."""
        self._read += len(name) + len(value)
        if self._read > HEAD_BYTES:
            self._refuse(_endless())
            raise _endless()  # the parser reads no further
        super().on_header(name, value)

    def send_400_response(self, msg: str) -> None:
        """What is no HTTP gets a problem document as well."""
        del msg
        self._refuse(
            Malformed("That is no HTTP that is understood here.", remedy="Use a client of HTTP/1.1.")
        )

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn
        super().connection_made(transport)
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._head_is_here()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._read = 0
        if self._deadline is None:
            self._expect_head()

    def on_headers_complete(self) -> None:
        self._head_is_here()
        super().on_headers_complete()

    def _expect_head(self) -> None:
        self._arrived = 0
        self._deadline = self.loop.call_later(HEADERS_WITHIN, self._give_up)

    def _head_is_here(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _give_up(self) -> None:
        if not self.transport.is_closing():
            self.transport.close()

    def _refuse(self, error: ServiceError) -> None:
        if not self.transport.is_closing():
            self.transport.write(refusal.raw(error))
            self.transport.close()


def _endless() -> HeadTooLarge:
    return HeadTooLarge(
        f"Address and headers are over {HEAD_BYTES // 1024} KB.", remedy="Send fewer: a key is one line."
    )


class Server(uvicorn.Server):
    """Signals are whoever runs the process's business."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def bind(address: Address) -> socket.socket:
    """Raises `OSError`, with the address as its file name, when the port is taken."""
    address.check()
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    # Named, because asyncio turns Nagle's algorithm off only then: answers would wait 40 ms.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((address.host, address.port))
        listening.listen(BACKLOG)
    except OSError as error:
        listening.close()
        error.filename = f"{address.host}:{address.port}"
        raise
    listening.setblocking(False)
    return listening


def server(app: ASGIApp, address: Address) -> Server:
    return Server(uvicorn.Config(**_config(behind(app, address), address)))


def behind(app: ASGIApp, address: Address) -> ASGIApp:
    """Stated proxies are believed about clients. Without TLS of ours nobody else may come."""
    if not address.proxies:
        return app
    believing: Any = ProxyHeadersMiddleware(app, trusted_hosts=list(address.proxies))  # type: ignore[arg-type]  # the same, typed twice
    open_to_all = address.loopback or address.tls_certificate
    return believing if open_to_all else OnlyThrough(believing, address.proxies)


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
        "proxy_headers": False,
        "timeout_keep_alive": KEEP_ALIVE,
        "timeout_graceful_shutdown": STOP_WITHIN,
        "ssl_certfile": address.tls_certificate,
        "ssl_keyfile": address.tls_key,
    }
