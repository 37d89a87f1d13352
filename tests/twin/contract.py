"""Checks answers and events against the vendor's published shapes (`tests/data/contract.json`).

The contract closes no schema. Here every schema that lists its properties, is not marked `x-pruned` and
does not itself say otherwise is closed, so an invented member fails a test.
"""

import json
import re
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker
from referencing import Registry, Resource

DATA = Path(__file__).resolve().parents[1] / "data"
ROOT = "urn:contract"
DATE_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
RATE_HEADERS = ("inin-ratelimit-count", "inin-ratelimit-allowed", "inin-ratelimit-reset")

formats = FormatChecker(formats=())


@formats.checks("date-time")
def is_date_time(value: object) -> bool:
    return not isinstance(value, str) or DATE_TIME.fullmatch(value) is not None


def close(schema: Any) -> Any:
    if isinstance(schema, list):
        return [close(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {key: close(value) for key, value in schema.items()}
    if isinstance(schema.get("properties"), dict) and not schema.get("x-pruned"):
        closed.setdefault("additionalProperties", False)
    return closed


@cache
def document() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((DATA / "contract.json").read_bytes())
    loaded["components"]["schemas"] = {
        name: close(schema) for name, schema in loaded["components"]["schemas"].items()
    }
    return loaded


@cache
def registry() -> Registry[Any]:
    from referencing.jsonschema import DRAFT202012

    return Registry().with_resource(ROOT, Resource(contents=document(), specification=DRAFT202012))


@cache
def validator(pointer: str) -> Draft202012Validator:
    return Draft202012Validator({"$ref": ROOT + "#" + pointer}, registry=registry(), format_checker=formats)


def pointer_to(*steps: str) -> str:
    return "".join("/" + step.replace("~", "~0").replace("/", "~1") for step in steps)


def problems(pointer: str, value: object) -> list[str]:
    return [
        f"{'/'.join(map(str, error.absolute_path))}: {error.message[:300]}"
        for error in validator(pointer).iter_errors(value)
    ]


def check(schema: str, value: object) -> None:
    """Fails with every difference between `value` and one named schema."""
    found = problems(pointer_to("components", "schemas", schema), value)
    assert not found, f"{schema}: " + "; ".join(found)


@cache
def templates() -> list[tuple[re.Pattern[str], str]]:
    """Literal paths before those with parameters: `/users/me` is not a user id."""
    paths = sorted(document()["paths"], key=lambda path: (path.count("{"), path))
    return [(re.compile(re.sub(r"\{[^}]*\}", "[^/]+", path)), path) for path in paths]


def find_operation(method: str, path: str) -> str | None:
    """The contract's path for a request, or None when it has no such operation."""
    for pattern, template in templates():
        if pattern.fullmatch(path) and method.lower() in document()["paths"][template]:
            return template
    return None


def check_answer(*, method: str, path: str, status: int, headers: dict[str, str], body: bytes) -> None:
    """One answer of the vendor's surface: by the contract, without a body where it has none."""
    known = {name.lower(): value for name, value in headers.items()}
    assert "inin-correlation-id" in known, f"{method} {path}: no correlation id"
    template = find_operation(method, path)
    if template is None:
        assert status in {400, 401, 403, 404, 405, 415, 429, 500, 503, 504}, f"{method} {path}: {status}"
        check_error(status=status, correlation_id=known["inin-correlation-id"], body=body)
        return
    if status >= 400 and method == "HEAD":
        assert not body
        return
    if status >= 400 and template != "/oauth/token":
        check_error(status=status, correlation_id=known["inin-correlation-id"], body=body)
        return
    check_success(method=method, template=template, status=status, media=known.get("content-type"), body=body)


def check_success(*, method: str, template: str, status: int, media: str | None, body: bytes) -> None:
    answers = document()["paths"][template][method.lower()]["responses"]
    assert str(status) in answers, f"{method} {template}: {status} is not in the contract"
    if "content" not in answers[str(status)]:
        assert body == b"", f"{method} {template}: {status} has a body"
        return
    assert (media or "").split(";")[0] == "application/json", f"{method} {template}: {media}"
    steps = ("paths", template, method.lower(), "responses", str(status))
    found = problems(pointer_to(*steps, "content", "application/json", "schema"), json.loads(body))
    assert not found, f"{method} {template} {status}: " + "; ".join(found)


def check_error(*, status: int, correlation_id: str, body: bytes) -> None:
    error = json.loads(body)
    check("ErrorBody", error)
    assert error["status"] == status
    assert error["contextId"] == correlation_id
    assert error["code"]
    assert error["message"]


def check_rate_headers(headers: dict[str, str]) -> None:
    known = {name.lower(): value for name, value in headers.items()}
    for name in RATE_HEADERS:
        assert known[name].isdigit(), f"{name}: {known.get(name)}"
    assert 1 <= int(known["inin-ratelimit-reset"]) <= 61


def check_event(message: dict[str, Any]) -> None:
    """One message of a channel: its envelope, and its body by topic."""
    topic = message["topicName"]
    if topic == "channel.metadata":
        check("ChannelMetadataMessage", message)
        assert set(message) == {"topicName", "eventBody"}
        return
    check("NotificationEnvelope", message)
    assert message["version"] == "2"
    found = problems(
        pointer_to("x-notification-topics", topic_template(topic), "eventBody"), message["eventBody"]
    )
    assert not found, f"{topic}: " + "; ".join(found)


def topic_template(topic: str) -> str:
    known = document()["x-notification-topics"]
    template = re.sub(r"^(v2\.(?:users|routing\.queues|system\.[a-z_]+)\.)[^.]+", r"\1{id}", topic)
    return topic if topic in known else template


def stamp_of(at: float) -> str:
    """A moment as the platform writes it."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
