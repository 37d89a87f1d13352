"""Which function answers which call of the vendor's surface."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TypeAlias

from micgate.twin.access import Caller
from micgate.twin.channels import Channels
from micgate.twin.exchange import Answer, Query, Shape, read_json
from micgate.twin.world import World


@dataclass(slots=True, kw_only=True)
class Ask:
    """A request with a valid token.

    `params` are the variable path segments, `host` is where the client reached us. `forget`: check
    everything, do nothing (the fault accept_then_forget).
    """

    world: World
    channels: Channels
    caller: Caller
    params: tuple[str, ...]
    path: str
    query: Query
    body: bytes
    media: str
    correlation_id: str
    host: str
    forget: bool = False

    def read(self, shape: type[Shape]) -> Shape:
        """The JSON body. Raises Refusal (400, 415)."""
        return read_json(self.body, shape, media=self.media)


Handler: TypeAlias = Callable[[Ask], Answer]


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """`area`: the scope a user token needs. `any_of`: permissions, checked before the body is looked at."""

    method: str
    path: str
    do: Handler
    area: str | None = None
    any_of: tuple[str, ...] = ()

    @property
    def changes(self) -> bool:
        """Queries are posted too: they read."""
        return self.method != "GET" and not self.path.endswith(("/query", "/search"))


@dataclass(slots=True)
class _Node:
    literal: dict[str, "_Node"] = field(default_factory=dict)
    variable: "_Node | None" = None
    routes: dict[str, Route] = field(default_factory=dict)


class Routes:
    """Found by walking the path's segments; a literal segment wins over a variable one."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._root = _Node()
        for route in routes:
            self._add(route)

    def find(self, method: str, path: str) -> tuple[Route, tuple[str, ...]] | None:
        """A HEAD request is answered by the GET route where there is none of its own."""
        found = self._walk(self._root, path[1:].split("/"), 0)
        if found is None:
            return None
        node, params = found
        route = node.routes.get(method) or (node.routes.get("GET") if method == "HEAD" else None)
        return None if route is None else (route, params)

    def _walk(self, node: _Node, segments: list[str], at: int) -> tuple[_Node, tuple[str, ...]] | None:
        if at == len(segments):
            return (node, ()) if node.routes else None
        literal = node.literal.get(segments[at])
        found = None if literal is None else self._walk(literal, segments, at + 1)
        if found is not None or node.variable is None or not segments[at]:
            return found
        below = self._walk(node.variable, segments, at + 1)
        return None if below is None else (below[0], (segments[at], *below[1]))

    def _add(self, route: Route) -> None:
        node = self._root
        for segment in route.path[1:].split("/"):
            if segment.startswith("{"):
                node.variable = node.variable or _Node()
                node = node.variable
            else:
                node = node.literal.setdefault(segment, _Node())
        node.routes[route.method] = route
