"""What people paste: a vendor error out of a log, a terminal or a debugger, taken apart.

Understood: the JSON body alone; with a status line and headers above it (`curl -i`, `curl -v`); inside the
text of an SDK's exception; as a Python dict; an HTML page; curl's own one-line errors.
"""

import ast
import json
import re
import warnings
from collections.abc import Iterator
from enum import Enum

import msgspec

from micgate.genesys.messages import Headers

LONGEST = 1_000_000
"""Characters looked at. Vendor errors have a few hundred."""


class Form(Enum):
    EMPTY = "empty"
    JSON = "json"
    HTML = "html"
    CURL = "curl"
    STATUS_ONLY = "status_only"
    UNKNOWN = "unknown"


class Paste(msgspec.Struct, frozen=True, kw_only=True):
    """`json` is set for `Form.JSON` only, `method` and `path` when the request was pasted too."""

    form: Form
    status: int | None = None
    method: str | None = None
    path: str | None = None
    headers: Headers = Headers({})
    json: bytes = b""
    text: str = ""
    curl: int | None = None


def take_apart(text: str) -> Paste:
    """Never raises: what is not understood is `Form.UNKNOWN`."""
    text = text[:LONGEST].replace("\r\n", "\n").lstrip("\ufeff").strip()
    if not text:
        return Paste(form=Form.EMPTY)
    status, headers, body = _answer(_without_curl_marks(text))
    status = status or _status_in_exception(text)
    method, path = _request(text)
    answer = Paste(form=Form.STATUS_ONLY, status=status, headers=headers, method=method, path=path, text=body)
    if found := _json_in(body) or _json_in(text):
        return msgspec.structs.replace(answer, form=Form.JSON, json=found)
    if _HTML.search(body[:2000]):
        return msgspec.structs.replace(answer, form=Form.HTML)
    if failure := _CURL_FAILURE.search(text):
        return Paste(form=Form.CURL, curl=int(failure[1]), text=failure[0])
    return answer if status else Paste(form=Form.UNKNOWN, text=text)


_REQUEST = re.compile(
    r"\b(GET|POST|PUT|PATCH|DELETE|HEAD)\s+(?:https?://[^\s/]+)?[^\s?\"']*?(/(?:api/v2|oauth)/[^\s?\"']*)"
)
_STATUS_LINE = re.compile(r"HTTP/[\d.]+ (\d{3})\b.*")
_HEADER = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*)")
_CURL_MARK = re.compile(r"^<(?: |$)", re.MULTILINE)
_CURL_NOISE = re.compile(r"^(?:\* |> |[{}] \[\d+ bytes).*\n?", re.MULTILINE)
_CURL_FAILURE = re.compile(r"curl: \((\d{1,2})\)[^\n]*")
_HTML = re.compile(r"<!doctype html|<html|<head|<body|<title", re.IGNORECASE)
_EXCEPTION_STATUS = re.compile(
    r"^\((\d{3})\)$|\bstatus(?:[ _]?code)?['\"]?\s*[:=]\s*['\"]?(\d{3})\b|\bHTTP(?: Error)? (\d{3})\b",
    re.IGNORECASE | re.MULTILINE,
)
_TELLING = frozenset(
    {
        *(
            "message",
            "code",
            "status",
            "contextId",
            "messageWithParams",
            "errors",
            "error",
            "error_description",
        ),
        *("topicName", "result", "entities", "rejectionReason", "missingPermissions", "body", "response"),
    }
)
"""A JSON object without any of these is no vendor error."""
_MOST_STARTS = 64


def _request(text: str) -> tuple[str | None, str | None]:
    found = _REQUEST.search(text)
    return (found[1], found[2]) if found else (None, None)


def _without_curl_marks(text: str) -> str:
    if not _CURL_MARK.search(text):
        return text
    return _CURL_MARK.sub("", _CURL_NOISE.sub("", text))


def _answer(text: str) -> tuple[int | None, Headers, str]:
    """The last answer in the text: earlier ones are a proxy's or `100 Continue`."""
    lines = text.split("\n")
    starts = [number for number, line in enumerate(lines) if _STATUS_LINE.fullmatch(line.strip())]
    if not starts:
        return _bare_headers(lines)
    line = _STATUS_LINE.fullmatch(lines[starts[-1]].strip())
    headers, body = _headers(lines[starts[-1] + 1 :])
    return int(line[1]) if line else None, headers, body


def _bare_headers(lines: list[str]) -> tuple[int | None, Headers, str]:
    headers, body = _headers(lines)
    if headers and body.strip():
        return None, headers, body
    return None, Headers({}), "\n".join(lines)


def _headers(lines: list[str]) -> tuple[Headers, str]:
    pairs: dict[str, str] = {}
    for number, line in enumerate(lines):
        header = _HEADER.fullmatch(line.strip())
        if not header:
            return Headers(pairs), "\n".join(lines[number:])
        pairs[header[1]] = header[2].strip()
    return Headers(pairs), ""


def _status_in_exception(text: str) -> int | None:
    found = _EXCEPTION_STATUS.search(text)
    return int(next(group for group in found.groups() if group)) if found else None


def _json_in(text: str) -> bytes | None:
    """The first JSON object that looks like the vendor's, wherever it stands in the text."""
    for start in _starts(text):
        found = _object_at(text, start)
        if isinstance(found, dict) and not _TELLING.isdisjoint(found):
            return json.dumps(_innermost(found)).encode()
    return None


def _starts(text: str) -> Iterator[int]:
    start = text.find("{")
    for _ in range(_MOST_STARTS):
        if start < 0:
            return
        yield start
        start = text.find("{", start + 1)


def _object_at(text: str, start: int) -> object:
    try:
        return _DECODER.raw_decode(text, start)[0]
    except (ValueError, RecursionError):
        return _python_object_at(text, start)


_DECODER = json.JSONDecoder()


def _python_object_at(text: str, start: int) -> object:
    """`{'message': ...}`: what Python prints for a dict."""
    end = text.rfind("}") + 1
    if not text[start : start + 40].replace(" ", "").startswith("{'"):
        return None
    try:
        with warnings.catch_warnings(action="ignore"):  # of a backslash that means nothing
            found: object = ast.literal_eval(text[start:end])
        json.dumps(found)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        return None
    return found


def _innermost(found: dict[str, object]) -> dict[str, object]:
    """Out of what an SDK wraps around an error: `{"status": 403, "body": {...}, "text": "..."}`."""
    for member in ("body", "response", "data"):
        inside = found.get(member)
        if isinstance(inside, str) and inside.lstrip().startswith("{"):
            inside = _object_at(inside, inside.index("{"))
        if isinstance(inside, dict) and not _TELLING.isdisjoint(inside):
            return _innermost(inside)
    return found
