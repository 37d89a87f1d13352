"""The wire over aiohttp, for asyncio. One wire belongs to one event loop."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import aiohttp
from aiohttp.abc import AbstractStreamWriter
from aiohttp.payload import BytesPayload
from yarl import URL

from micgate.genesys import failures
from micgate.genesys.errors import Away
from micgate.genesys.messages import Headers, Host, Kind, Request, Response
from micgate.genesys.network import Network, Proxy, base_url, target
from micgate.genesys.regions import Region

Answer = TypeVar("Answer")

_CLOSE_SECONDS = 3.0
"""For what must not be torn off, such as a sign-in that is being renewed; unless the other side hangs."""


_LONGEST_HEADER = 65_536
"""Bytes, as urllib3 takes: gateways add policies and cookies of many kilobytes."""


class AiohttpWire:
    """`guard` is asked at the last moment before a state change is written to the socket: after the name was
    resolved, the connection made, and whatever pause the process went through. False: it is not written.
    """

    def __init__(
        self, region: Region, network: Network | None = None, *, guard: Callable[[], bool] | None = None
    ) -> None:
        self._region = region
        self._guard = guard
        self._network = network or Network()
        self._session: aiohttp.ClientSession | None = None
        self._doors: dict[Host, _Door] = {}
        self._unfinished: set[asyncio.Task[Any]] = set()

    async def send(self, request: Request, headers: dict[str, str]) -> Response:
        started = time.perf_counter()
        session = self._session or self._open()
        door = self._doors.get(request.host) or self._door(request)
        guarded = self._guarded(request)
        try:
            answer = await session.request(
                request.method,
                URL(door.url + target(request), encoded=True),
                data=guarded or request.body,
                headers=headers,
                allow_redirects=False,
                timeout=self._timeout(request.timeout),
                proxy=door.proxy_url,
                proxy_headers=door.proxy_headers,
            )
            body = await answer.read()
        except (_Once, aiohttp.ClientError, OSError) as error:
            failure = _failure(error, door, request, self._network.connect_timeout)
            if guarded and guarded.held_back:
                failure = failures.held_back()
        else:
            return Response(
                status=answer.status,
                headers=Headers(answer.headers),
                body=body,
                elapsed=time.perf_counter() - started,
            )
        # Outside the handler, so that it carries no exception of the library: those hold request headers.
        raise failure

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def lock(self) -> asyncio.Lock:
        return asyncio.Lock()

    async def finish(self, work: Coroutine[Any, Any, Answer]) -> Answer:
        task = asyncio.ensure_future(work)
        self._unfinished.add(task)
        task.add_done_callback(self._unfinished.discard)
        task.add_done_callback(_look_at)
        return await asyncio.shield(task)

    async def close(self) -> None:
        if self._unfinished:
            _, hanging = await asyncio.wait(self._unfinished, timeout=_CLOSE_SECONDS)
            for task in hanging:
                task.cancel()
            await asyncio.gather(*hanging, return_exceptions=True)
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def _guarded(self, request: Request) -> "_Guarded | None":
        if self._guard is None or request.kind is not Kind.CHANGE or request.body is None:
            return None
        return _Guarded(request.body, self._guard)

    def _open(self) -> aiohttp.ClientSession:
        secure = any(url.startswith("https:") for url in (self._region.api_url, self._region.login_url))
        connector = aiohttp.TCPConnector(
            limit=self._network.pool_size,
            keepalive_timeout=self._network.idle_seconds,
            ssl=self._network.ssl_context() if secure else True,
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            middlewares=(_only_once,),
            skip_auto_headers=("Content-Type",),  # application/octet-stream, also where there is no body
            max_line_size=_LONGEST_HEADER,
            max_field_size=_LONGEST_HEADER,
        )
        return self._session

    def _door(self, request: Request) -> "_Door":
        url = base_url(self._region, request)
        self._doors[request.host] = door = _Door(url, self._network.proxy_for(url))
        return door

    def _timeout(self, seconds: float) -> aiohttp.ClientTimeout:
        connect = min(seconds, self._network.connect_timeout)
        return aiohttp.ClientTimeout(total=seconds, sock_connect=connect)


class _Guarded(BytesPayload):
    """A body that looks before it goes. aiohttp writes the headers with it, so nothing went before."""

    def __init__(self, body: bytes, guard: Callable[[], bool]) -> None:
        super().__init__(body)
        self.held_back = False
        self._may = guard

    async def write_with_length(self, writer: AbstractStreamWriter, content_length: int | None) -> None:
        if not self._may():
            self.held_back = True
            raise aiohttp.ClientConnectionError("held back")
        await super().write_with_length(writer, content_length)


class _Once(Exception):
    """Carries an exception past aiohttp, which sends GET, PUT and DELETE again when it sees its own."""

    def __init__(self, error: aiohttp.ClientError) -> None:
        super().__init__(error)
        self.error = error


async def _only_once(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    try:
        return await handler(request)
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise _Once(error) from None


def _look_at(task: asyncio.Task[Any]) -> None:
    """Asyncio warns of an exception nobody looked at; here whoever waited was cancelled."""
    if not task.cancelled():
        task.exception()


class _Door:
    """One host, and the way there."""

    __slots__ = ("host", "proxy", "proxy_headers", "proxy_url", "url", "where")

    def __init__(self, url: str, proxy: Proxy | None) -> None:
        parsed = URL(url)
        self.url = url
        self.host = parsed.host or ""
        self.where = f"{self.host}:{parsed.port}"
        self.proxy = proxy
        self.proxy_url = URL(proxy.url) if proxy else None
        self.proxy_headers = proxy.headers if proxy else None


class _Broken:
    """What the table below gets to see."""

    __slots__ = ("connect_seconds", "door", "error", "request")

    def __init__(self, error: BaseException, door: _Door, request: Request, connect_seconds: float) -> None:
        self.error = error
        self.door = door
        self.request = request
        self.connect_seconds = min(request.timeout, connect_seconds)

    @property
    def where(self) -> str:
        return self.door.where

    @property
    def proxy(self) -> str:
        return self.door.proxy.host if self.door.proxy else "(unknown)"

    @property
    def os_error(self) -> OSError | None:
        return getattr(self.error, "os_error", None)


def _failure(error: BaseException, door: _Door, request: Request, connect_seconds: float) -> Away:
    if isinstance(error, _Once):
        error = error.error
    broken = _Broken(error, door, request, connect_seconds)
    return next(make(broken) for kind, make in _TABLE if isinstance(error, kind))


def _of_proxy_answer(broken: _Broken) -> Away:
    status = getattr(broken.error, "status", None)
    return failures.proxy_refused(broken.proxy, broken.where, status)


def _of_name(broken: _Broken) -> Away:
    if broken.door.proxy:
        return failures.unknown_proxy(broken.proxy)
    return failures.unknown_name(broken.door.host)


def _of_tls(broken: _Broken) -> Away:
    error = broken.error
    inner = getattr(error, "certificate_error", None) or broken.os_error
    return failures.untrusted(broken.where, inner)


_TABLE: tuple[tuple[type[BaseException], Callable[[_Broken], Away]], ...] = (
    (aiohttp.ClientHttpProxyError, _of_proxy_answer),
    (
        aiohttp.ClientProxyConnectionError,
        lambda broken: failures.proxy_unreachable(broken.proxy, broken.os_error),
    ),
    (aiohttp.ClientConnectorDNSError, _of_name),
    (aiohttp.ClientSSLError, _of_tls),
    (aiohttp.ClientConnectorError, lambda broken: failures.refused(broken.where, broken.os_error)),
    (
        aiohttp.ConnectionTimeoutError,
        lambda broken: failures.slow_to_connect(broken.where, broken.connect_seconds),
    ),
    (TimeoutError, lambda broken: failures.silent(broken.where, broken.request)),
    (aiohttp.ClientResponseError, lambda broken: failures.not_http(broken.where)),
    (BaseException, lambda broken: failures.cut(broken.where, broken.request)),
)
