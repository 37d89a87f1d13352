"""One request as the surfaces see it, and its answer."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import MappingProxyType
from typing import TypeVar
from urllib.parse import parse_qs

import msgspec

from micgate.twin.refusals import Refusal, bad_request

JSON = "application/json"
HTML = "text/html; charset=utf-8"
NO_HEADERS: Mapping[str, str] = MappingProxyType({})

Shape = TypeVar("Shape")

encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    status: int = 200
    body: bytes = b""
    media: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


ACCEPTED = Answer(status=202)
DONE = Answer(status=200)


def json_answer(value: object, *, status: int = 200) -> Answer:
    return Answer(status=status, body=encode(value), media=JSON)


def refused(refusal: Refusal, *, correlation_id: str, headers: Mapping[str, str] = NO_HEADERS) -> Answer:
    """The vendor's error body; member names as in the official SDKs' model ErrorBody."""
    body: dict[str, object] = {
        "message": refusal.message,
        "code": refusal.code,
        "status": refusal.status,
        "contextId": correlation_id,
        "details": [],
        "errors": [],
    }
    if refusal.message_with_params is not None:
        body["messageWithParams"] = refusal.message_with_params
        body["messageParams"] = dict(refusal.params)
    return Answer(status=refusal.status, body=encode(body), media=JSON, headers=headers)


class Query:
    """The query string, parsed on first use; lists come repeated, as `a,b` or as `a%2Cb`, a space as `+`."""

    __slots__ = ("_values", "raw")

    def __init__(self, raw: str) -> None:
        self.raw = raw
        self._values: dict[str, list[str]] | None = None

    def values(self, name: str) -> list[str]:
        if self._values is None:
            self._values = parse_qs(self.raw, keep_blank_values=True) if self.raw else {}
        return self._values.get(name, [])

    def text(self, name: str) -> str | None:
        """The last value; an empty one counts as absent."""
        found = self.values(name)
        return (found[-1] or None) if found else None

    def items(self, name: str) -> list[str]:
        return [part.strip() for value in self.values(name) for part in value.split(",") if part.strip()]

    def flag(self, name: str) -> bool:
        return (self.text(name) or "").lower() == "true"

    def number(self, name: str, *, default: int, most: int) -> int:
        text = self.text(name)
        if text is None:
            return default
        if not text.isdecimal() or not 1 <= int(text) <= most:
            raise bad_request(f"{name} must be a number from 1 to {most}.", code="invalid.value")
        return int(text)


def moment(text: str) -> float:
    """Seconds since 1970 of an ISO 8601 time, UTC unless it says otherwise. Raises Refusal (400)."""
    try:
        told = datetime.fromisoformat(text)
        return (told if told.tzinfo else told.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        raise bad_request(f"{text} is not an ISO 8601 time.", code="invalid.date") from None


def read_json(body: bytes, shape: type[Shape], *, media: str) -> Shape:
    """The body by its shape. Members the vendor does not know are passed over, wrong values are refused."""
    if media.partition(";")[0].strip().lower() != JSON:
        raise Refusal(415, "unsupported.media.type", f"The content type is not supported, use {JSON}.")
    try:
        return msgspec.json.decode(body, type=shape)
    except msgspec.ValidationError as wrong:
        raise bad_request(f"The value is not valid: {wrong}.", code="invalid.value") from None
    except msgspec.DecodeError:
        raise bad_request("The request could not be understood by the server.") from None
