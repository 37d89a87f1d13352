"""What is due → decisions → intents. `wake_at` in the store is the only timer; everything else is a hint."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from msgspec.structs import replace

from micgate.control.command import Command, Lane, Verb
from micgate.control.decide import Decision, decide
from micgate.control.microphone import Memory
from micgate.control.pace import PACE, Pace
from micgate.control.table import Unlisted
from micgate.keeper.alarm import Alarm
from micgate.keeper.budget import PER_END, Budget, Ends, given_back_at, wants_read
from micgate.keeper.clock import ServiceClock
from micgate.keeper.mirror import Mirror
from micgate.keeper.ports import Names
from micgate.keeper.record import Recorder
from micgate.keeper.send import Order, Sender
from micgate.keeper.waiting import Waiting, WaitingLine
from micgate.store.errors import Unavailable
from micgate.store.leases import Term
from micgate.store.target import Subject, Target
from micgate.store.verbs import Decided, Due, DueNow, Lapse, Verbs, at_stake

LIMIT = 500
_NEVER = float("inf")
_NO_PROGRESS = 0.02
_BROKEN = 30.0
_ROOM_AGAIN = 0.25
"""So soon after less is reserved do those who wait look for room, however often that happens."""
_READ = 1.0
"""What was just closed is read before it is given back, should no event confirm it by then."""
_BEHIND = 5.0
"""So long after the budget should have room is a row due again, in case nobody remembers it."""


@dataclass(slots=True, kw_only=True)
class _Plan:
    """What is about to be written down. With `waiting`, room was taken for its command."""

    due: Due
    decision: Decision
    sends: Waiting | None = None
    puts_off: Waiting | None = None


@dataclass(slots=True)
class _Turn:
    """`next_at`: when to look again, in service time. `kept`: the reserve that left no room for the next."""

    now: float
    plans: list[_Plan] = field(default_factory=list)
    decided: dict[Target, Decision] = field(default_factory=dict)
    next_at: float = _NEVER
    kept: float = 0.0

    def look_at(self, at: float | None) -> None:
        if at is not None:
            self.next_at = min(self.next_at, at)


class Wake:
    """The keeper's loop.

    `broken` hears of calls that the core has no rule for: they must not stop the others. `unsure` is set when
    a commit may have been made that this keeper does not know of: whoever looks into that clears it.
    """

    def __init__(
        self,
        verbs: Verbs,
        term: Term,
        *,
        clock: ServiceClock,
        mirror: Mirror,
        sender: Sender,
        budget: Budget,
        names: Names,
        recorder: Recorder,
        new_id: Callable[[], str],
        pace: Pace = PACE,
        written: Callable[[], None] = lambda: None,
        broken: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.ends = Ends()
        self.line = WaitingLine()
        self.unsure = False
        self._verbs = verbs
        self._term = term
        self._clock = clock
        self._mirror = mirror
        self._sender = sender
        self._budget = budget
        self._names = names
        self._recorder = recorder
        self._new_id = new_id
        self._pace = pace
        self._written = written
        self._broken = broken
        self._alarm = Alarm(clock)

    def nudge(self) -> None:
        """Something may be due now."""
        self._alarm.nudge()

    def expect(self, at: float) -> None:
        """Something may be due at this service time."""
        self._alarm.expect(at)

    def hand(self, due: Due) -> None:
        """This is due now, as it was just committed: to look would find the same.

        Only while nothing else is going on, else it is looked for: it may have been found already. What has
        changed since is seen by its version, like everything that was looked for.
        """
        if self._alarm.waits and not self._mirror.holds(due.target):
            self._alarm.hand(due)
        else:
            self._alarm.nudge()

    async def wait(self, until: float) -> None:
        """Until this service time, or until there may be work."""
        await self._alarm.wait(until)

    async def turn(self) -> float:
        """Decide about everything that is due, and send what there is room for. When to look again."""
        turn = _Turn(self._clock.now())
        found = await self._found(turn.now)
        await self._names.learn(_users(found))
        for due in found.due:
            self._take_up(turn, due)
        self._serve(turn)
        self._put_off(turn, found)
        try:
            progress = await self._write(turn, self._lapses(found, turn.now))
        except BaseException as error:
            self._undo(turn, error)
            raise
        self._look_again(turn, found, progress=progress)
        return turn.next_at

    def reserved(self, now: float) -> float:
        return self.ends.reserve(until=self._budget.window_ends_at(now))

    async def _found(self, now: float) -> DueNow:
        if handed := self._alarm.take(now):
            return DueNow(due=handed, lapsed=(), next_at=self._alarm.looks_at)
        return await self._verbs.load_due(
            self._term, now=now, limit=LIMIT, owner_grace=self._pace.owner_grace
        )

    def _take_up(self, turn: _Turn, due: Due) -> None:
        """News of a target: it joins the line, or there is nothing to send."""
        target = due.target
        if target.subject is Subject.RECORDING:
            turn.plans.append(_Plan(due=due, decision=Decision(memory=due.memory)))
            return
        if self._mirror.waiting(target):
            turn.look_at(turn.now + _NO_PROGRESS)  # what is written next makes it due again
            return
        due = _as_if_never_put_off(due)
        try:
            decision = self._decide(due, due.memory, turn.now)
        except Unlisted:
            self._broken(target.conversation_id)
            decision = Decision(memory=due.memory, wake_at=turn.now + _BROKEN)
        if decision.command is None:
            self.line.leave(target)
            turn.plans.append(_Plan(due=due, decision=decision))
        else:
            turn.decided[target] = decision
            self._join(due, decision.command, turn.now)

    def _join(self, due: Due, command: Command, now: float) -> None:
        before = self.line.get(due.target)
        self.line.join(
            Waiting(
                due=due,
                lane=command.lane,
                principal=_principal(due, command),
                since=before.since if before else now,
            )
        )

    def _serve(self, turn: _Turn) -> None:
        """In the order of the line, for as long as there is room."""
        reserved = self.reserved(turn.now)
        window_ends_at = self._budget.window_ends_at(turn.now)
        started = 0
        while started < LIMIT and (first := self.line.first()) and self._sender.free(first.lane) > started:
            needs = reserved + self._own_end(first, before=window_ends_at)
            if not self._budget.take(first.lane, now=turn.now, reserved=needs):
                turn.kept = reserved
                turn.look_at(self._budget.opens_at(first.lane, now=turn.now, reserved=needs))
                return
            self.line.serve(first)
            if self._call(turn, first):
                reserved, started = needs, started + 1
            else:
                self._budget.give_back()
        if self.line.first():
            turn.look_at(turn.now + _NO_PROGRESS)  # too much is on its way: nobody tells when that is over

    def _own_end(self, waiting: Waiting, *, before: float) -> float:
        """What a mute that is about to be sent will need itself, if it ends in this window."""
        ends = [mute.release_at for mute in waiting.due.mutes if mute.stands]
        if waiting.lane not in {Lane.MUTE, Lane.REASSERT} or not ends or max(ends) > before:
            return 0.0
        return max(0.0, PER_END + _READ - self.ends.kept(waiting.due.target, until=before))

    def _call(self, turn: _Turn, waiting: Waiting) -> bool:
        """Decide again, as time has passed. Whether there still is something to send."""
        due = waiting.due
        if self._mirror.waiting(due.target):
            turn.look_at(turn.now + _NO_PROGRESS)
            return False
        decision = turn.decided.pop(due.target, None) or self._decide(due, due.memory, turn.now)
        plan = _Plan(due=due, decision=decision)
        turn.plans.append(plan)
        if decision.command is None:
            return False
        plan.sends = waiting
        self._mirror.hold(due.target)
        return True

    def _put_off(self, turn: _Turn, found: DueNow) -> None:
        """What is due and found no room is written down all the same, without a command, for later."""
        reserved = self.reserved(turn.now)
        for due in found.due:
            waiting = self.line.get(due.target)
            if waiting is None or waiting.due.version != due.version:
                continue
            at = self._budget.opens_at(waiting.lane, now=turn.now, reserved=reserved)
            memory = replace(waiting.due.memory, put_off=max(at, turn.now) + _BEHIND)
            decision = self._decide(waiting.due, memory, turn.now)
            turn.plans.append(_Plan(due=waiting.due, decision=decision, puts_off=waiting))

    async def _write(self, turn: _Turn, lapses: list[Lapse]) -> bool:
        """Whether anything was written."""
        if not turn.plans and not lapses:
            return False
        decided = [self._decided(plan, turn.now) for plan in turn.plans]
        intended = await self._verbs.intend(self._term, decided, lapses, now=turn.now)
        turn.look_at(intended.due_at)
        done = set(intended.done)
        for plan in turn.plans:
            if plan.due.target in done:
                self._settle(plan)
            else:
                self._drop(plan)
                turn.look_at(turn.now if done else turn.now + _NO_PROGRESS)
        self._written()
        return bool(done or intended.lapsed)

    def _settle(self, plan: _Plan) -> None:
        target, decision = plan.due.target, plan.decision
        self._account_for(plan)
        if plan.sends and decision.command:
            seen = decision.memory.seen
            until = _until(plan, decision.command)
            self._sender.start(Order(target=target, command=decision.command, seen=seen, until=until))
        elif plan.puts_off and self.line.get(target) is plan.puts_off:
            self.line.join(_written(plan.puts_off, decision))

    def _account_for(self, plan: _Plan) -> None:
        """Who will be in need of the budget, and about whom news matter."""
        if plan.due.target.subject is Subject.RECORDING:
            return
        memory = plan.decision.memory
        ends = _ends(plan)
        self.ends.put(plan.due.target, given_back_at(memory, ends), read=wants_read(memory))
        self._mirror.stakes(plan.due.target, are=not memory.over and (bool(ends) or at_stake(memory)))

    def _drop(self, plan: _Plan) -> None:
        """It has changed meanwhile, and is due again."""
        self.line.leave(plan.due.target)
        if plan.sends:
            self._budget.give_back()
            self._mirror.let_go(plan.due.target)

    def _undo(self, turn: _Turn, error: BaseException) -> None:
        for plan in turn.plans:
            self._drop(plan)
        self.unsure = self.unsure or (isinstance(error, Unavailable) and error.perhaps_done)

    def _look_again(self, turn: _Turn, found: DueNow, *, progress: bool) -> None:
        if found.next_at is not None and found.next_at > turn.now:
            turn.look_at(found.next_at)
        elif found.next_at is not None:
            turn.look_at(turn.now if progress else turn.now + _NO_PROGRESS)
        if self.reserved(turn.now) < turn.kept:
            turn.look_at(turn.now + _ROOM_AGAIN)

    def _decide(self, due: Due, memory: Memory, now: float) -> Decision:
        return decide(memory, due.mutes, self._pace, now, self._new_id)

    def _decided(self, plan: _Plan, now: float) -> Decided:
        entries = self._recorder.decided(plan.due.target, plan.decision, epoch=self._term.epoch, now=now)
        return Decided(
            target=plan.due.target, version=plan.due.version, decision=plan.decision, entries=entries
        )

    def _lapses(self, found: DueNow, now: float) -> list[Lapse]:
        """Ends of mutes of agents who are on no call."""
        return [
            self._recorder.lapse(
                mute, *mute.due(owner_grace=self._pace.owner_grace), org=self._term.org, now=now
            )
            for mute in found.lapsed
        ]


def _users(found: DueNow) -> set[str]:
    of_mutes = {mute.user_id for mute in found.lapsed}
    return of_mutes | {due.target.user_id for due in found.due if due.target.user_id}


def _ends(plan: _Plan) -> list[float]:
    """Of the mutes that stand."""
    ended = {one.mute_id for one in plan.decision.ended}
    return [mute.release_at for mute in plan.due.mutes if mute.stands and mute.id not in ended]


def _until(plan: _Plan, command: Command) -> float:
    """A mute must not leave when all that it is for has ended."""
    return max(_ends(plan), default=_NEVER) if command.verb is Verb.MUTE else _NEVER


def _principal(due: Due, command: Command) -> str:
    """Who asked: the owner of the first of the mutes that this is for."""
    owners: Iterable[str] = (
        f"{mute.owner.kind}:{mute.owner.id}" for mute in due.mutes if mute.id in command.mutes
    )
    return next(iter(owners), "")


def _as_if_never_put_off(due: Due) -> Due:
    """The delay was the budget's, perhaps that of the keeper before: the line knows better."""
    memory = replace(due.memory, put_off=0.0)
    return Due(target=due.target, version=due.version, memory=memory, mutes=due.mutes)


def _written(waiting: Waiting, decision: Decision) -> Waiting:
    """As it is in the store now, but for the delay: that was the budget's."""
    ended = {one.mute_id for one in decision.ended}
    due = waiting.due
    mutes = tuple(mute for mute in due.mutes if mute.id not in ended)
    memory = replace(decision.memory, put_off=0.0)
    return Waiting(
        due=Due(target=due.target, version=due.version + 1, memory=memory, mutes=mutes),
        lane=waiting.lane,
        principal=waiting.principal,
        since=waiting.since,
    )
