"""The wire over urllib3: blocks, needs no event loop, survives a fork.

urllib3 sends a request again by itself after a cut keep-alive, a redirect, or 413, 429 and 503 with
Retry-After; `_NEVER` switches all of that off.
"""

import os
import re
import threading
import time
from collections.abc import Callable, Coroutine
from http.client import HTTPException, IncompleteRead, RemoteDisconnected
from typing import Any, TypeVar
from urllib.parse import urlsplit

import urllib3
from urllib3 import exceptions

from micgate.genesys import failures
from micgate.genesys.errors import Away, TimedOut
from micgate.genesys.messages import Headers, Request, Response
from micgate.genesys.network import Network, Proxy, base_url, target
from micgate.genesys.regions import Region
from micgate.genesys.urllib3_connections import Encrypted, Plain

Answer = TypeVar("Answer")

_NEVER = urllib3.Retry(total=False, redirect=False, respect_retry_after_header=False)
_FIRST_FINAL = 200


class Urllib3Wire:
    """Its methods are `async` in form only: they block where another wire would suspend. Threads may share
    it.
    """

    def __init__(self, region: Region, network: Network | None = None) -> None:
        self._region = region
        self._network = network or Network()
        self._doors: dict[str, _Door] = {}
        self._pid = os.getpid()
        self._used_at = 0.0

    async def send(self, request: Request, headers: dict[str, str]) -> Response:
        started = time.perf_counter()
        door = self._door(request, started)
        try:
            answer = door.pool.urlopen(
                request.method,
                door.prefix + target(request),
                body=request.body,
                headers=headers,
                retries=_NEVER,
                redirect=False,
                assert_same_host=False,
                timeout=self._timeout(request.timeout),
                pool_timeout=request.timeout,  # type: ignore[arg-type]  # queue.get takes fractions of a second too
            )
        except (exceptions.HTTPError, HTTPException, OSError) as error:
            failure = _failure(error, door, request, self._network.connect_timeout)
        else:
            if answer.status >= _FIRST_FINAL:
                return Response(
                    status=answer.status,
                    headers=Headers(answer.headers),
                    body=answer.data,
                    elapsed=time.perf_counter() - started,
                )
            # http.client takes 103 for the answer: the true one would be taken for the next request's.
            self._doors = {}
            failure = failures.cut(door.where, request)
        # Outside the handler, so that it carries no exception of the library: those hold request headers.
        raise failure

    async def sleep(self, seconds: float) -> None:
        time.sleep(seconds)  # noqa: ASYNC251 -- this wire blocks by design; no loop runs

    def lock(self) -> "ThreadLock":
        return ThreadLock()

    async def finish(self, work: Coroutine[Any, Any, Answer]) -> Answer:
        return await work

    async def close(self) -> None:
        doors, self._doors = self._doors, {}
        for door in doors.values():
            door.pool.close()

    def _door(self, request: Request, now: float) -> "_Door":
        idle, self._used_at = now - self._used_at, now
        if self._pid != os.getpid() or idle > self._network.idle_seconds:
            # Not closed: another thread may be in a request, and a forked child shares the sockets.
            self._doors, self._pid = {}, os.getpid()
        door = self._doors.get(request.host)
        if door is None:
            door = self._doors.setdefault(request.host, _open(base_url(self._region, request), self._network))
        return door

    def _timeout(self, seconds: float) -> urllib3.Timeout:
        connect = min(seconds, self._network.connect_timeout)
        return urllib3.Timeout(total=seconds, connect=connect)


class ThreadLock:
    """A lock between threads that a fork leaves open in the child and that its own thread can always take
    again.

    Both matter for a release: Ctrl-C may strike between taking the lock and entering its block, and a child
    may be forked while another thread holds it.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._pid = os.getpid()

    async def __aenter__(self) -> None:
        if self._pid != os.getpid():
            self._lock, self._pid = threading.RLock(), os.getpid()
        if not self._lock.acquire(timeout=_LONGEST_HELD):
            raise TimedOut(
                f"Another thread has been fetching an access token for {_LONGEST_HELD:g} s.",
                means="Nothing was sent.",
                remedy="Try again.",
                reached=False,
            )

    async def __aexit__(self, *_raised: object) -> None:
        self._lock.release()


_LONGEST_HELD = 60.0


class _Door:
    """The pool for one host."""

    __slots__ = ("pool", "prefix", "proxy", "where")

    def __init__(self, pool: urllib3.HTTPConnectionPool, *, prefix: str, proxy: Proxy | None) -> None:
        self.pool = pool
        self.prefix = prefix
        self.proxy = proxy
        self.where = f"{pool.host}:{pool.port}"


def _open(url: str, network: Network) -> _Door:
    proxy = network.proxy_for(url)
    context = network.ssl_context() if url.startswith("https:") else None
    options: dict[str, Any] = {"maxsize": network.pool_size, "block": True, "ssl_context": context}
    manager = (
        urllib3.ProxyManager(proxy.url, proxy_headers=proxy.headers, proxy_ssl_context=context, **options)
        if proxy
        else urllib3.PoolManager(**options)
    )
    pool = manager.connection_from_url(url)
    pool.ConnectionCls = Plain if context is None else Encrypted
    return _Door(pool, prefix=urlsplit(url).path, proxy=proxy)


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
    def inner(self) -> BaseException | None:
        """The exception of the standard library that urllib3 wrapped, wherever it put it."""
        error = self.error
        found = getattr(error, "original_error", None) or error.__cause__
        if found is None:
            found = next((arg for arg in reversed(error.args) if isinstance(arg, BaseException)), None)
        return found

    @property
    def os_error(self) -> OSError | None:
        inner = self.inner
        deeper = inner.__cause__ if inner is not None and not isinstance(inner, OSError) else inner
        return deeper if isinstance(deeper, OSError) else None


def _failure(error: BaseException, door: _Door, request: Request, connect_seconds: float) -> Away:
    broken = _Broken(error, door, request, connect_seconds)
    return next(make(broken) for kind, make in _TABLE if isinstance(error, kind))


def _of_proxy(broken: _Broken) -> Away:
    proxy = broken.door.proxy.host if broken.door.proxy else "(unknown)"
    status = _TUNNEL.search(str(broken.inner))
    if status:
        return failures.proxy_refused(proxy, broken.where, int(status[1]))
    if isinstance(broken.inner, exceptions.NameResolutionError):
        return failures.unknown_proxy(proxy)
    return failures.proxy_unreachable(proxy, broken.os_error)


_TUNNEL = re.compile(r"Tunnel connection failed: (\d{3})")  # http.client has no attribute for it


def _of_protocol(broken: _Broken) -> Away:
    if (status := _TUNNEL.search(str(broken.inner))) and broken.door.proxy:
        return failures.proxy_refused(broken.door.proxy.host, broken.where, int(status[1]))
    if isinstance(broken.inner, HTTPException) and not isinstance(broken.inner, _CUT):
        return failures.not_http(broken.where)
    return failures.cut(broken.where, broken.request)


_CUT = (RemoteDisconnected, IncompleteRead)

_TABLE: tuple[tuple[type[BaseException], Callable[[_Broken], Away]], ...] = (
    (exceptions.ProxyError, _of_proxy),
    (exceptions.NameResolutionError, lambda broken: failures.unknown_name(broken.door.pool.host)),
    (exceptions.NewConnectionError, lambda broken: failures.refused(broken.where, broken.os_error)),
    (
        exceptions.ConnectTimeoutError,
        lambda broken: failures.slow_to_connect(broken.where, broken.connect_seconds),
    ),
    (
        exceptions.EmptyPoolError,
        lambda broken: failures.slow_to_connect(broken.where, broken.request.timeout),
    ),
    (exceptions.TimeoutError, lambda broken: failures.silent(broken.where, broken.request)),
    (exceptions.SSLError, lambda broken: failures.untrusted(broken.where, broken.inner)),
    (exceptions.IncompleteRead, lambda broken: failures.cut(broken.where, broken.request)),
    (exceptions.ProtocolError, _of_protocol),
    (BaseException, lambda broken: failures.cut(broken.where, broken.request)),
)
