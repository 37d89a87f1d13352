"""The request budget of an org: who may use what is left of it. Arithmetic only, time is passed in.

The platform counts requests in windows of a minute that begin with the first request. What it says about the
window in its answers is the truth; in between we count ourselves.
"""

import math
from dataclasses import dataclass, field

from micgate.control.command import Lane
from micgate.control.microphone import Memory, Phase
from micgate.platform.port import Allowance
from micgate.store.target import Target

USUAL = 300
"""Requests a minute, until the platform has said how many."""
WINDOW = 60.0
_LONGEST = 61.0
"""The platform says the rest of a window in whole seconds, rounded up."""
_SAME = 2.0
"""Two ends of a window that differ by less are the same one."""
_OLD_ANSWER = 5.0
_LOOK_AGAIN = 0.25
PER_END = 1.05
"""Requests for each end that falls due: the un-mute, and a read where an event is lost."""
_AT_REST = {Phase.IDLE, Phase.LEFT_CLOSED}
_GIVING_BACK = {Phase.OPENING, Phase.SETTLING}


@dataclass(slots=True)
class Budget:
    """`used` counts what was taken in this window, `in_flight` what of it is not answered yet."""

    allowed: int = USUAL
    used: int = 0
    in_flight: int = 0
    resets_at: float = -math.inf
    closed_until: float = -math.inf
    _guessed: bool = field(default=True, repr=False)

    def take(self, lane: Lane, *, now: float, reserved: float) -> bool:
        """Room for one request, if there is any. Whoever takes it calls `answered` or `give_back`."""
        if self.room(lane, now=now, reserved=reserved) <= 0:
            return False
        if now >= self.resets_at:
            self.resets_at, self._guessed = now + _LONGEST, True
        self.used += 1
        self.in_flight += 1
        return True

    def room(self, lane: Lane, *, now: float, reserved: float) -> int:
        """Requests left for this lane. What is reserved for ends that fall due is left to them alone."""
        self._roll(now)
        return 0 if now < self.closed_until else self._left(lane, reserved)

    def opens_at(self, lane: Lane, *, now: float, reserved: float) -> float:
        """When there is room again, as far as can be said now."""
        self._roll(now)
        used_up = self._left(lane, reserved) <= 0
        return max(now, self.closed_until, self.resets_at if used_up else now)

    def give_back(self) -> None:
        """The request was not made."""
        self.in_flight = max(0, self.in_flight - 1)
        self.used = max(0, self.used - 1)

    def answered(self, allowance: Allowance | None, *, now: float, closed_for: float | None = None) -> None:
        """A request is over, whatever came of it."""
        self.in_flight = max(0, self.in_flight - 1)
        if allowance is not None:
            self.told(allowance, now=now)
        if closed_for is not None:
            self.closed_until = max(self.closed_until, now + closed_for)

    def told(self, allowance: Allowance, *, now: float) -> None:
        self._roll(now)
        self.allowed = allowance.allowed
        resets_at = now + allowance.reset_in
        if not self._guessed and resets_at < self.resets_at - _OLD_ANSWER:
            return  # about the window before
        if resets_at > self.resets_at + _SAME:
            self.used, self.resets_at = max(allowance.count, self.in_flight), resets_at
        else:
            self.used, self.resets_at = max(allowance.count, self.used), min(self.resets_at, resets_at)
        self._guessed = False

    def window_ends_at(self, now: float) -> float:
        """Up to when the ends of mutes compete with everything else."""
        return self.resets_at if self.resets_at > now else now + WINDOW

    def _left(self, lane: Lane, reserved: float) -> int:
        left = self.allowed - self.used
        return left if lane is Lane.RELEASE else math.floor(left - reserved)

    def _roll(self, now: float) -> None:
        if now >= self.resets_at and self.resets_at > -math.inf:
            self.used, self.resets_at = self.in_flight, -math.inf


class Ends:
    """When microphones fall due to be given back, and how many of them want a read first: by the second."""

    def __init__(self) -> None:
        self._at: dict[Target, tuple[int, bool]] = {}
        self._counts: dict[int, int] = {}
        self._reads: dict[int, int] = {}

    def put(self, target: Target, at: float | None, *, read: bool = False) -> None:
        """The end of the last mute on it, and if a read comes first; None: nothing is to be given back."""
        before = self._at.pop(target, None)
        if before is not None:
            self._add(*before, -1)
        if at is not None:
            self._at[target] = (int(at), read)
            self._add(int(at), read, 1)

    def reserve(self, *, until: float) -> float:
        """Requests to keep for those due by then, late ones and the reads they need included."""
        return PER_END * self.due(until=until) + _until(self._reads, until)

    def due(self, *, until: float) -> int:
        """How many fall due by then."""
        return _until(self._counts, until)

    def kept(self, target: Target, *, until: float) -> float:
        """What of the reserve is for this one."""
        second, read = self._at.get(target, (math.inf, False))
        return PER_END + read if second <= until else 0.0

    def by_window(self, after: float, *, windows: int) -> tuple[int, ...]:
        """How many fall due in each of the windows that follow one another from then on."""
        found = [0] * windows
        for second, count in self._counts.items():
            window = math.ceil((second - after) / WINDOW) - 1
            if 0 <= window < windows:
                found[window] += count
        return tuple(found)

    def __len__(self) -> int:
        return len(self._at)

    def _add(self, second: int, read: bool, count: int) -> None:  # noqa: FBT001 -- as it is kept in `_at`
        _count(self._counts, second, count)
        if read:
            _count(self._reads, second, count)


def given_back_at(memory: Memory, ends: list[float]) -> float | None:
    """When a microphone falls due, `ends` being those of the mutes that stand on it.

    While it is being given back it stays due: the request may get lost, or a read has only come first.
    """
    if not memory.touched and memory.pending is None:
        return None
    return max(ends, default=None if memory.phase in _AT_REST or memory.away else memory.due)


def wants_read(memory: Memory) -> bool:
    """Whether giving it back needs a read too: nothing proves, as yet, what we closed."""
    landed = all(doubt.landed for doubt in memory.doubts)
    sure = memory.phase is Phase.CONFIRMED and memory.seen_muted and landed
    return not sure and memory.phase not in _GIVING_BACK


def _until(counts: dict[int, int], until: float) -> int:
    return sum(count for second, count in counts.items() if second <= until)


def _count(counts: dict[int, int], second: int, count: int) -> None:
    left = counts.get(second, 0) + count
    if left:
        counts[second] = left
    else:
        del counts[second]
