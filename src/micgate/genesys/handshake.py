"""How the socket of a notification channel opens: same proxy and certificates as the requests."""

import asyncio
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from micgate.genesys import failures
from micgate.genesys.errors import Away, NotGenesys, Unreachable
from micgate.genesys.network import Network
from micgate.genesys.regions import is_loopback

CONNECT_SECONDS = 10.0
_CLOSE_SECONDS = 1.0


def checked(uri: str) -> str:
    """The address itself. The channel id in it is the only key to what is said: it travels encrypted.

    Raises `NotGenesys` for any other scheme than wss; ws is for loopback.
    """
    url = urlsplit(uri)
    if url.scheme == "wss" or (url.scheme == "ws" and is_loopback(url.hostname or "")):
        return uri
    raise NotGenesys(
        "The address of the notification channel is not a secure socket (wss).",
        means="Calls would travel unencrypted.",
        remedy="Check the gateway in between: it changes what Genesys Cloud answers.",
    )


async def shake_hands(
    http: aiohttp.ClientSession, connect_uri: str, *, network: Network
) -> aiohttp.ClientWebSocketResponse:
    """An open socket. Raises `Away`, with `status` where it was answered; the address is in no error."""
    uri = checked(connect_uri)
    proxy = network.proxy_for(uri.replace("wss://", "https://", 1))
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            return await http.ws_connect(
                uri,
                ssl=network.ssl_context() if uri.startswith("wss:") else True,
                proxy=proxy.url if proxy else None,
                proxy_headers=proxy.headers if proxy else None,
                timeout=aiohttp.ClientWSTimeout(ws_close=_CLOSE_SECONDS),
            )
    except (aiohttp.ClientError, OSError) as error:
        failure = _failure(error, urlsplit(uri).netloc, proxy.host if proxy else "(none)")
    # Outside the handler, so that it carries no exception of the library: those hold the address.
    raise failure


def _failure(error: Exception, where: str, proxy: str) -> Away:
    return next(make(error, where, proxy) for kind, make in _TABLE if isinstance(error, kind))


def _refused(error: Any, where: str, _: str) -> Away:
    return Unreachable(
        f"{where} refused the notification socket ({error.status}).",
        means="The channel is gone, or a proxy lets no WebSockets through: no change is reported live.",
        remedy=f"Allow WebSockets to {where} on the proxy or firewall, or name it in NO_PROXY.",
        cause="refused",
        status=error.status,
    )


_TABLE: tuple[tuple[type[BaseException], Callable[[Any, str, str], Away]], ...] = (
    (aiohttp.WSServerHandshakeError, _refused),
    (aiohttp.ClientHttpProxyError, lambda e, where, proxy: failures.proxy_refused(proxy, where, e.status)),
    (aiohttp.ClientProxyConnectionError, lambda e, _, proxy: failures.proxy_unreachable(proxy, e.os_error)),
    (aiohttp.ClientConnectorDNSError, lambda _, where, __: failures.unknown_name(where)),
    (
        aiohttp.ClientConnectorCertificateError,
        lambda e, where, _: failures.untrusted(where, e.certificate_error),
    ),
    (aiohttp.ClientSSLError, lambda e, where, _: failures.untrusted(where, e.os_error)),
    (aiohttp.ClientConnectorError, lambda e, where, _: failures.refused(where, e.os_error)),
    (TimeoutError, lambda _, where, __: failures.slow_to_connect(where, CONNECT_SECONDS)),
    (Exception, lambda _, where, __: failures.cut(where)),
)
