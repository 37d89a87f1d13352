"""Posting: once, to an address that was judged, and without following anybody elsewhere."""

import asyncio
import os
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from ipaddress import ip_address
from types import TracebackType
from typing import Self, TypeAlias

import aiohttp
from yarl import URL

from micgate.destination.errors import Cut, NotReached, TimedOut, Unresolved, Untrusted
from micgate.destination.url import Address, judge, parse

SECONDS = 10.0
"""For one post, from the name's resolution to the end of the answer."""
_READ_BYTES, _READ_SECONDS = 16_384, 1.0
"""Of an answer's body: so that the connection can be used again. What goes on is cut off with it."""

Resolve: TypeAlias = Callable[[str, int], Awaitable[tuple[str, ...]]]
"""The addresses of a host. Raises OSError."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """`retry_after`: the header of that name. `whole` false: the body went on and was not read."""

    status: int
    retry_after: str | None = None
    whole: bool = True

    @property
    def ok(self) -> bool:
        return self.status in range(200, 300)


async def system_resolve(host: str, port: int) -> tuple[str, ...]:
    """As the operating system resolves names."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))


class Poster:
    """Posts, each one once. Made and closed within the loop that uses it."""

    def __init__(
        self,
        *,
        private: bool = False,
        tls: ssl.SSLContext | None = None,
        seconds: float = SECONDS,
        resolve: Resolve = system_resolve,
        user_agent: str = "micgate",
    ) -> None:
        """`tls` is a context that verifies certificates and host names; default: the system's."""
        self._private = private
        self._seconds = seconds
        self._resolve = resolve
        self._tls = tls or ssl.create_default_context()
        self._http = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=None),
            headers={"User-Agent": user_agent, "Accept-Encoding": "identity"},
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        await self._http.close()

    async def check(self, url: str) -> None:
        """Raise what posting there now would raise before it connects."""
        async with self._in_time(url) as parsed:
            await self._addresses(parsed)

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Post once. Every status is an answer; no answer raises `NotReached`."""
        async with self._in_time(url) as parsed:
            return await self._to_one(parsed, await self._addresses(parsed), body, headers)

    @asynccontextmanager
    async def _in_time(self, url: str) -> AsyncIterator[URL]:
        """The whole exchange, and the one place where the library's exceptions become ours."""
        parsed, failure = parse(url, private=self._private), None
        try:
            async with asyncio.timeout(self._seconds):
                yield parsed
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            failure = _failure(error, parsed.raw_host or "", self._seconds)
        # Outside the handler: the library's exceptions hold the whole URL.
        if failure:
            raise failure

    async def _addresses(self, url: URL) -> tuple[Address, ...]:
        """All that the host has, each one judged: one bad address spoils the name."""
        host, port = url.raw_host or "", url.port or 0
        try:
            found = [ip_address(one.partition("%")[0]) for one in await self._resolve(host, port)]
        except (OSError, UnicodeError):
            found = []
        if not found:
            raise Unresolved(f"The name {host} has no address.", remedy="Correct it, or see this host's DNS.")
        for address in found:
            judge(url, address, private=self._private)
        return tuple(found)

    async def _to_one(
        self, url: URL, addresses: tuple[Address, ...], body: bytes, headers: Mapping[str, str]
    ) -> Answer:
        """To the first address that can be connected to."""
        for address in addresses[:-1]:
            try:
                return await self._to(url, address, body, headers)
            except aiohttp.ClientConnectorError:
                continue
        return await self._to(url, addresses[-1], body, headers)

    async def _to(self, url: URL, address: Address, body: bytes, headers: Mapping[str, str]) -> Answer:
        name = (url.raw_host or "").rstrip(".")
        async with self._http.post(
            url.with_host(str(address)),
            data=body,
            headers={**headers, "Host": _authority(url, name)},
            server_hostname=name if url.scheme == "https" else None,
            ssl=self._tls,
            allow_redirects=False,
        ) as answer:
            whole = await _is_read(answer)
            return Answer(status=answer.status, retry_after=answer.headers.get("Retry-After"), whole=whole)


async def _is_read(answer: aiohttp.ClientResponse) -> bool:
    """Whether the body was read to its end. If not, its connection is closed: the status is what counts."""
    with suppress(TimeoutError, aiohttp.ClientError):
        try:
            async with asyncio.timeout(_READ_SECONDS):
                await answer.content.readexactly(_READ_BYTES)
        except asyncio.IncompleteReadError:
            return True
    answer.close()
    return False


def _failure(error: Exception, host: str, seconds: float) -> NotReached:
    if isinstance(error, TimeoutError):
        return TimedOut(f"{host} did not answer within {seconds:g} s.", remedy=_QUICKER)
    if isinstance(error, aiohttp.ClientSSLError):
        return Untrusted(f"{host} does not prove who it is: {_of_tls(error)}.", remedy=_CERTIFICATE)
    if isinstance(error, aiohttp.ClientConnectorError):
        why = os.strerror(error.os_error.errno) if error.os_error.errno else type(error.os_error).__name__
        return NotReached(f"{host} cannot be reached ({why}).", remedy="See that it runs and lets us in.")
    if isinstance(error, aiohttp.ClientResponseError):
        return Cut(f"What {host} answered is not HTTP.", remedy="Correct the URL.")
    return Cut(f"{host} closed the connection without an answer.", remedy="See its log.")


def _authority(url: URL, name: str) -> str:
    bracketed = f"[{name}]" if ":" in name else name
    return bracketed if url.is_default_port() else f"{bracketed}:{url.port}"


def _of_tls(error: aiohttp.ClientSSLError) -> str:
    inner = getattr(error, "certificate_error", None) or error.os_error
    found = getattr(inner, "verify_message", None) or getattr(inner, "reason", None) or "TLS failed"
    return str(found).rstrip(".")


_CERTIFICATE = "It needs a certificate for that name that this host trusts (SSL_CERT_FILE)."
_QUICKER = "It should answer first and work afterwards."
