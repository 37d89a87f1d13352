"""The body of a request, read as strictly as it is described.

Litestar alone converts texts: "0" would be no, and the limits "null" of a key none at all.
"""

import json
from collections.abc import Callable
from functools import cache
from inspect import unwrap
from typing import Any, get_type_hints

import msgspec
from litestar import Request
from litestar.connection import ASGIConnection
from litestar.exceptions import ClientException, ValidationException
from litestar.handlers.base import BaseRouteHandler

from micgate.service.http.errors import Malformed, WrongContentType

_BODY = "data"
"""As Litestar's handlers call it."""


async def check(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """Raise an `HTTPException` of 400, or `Malformed`, for a body that is not what the handler takes."""
    decode = _decoder(unwrap(handler.fn))
    if decode is None and not has_one(connection):
        return
    body = await Request[Any, Any, Any](connection.scope, connection.receive).body()
    if decode is None:
        _check_none(body)
        return
    if not body:
        raise ValidationException(extra=[_wrong("", "The body is missing")])
    try:
        decode(body)
    except msgspec.ValidationError as error:
        says, _, at = str(error).partition(" - at `")
        raise ValidationException(
            extra=[_wrong(at.rstrip("`").removeprefix("$").lstrip("."), says)]
        ) from None
    except msgspec.DecodeError as error:
        raise ClientException(str(error)) from None
    _check_single(body)


def check_type(connection: ASGIConnection[Any, Any, Any, Any]) -> None:
    """Raise `WrongContentType`. What a web page can send across sites without asking is no JSON."""
    if not has_one(connection):
        return
    headers = connection.headers
    if headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise WrongContentType("The body is not sent as JSON.", remedy="Send Content-Type: application/json.")
    if headers.get("content-encoding", "identity").strip().lower() not in {"identity", ""}:
        raise WrongContentType(
            "The body is compressed.", remedy="Send it without Content-Encoding, as it is."
        )


def has_one(connection: ASGIConnection[Any, Any, Any, Any]) -> bool:
    """By its own account."""
    headers = connection.headers
    return headers.get("content-length", "0") != "0" or "transfer-encoding" in headers


def _check_none(body: bytes) -> None:
    """Whoever asks for a part, or for a rehearsal, of what cannot be had in part must not get all of it."""
    if body.strip() not in {b"", b"{}"}:
        raise Malformed("This takes no body.", remedy="Leave it out; see /openapi.json for what there is.")


@cache
def _decoder(function: Callable[..., Any]) -> Callable[[bytes], object] | None:
    wanted = get_type_hints(function).get(_BODY)
    return None if wanted is None else msgspec.json.Decoder(wanted).decode


def _wrong(at: str, says: str) -> dict[str, str]:
    """As Litestar tells of a parameter that does not fit."""
    return {"key": at, "message": says}


def _check_single(body: bytes) -> None:
    """Whoever reads it before us, a gateway or a log, may go by the first of two."""
    json.loads(body.decode(), object_pairs_hook=_single, parse_int=str, parse_float=str)


def _single(members: list[tuple[str, object]]) -> dict[str, object]:
    found: dict[str, object] = {}
    for name, value in members:
        if name in found:
            raise Malformed(f"{name!r} stands in the body twice.", remedy="Leave out one of them.")
        found[name] = value
    return found
