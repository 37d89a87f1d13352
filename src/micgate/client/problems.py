"""From a problem document (RFC 9457) to an error of the tree."""

from typing import Any

import msgspec

from micgate.client import errors
from micgate.client.errors import GateError, NotTheService, Rejected
from micgate.client.messages import Answer

_KINDS: dict[int, type[Rejected]] = {
    400: errors.Invalid,
    401: errors.KeyRefused,
    403: errors.NotAllowed,
    404: errors.NotThere,
    405: errors.Invalid,
    409: errors.Conflicting,
    412: errors.Conflicting,
    413: errors.Invalid,
    415: errors.Invalid,
    422: errors.Invalid,
    423: errors.Frozen,
    429: errors.TooFast,
}
_FAILED = 500


class _Problem(msgspec.Struct, frozen=True, kw_only=True):
    """What is read of one. Only the service's own have a `word`."""

    word: str
    detail: str
    remedy: str = ""
    instance: str = ""
    facts: dict[str, Any] = {}
    errors: list[dict[str, str]] = []


_problem = msgspec.json.Decoder(_Problem)


def error_of(answer: Answer) -> GateError:
    """The error that a status of 300 or more means."""
    try:
        problem = _problem.decode(answer.body)
    except msgspec.MsgspecError:
        return stranger(answer)
    facts = problem.facts | ({"errors": problem.errors} if problem.errors else {})
    return _kind(answer.status)(
        problem.detail,
        remedy=problem.remedy,
        word=problem.word,
        status=answer.status,
        facts=facts,
        retry_after=_seconds(answer.headers.get("retry-after")),
        instance=problem.instance,
    )


def stranger(answer: Answer) -> NotTheService:
    """An answer that the service never gives."""
    return NotTheService(
        f"Something that is not the service answered ({answer.status}).",
        remedy="Check the address (MICGATE_URL) and what stands before the service: proxy, sign-in page.",
    )


def _kind(status: int) -> type[Rejected]:
    return errors.Failed if status >= _FAILED else _KINDS.get(status, Rejected)


def _seconds(text: str | None) -> float | None:
    return float(text) if text and text.isascii() and text.isdigit() else None
