"""Whether to ask again, and when: a pure function of what went wrong."""

from micgate.genesys.errors import (
    GenesysError,
    NotGenesys,
    PlatformFailed,
    RateLimited,
    TimedOut,
    Unreachable,
)

_GATEWAY_LOST_IT = frozenset({502, 503, 504})
_WITHOUT_RETRY_AFTER = (3.0, 9.0, 27.0)  # circulates as Genesys' guidance; no official text at hand
_FIRST, _LONGEST = 0.2, 2.0
_TRIES_UNREACHED = 3  # a name or port that is not there seldom comes back within seconds
_JITTER = 0.5


def retry_after(
    error: GenesysError, attempt: int, *, elapsed: float, patience: float, jitter: float
) -> float | None:
    """Seconds to wait before asking again, None to stop.

    `attempt` counts the failures so far, from 1. `elapsed` and `patience` are seconds since the first try and
    at most in all. `jitter` is a random number of [0, 1).
    """
    wait = _wait(error, attempt, jitter)
    return None if wait is None or elapsed + wait > patience else wait


def beyond_patience(error: RateLimited, *, patience: float) -> RateLimited:
    """The same refusal, saying that the wait it asks for is longer than the caller's patience."""
    asked = "" if error.retry_after is None else f" of {error.retry_after:.0f} s it asks for"
    left = "" if (error.retry_after or patience) >= patience else "what is left of "
    return RateLimited(
        error.what,
        means=f"The rate limit is used up and the wait{asked} is longer than {left}"
        f"the {patience:.0f} s allowed.",
        remedy=error.remedy,
        retry_after=error.retry_after,
        status=error.status,
        vendor_code=error.vendor_code,
        correlation_id=error.correlation_id,
        conversation_id=error.conversation_id,
        participant_id=error.participant_id,
    )


def _wait(error: GenesysError, attempt: int, jitter: float) -> float | None:
    if isinstance(error, RateLimited):
        return _after_rate_limit(error.retry_after, attempt, jitter)
    if isinstance(error, PlatformFailed) and error.retry_after is not None:
        return error.retry_after + _JITTER * jitter
    if not _may_pass(error, attempt):
        return None
    pause: float = min(_LONGEST, _FIRST * 2 ** (attempt - 1))
    return pause * (0.5 + jitter)


def _after_rate_limit(asked: float | None, attempt: int, jitter: float) -> float | None:
    if asked is None:
        if attempt > len(_WITHOUT_RETRY_AFTER):
            return None
        asked = _WITHOUT_RETRY_AFTER[attempt - 1]
    return asked + _JITTER * jitter


def _may_pass(error: GenesysError, attempt: int) -> bool:
    if isinstance(error, Unreachable):
        return error.cause == "cut" or (error.cause in {"name", "refused"} and attempt < _TRIES_UNREACHED)
    if isinstance(error, NotGenesys):
        return error.status in _GATEWAY_LOST_IT
    return isinstance(error, PlatformFailed | TimedOut)
