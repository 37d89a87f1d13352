"""What is seen of the org's microphones: in memory at once, in the database a moment later.

What arrives about one microphone (events, answers of reads, outcomes) is taken into the database in the order
in which it arrived. While somebody is about to send a command for it, that waits: what arrived before the
command was sent must not be taken for its effect.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from itertools import islice
from typing import TypeAlias, TypeVar

from micgate.control.microphone import LegState, Observed, Way
from micgate.keeper.clock import ServiceClock
from micgate.keeper.ports import Names
from micgate.platform.port import CallShown, Shown
from micgate.store.errors import Fenced
from micgate.store.leases import Term
from micgate.store.target import Target
from micgate.store.verbs import Closing, Concluded, Due, Noted, Sighting, Verbs, at_stake

BATCH = 0.05
"""Seconds until what is not urgent is written."""
MOST = 500
"""So many microphones in one transaction."""
MISSING = 90.0
"""A call that the platform told of, and now says it does not know, is over after so many seconds of that."""

Item: TypeAlias = Sighting | Closing
Says: TypeAlias = tuple[str, LegState, bool | None, bool | None]


@dataclass(slots=True)
class _Known:
    """`says` None: out of sight, so whatever comes next is news. `heard_at` is service time, and so is
    `missing_since`: the platform has said of the call since then that there is none.
    """

    says: Says | None
    state: LegState
    at_stake: bool = False
    heard_at: float = 0.0
    missing_since: float | None = None


class Mirror:
    """`woken` is called whenever something in the database may be due, with the service time of that; `hand`
    with what is due now, if that is known.
    """

    def __init__(
        self,
        verbs: Verbs,
        term: Term,
        *,
        clock: ServiceClock,
        names: Names,
        woken: Callable[[float], None],
        hand: Callable[[Due], None],
    ) -> None:
        self._verbs = verbs
        self._term = term
        self._clock = clock
        self._names = names
        self._woken = woken
        self._hand = hand
        self._known: dict[Target, _Known] = {}
        self._queues: dict[Target, deque[Item]] = {}
        self._urgent: dict[Target, None] = {}
        self._held: set[Target] = set()
        self._in_hand: frozenset[Target] = frozenset()
        self._closings: set[str] = set()
        self._writing = asyncio.Lock()
        self._something = asyncio.Event()
        self._hurry = asyncio.Event()

    # What arrives.

    def heard(self, call: CallShown) -> None:
        """An event."""
        at = self._clock.now()
        for shown in call.microphones:
            self._hear(self._target(call, shown), _observed(shown, at=at, way=Way.EVENT))

    def read(self, call: CallShown, *, asked_at: float, about: Target | None = None, leg: str = "") -> None:
        """The answer of a read. `about` is whom it was made for, with the leg that was asked about: whoever
        is not shown any more is not on the call. That there is no such call is believed only in the long run:
        a gateway may say so, and whoever we muted would be left alone.
        """
        at = self._clock.now()
        shown = {self._target(call, one): one for one in call.microphones}
        if about is not None and about not in shown:
            gone = bool(call.microphones) or self._is_missing(about, at)
            state = LegState.OVER if gone else LegState.UNKNOWN
            shown[about] = Shown(user_id=about.user_id, leg=leg, state=state)
        for target, one in shown.items():
            seen = _observed(one, at=at, way=Way.READ, asked_at=asked_at)
            self._note(target, seen)
            self._add(target, Sighting(target=target, observed=seen), urgent=True)

    def close(self, closing: Closing) -> None:
        """The outcome of a command."""
        self._closings.add(closing.outcome.command_id)
        self._add(closing.target, closing, urgent=True)

    def lose_sight(self, targets: Iterable[Target]) -> None:
        """Something may have been missed. What is at stake is written first."""
        for target in targets:
            known = self._known.setdefault(target, _Known(None, LegState.UNKNOWN))
            known.says = None
            self._add(target, Sighting(target=target, observed=None), urgent=known.at_stake)

    def appear(self, target: Target) -> None:
        """A call of which only that it goes on is known."""
        seen = Observed(leg="", state=LegState.UNKNOWN, at=self._clock.now(), way=Way.EVENT)
        self._hear(target, seen)

    # What is known.

    def live(self, users: Collection[str] | None = None) -> list[Target]:
        """Microphones that were not over when last heard of, or are at stake; of these agents only."""
        return [
            target
            for target, known in self._known.items()
            if (known.at_stake or known.state is not LegState.OVER)
            and (users is None or target.user_id in users)
        ]

    def unheard(self, *, before: float, at_stake: bool = False) -> list[Target]:
        """Live ones that nothing was heard of since then, longest first. `at_stake`: only those that are, and
        whose agent is on the call.
        """
        live = [(self._known[target], target) for target in self.live()]
        if at_stake:
            live = [(one, target) for one, target in live if one.at_stake and one.state is not LegState.OVER]
        silent = sorted((one.heard_at, target) for one, target in live if one.heard_at < before)
        return [target for _, target in silent]

    def knows(self, target: Target) -> bool:
        return target in self._known

    def is_unseen(self, target: Target) -> bool:
        """Whether nobody has told in this term how it is, and no decision will ask."""
        known = self._known[target]
        return known.state is LegState.UNKNOWN and not known.at_stake

    def is_back(self, target: Target) -> bool:
        """Whether an agent who is told to be on the call left it with something of ours on the microphone."""
        known = self._known[target]
        return known.state is LegState.OVER and known.at_stake

    def stakes(self, target: Target, *, are: bool, left: bool = False) -> None:
        """Whether news about it may call for something to be done. `left`: the agent had left before."""
        state = LegState.OVER if left else LegState.UNKNOWN
        known = self._known.setdefault(target, _Known(None, state))
        known.at_stake = are
        self._forget(target, known)

    def at_stake(self, users: Collection[str] | None = None) -> list[Target]:
        return [target for target in self.live(users) if self._known[target].at_stake]

    @property
    def size(self) -> int:
        return len(self._known)

    @property
    def backlog(self) -> int:
        """Microphones of which something is not written yet."""
        return len(self._queues)

    # Sending and arriving, kept apart.

    def waiting(self, target: Target) -> bool:
        return target in self._queues

    @property
    def closings(self) -> tuple[str, ...]:
        """The ids of the commands whose outcome has come, and is not written yet."""
        return tuple(self._closings)

    def hold(self, target: Target) -> None:
        """Write nothing about it until `let_go`. Nothing is waiting then."""
        self._held.add(target)

    def holds(self, target: Target) -> bool:
        return target in self._held

    def let_go(self, target: Target) -> None:
        self._held.discard(target)
        if target in self._queues:
            self._stir(target, urgent=True)

    def overtaken(self, target: Target, seen: Observed | None) -> bool:
        """Whether news arrived since the decision was made on what was `seen`. What only repeats it says
        nothing, and is dropped.
        """
        queue = self._queues.get(target, deque())
        sightings = [item for item in queue if isinstance(item, Sighting)]
        if any(one.observed is None or seen is None or one.observed.says != seen.says for one in sightings):
            return True
        left: deque[Item] = deque(item for item in queue if isinstance(item, Closing))
        if left:
            self._queues[target] = left
        else:
            self._queues.pop(target, None)
            self._urgent.pop(target, None)
        return False

    def close_first(self, closing: Closing) -> None:
        """The outcome of a command that was not sent, before whatever overtook it."""
        self._closings.add(closing.outcome.command_id)
        self._queues.setdefault(closing.target, deque()).appendleft(closing)
        self._stir(closing.target, urgent=True)

    # Writing.

    async def turn(self) -> None:
        """Wait for something and write it: what is urgent at once, the rest 50 ms later.

        Whatever fails is raised, and nothing is lost: the next turn tries again.
        """
        if not self._queues.keys() - self._held:
            await self._something.wait()
        if not self._urgent:
            await self._clock.boot.wait(self._hurry, BATCH)
        self._something.clear()
        self._hurry.clear()
        await self.flush()

    async def flush(self) -> None:
        """Write everything that may be written now."""
        async with self._writing:
            while ready := self._ready():
                self._in_hand = frozenset(ready)
                try:
                    await self._write(ready)
                finally:
                    self._in_hand = frozenset()

    async def bury(self) -> None:
        """This term is over: of the outcomes that are not written only late entries can be kept."""
        closings = [one for queue in self._queues.values() for one in queue if isinstance(one, Closing)]
        if closings:
            try:
                await self._verbs.conclude(self._term, closings, now=self._clock.now())
            except Fenced:
                return

    def _ready(self) -> list[Target]:
        free = (target for target in (*self._urgent, *self._queues) if target not in self._held)
        return list(islice(dict.fromkeys(target for target in free if target in self._queues), MOST))

    async def _write(self, targets: list[Target]) -> None:
        await self._names.learn({target.user_id for target in targets if target.user_id})
        sightings = [one for target in targets for one in _leading(self._queues[target], Sighting)]
        if sightings:
            noted = await self._verbs.observe(self._term, sightings, now=self._clock.now())
            self._written(sightings)
            for one in noted:
                self._take(one)
        queues = (self._queues.get(target, ()) for target in targets)
        closings = [one for queue in queues for one in _leading(queue, Closing)]
        if closings:
            concluded = await self._conclude(closings)
            self._closings -= {one.outcome.command_id for one in closings}
            due = (one.due_at for one in concluded if one.due_at is not None)
            self._woken(min(due, default=self._clock.now()))

    async def _conclude(self, closings: list[Closing]) -> tuple[Concluded, ...]:
        """When the term is over they are late entries by then: nobody may write them once more."""
        try:
            concluded = await self._verbs.conclude(self._term, closings, now=self._clock.now())
        except Fenced:
            self._written(closings)
            raise
        self._written(closings)
        return concluded

    def _written(self, items: Iterable[Item]) -> None:
        for item in items:
            queue = self._queues[item.target]
            queue.popleft()
            if not queue:
                del self._queues[item.target]
                self._urgent.pop(item.target, None)

    def _take(self, noted: Noted) -> None:
        known = self._known.get(noted.target)
        if known is None:
            return
        known.at_stake = not noted.memory.over and (noted.woken or at_stake(noted.memory))
        self._forget(noted.target, known)
        if noted.due is not None:
            self._hand(noted.due)
        elif noted.woken:
            self._woken(self._clock.now())

    def _forget(self, target: Target, known: _Known) -> None:
        if known.state is LegState.OVER and not known.at_stake and target not in self._queues:
            self._known.pop(target, None)

    def _hear(self, target: Target, seen: Observed) -> None:
        known = self._known.get(target)
        if known is not None and known.says == seen.says and not known.at_stake:
            known.heard_at = seen.at
            return
        known = self._note(target, seen)
        sighting = Sighting(target=target, observed=seen)
        queue = self._queues.get(target)
        if queue and not known.at_stake and target not in self._in_hand and _is_event(queue[-1]):
            queue[-1] = sighting  # nobody needs what it was in between
        else:
            self._add(target, sighting, urgent=known.at_stake)

    def _is_missing(self, target: Target, at: float) -> bool:
        """Whether it has been for long enough, or the agent was known to have left."""
        known = self._known.setdefault(target, _Known(None, LegState.UNKNOWN))
        if known.missing_since is None:
            known.missing_since = at
        return known.state is LegState.OVER or at - known.missing_since >= MISSING

    def _note(self, target: Target, seen: Observed) -> _Known:
        known = self._known.setdefault(target, _Known(None, seen.state))
        known.says, known.state, known.heard_at = seen.says, seen.state, seen.at
        if seen.state in {LegState.LIVE, LegState.WAITING}:
            known.missing_since = None
        return known

    def _add(self, target: Target, item: Item, *, urgent: bool) -> None:
        self._queues.setdefault(target, deque()).append(item)
        self._stir(target, urgent=urgent)

    def _stir(self, target: Target, *, urgent: bool) -> None:
        self._something.set()
        if urgent:
            self._urgent[target] = None
            self._hurry.set()

    def _target(self, call: CallShown, shown: Shown) -> Target:
        return Target(self._term.org, call.conversation_id, shown.user_id)


def _observed(shown: Shown, *, at: float, way: Way, asked_at: float | None = None) -> Observed:
    return Observed(
        leg=shown.leg,
        state=shown.state,
        muted=shown.muted,
        held=shown.held,
        at=at,
        way=way,
        asked_at=asked_at,
        queue_id=shown.queue_id,
        call_over=shown.call_over,
    )


_Kind = TypeVar("_Kind", Sighting, Closing)


def _leading(queue: Iterable[Item], kind: type[_Kind]) -> list[_Kind]:
    """Those at the head of the queue that are of this kind."""
    run: list[_Kind] = []
    for item in queue:
        if not isinstance(item, kind):
            break
        run.append(item)
    return run


def _is_event(item: Item) -> bool:
    return isinstance(item, Sighting) and item.observed is not None and item.observed.way is Way.EVENT
