"""The wire over urllib3: blocks, needs no event loop, survives a fork. Threads may share it."""

import os
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException
from urllib.parse import urlsplit

import urllib3
from urllib3 import exceptions

from micgate.client import unreached
from micgate.client.address import Address
from micgate.client.errors import GateError
from micgate.client.messages import Answer, Request
from micgate.client.stream import SILENT_SECONDS

_NEVER = urllib3.Retry(total=False, redirect=False, respect_retry_after_header=False)
_CONNECT_SECONDS = 5.0
_POOL = 20
_CHUNK = 65536


class Urllib3Wire:
    def __init__(self, address: Address, headers: dict[str, str]) -> None:
        self._address = address
        self._headers = headers
        self._prefix = urlsplit(address.url).path
        self._pool = _open(address)
        self._pid = os.getpid()

    async def send(self, request: Request) -> Answer:
        timeout = urllib3.Timeout(total=request.timeout, connect=min(request.timeout, _CONNECT_SECONDS))
        try:
            found = self._request(request, timeout, whole=True)
        except (exceptions.HTTPError, HTTPException, OSError) as error:
            failure = self._failure(error, request)
        else:
            return _answer(found, found.data)
        # Outside the handler, so that it carries no exception of the library: those hold request headers.
        raise failure

    async def sleep(self, seconds: float) -> None:
        time.sleep(seconds)  # noqa: ASYNC251 -- this wire blocks by design; no loop runs

    def monotonic(self) -> float:
        return time.monotonic()

    def jitter(self) -> float:
        return random.random()  # noqa: S311 -- spreads retries, guards nothing

    @contextmanager
    def stream(self, request: Request) -> Iterator[tuple[Answer, Iterator[bytes]]]:
        """The head of the answer, and its body as it comes; of a refusal the body is in the head."""
        timeout = urllib3.Timeout(connect=_CONNECT_SECONDS, read=SILENT_SECONDS)
        with self._translated(request):
            found = self._request(request, timeout, whole=False)
            body = b"" if found.status == 200 else found.read(_CHUNK)  # noqa: PLR2004 -- see Following.opened
        try:
            yield _answer(found, body), self._chunks(found, request)
        finally:
            found.close()

    def close(self) -> None:
        self._pool.close()

    def _request(
        self, request: Request, timeout: urllib3.Timeout, *, whole: bool
    ) -> urllib3.BaseHTTPResponse:
        return self._own_pool().urlopen(
            request.method,
            self._prefix + request.target,
            body=request.body,
            headers={**self._headers, **request.headers},
            retries=_NEVER,
            redirect=False,
            assert_same_host=False,
            timeout=timeout,
            preload_content=whole,
        )

    def _own_pool(self) -> urllib3.HTTPConnectionPool:
        """A forked child shares the sockets of its parent: it gets its own, and does not close those."""
        if self._pid != os.getpid():
            self._pool, self._pid = _open(self._address), os.getpid()
        return self._pool

    def _chunks(self, found: urllib3.BaseHTTPResponse, request: Request) -> Iterator[bytes]:
        with self._translated(request):
            while chunk := found.read1(_CHUNK):
                yield chunk

    @contextmanager
    def _translated(self, request: Request) -> Iterator[None]:
        failure: GateError | None = None
        try:
            yield
        except (exceptions.HTTPError, HTTPException, OSError) as error:
            failure = self._failure(error, request)
        if failure is not None:
            raise failure

    def _failure(self, error: BaseException, request: Request) -> GateError:
        host, inner = self._address.host, _inner(error)
        if isinstance(error, exceptions.ProxyError):
            return unreached.by_proxy(host)
        if isinstance(error, exceptions.NewConnectionError | exceptions.NameResolutionError):
            return unreached.no_connection(host, inner)
        if isinstance(error, exceptions.ConnectTimeoutError | exceptions.EmptyPoolError):
            return unreached.slow_to_connect(host)
        if isinstance(error, exceptions.SSLError):
            return unreached.untrusted(host, inner)
        if isinstance(error, exceptions.TimeoutError):
            return unreached.silent(host, request.timeout)
        return unreached.cut(host)


def _open(address: Address) -> urllib3.HTTPConnectionPool:
    proxy, context = address.way_out(), address.ssl_context()
    manager = (
        urllib3.ProxyManager(
            proxy.url,
            proxy_headers=proxy.headers,
            maxsize=_POOL,
            ssl_context=context,
            proxy_ssl_context=context,
        )
        if proxy
        else urllib3.PoolManager(maxsize=_POOL, ssl_context=context)
    )
    return manager.connection_from_url(address.url)


def _answer(found: urllib3.BaseHTTPResponse, body: bytes) -> Answer:
    headers = {name.lower(): value for name, value in found.headers.items()}
    return Answer(status=found.status, headers=headers, body=body)


def _inner(error: BaseException) -> BaseException | None:
    """The exception of the standard library that urllib3 wrapped, wherever it put it."""
    found = error.__cause__ or next(
        (arg for arg in reversed(error.args) if isinstance(arg, BaseException)), None
    )
    return found.__cause__ or found if found else None
