"""Plain http beyond loopback: from the proxies that are stated to speak TLS in front, from nobody else."""

import ipaddress
from collections.abc import Sequence

from litestar.types import ASGIApp, Receive, Scope, Send

from micgate.service.http import refusal
from micgate.service.http.errors import NotThroughTheProxy

_OPEN = frozenset({"/healthz", "/readyz"})
"""No key is sent there, and whoever probes them is not the proxy."""


class OnlyThrough:
    """Refuses whoever is neither a stated proxy nor on this machine. `proxies`: addresses and networks."""

    def __init__(self, app: ASGIApp, proxies: Sequence[str]) -> None:
        self._app = app
        self._proxies = tuple(ipaddress.ip_network(one, strict=False) for one in proxies)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        client = scope.get("client")
        peer = client[0] if client else ""
        if scope["path"] in _OPEN or self._may(peer):
            await self._app(scope, receive, send)
        else:
            await refusal.answer(_refused(peer), send)

    def _may(self, peer: str) -> bool:
        try:
            address = ipaddress.ip_address(peer)
        except ValueError:
            return False
        mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
        seen = mapped or address
        return seen.is_loopback or any(seen in network for network in self._proxies)


def _refused(peer: str) -> NotThroughTheProxy:
    return NotThroughTheProxy(
        f"This came in the clear, from {peer}, which is not the proxy that is stated to speak TLS in front.",
        remedy="Ask at the proxy's https address, and rotate the key. If that is the proxy, add its "
        "address to MICGATE_TRUSTED_PROXY.",
    )
