"""What to do where events may be missing: lose sight, and let reads make up for it, as few as possible.

Microphones with mutes, commands or doubts are read by their own decisions, once they are out of sight. One
overview tells which calls began meanwhile. All others are unknown until their next event.
"""

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress

from micgate.control.microphone import LegState
from micgate.keeper.clock import ServiceClock
from micgate.keeper.mirror import Mirror
from micgate.keeper.ports import Books
from micgate.platform.port import GoingOn, NotTold, Platform, Toll
from micgate.store.leases import Term
from micgate.store.microphones import Remembered
from micgate.store.target import Target
from micgate.store.verbs import at_stake

OVERVIEW = 240.0
"""Seconds between overviews; they also keep the token from idling, at any inactivity timeout of Genesys."""
BLIND = 10.0
"""While a line is down, what is at stake is looked at this often."""
SILENT = 600.0
"""A call that nothing was heard of for so long and that no overview lists is read."""
LOOK_AGAIN = 120.0
"""A microphone with a mute on it that nothing was heard of for so long is read: an event may have been lost.
One every `BLIND` seconds at most, and only while more than half of the budget is unused.
"""
FORGET = 3600.0
"""Calls that are over are kept for so long, for events that come late."""
PAGES = 10
LEAST_PAGE = 25
"""A page as the platform makes it by itself: more is asked for, and it may have its own idea of the most."""
FIRST_READS = 60
"""So many calls that nothing is known of are read at once: a fifth of the usual budget of a minute."""
FIRST_SECONDS = 5.0
_AT_ONCE = 8
_READS = 5
_RETRY = 15.0


def load(mirror: Mirror, remembered: Iterable[Remembered]) -> None:
    """At the beginning of a term: nothing was heard since the last one, so everything is out of sight."""
    rows = [row for row in remembered if _going_on(row)]
    for row in rows:
        mirror.stakes(row.target, are=_matters(row), left=_has_left(row))
    mirror.lose_sight(row.target for row in rows)


async def overview(platform: Platform, *, toll: Toll) -> list[GoingOn]:
    """The agents' calls that go on. How a page is counted is unconfirmed: one with nothing new is the last.

    Raises `NotTold`.
    """
    found: dict[GoingOn, None] = {}
    for page in range(1, PAGES + 1):
        await toll()
        rows = await platform.going_on(page=page)
        new = [one for one in rows if one not in found]
        found |= dict.fromkeys(new)
        if len(rows) < LEAST_PAGE or not new:
            break
    return [one for one in found if one.user_id and one.conversation_id]


class CatchUp:
    """`missed` is for whoever keeps the lines."""

    def __init__(
        self,
        platform: Platform,
        mirror: Mirror,
        books: Books,
        term: Term,
        *,
        clock: ServiceClock,
        toll: Toll,
        spare: Callable[[], bool],
    ) -> None:
        self._platform = platform
        self._mirror = mirror
        self._books = books
        self._term = term
        self._clock = clock
        self._toll = toll
        self._spare = spare
        self._blind: set[str] = set()
        self._overview_at = clock.now() + BLIND
        """The first is made when a line is up: what was read before would count as missed by then."""
        self._something = asyncio.Event()

    def missed(self, users: frozenset[str], reason: str | None) -> None:
        """A line was lost, or is back: either way something may have been missed until now."""
        self._mirror.lose_sight(self._mirror.live(users))
        if reason is not None:
            self._blind |= users
            return
        self._blind -= users
        self._overview_at = self._clock.now()
        self._something.set()

    async def turn(self) -> None:
        """Wait until something is to be caught up with, and see to it."""
        wait = min(BLIND, max(0.0, self._overview_at - self._clock.now()))
        await self._clock.boot.wait(self._something, wait)
        self._something.clear()
        if self._blind:
            self._mirror.lose_sight(self._mirror.at_stake(self._blind))
        if self._clock.now() >= self._overview_at:
            self._overview_at = self._clock.now() + _RETRY  # also if the database is away: it costs requests
            self._overview_at = self._clock.now() + await self._look_over()
        await self._look_again()

    async def _look_again(self) -> None:
        silent = self._mirror.unheard(before=self._clock.now() - LOOK_AGAIN, at_stake=True)
        if silent and self._spare():
            await self._see(silent[0])

    async def _look_over(self) -> float:
        """Which calls go on. When to ask again, in seconds."""
        try:
            going_on = await overview(self._platform, toll=self._toll)
        except NotTold as error:
            return max(_RETRY, error.closed_for or 0.0)
        listed = {Target(self._term.org, one.conversation_id, one.user_id) for one in going_on}
        for target in listed:
            if not self._mirror.knows(target):
                self._mirror.appear(target)
        await self._read_first(target for target in sorted(listed) if self._wants_look(target))
        await self._read_silent(listed)
        await self._books.sweep(before=self._clock.now() - FORGET)
        return OVERVIEW

    def _wants_look(self, target: Target) -> bool:
        return self._mirror.is_unseen(target) or self._mirror.is_back(target)

    async def _read_first(self, targets: Iterable[Target]) -> None:
        """Calls that go on and were never seen: until their next event nobody could say how they are."""
        calls = {target.conversation_id: target for target in targets}
        turns = asyncio.Semaphore(_AT_ONCE)
        with suppress(TimeoutError):
            async with asyncio.timeout(FIRST_SECONDS), asyncio.TaskGroup() as group:
                for target in list(calls.values())[:FIRST_READS]:
                    group.create_task(self._read(target, turns))

    async def _read_silent(self, listed: set[Target]) -> None:
        """Calls whose end was missed would be kept for ever."""
        silent = [
            target
            for target in self._mirror.unheard(before=self._clock.now() - SILENT)
            if target not in listed
        ]
        one_by_one = asyncio.Semaphore(1)
        for target in silent[:_READS]:
            await self._read(target, one_by_one)

    async def _read(self, target: Target, turns: asyncio.Semaphore) -> None:
        async with turns:
            await self._toll()
            await self._see(target)

    async def _see(self, target: Target) -> None:
        asked_at = self._clock.now()
        answer = await self._platform.look(target.conversation_id)
        if answer.call is not None:
            self._mirror.read(answer.call, asked_at=asked_at, about=target)


def _going_on(row: Remembered) -> bool:
    """Also when the agent has left: under a mute, nobody may come back unseen. To a call that is over nobody
    comes back: an org that ends a thousand calls an hour must not read them all at every take-over.
    """
    memory = row.memory
    return not memory.over and (_matters(row) or not _has_left(row))


def _has_left(row: Remembered) -> bool:
    return row.memory.seen is not None and row.memory.seen.state is LegState.OVER


def _matters(row: Remembered) -> bool:
    return at_stake(row.memory) or bool(row.memory.mutes)
