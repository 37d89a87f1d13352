"""Where micgate may post to, and the posting: whoever names a URL must not reach into the network behind it.

The name is resolved here, every address it has is judged, and the connection goes to an address that was
judged: a name that answers otherwise a moment later changes nothing. The certificate is checked against the
name. Redirects are not followed, cookies not kept, and of an answer little more than its status is read.

DestinationError
├── MalformedUrl        it cannot be read as a URL to post to
├── Unencrypted         http, and not to loopback
├── ForbiddenAddress    loopback, private, link-local, multicast, reserved, or a cloud's metadata
└── NotReached          there was no answer: `Unresolved`, `Untrusted`, `TimedOut`, `Cut`
"""

import asyncio
import os
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from types import TracebackType
from typing import ClassVar, Self, TypeAlias

import aiohttp
from yarl import URL

SECONDS = 10.0
"""For one post, from the name's resolution to the end of the answer."""
LONGEST_URL = 2000
_READ_BYTES, _READ_SECONDS = 16_384, 1.0
"""Of an answer's body: so that the connection can be used again. What goes on is cut off with it."""

Address: TypeAlias = IPv4Address | IPv6Address
Resolve: TypeAlias = Callable[[str, int], Awaitable[tuple[str, ...]]]
"""The addresses of a host. Raises OSError."""


class DestinationError(Exception):
    """The root. Its text names a host at most: the rest of a URL may be a secret."""

    word: ClassVar[str] = "destination_error"

    def __init__(self, what: str, *, remedy: str) -> None:
        super().__init__(f"{what} {remedy}")
        self.what = what
        self.remedy = remedy


class MalformedUrl(DestinationError):
    word = "malformed_url"


class Unencrypted(DestinationError):
    word = "unencrypted_url"


class ForbiddenAddress(DestinationError):
    word = "forbidden_address"


class NotReached(DestinationError):
    """There is no answer; what was sent may have arrived all the same."""

    word = "not_reached"


class Unresolved(NotReached):
    word = "unknown_host"


class Untrusted(NotReached):
    word = "untrusted_certificate"


class TimedOut(NotReached):
    word = "timed_out"


class Cut(NotReached):
    """Closed without an answer, or with one that is not HTTP."""

    word = "no_answer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """`retry_after`: the header of that name. `whole` false: the body went on and was not read."""

    status: int
    retry_after: str | None = None
    whole: bool = True

    @property
    def ok(self) -> bool:
        return self.status in range(200, 300)


def parse(url: str, *, private: bool = False) -> URL:
    """The URL, as far as it can be judged without asking anybody. Raises `DestinationError`.

    `private`: loopback and private networks may be posted to, and http may go to loopback.
    """
    if len(url) > LONGEST_URL or not url.isprintable() or " " in url:
        raise MalformedUrl("That is no URL.", remedy=_FORM)
    try:
        parsed = URL(url)
        host, port = parsed.raw_host, parsed.port
    except ValueError:
        raise MalformedUrl("That is no URL.", remedy=_FORM) from None
    if parsed.scheme not in {"https", "http"} or not host or not port:
        raise MalformedUrl("That is no URL to post to.", remedy=_FORM)
    if parsed.raw_user is not None or parsed.raw_password is not None:
        raise MalformedUrl(
            "The URL holds a name or a password.", remedy="Leave it out: deliveries are signed."
        )
    if parsed.scheme == "http":
        _check_plain(host, private=private)
    if address := _address(host):
        check_address(address, host=host, private=private)
    return parsed.with_fragment(None)


def check_address(address: Address, *, host: str, private: bool) -> None:
    """Raise `ForbiddenAddress` for one that is not on the public internet; `private` allows one's own too."""
    judged = _embedded(address)
    kind = _kind(judged)
    if kind is None or (private and kind in _OWN):
        return
    remedy = _OWN_REMEDY if kind in _OWN else "Give the address of a receiver that answers on the internet."
    named = host if host == str(judged) else f"{host}, that is {judged}"
    raise ForbiddenAddress(f"micgate does not post to {named}: it is {kind}.", remedy=remedy)


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
            check_address(address, host=host, private=self._private)
            if url.scheme == "http" and _kind(address) != _LOOPBACK:
                raise _unencrypted(host)
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


def _check_plain(host: str, *, private: bool) -> None:
    address = _address(host)
    if not (private and (host == "localhost" or (address and _kind(address) == _LOOPBACK))):
        raise _unencrypted(host)


def _unencrypted(host: str) -> Unencrypted:
    return Unencrypted(
        f"{host} would be posted to in the clear.",
        remedy="Use https. Plain http goes to loopback only, with MICGATE_ALLOW_PRIVATE_RECEIVERS=yes.",
    )


def _address(host: str) -> Address | None:
    try:
        return ip_address(host.partition("%")[0])
    except ValueError:
        return None


def _authority(url: URL, name: str) -> str:
    bracketed = f"[{name}]" if ":" in name else name
    return bracketed if url.is_default_port() else f"{bracketed}:{url.port}"


def _of_tls(error: aiohttp.ClientSSLError) -> str:
    inner = getattr(error, "certificate_error", None) or error.os_error
    return getattr(inner, "verify_message", None) or getattr(inner, "reason", None) or "TLS failed"


def _embedded(address: Address) -> Address:
    """The IPv4 address that an IPv6 one stands for: mapped, or by way of a NAT64 gateway."""
    if isinstance(address, IPv4Address):
        return address
    if address.ipv4_mapped:
        return address.ipv4_mapped
    return IPv4Address(int(address) & 0xFFFFFFFF) if address in _NAT64 else address


def _kind(address: Address) -> str | None:
    """What speaks against it, in words; None for an address of the public internet.

    The registries' own tables (IANA special-purpose addresses), spelled out: what `ipaddress` calls private
    or global has changed within Python 3.11.
    """
    for kind, networks in _SPECIAL.items():
        if any(address in network for network in networks):
            return kind
    return None if isinstance(address, IPv4Address) or address in _GLOBAL_UNICAST else "reserved"


_NAT64 = ip_network("64:ff9b::/96")
_GLOBAL_UNICAST = ip_network("2000::/3")
_LOOPBACK, _PRIVATE = "loopback", "in a private network"
_OWN = {_LOOPBACK, _PRIVATE}
_SPECIAL = {
    kind: tuple(ip_network(network) for network in networks.split())
    for kind, networks in {
        "a cloud's metadata": "100.100.100.200/32 168.63.129.16/32 169.254.169.254/32 fd00:ec2::254/128 "
        "fd20:ce::254/128",
        _LOOPBACK: "127.0.0.0/8 ::1/128",
        _PRIVATE: "10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 100.64.0.0/10 fc00::/7",
        "link-local": "169.254.0.0/16 fe80::/10",
        "multicast": "224.0.0.0/4 ff00::/8",
        "reserved": "0.0.0.0/8 192.0.0.0/24 192.0.2.0/24 192.88.99.0/24 198.18.0.0/15 198.51.100.0/24 "
        "203.0.113.0/24 240.0.0.0/4 2001::/23 2001:db8::/32 2002::/16 3fff::/20",
    }.items()
}
_FORM = "Use https://host/path, up to 2000 characters."
_OWN_REMEDY = (
    "If the receiver is in your own network, set MICGATE_ALLOW_PRIVATE_RECEIVERS=yes on the service."
)
_CERTIFICATE = "It needs a certificate for that name that this host trusts (SSL_CERT_FILE)."
_QUICKER = "It should answer first and work afterwards."
