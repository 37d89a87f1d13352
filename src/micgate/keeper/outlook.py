"""What the budget of an org looks like now, and what is going to be needed of it. Arithmetic only."""

import math

import msgspec

from micgate.control.command import Lane
from micgate.keeper.budget import PER_END, WINDOW, Budget, Ends

WINDOWS = 30
"""As many minutes as the longest mute that anybody may ask for."""


class Outlook(msgspec.Struct, frozen=True, kw_only=True):
    """Requests to the platform, as the keeper counts them. `at` and `resets_at` are service time.

    Of `allowed` in this window `used` are gone, `reserved` are kept for mutes that end in it, and `left` is
    what new mutes may use now. `waiting`: microphones with something to send that found no room yet.
    `closed_until`: the platform asked for quiet until then. `next_ends` and `next_reserved` are of the window
    after this one, `ends` how many mutes end in each of the windows from that one on, `due` in this one.
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
    ends: tuple[int, ...] = ()
    due: int = 0

    @property
    def fits(self) -> int:
        """So many mutes can be ended in a window."""
        return int(self.allowed / PER_END)

    @property
    def next_left(self) -> int:
        """What new mutes may use in the window that follows."""
        return max(0, self.allowed - self.next_reserved)


class Crowd(msgspec.Struct, frozen=True, kw_only=True):
    """A window in which more mutes are to be ended than fit: the last of them may be `late` seconds late."""

    ends: int
    fits: int
    late: float


def outlook(budget: Budget, ends: Ends, *, waiting: int, now: float) -> Outlook:
    resets_at = budget.window_ends_at(now)
    reserved = ends.reserve(until=resets_at)
    left = budget.room(Lane.MUTE, now=now, reserved=reserved)
    coming = ends.by_window(resets_at, windows=WINDOWS)
    return Outlook(
        at=now,
        allowed=budget.allowed,
        used=budget.used,
        reserved=math.ceil(reserved),
        left=max(0, left),
        resets_at=resets_at,
        waiting=waiting,
        next_ends=coming[0],
        next_reserved=math.ceil(PER_END * coming[0]),
        closed_until=budget.closed_until if budget.closed_until > now else None,
        ends=coming,
        due=ends.due(until=resets_at),
    )


def crowd(found: Outlook, at: float, *, before: float | None = None) -> Crowd | None:
    """What becomes of one more end `at` that time; None where there is room for it, or nobody knows.

    `before`: it is no further one, but ended then.
    """
    window = _window(found, at)
    if window > len(found.ends) or found.fits == 0:
        return None
    room = found.fits if window else max(0, int((found.allowed - found.used) / PER_END))
    counted = before is not None and _window(found, before) == window
    due = _due(found)[window] + (0 if counted else 1)
    if due <= room:
        return None
    return Crowd(ends=due, fits=room, late=WINDOW * math.ceil((due - room) / found.fits))


def _due(found: Outlook) -> list[int]:
    """How many are to be ended in this window and each that follows, with what the one before left over."""
    due = [found.due]
    room = max(0, int((found.allowed - found.used) / PER_END))
    for ends in found.ends:
        due.append(ends + max(0, due[-1] - room))
        room = found.fits
    return due


def _window(found: Outlook, at: float) -> int:
    """0 is this one."""
    return max(0, math.ceil((at - found.resets_at) / WINDOW))
