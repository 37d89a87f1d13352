"""What the budget of an org looks like now, and what is going to be needed of it. Arithmetic only."""

import math

import msgspec

from micgate.control.command import Lane
from micgate.keeper.budget import WINDOW, Budget, Ends


class Outlook(msgspec.Struct, frozen=True, kw_only=True):
    """Requests to the platform, as the keeper counts them. `at` and `resets_at` are service time.

    Of `allowed` in this window `used` are gone, `reserved` are kept for mutes that end in it, and `left` is
    what new mutes may use now. `waiting`: microphones with something to send that found no room yet.
    `closed_until`: the platform asked for quiet until then. `next_ends` and `next_reserved` are of the window
    after this one.
    """

    at: float
    allowed: int
    used: int
    reserved: int
    left: int
    resets_at: float
    waiting: int
    next_ends: int
    next_reserved: int
    closed_until: float | None = None

    @property
    def next_left(self) -> int:
        """What new mutes may use in the window that follows."""
        return max(0, self.allowed - self.next_reserved)


def outlook(budget: Budget, ends: Ends, *, waiting: int, now: float) -> Outlook:
    resets_at = budget.window_ends_at(now)
    reserved = ends.reserve(until=resets_at)
    left = budget.room(Lane.MUTE, now=now, reserved=reserved)
    coming = ends.reserve(until=resets_at + WINDOW) - reserved
    return Outlook(
        at=now,
        allowed=budget.allowed,
        used=budget.used,
        reserved=math.ceil(reserved),
        left=max(0, left),
        resets_at=resets_at,
        waiting=waiting,
        next_ends=ends.between(resets_at, resets_at + WINDOW),
        next_reserved=math.ceil(coming),
        closed_until=budget.closed_until if budget.closed_until > now else None,
    )
