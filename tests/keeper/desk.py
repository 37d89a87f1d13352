"""A keeper's desk without processes: store in memory, time that only the test moves, a scripted platform."""

import asyncio

from micgate.audit import chain
from micgate.control.command import Kind
from micgate.control.microphone import LegState
from micgate.control.mute import Mute, Owner
from micgate.keeper.budget import Budget
from micgate.keeper.clock import anchored
from micgate.keeper.lease import Tenure
from micgate.keeper.mirror import Mirror
from micgate.keeper.record import Recorder
from micgate.keeper.send import Sender
from micgate.keeper.wake import Wake
from micgate.platform.port import Answer, CallShown, Shown
from micgate.store.ids import new_id
from micgate.store.leases import Term
from micgate.store.memory.store import MemoryStore
from micgate.store.target import Target
from micgate.store.verbs import Place, Release, Rules

NOON = 1_763_640_000.0
ORG = "org"
ADA = Target(ORG, "call", "ada")


class Boot:
    """Time that only the test moves."""

    def __init__(self) -> None:
        self.at = 100.0

    def boot(self) -> float:
        return self.at

    async def sleep(self, seconds: float) -> None:
        self.at += seconds
        await asyncio.sleep(0)

    async def wait(self, event: asyncio.Event, seconds: float) -> None:
        if not event.is_set():
            await self.sleep(seconds)


class StillBoot(Boot):
    """Time stands still: who waits is called, or waits for ever."""

    async def wait(self, event: asyncio.Event, seconds: float) -> None:
        await event.wait()


class Names(dict):
    async def learn(self, users) -> None:
        self.update((user, f"someone-{user}") for user in users)


class Platform:
    """Answers what the test says, and keeps what was sent. `way` is called on the way to the wire."""

    def __init__(self) -> None:
        self.errands = []
        self.answers = []
        self.way = lambda: None
        self.leaving = lambda: True
        self.gate: asyncio.Event | None = None
        self.echo = lambda _errand: None

    async def carry_out(self, errand):
        self.way()
        if errand.command.verb != "read" and not self.leaving():
            return Answer(kind=Kind.NOT_SENT, word="held_back")
        self.errands.append(errand)
        if self.gate is not None:
            await self.gate.wait()
        answer = self.answers.pop(0) if self.answers else Answer(kind=Kind.ACCEPTED, status=202)
        if answer.kind is Kind.ACCEPTED:
            self.echo(errand)
        return answer


class Desk:
    def __init__(self, store: MemoryStore, term: Term, boot: Boot, names: Names, *, allowed: int) -> None:
        self.store = store
        self.term = term
        self.boot = boot
        self.clock = anchored(boot, database=NOON, offset=0.0)
        self.tenure = Tenure(term, good=boot.at)
        self.platform = Platform()
        self.budget = Budget(allowed=allowed)
        recorder = Recorder(names)
        self.mirror = Mirror(
            store, term, clock=self.clock, names=names, woken=lambda _: None, hand=lambda _: None
        )
        self.sender = Sender(
            platform=self.platform,
            mirror=self.mirror,
            budget=self.budget,
            tenure=self.tenure,
            clock=self.clock,
            recorder=recorder,
        )
        self.platform.leaving = self.sender.may_leave
        self.wake = Wake(
            store,
            term,
            clock=self.clock,
            mirror=self.mirror,
            sender=self.sender,
            budget=self.budget,
            names=names,
            recorder=recorder,
            new_id=new_id,
        )

    @classmethod
    async def open(cls, *, allowed: int = 300) -> "Desk":
        names = Names()
        store = MemoryStore(Rules(link=chain.link, record=Recorder(names).observed))
        lease = await store.leases.take(ORG, holder="me", seen=None)
        return cls(store, Term(ORG, lease.epoch), Boot(), names, allowed=allowed)

    def shows(
        self, *, muted: bool, target: Target = ADA, state: LegState = LegState.LIVE, held: bool = False
    ):
        """An event."""
        shown = Shown(user_id=target.user_id, leg="leg", state=state, muted=muted, held=held)
        self.mirror.heard(CallShown(conversation_id=target.conversation_id, microphones=(shown,)))

    def obeys(self) -> None:
        """From now on the platform does what it accepts, and tells."""
        self.platform.echo = lambda errand: self.shows(
            muted=errand.command.verb == "mute",
            target=Target(ORG, errand.conversation_id, errand.user_id),
        )

    async def place(self, *targets: Target, seconds: float = 60.0, owner: str = "sam") -> list[Mute]:
        mutes = [
            Mute(
                id=new_id(),
                user_id=target.user_id,
                conversation_id=target.conversation_id,
                owner=Owner("person", owner),
                placed_at=self.clock.now(),
                release_at=self.clock.now() + seconds,
            )
            for target in targets or (ADA,)
        ]
        await self.store.place(Place(org=ORG, mutes=tuple(mutes)), now=self.clock.now())
        return mutes

    async def release(self, *mutes: Mute) -> None:
        change = Release(org=ORG, mute_ids=tuple(mute.id for mute in mutes), by="person:sam")
        await self.store.place(change, now=self.clock.now())

    async def rounds(self, seconds: float = 0.0) -> None:
        """Let everything happen that is due within so many seconds."""
        until = self.boot.at + seconds
        while True:
            await self.mirror.flush()
            next_at = await self.wake.turn()
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            at = self.boot.at + max(0.0, next_at - self.clock.now())
            if self.mirror.backlog or at <= self.boot.at:
                continue
            self.tenure.beaten(min(at, until))
            if at > until:
                self.boot.at = until
                return
            self.boot.at = at

    def memory(self, target: Target = ADA):
        return next(row.memory for row in self.store.remembered(ORG) if row.target == target)

    def verbs(self) -> list[str]:
        return [str(errand.command.verb) for errand in self.platform.errands]

    def outcomes(self) -> list[tuple[str, str | None]]:
        issued = self.store.contents.commands.values()
        return [(str(one.command.verb), one.outcome.kind if one.outcome else None) for one in issued]
