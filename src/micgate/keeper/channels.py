"""The org's live lines: a slot for each thousand agents, each with a channel that a successor uses again."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
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
_GONE = "not watched any more"

CheckLease = Callable[[], Awaitable[None]]
"""Raises when somebody else keeps the org."""
Missed = Callable[[frozenset[str], str | None], None]
"""Called with the agents of a line that was lost, and why; and again, without a reason, when it is back."""


@dataclass(slots=True, eq=False)
class Slot:
    """`users` are to be told of by its line, `told` those it was last asked to tell of. `fault`: why there
    is no line, in words for programs. `lost`: that nothing is heard of them has been said.
    """

    number: int
    users: tuple[str, ...] = ()
    told: tuple[str, ...] = ()
    line: Line | None = None
    kept: KeptChannel | None = None
    fault: str | None = None
    lost: bool = False
    spent: set[str] = field(default_factory=set)

    @property
    def up(self) -> bool:
        return self.line is not None and self.line.up

    @property
    def room(self) -> int:
        return USERS_PER_LINE - len(self.users)


class Channels:
    """`users` are the agents to watch, until `follow` names others; `left_out` are those for whom there is no
    slot.
    """

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
        self.slots: list[Slot] = []
        self.left_out: tuple[str, ...] = ()
        self._platform = platform
        self._shelf = shelf
        self._mirror = mirror
        self._boot = boot
        self._check_lease = check_lease
        self._missed = missed
        self._toll = toll
        self._kept: dict[int, KeptChannel] = {}
        self._news = asyncio.Event()
        self._place(users)

    @property
    def up(self) -> bool:
        return all(slot.up for slot in self.slots)

    def down(self) -> frozenset[str]:
        """The agents of whom nothing is heard now."""
        return frozenset(user for slot in self.slots if not slot.up for user in slot.users)

    def follow(self, users: Collection[str]) -> None:
        """Watch these from now on: soon, and without a gap for those who were watched before."""
        watched = {user for slot in self.slots for user in slot.users}
        gone = watched - set(users)
        for slot in self.slots:
            slot.users = tuple(user for user in slot.users if user not in gone)
        self._place([user for user in users if user not in watched])
        if gone:
            self._missed(frozenset(gone), _GONE)
        self._news.set()

    async def prepare(self) -> None:
        """Find the channels of the keeper before."""
        self._kept = await self._shelf.load()
        for slot in self.slots:
            slot.kept = self._kept.get(slot.number)

    async def run(self) -> None:
        """Until the lease is lost. Whatever is away is waited for."""
        begun: set[int] = set()
        wait = _FIRST
        async with asyncio.TaskGroup() as group:
            while True:
                for slot in self.slots:
                    if slot.number not in begun:
                        begun.add(slot.number)
                        group.create_task(self._keep(slot), name=f"line {slot.number}")
                await self._boot.wait(self._news, wait)
                self._news.clear()
                wait = CARE if self.up else min(CARE, wait * 2)
                for slot in self.slots:
                    await self._look_after(slot)

    def _place(self, users: Sequence[str]) -> None:
        """Give each of them a slot, as far as there is room."""
        left = tuple(users)
        while left:
            slot = next((one for one in self.slots if one.room > 0), None) or self._another()
            if slot is None:
                break
            slot.users, left = slot.users + left[: slot.room], left[slot.room :]
        self.left_out = left

    def _another(self) -> Slot | None:
        number = len(self.slots)
        if number >= MOST_SLOTS:
            return None
        self.slots.append(Slot(number, kept=self._kept.get(number)))
        return self.slots[-1]

    async def _keep(self, slot: Slot) -> None:
        """A line that was taken over is not fought for: if we still are the keeper, we make another."""
        while True:
            try:
                await self._listen(slot)
            except NotTold as error:
                slot.fault = error.word
                self._lose(slot, error.word)
                await self._boot.sleep(AGAIN)
                continue
            await self._check_lease()
            if slot.kept:
                slot.spent.add(slot.kept.channel_id)
            slot.kept = None

    async def _listen(self, slot: Slot) -> None:
        def changed(reason: str | None) -> None:
            slot.fault = reason
            if reason is None:
                slot.lost = False
                self._missed(frozenset(slot.users), None)
            else:
                self._lose(slot, reason)

        slot.told = slot.users
        slot.line = self._platform.line(
            slot.users, kept=slot.kept, heard=self._mirror.heard, changed=changed, toll=self._toll
        )
        try:
            await slot.line.run()
        finally:
            slot.line = None

    def _lose(self, slot: Slot, reason: str) -> None:
        """Said once. A line that was refused before it was ever up is lost as well."""
        if not slot.lost:
            slot.lost = True
            self._missed(frozenset(slot.users), reason)

    async def _look_after(self, slot: Slot) -> None:
        """Keep the line's channel for a successor, and the line alive."""
        line = slot.line
        if line is None:
            return
        try:
            await self._tell(slot, line)
            await line.look_after()
        except NotTold as error:
            slot.fault = error.word
        channel = line.channel
        if channel is not None and channel != slot.kept and channel.channel_id not in slot.spent:
            with suppress(Unavailable, Busy):  # the next look tries again
                await self._shelf.store(slot.number, channel, slot.users)
                slot.kept = channel

    async def _tell(self, slot: Slot, line: Line) -> None:
        """Have the line tell of those who are to be watched now."""
        wanted = slot.users
        new = frozenset(wanted) - frozenset(slot.told)
        if wanted == slot.told:
            return
        await line.follow(wanted)
        slot.told = wanted
        if new and line.up:
            self._missed(new, None)
