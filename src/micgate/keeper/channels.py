"""The org's live lines: a slot for each thousand agents, each with a channel that a successor uses again."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from micgate.keeper.clock import Boot
from micgate.keeper.mirror import Mirror
from micgate.keeper.ports import Shelf
from micgate.platform.port import USERS_PER_LINE, KeptChannel, Line, NotTold, Platform, Toll
from micgate.store.errors import Busy, Unavailable

MOST_SLOTS = 16
"""Of the 20 channels a client may have; the rest is for moving from one to the next, and for tools."""
CARE = 5.0
"""Seconds between looks at the lines."""
AGAIN = 30.0
"""A line that the platform refused is tried again after so long."""
_FIRST = 0.1

CheckLease = Callable[[], Awaitable[None]]
"""Raises when somebody else keeps the org."""
Missed = Callable[[frozenset[str], str | None], None]
"""Called with the agents of a line that was lost, and why; and again, without a reason, when it is back."""


@dataclass(slots=True, eq=False)
class Slot:
    """`fault`: why there is no line, in words for programs."""

    number: int
    users: tuple[str, ...]
    line: Line | None = None
    kept: KeptChannel | None = None
    fault: str | None = None
    spent: set[str] = field(default_factory=set)

    @property
    def up(self) -> bool:
        return self.line is not None and self.line.up


class Channels:
    """`users` are the agents to watch; `left_out` are those for whom there is no slot."""

    def __init__(
        self,
        platform: Platform,
        shelf: Shelf,
        mirror: Mirror,
        *,
        users: Sequence[str],
        boot: Boot,
        check_lease: CheckLease,
        missed: Missed,
        toll: Toll,
    ) -> None:
        parts = [tuple(users[at : at + USERS_PER_LINE]) for at in range(0, len(users), USERS_PER_LINE)]
        self.slots = [Slot(number, part) for number, part in enumerate(parts[:MOST_SLOTS])]
        self.left_out = tuple(user for part in parts[MOST_SLOTS:] for user in part)
        self._platform = platform
        self._shelf = shelf
        self._mirror = mirror
        self._boot = boot
        self._check_lease = check_lease
        self._missed = missed
        self._toll = toll

    @property
    def up(self) -> bool:
        return all(slot.up for slot in self.slots)

    def down(self) -> frozenset[str]:
        """The agents of whom nothing is heard now."""
        return frozenset(user for slot in self.slots if not slot.up for user in slot.users)

    async def prepare(self) -> None:
        """Find the channels of the keeper before."""
        kept = await self._shelf.load()
        for slot in self.slots:
            slot.kept = kept.get(slot.number)

    async def run(self) -> None:
        """Until the lease is lost. Whatever is away is waited for."""
        async with asyncio.TaskGroup() as group:
            for slot in self.slots:
                group.create_task(self._keep(slot), name=f"line {slot.number}")
            group.create_task(self._care(), name="care of lines")

    async def _keep(self, slot: Slot) -> None:
        """A line that was taken over is not fought for: if we still are the keeper, we make another."""
        while True:
            try:
                await self._listen(slot)
            except NotTold as error:
                slot.fault = error.word
                await self._boot.sleep(AGAIN)
                continue
            await self._check_lease()
            if slot.kept:
                slot.spent.add(slot.kept.channel_id)
            slot.kept = None

    async def _listen(self, slot: Slot) -> None:
        users = frozenset(slot.users)

        def changed(reason: str | None) -> None:
            slot.fault = reason
            self._missed(users, reason)

        slot.line = self._platform.line(
            slot.users, kept=slot.kept, heard=self._mirror.heard, changed=changed, toll=self._toll
        )
        try:
            await slot.line.run()
        finally:
            slot.line = None

    async def _care(self) -> None:
        wait = _FIRST
        while True:
            await self._boot.sleep(wait)
            wait = CARE if self.up else min(CARE, wait * 2)
            for slot in self.slots:
                await self._look_after(slot)

    async def _look_after(self, slot: Slot) -> None:
        """Keep the line's channel for a successor, and the line alive."""
        line = slot.line
        if line is None:
            return
        try:
            await line.look_after()
        except NotTold as error:
            slot.fault = error.word
        channel = line.channel
        if channel is not None and channel != slot.kept and channel.channel_id not in slot.spent:
            with suppress(Unavailable, Busy):  # the next look tries again
                await self._shelf.store(slot.number, channel, slot.users)
                slot.kept = channel
