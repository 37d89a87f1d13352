"""What the answers' headers say about the request budget.

Headers as sampled by Genesys in developer-center-blog `source/2021-05-06-sdk-config-and-logging`; the reset
is a number of seconds from the answer on.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from micgate.genesys.messages import Headers

ALLOWED = "inin-ratelimit-allowed"
_COUNT = "inin-ratelimit-count"
_RESET = "inin-ratelimit-reset"


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimit:
    """The budget as of the latest answer. None where nothing was said; `reset_at` is on the session's
    monotonic clock.
    """

    count: int | None = None
    allowed: int | None = None
    reset_at: float | None = None

    def headroom(self, now: float) -> int | None:
        """Requests left at `now` (monotonic), None when unknown. After the window it is full again."""
        if self.allowed is None or self.count is None:
            return None
        if self.reset_at is not None and now >= self.reset_at:
            return self.allowed
        return max(0, self.allowed - self.count)

    def describe(self, now: float) -> str:
        """One line for people: `"41 of 300 requests used, full again in 17 s"`."""
        if self.allowed is None or self.count is None:
            return "no rate limit reported yet"
        used = f"{self.count} of {self.allowed} requests used"
        if self.reset_at is None:
            return used
        left = self.reset_at - now
        return f"{used}, full again in {left:.0f} s" if left > 0 else f"0 of {self.allowed} requests used"


def read_rate(headers: Headers, *, now: float) -> RateLimit:
    """What one answer said, received at `now` (monotonic)."""
    reset = seconds_until_reset(headers)
    return RateLimit(
        count=_whole(headers.get(_COUNT)),
        allowed=_whole(headers.get(ALLOWED)),
        reset_at=None if reset is None else now + reset,
    )


def seconds_until_reset(headers: Headers) -> float | None:
    seconds = _whole(headers.get(_RESET))
    return None if seconds is None else float(seconds)


def seconds_to_wait(headers: Headers) -> float | None:
    """What a 429 or 503 asks for: `Retry-After`, else the end of the rate window, else None.

    https://developer.genesys.cloud/forum/t/normalized-platform-api-429-responses/12028 has whole seconds. A
    gateway in between may name a time instead: it counts from the answer's own `Date`, whatever clock is set
    here.
    """
    said = headers.get("retry-after")
    seconds = _whole(said)
    if seconds is not None:
        return float(seconds)
    named, answered = _time(said), _time(headers.get("date"))
    if named is not None and answered is not None:
        return max(0.0, (named - answered).total_seconds())
    return seconds_until_reset(headers)


_MOST_DIGITS = 9


def _whole(text: str | None) -> int | None:
    digits = (text or "").strip()
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) <= _MOST_DIGITS else None


def _time(text: str | None) -> datetime | None:
    try:
        time = parsedate_to_datetime(text or "")
    except ValueError:
        return None
    return time if time.tzinfo else time.replace(tzinfo=UTC)
