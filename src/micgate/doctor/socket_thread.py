"""The socket of a notification channel for code that blocks: a thread listens, messages wait with their time.

Doctor only, which wants to know why a socket did not open; `genesys.channel` is what watches calls.
"""

import asyncio
import queue
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import AbstractContextManager
from threading import Thread
from typing import Any, NamedTuple, Self
from urllib.parse import urlsplit

import aiohttp

from micgate.doctor.case import Heard
from micgate.genesys import failures
from micgate.genesys.errors import Away, NotGenesys, Unreachable
from micgate.genesys.network import Network
from micgate.genesys.regions import is_loopback

CONNECT_SECONDS = 10.0


class _Line(NamedTuple):
    loop: asyncio.AbstractEventLoop
    socket: aiohttp.ClientWebSocketResponse
    ended: asyncio.Event


class SocketThread(AbstractContextManager["SocketThread"]):
    """Connected from `with` on. Raises `Away` when it cannot be; its address is in no error."""

    def __init__(self, connect_uri: str, network: Network) -> None:
        self._uri = _checked(connect_uri)
        self._network = network
        self._messages: queue.SimpleQueue[Heard] = queue.SimpleQueue()
        self._line: Future[_Line] = Future()
        self._thread = Thread(target=self._run, daemon=True, name="doctor-socket")

    def __enter__(self) -> Self:
        self._thread.start()
        self._line.result()
        return self

    def __exit__(self, *_: object) -> None:
        line = self._line.result()
        line.loop.call_soon_threadsafe(line.ended.set)
        self._thread.join(CONNECT_SECONDS)

    def say(self, text: str) -> None:
        line = self._line.result()
        asyncio.run_coroutine_threadsafe(line.socket.send_str(text), line.loop).result(CONNECT_SECONDS)

    def hear(self, seconds: float) -> Heard | None:
        try:
            return self._messages.get(timeout=max(0.0, seconds))
        except queue.Empty:
            return None

    def _run(self) -> None:
        failure = asyncio.run(self._listen())
        if failure is not None and not self._line.done():
            self._line.set_exception(failure)

    async def _listen(self) -> Away | None:
        proxy = self._network.proxy_for(self._uri.replace("wss://", "https://", 1))
        secure = self._network.ssl_context() if self._uri.startswith("wss:") else True
        try:
            async with (
                asyncio.timeout(CONNECT_SECONDS) as patience,
                aiohttp.ClientSession() as session,
                session.ws_connect(
                    self._uri,
                    ssl=secure,
                    proxy=proxy.url if proxy else None,
                    proxy_headers=proxy.headers if proxy else None,
                ) as socket,
            ):
                patience.reschedule(None)
                await self._hear_out(socket)
        except (aiohttp.ClientError, OSError) as error:
            return _failure(error, urlsplit(self._uri).netloc)
        return None

    async def _hear_out(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        line = _Line(asyncio.get_running_loop(), socket, asyncio.Event())
        self._line.set_result(line)
        reader = asyncio.ensure_future(self._read(socket))
        ended = asyncio.ensure_future(line.ended.wait())
        await asyncio.wait({reader, ended}, return_when=asyncio.FIRST_COMPLETED)
        reader.cancel()
        ended.cancel()
        await asyncio.gather(reader, ended, return_exceptions=True)

    async def _read(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        async for message in socket:
            if isinstance(message.data, str):
                self._messages.put(Heard(time.monotonic(), message.data))


def _checked(uri: str) -> str:
    url = urlsplit(uri)
    if url.scheme == "wss" or (url.scheme == "ws" and is_loopback(url.hostname or "")):
        return uri
    raise NotGenesys(
        "The address of the notification channel is not a secure socket (wss).",
        means="Calls would travel unencrypted.",
        remedy="Check the gateway in between: it changes what Genesys Cloud answers.",
    )


def _failure(error: Exception, where: str) -> Away:
    return next(make(error, where) for kind, make in _TABLE if isinstance(error, kind))


def _no_socket(error: Any, where: str) -> Away:
    return Unreachable(
        f"{where} refused the notification socket ({error.status}).",
        means="The channel is gone, or a proxy does not let WebSockets through.",
        remedy=f"Allow WebSockets to {where} on the proxy, or name it in NO_PROXY.",
        cause="refused",
        status=error.status,
    )


_PROXY = "in HTTPS_PROXY"
_TABLE: tuple[tuple[type[BaseException], Callable[[Any, str], Away]], ...] = (
    (aiohttp.WSServerHandshakeError, _no_socket),
    (aiohttp.ClientHttpProxyError, lambda error, where: failures.proxy_refused(_PROXY, where, error.status)),
    (aiohttp.ClientProxyConnectionError, lambda error, _: failures.proxy_unreachable(_PROXY, error.os_error)),
    (aiohttp.ClientConnectorDNSError, lambda _, where: failures.unknown_name(where)),
    (
        aiohttp.ClientConnectorCertificateError,
        lambda e, where: failures.untrusted(where, e.certificate_error),
    ),
    (aiohttp.ClientSSLError, lambda error, where: failures.untrusted(where, error.os_error)),
    (aiohttp.ClientConnectorError, lambda error, where: failures.refused(where, error.os_error)),
    (TimeoutError, lambda _, where: failures.slow_to_connect(where, CONNECT_SECONDS)),
    (Exception, lambda _, where: failures.cut(where)),
)
