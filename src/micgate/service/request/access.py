"""Who comes in: every handler says which scope opens it, and one guard asks for it."""

from collections.abc import Callable
from functools import cache
from inspect import unwrap
from typing import Any, TypeAlias, get_type_hints

from litestar import Request
from litestar.connection import ASGIConnection
from litestar.di import NamedDependency
from litestar.handlers.base import BaseRouteHandler
from litestar.params import QueryParameter

from micgate.service.http.errors import Malformed
from micgate.service.principals import permission
from micgate.service.principals.principal import Principal, Scope
from micgate.service.request import body
from micgate.service.request.parts import Parts

_NEEDS = "needs"
_OPEN = "open"
_LOCAL = "local"

Shared: TypeAlias = NamedDependency[Parts]
Caller: TypeAlias = NamedDependency[Principal]
"""What handlers are given."""

Connection = ASGIConnection[Any, Any, Any, Any]


def opened_by(scope: Scope | None = None) -> dict[str, object]:
    """For a handler's `opt`: a key with this scope; without one, any key."""
    return {_NEEDS: scope}


def open_to_all() -> dict[str, object]:
    """For a handler's `opt`: no key is asked for."""
    return {_NEEDS: _OPEN}


def open_here() -> dict[str, object]:
    """For a handler's `opt`: no key on loopback, any key elsewhere."""
    return {_NEEDS: _LOCAL}


def needs(handler: BaseRouteHandler) -> Scope | str | None:
    """What opens it. Raises `LookupError` for a handler that does not say: such a one must not be served."""
    if _NEEDS not in handler.opt:
        raise LookupError(f"{handler} does not say who may use it")
    found: Scope | str | None = handler.opt[_NEEDS]
    return found


def is_open(wanted: Scope | str | None, *, local: bool) -> bool:
    """Whether no key is asked for."""
    return wanted == _OPEN or (wanted == _LOCAL and local)


class Gatekeeper:
    """The guard of all handlers. `local`: only this machine can reach us. What a proxy that nobody stated
    passes on comes from elsewhere all the same.
    """

    def __init__(self, parts: Parts, *, local: bool) -> None:
        self._parts = parts
        self._local = local

    async def __call__(self, connection: Connection, handler: BaseRouteHandler) -> None:
        wanted = needs(handler)
        if is_open(wanted, local=self._local and not _passed_on(connection)):
            return
        body.check_type(connection)
        principal = await self._parts.keys.recognize(connection.headers.get("authorization"))
        connection.scope["state"]["principal"] = principal
        if isinstance(wanted, Scope):
            permission.demand(principal, wanted)
        if wanted != _LOCAL:
            _check_query(connection, handler)
            await body.check(connection, handler)


def _check_query(connection: Connection, handler: BaseRouteHandler) -> None:
    """A filter that is misspelt must not show everything."""
    known = _parameters(unwrap(handler.fn))
    given = connection.query_params
    for name in given:
        if name not in known:
            taken = f"It takes: {', '.join(sorted(known))}." if known else "It takes none."
            raise Malformed("The address has a query parameter that is not known.", remedy=taken)
        if len(given.getall(name)) > 1:
            raise Malformed(
                f"The address has the query parameter {name} twice.", remedy="Leave out one of them."
            )


@cache
def _parameters(function: Callable[..., Any]) -> frozenset[str]:
    """The names of its query parameters, as they are in the address."""
    hints = get_type_hints(function, include_extras=True)
    marked = ((name, mark) for name, hint in hints.items() for mark in getattr(hint, "__metadata__", ()))
    return frozenset(mark.name or name for name, mark in marked if isinstance(mark, QueryParameter))


def _passed_on(connection: Connection) -> bool:
    return any(name in connection.headers for name in ("forwarded", "x-forwarded-for", "x-real-ip", "via"))


def principal_of(request: Request[Any, Any, Any]) -> Principal:
    """The dependency of handlers behind the guard."""
    found: Principal = request.scope["state"]["principal"]
    return found
