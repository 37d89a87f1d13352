"""`/openapi.json`: what Litestar finds out by itself, and what it cannot know."""

from collections.abc import Iterator
from inspect import unwrap
from typing import Any

import msgspec
from litestar import Request, Router
from litestar.handlers.base import BaseRouteHandler
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import Components, SecurityScheme
from litestar.types import ControllerRouterHandler, Method

from micgate import __version__
from micgate.service.http.problems import MEDIA_TYPE
from micgate.service.principals.principal import Scope
from micgate.service.request.access import is_open, needs, open_here

_ABOUT = (
    "Mutes on live Genesys Cloud calls, each with an end. Every error is a problem document (RFC 9457) "
    "with a `word` for programs and a `remedy` for people. Authorization: Bearer and an API key."
)
_JSON = "application/json"
_CONTENT = {
    "export_records": ("application/jsonl", "text/csv"),
    "stream_events": ("text/event-stream",),
    "show_metrics": ("text/plain",),
}


def config(resources: tuple[ControllerRouterHandler, ...], *, local: bool) -> OpenAPIConfig:
    return OpenAPIConfig(
        title="micgate",
        version=__version__,
        description=_ABOUT,
        security=[{"key": []}],
        components=Components(
            security_schemes={"key": SecurityScheme(type="http", scheme="bearer", description="An API key.")}
        ),
        operation_id_creator=_operation_id,
        openapi_router=Router("/openapi.json", route_handlers=[], opt=open_here(), include_in_schema=False),
        render_plugins=[_Rendered(resources, local=local)],
        use_handler_docstrings=True,
    )


class _Rendered(JsonRenderPlugin):
    """Made when somebody asks for it first."""

    def __init__(self, resources: tuple[ControllerRouterHandler, ...], *, local: bool) -> None:
        super().__init__(path="/")
        self._handlers = {name(one): one for one in resources if isinstance(one, BaseRouteHandler)}
        self._local = local
        self._encoded = b""

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:  # noqa: ARG002 -- Litestar's signature
        if not self._encoded:
            schemas = openapi_schema["components"]["schemas"]
            for operation in _operations(openapi_schema):
                self._complete(operation)
                _forbid_unknown(operation.get("requestBody", {}), schemas)
            _tighten(schemas)
            self._encoded = msgspec.json.encode(openapi_schema)
        return self._encoded

    def _complete(self, operation: dict[str, Any]) -> None:
        wanted = needs(self._handlers[operation["operationId"]])
        if is_open(wanted, local=self._local):
            operation["security"] = []
        elif isinstance(wanted, Scope):
            operation["description"] += f" Needs the scope `{wanted}`."
        responses = operation["responses"]
        responses.pop("400", None)
        responses |= {"4XX": _PROBLEM, "5XX": _PROBLEM}
        if operation["operationId"] == "show_ready":
            responses["503"] = responses["200"] | {"description": "Something does not work."}
        if kinds := _CONTENT.get(operation["operationId"]):
            responses["200"]["content"] = {kind: {"schema": {"type": "string"}} for kind in kinds}


def name(handler: BaseRouteHandler) -> str:
    """What a handler is called in its file."""
    return str(unwrap(handler.fn).__name__)


_PROBLEM = {
    "description": "A problem document (RFC 9457).",
    "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
}


def _operation_id(handler: BaseRouteHandler, _method: Method, _path: object) -> str:
    return name(handler)


def _operations(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for item in document["paths"].values():
        yield from (one for one in item.values() if isinstance(one, dict) and "operationId" in one)


def _forbid_unknown(asked: Any, schemas: dict[str, Any]) -> None:
    """Unknown members of a body are refused, at any depth."""
    if isinstance(asked, list):
        for one in asked:
            _forbid_unknown(one, schemas)
    elif isinstance(asked, dict):
        named = schemas.get(str(asked.get("$ref", "")).rpartition("/")[2])
        if named is not None and named.get("additionalProperties") is not False:
            if named.get("type") == "object":
                named["additionalProperties"] = False
            _forbid_unknown(named, schemas)
        _forbid_unknown([one for key, one in asked.items() if key != "$ref"], schemas)


def _tighten(schemas: dict[str, Any]) -> None:
    for title in ("NewMute", "Extension"):
        schemas[title]["properties"]["until"] = {"type": ["string", "null"], "format": "date-time"}
    for schema in schemas.values():
        for member in schema.get("properties", {}).values():
            _settle(member)


def _settle(member: dict[str, Any]) -> None:
    """Litestar reads `tuple[str, ...]` as a list of texts or of anything."""
    for one in (member, *member.get("oneOf", ())):
        items = one.get("items", {})
        if {} in items.get("oneOf", ()):
            one["items"] = next(kind for kind in items["oneOf"] if kind)
