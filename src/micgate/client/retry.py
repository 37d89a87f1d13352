"""Whether to send again, and when. Pure."""

from micgate.client.errors import Failed, GateError, NotReached, TimedOut, TooFast

_TRANSIENT = frozenset({502, 503, 504})


def retry_after(
    error: GateError, attempt: int, *, elapsed: float, patience: float, jitter: float
) -> float | None:
    """Seconds to wait before the next try; None: give up now. `jitter` is between 0 and 1.

    Sending again is safe: see `messages.Request`. A wait that is longer than the caller's patience is none.
    """
    if not _passes(error):
        return None
    asked = error.retry_after if isinstance(error, Failed | TooFast) else None
    wait = asked if asked is not None else min(0.2 * 2.0**attempt, 5.0) * (0.5 + jitter)
    return wait if elapsed + wait < patience else None


def _passes(error: GateError) -> bool:
    if isinstance(error, Failed):
        return error.status in _TRANSIENT
    return isinstance(error, NotReached | TooFast) and not (
        isinstance(error, TimedOut) and error.sent is False
    )
