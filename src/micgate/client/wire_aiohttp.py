"""The wire over aiohttp, for asyncio. One wire belongs to one event loop."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import aiohttp
from yarl import URL

from micgate.client import unreached
from micgate.client.address import Address
from micgate.client.errors import GateError
from micgate.client.messages import Answer, Request
from micgate.client.stream import SILENT_SECONDS

_CONNECT_SECONDS = 5.0
_POOL = 100


class AiohttpWire:
    def __init__(self, address: Address, headers: dict[str, str]) -> None:
        self._address = address
        self._headers = headers
        self._proxy = address.way_out()
        self._session: aiohttp.ClientSession | None = None

    async def send(self, request: Request) -> Answer:
        within = aiohttp.ClientTimeout(
            total=request.timeout, sock_connect=min(request.timeout, _CONNECT_SECONDS)
        )
        with self._translated(request):
            found = await self._request(request, within)
            return _answer(found, await found.read())

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def monotonic(self) -> float:
        return time.monotonic()

    def jitter(self) -> float:
        return random.random()  # noqa: S311 -- spreads retries, guards nothing

    @asynccontextmanager
    async def stream(self, request: Request) -> AsyncIterator[tuple[Answer, AsyncIterator[bytes]]]:
        """The head of the answer, and its body as it comes; of a refusal the body is in the head."""
        within = aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_SECONDS, sock_read=SILENT_SECONDS)
        with self._translated(request):
            found = await self._request(request, within)
            body = b"" if found.status == 200 else await found.read()  # noqa: PLR2004 -- see Following.opened
        try:
            yield _answer(found, body), self._chunks(found, request)
        finally:
            found.close()

    async def close(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _request(self, request: Request, within: aiohttp.ClientTimeout) -> aiohttp.ClientResponse:
        session = self._session or self._open()
        return await session.request(
            request.method,
            URL(f"{self._address.url}{request.target}", encoded=True),
            data=request.body,
            headers={**self._headers, **request.headers},
            allow_redirects=False,
            timeout=within,
            proxy=URL(self._proxy.url) if self._proxy else None,
            proxy_headers=self._proxy.headers if self._proxy else None,
        )

    async def _chunks(self, found: aiohttp.ClientResponse, request: Request) -> AsyncIterator[bytes]:
        with self._translated(request):
            async for chunk in found.content.iter_any():
                yield chunk

    def _open(self) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(limit=_POOL, ssl=self._address.ssl_context() or True)
        self._session = aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())
        return self._session

    @contextmanager
    def _translated(self, request: Request) -> Iterator[None]:
        failure: GateError | None = None
        try:
            yield
        except (aiohttp.ClientError, OSError) as error:
            failure = self._failure(error, request)
        # Outside the handler, so that it carries no exception of the library: those hold request headers.
        if failure is not None:
            raise failure

    def _failure(self, error: BaseException, request: Request) -> GateError:
        host = self._address.host
        if isinstance(error, aiohttp.ClientProxyConnectionError | aiohttp.ClientHttpProxyError):
            return unreached.by_proxy(host)
        if isinstance(error, aiohttp.ClientSSLError):
            return unreached.untrusted(host, getattr(error, "certificate_error", None))
        if isinstance(error, aiohttp.ClientConnectorError):
            return unreached.no_connection(host, error.os_error)
        if isinstance(error, aiohttp.ConnectionTimeoutError):
            return unreached.slow_to_connect(host)
        if isinstance(error, TimeoutError):
            return unreached.silent(host, request.timeout)
        return unreached.cut(host)


def _answer(found: aiohttp.ClientResponse, body: bytes) -> Answer:
    headers = {name.lower(): value for name, value in found.headers.items()}
    return Answer(status=found.status, headers=headers, body=body)
