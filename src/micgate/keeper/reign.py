"""One term as the keeper of an org: everything that runs while the lease is ours, and how it ends."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from micgate.audit import facts
from micgate.control.command import Kind, Lane, Outcome
from micgate.control.mute import Mute
from micgate.control.pace import PACE, Pace
from micgate.keeper import catch_up
from micgate.keeper.budget import Budget
from micgate.keeper.catch_up import CatchUp
from micgate.keeper.channels import Channels
from micgate.keeper.clock import Boot, ServiceClock
from micgate.keeper.lease import Lessor, Tenure, beat, beat_on
from micgate.keeper.mirror import Mirror
from micgate.keeper.ports import Books, Names, Shelf
from micgate.keeper.record import Recorder
from micgate.keeper.seal import Published, Sealer
from micgate.keeper.send import Sender, closing
from micgate.keeper.supervise import PASSING, Health, Work, keep_going
from micgate.keeper.wake import Wake
from micgate.log import Log
from micgate.platform.port import NotTold, Platform
from micgate.store import fold
from micgate.store.commands import OpenCommand
from micgate.store.entries import NewEntry
from micgate.store.errors import Fenced
from micgate.store.leases import Term
from micgate.store.microphones import Remembered
from micgate.store.target import Target
from micgate.store.verbs import Due, Release, Verbs

FINISH = 4.5
"""Seconds for what is on its way when a term ends: a little more than a state change may take."""
CHORES = 2.0
_READY = 2.0
_OWN_AGE = 2.0
_KEEPER = "micgate"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """What a keeper is given. `hints` are the orgs for which there may be work; `users` are to be watched."""

    org: str
    verbs: Verbs
    lessor: Lessor
    books: Books
    shelf: Callable[[Term], Shelf]
    names: Names
    recorder: Recorder
    platform: Platform
    boot: Boot
    new_id: Callable[[], str]
    users: Sequence[str]
    log: Log
    pace: Pace = PACE
    allowed: int = 300
    published: Published = lambda _: None
    hints: Callable[[], AsyncIterator[str]] | None = None
    close: Callable[[], Awaitable[None]] | None = None


class Reign:
    """The parts are public, for whoever shows them."""

    def __init__(self, ports: Ports, tenure: Tenure, clock: ServiceClock, health: Health) -> None:
        term = tenure.term
        self.tenure = tenure
        self.clock = clock
        self.budget = Budget(allowed=ports.allowed)
        self.mirror = Mirror(
            ports.verbs, term, clock=clock, names=ports.names, woken=self.expect, hand=self._hand
        )
        self.sender = Sender(
            platform=ports.platform,
            mirror=self.mirror,
            budget=self.budget,
            tenure=tenure,
            clock=clock,
            recorder=ports.recorder,
        )
        self.sealer = Sealer(ports.verbs, term, boot=ports.boot, published=ports.published)
        self.wake = Wake(
            ports.verbs,
            term,
            clock=clock,
            mirror=self.mirror,
            sender=self.sender,
            budget=self.budget,
            names=ports.names,
            recorder=ports.recorder,
            new_id=ports.new_id,
            pace=ports.pace,
            written=self.sealer.nudge,
            broken=lambda call: ports.log.write("keeper.no_rule", conversation=call),
        )
        self.catch_up = CatchUp(
            ports.platform,
            self.mirror,
            ports.books,
            term,
            clock=clock,
            toll=lambda: self._toll(Lane.LOOK_UP),
            spare=self._spare,
        )
        self.channels = Channels(
            ports.platform,
            ports.shelf(term),
            self.mirror,
            users=ports.users,
            boot=ports.boot,
            check_lease=self._check_lease,
            missed=self.catch_up.missed,
            toll=lambda: self._toll(Lane.CONFIRM),
        )
        self._ports = ports
        self._health = health
        self._strategy: str | None = None

    def nudge(self, due: Sequence[Due] = ()) -> None:
        """There may be work; `due` is all there is, if it is known. It is sealed with what is decided then:
        before that is written, sealing would only be in the way.
        """
        for one in due:
            self.wake.hand(one)
        if not due:
            self.wake.nudge()
            self.sealer.nudge()

    def expect(self, at: float) -> None:
        """Something was written, and may be due at this service time."""
        self.wake.expect(at)
        self.sealer.nudge()

    def follow(self, users: Collection[str]) -> None:
        """Watch these agents from now on."""
        self.channels.follow(users)

    def _hand(self, due: Due) -> None:
        self.nudge((due,))

    async def run(self) -> None:
        """Until the lease is lost, something breaks, or it is cancelled; then everything is brought to its
        end. Raises what ended it.
        """
        beating = asyncio.create_task(self._beat(), name="beat")
        try:
            await self._rule(beating)
        finally:
            try:
                await self._end()
            finally:
                self.tenure.over = True
                beating.cancel()
                await asyncio.gather(beating, return_exceptions=True)

    async def _rule(self, beating: asyncio.Task[None]) -> None:
        await self._begin()
        async with asyncio.TaskGroup() as group:
            for name, work in self._works().items():
                task = keep_going(name, work, health=self._health, boot=self._ports.boot)
                group.create_task(task, name=name)
            group.create_task(self.sender.watch(), name="sender")
            group.create_task(self.channels.run(), name="channels")
            group.create_task(self._listen(), name="hints")
            group.create_task(_joined(beating), name="lease")

    def _works(self) -> dict[str, Work]:
        return {
            "wake": self._wake_on,
            "mirror": self.mirror.turn,
            "seal": self.sealer.step,
            "catch_up": self.catch_up.turn,
            "chores": self._chores,
        }

    async def _begin(self) -> None:
        """What the keeper before left: nothing it saw counts as seen, nothing it sent as answered."""
        ports = self._ports
        with suppress(NotTold, TimeoutError):
            async with asyncio.timeout(_READY):
                await ports.platform.prepare()
        self._listen_to_platform()
        self._strategy = await ports.books.strategy()
        if self._strategy is not None:
            ports.platform.recall(self._strategy)
        remembered = await ports.books.remembered()
        catch_up.load(self.mirror, remembered)
        for target, at in last_ends(remembered, await ports.books.standing()).items():
            self.wake.ends.put(target, at, read=True)
        await self._reconcile()
        await self.channels.prepare()
        await self._note(
            ports.recorder.about_keeper(facts.TookOver(epoch=self.tenure.term.epoch), now=self.clock.now())
        )

    async def _end(self) -> None:
        """What is on its way is waited for and written; then the lease is free for the next."""
        await self.sender.finish(seconds=FINISH)
        try:
            await self._hand_over()
        except PASSING as error:
            self._ports.log.failed("keeper.end", word=error.word, what=error.what)

    async def _hand_over(self) -> None:
        try:
            await self.mirror.flush()
            await self.sealer.turn()
            await self._ports.lessor.resign(self.tenure.term)
        except Fenced:
            await self.mirror.bury()

    async def _beat(self) -> None:
        await beat_on(self._ports.lessor, self.tenure, boot=self._ports.boot, offset=self.clock)

    async def _wake_on(self) -> None:
        if self.wake.unsure:
            await self._reconcile()
        await self.wake.wait(await self.wake.turn())

    async def _listen(self) -> None:
        """Hints save waiting, and nothing depends on them."""
        while self._ports.hints is not None:
            try:
                async for org in self._ports.hints():
                    self._ports.log.recovered("keeper.hints")
                    if org == self._ports.org:
                        self.nudge()
            except PASSING as error:
                self._ports.log.failed("keeper.hints", word=error.word, what=error.what)
            await self._ports.boot.sleep(CHORES)

    async def _chores(self) -> None:
        await self._ports.boot.sleep(CHORES)
        self._listen_to_platform()
        await self._reconcile()
        await self._remember_strategy()
        stepped = self.clock.compare(await self._ports.books.time())
        if stepped is not None:
            self._ports.log.write("clock.stepped", seconds=stepped)
            fact = facts.ClockStepped(seconds=stepped)
            await self._note(self._ports.recorder.about_keeper(fact, now=self.clock.now()))

    def _listen_to_platform(self) -> None:
        """What it says about the budget in answers to others than commands counts too."""
        allowance = self._ports.platform.allowance
        if allowance is not None:
            self.budget.told(allowance, now=self.clock.now())

    async def _remember_strategy(self) -> None:
        strategy = self._ports.platform.strategy
        if strategy is not None and strategy != self._strategy:
            await self._ports.books.remember_strategy(strategy)
            self._strategy = strategy

    async def _reconcile(self) -> None:
        """Commands that nobody will answer are closed: those of the keepers before, which may have been sent,
        and those of ours whose commit was made without our knowing, which were not.
        """
        ours = set(self._known_commands())
        found = await self._ports.books.open_commands()
        await self._ports.names.learn({one.target.user_id for one in found if one.target.user_id})
        ours |= set(self._known_commands())
        now = self.clock.now()
        for command in found:
            own = command.epoch == self.tenure.term.epoch
            if command.id in ours or (own and now - command.intended_at < _OWN_AGE):
                continue
            word, kind = ("never_sent", Kind.NOT_SENT) if own else ("keeper_gone", Kind.UNKNOWN)
            self._close(command, Outcome(command_id=command.id, kind=kind, at=now, word=word))
        self.wake.unsure = False

    def _known_commands(self) -> Sequence[str]:
        return (*self.sender.on_their_way, *self.mirror.closings)

    def _close(self, command: OpenCommand, outcome: Outcome) -> None:
        self.mirror.close(
            closing(command.target, outcome, recorder=self._ports.recorder, epoch=self.tenure.term.epoch)
        )

    async def _check_lease(self) -> None:
        """Now. A database that is away is waited for."""
        while True:
            try:
                await beat(self._ports.lessor, self.tenure, boot=self._ports.boot, offset=self.clock)
            except PASSING:
                await self._ports.boot.sleep(CHORES)
            else:
                return

    async def _toll(self, lane: Lane) -> None:
        """Wait for room for a request that is no command."""
        while True:
            now = self.clock.now()
            reserved = self.wake.reserved(now)
            if self.budget.take(lane, now=now, reserved=reserved):
                self.budget.answered(None, now=now)
                return
            opens_at = self.budget.opens_at(lane, now=now, reserved=reserved)
            await self._ports.boot.sleep(min(CHORES, max(0.1, opens_at - now)))

    def _spare(self) -> bool:
        """Room for one request, if there is plenty."""
        now = self.clock.now()
        reserved = self.wake.reserved(now)
        room = self.budget.room(Lane.LOOK_UP, now=now, reserved=reserved)
        if room <= self.budget.allowed / 2:
            return False
        self.budget.take(Lane.LOOK_UP, now=now, reserved=reserved)
        self.budget.answered(None, now=now)
        return True

    async def _note(self, entry: NewEntry) -> None:
        """An entry of its own, with no change."""
        release = Release(org=self._ports.org, mute_ids=(), by=_KEEPER, entries=(entry,))
        await self._ports.verbs.place(release, now=self.clock.now())
        self.sealer.nudge()


def last_ends(remembered: Iterable[Remembered], standing: Iterable[Mute]) -> dict[Target, float]:
    """When the last mute ends on each microphone to which something was done. Not every one is compared with
    every mute: with ten thousand of both that took longer than a rival waits for a beat.
    """
    touched = (row for row in remembered if row.memory.touched or row.memory.pending)
    return {
        due.target: max(mute.release_at for mute in due.mutes)
        for due in fold.dues(touched, standing)
        if due.mutes
    }


async def _joined(task: asyncio.Task[None]) -> None:
    """Ends as the task does, without taking it along when cancelled."""
    await asyncio.shield(task)
