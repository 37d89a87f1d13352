"""Every error as a problem document (RFC 9457): what happened, and what to do about it."""

import math
import traceback
from collections.abc import Iterator
from pathlib import PurePath
from typing import Any, TypeAlias

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException, MethodNotAllowedException
from litestar.status_codes import HTTP_500_INTERNAL_SERVER_ERROR

from micgate.audit.errors import AuditError
from micgate.control.errors import WishError
from micgate.destination import DestinationError
from micgate.genesys.errors import GenesysError
from micgate.log import Log
from micgate.service.http.errors import Malformed, ServiceError
from micgate.store.errors import StoreError, TooOften, Unavailable
from micgate.store.ids import new_id
from micgate.webhooks.errors import WebhookError

Ours: TypeAlias = (
    ServiceError | WishError | StoreError | AuditError | GenesysError | WebhookError | DestinationError
)

MEDIA_TYPE = "application/problem+json"
TYPE = "urn:micgate:problem:"


class Problem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """RFC 9457. `type` ends in `word`, which is stable and meant for programs; `remedy` says what to do.

    `instance` names this one occurrence; the log has it too, when the mistake was not the caller's.
    """

    type: str
    title: str
    status: int
    detail: str
    word: str
    remedy: str
    instance: str = ""
    facts: dict[str, object] = {}
    errors: list[dict[str, str]] = []


STATUS: dict[str, int] = {
    "unauthenticated": 401,
    "not_permitted": 403,
    "not_found": 404,
    "malformed_request": 400,
    "wrong_content_type": 415,
    "head_too_large": 431,
    "not_through_the_proxy": 403,
    "conditions_unmet": 412,
    "mute_ended": 409,
    "no_presence": 409,
    "no_keeper": 503,
    "too_fast": 429,
    "too_slow": 408,
    "too_many_streams": 429,
    "impossible": 409,
    "wish_refused": 422,
    "length_refused": 422,
    "reason_refused": 422,
    "note_refused": 422,
    "not_a_boolean": 422,
    "extension_refused": 409,
    "call_not_chosen": 409,
    "frozen": 423,
    "idempotency_key_reused": 422,
    "too_many_standing": 409,
    "overtaken": 409,
    "database_unavailable": 503,
    "database_busy": 503,
    "database_full": 507,
    "wrong_schema": 503,
    "embedded_database_failed": 503,
    "unknown_agent": 404,
    "ambiguous_agent": 409,
    "no_live_call": 409,
    "not_connected": 409,
    "ambiguous_call": 409,
    "not_an_agent": 422,
    "rate_limited": 503,
    "timed_out": 504,
    "unreachable": 502,
    "bad_name": 422,
    "name_taken": 409,
    "unknown_webhook": 404,
    "unknown_event": 422,
    "no_such_delivery": 404,
    "no_encryption_key": 409,
    "malformed_url": 422,
    "unencrypted_url": 422,
    "forbidden_address": 422,
    "unknown_host": 422,
}
"""By the error's word. Every other word of ours is 500, of the platform's 502."""

_TOO_LARGE = 413
OF_HTTP = {400: "malformed_request", 404: "not_found", 405: "method_not_allowed", _TOO_LARGE: "too_large"}
"""The words of what is refused before any of our code looks at it."""
_TITLES = {
    400: "The request cannot be read",
    401: "A key is needed",
    403: "Not allowed",
    404: "Not there",
    405: "Not that method",
    _TOO_LARGE: "Too large",
}
_REMEDIES = {
    404: "See /openapi.json for what there is.",
    405: "See /openapi.json for what there is.",
    _TOO_LARGE: "Send less: a request is a few hundred bytes.",
}
_RETRY_SECONDS = {
    "database_unavailable": 2,
    "database_busy": 1,
    "database_full": 30,
    "rate_limited": 10,
    "no_keeper": 2,
}


def of(error: Exception) -> Problem:
    """The problem document of an error; of one that nobody foresaw it tells nothing but that."""
    if isinstance(error, HTTPException) and error.status_code < HTTP_500_INTERNAL_SERVER_ERROR:
        return _of_http(error)
    if isinstance(error, Ours):
        return _of_ours(error)
    if isinstance(error, RecursionError):
        return _of_ours(Malformed("The body is nested too deeply.", remedy="Send what /openapi.json says."))
    if isinstance(error, UnicodeDecodeError):
        return _of_ours(Malformed("The request is not UTF-8 text.", remedy="Encode it as UTF-8."))
    return Problem(
        type=TYPE + "internal_error",
        title="A mistake in micgate",
        status=HTTP_500_INTERNAL_SERVER_ERROR,
        detail="micgate failed in a way nobody foresaw.",
        word="internal_error",
        remedy="Please report it; the service's log names the place.",
    )


def headers(error: Exception) -> dict[str, str]:
    found = {"Cache-Control": "no-store"}
    word = getattr(error, "word", "")
    if isinstance(error, MethodNotAllowedException):
        found["Allow"] = _allowed((error.headers or {}).get("allow", ""))
    wait = getattr(error, "retry_after", None) or _RETRY_SECONDS.get(word)
    if wait is not None:
        found["Retry-After"] = str(math.ceil(wait))
    if word == "unauthenticated":
        found["WWW-Authenticate"] = "Bearer"
    if word == "too_slow" or getattr(error, "status_code", 0) == _TOO_LARGE:
        # What it goes on to send is not waited for.
        found["Connection"] = "close"
    return found


class Handler:
    """Litestar's handler for every exception."""

    def __init__(self, log: Log) -> None:
        self._log = log

    def __call__(self, _request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
        problem = msgspec.structs.replace(of(error), instance=f"urn:uuid:{new_id()}")
        if problem.status >= HTTP_500_INTERNAL_SERVER_ERROR:
            self._log.write(
                "http.failed",
                word=problem.word,
                kind=type(error).__name__,
                place=place(error),
                instance=problem.instance,
            )
        return Response(
            msgspec.json.encode(problem),
            status_code=problem.status,
            media_type=MEDIA_TYPE,
            headers=headers(error),
        )


def place(error: BaseException) -> str:
    """Where it came from; its text may hold anything, a secret too."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{PurePath(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "?"


def _allowed(methods: str) -> str:
    """OPTIONS is Litestar's own; what can be got can be asked for its head (`gate`)."""
    words = {word.strip() for word in methods.split(",")} - {"OPTIONS", ""}
    return ", ".join(sorted(words | ({"HEAD"} if "GET" in words else set())))


def _of_ours(error: Ours) -> Problem:
    status = STATUS.get(error.word, 502 if isinstance(error, GenesysError) else 500)
    means = getattr(error, "means", "")
    return Problem(
        type=TYPE + error.word,
        title=error.word.replace("_", " ").capitalize(),
        status=status,
        detail=f"{error.what} {means}".strip(),
        word=error.word,
        remedy=error.remedy,
        facts=_facts(error),
    )


def _facts(error: Ours) -> dict[str, object]:
    if isinstance(error, ServiceError | GenesysError):
        return dict(error.facts())
    if isinstance(error, Unavailable):
        return {"perhaps_done": error.perhaps_done}
    if isinstance(error, TooOften):
        return {"retry_after": round(error.retry_after, 1)}
    return {"choices": error.choices} if hasattr(error, "choices") else {}


def _of_http(error: HTTPException) -> Problem:
    status = error.status_code
    word = OF_HTTP.get(status, "http_error")
    wrong = list(_wrong(error.extra)) if status == 400 else []  # noqa: PLR2004 -- bad request
    return Problem(
        type=TYPE + word,
        title=_TITLES.get(status, "Refused"),
        status=status,
        detail=_detail(error, wrong),
        word=word,
        remedy=_REMEDIES.get(status, "Correct the request; /openapi.json says what it may hold."),
        errors=wrong,
    )


def _detail(error: HTTPException, wrong: list[dict[str, str]]) -> str:
    if wrong:
        return "; ".join(": ".join(part for part in (one["at"], one["says"]) if part) for one in wrong) + "."
    return {
        404: "There is nothing at this address.",
        405: "This address does not take that method.",
        _TOO_LARGE: "The body is over 64 KB.",
    }.get(error.status_code, f"{error.detail.partition(chr(10))[0].rstrip('.')}.")


def _wrong(extra: object) -> Iterator[dict[str, str]]:
    """What Litestar says about a body or a query that does not fit."""
    for one in extra if isinstance(extra, list) else ():
        if isinstance(one, dict):
            at = str(one.get("key", ""))
            yield {"at": _CALLED.get(at, at), "says": _said(str(one.get("message", "does not fit")))}


_CALLED = {"idempotency_key": "Idempotency-Key", "which": "state"}
"""Parameters whose name in a handler is not theirs."""


def _said(message: str) -> str:
    """A pattern is for programs: it is in /openapi.json."""
    return "It has characters that are not taken here" if " matching regex " in message else message
