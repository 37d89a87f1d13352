"""The invariants of the design, checked while the world goes on. Numbers are those of the design.

The judge knows what was committed, sent and told, and what is true; nothing that the keeper only thinks.
"""

import copy
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field

from micgate.control.command import Command, Kind, Verb
from micgate.control.microphone import Observed, Phase, State, Way, state
from micgate.control.mute import Mute
from micgate.control.policy import CAP_SECONDS
from micgate.genesys.messages import Request
from micgate.platform.port import CallShown, Errand, Shown
from micgate.store.errors import StoreError
from micgate.store.leases import Term
from micgate.store.memory.store import MemoryStore
from micgate.store.microphones import BLANK
from micgate.store.target import Target
from micgate.store.verbs import Closing, Decided, Sighting
from micgate.twin.exchange import Answer
from micgate.twin.ledger import ChangeEntry
from micgate.twin.world import World
from simulation import account
from simulation.broken import Broken
from simulation.conduct import Conduct, due
from simulation.judge import Judge

GRACE = 5.0
ALERTED = GRACE + 3.0
"""What is late by then is listed and alerted: the grace, and a little for reading and writing."""
PATIENCE = 31.0
"""After trouble a mute is tried again 30 s later at the latest; a give-back is in more of a hurry."""
UNTOLD = 260.0
"""A leg that no event told of is found by the next overview, every 240 s."""
STORM = 20
"""So many reads of one microphone in ten seconds are no patience."""
_CHANGES = {Verb.MUTE, Verb.OPEN, Verb.PAUSE, Verb.RESUME}


@dataclass(slots=True)
class Sent:
    """What was sent for one command: how often it left and arrived, and what the platform answered."""

    command: Command
    target: Target
    left: int = 0
    arrived: int = 0
    statuses: list[int] = field(default_factory=list)


@dataclass(slots=True)
class Invariants:
    """`epoch_of` is the term of a process; `calm_at` when the last consequence of all troubles is over;
    `served_since` when a keeper with a store last began, infinite while there is none.
    """

    world: World
    store: MemoryStore
    org: str
    epoch_of: Callable[[int], int | None]
    calm_at: Callable[[], float]
    served_since: Callable[[], float]
    judges: dict[Target, Judge] = field(default_factory=dict)
    sent: dict[str, Sent] = field(default_factory=dict)
    closers: dict[str, str] = field(default_factory=dict)
    free_since: dict[Target, float] = field(default_factory=dict)
    disturbed: dict[Target, float] = field(default_factory=dict)
    found: dict[Target, str] = field(default_factory=dict)
    legs: dict[Target, str] = field(default_factory=dict)
    unwritten: dict[tuple[int, Target], list[tuple[float, Shown | None]]] = field(default_factory=dict)
    left_closed: dict[Target, float] = field(default_factory=dict)
    reads: dict[Target, list[float]] = field(default_factory=dict)
    conduct: Conduct = field(init=False)
    seq: int = 0

    def __post_init__(self) -> None:
        self.conduct = Conduct(self.world, self.store)

    # -- what is committed --------------------------------------------------------------------------------

    def committed(self, replica: int, verb: str, arguments: tuple, result: object, left_at: float) -> None:
        if isinstance(result, StoreError):
            return
        if arguments and isinstance(arguments[0], Term):
            self.conduct.wrote(verb, arguments[0])
        if verb == "observe":
            self._forget_delivered(replica, {one.target for one in arguments[1]}, left_at)
            self._observed(arguments[1])
        elif verb == "intend":
            self._intended([one for one in arguments[1] if one.target in result.done])
            self.conduct.ended(result.lapsed)
        elif verb == "conclude":
            self._concluded(arguments[1], {one.command_id for one in result if one.late})
        elif verb == "take" and result is not None:
            self._taken_over(replica)
        elif verb == "place":
            self._begin_anew({mute.user_id for mute in result.mutes})

    def _begin_anew(self, users: Collection[str]) -> None:
        """What is wanted of these agents' microphones has changed just now."""
        for target in self.free_since:
            if target.user_id in users:
                self.free_since[target] = self.world.now

    def _taken_over(self, replica: int) -> None:
        """What was told to the keeper before, and not written, is lost; so is whatever came since."""
        self.unwritten = {}
        for judge in self.judges.values():
            judge.missed()

    def _observed(self, sightings: Sequence[Sighting]) -> None:
        for one in sightings:
            judge = self.judge(one.target)
            if one.observed is None:
                judge.missed()
            else:
                judge.told(one.observed)
                self.conduct.told(one.target, judge)
        for one in sightings:
            self._said(one.target)

    def _intended(self, decided: Sequence[Decided]) -> None:
        self._begin_anew({one.target.user_id for one in decided if one.decision.ended})
        for one in decided:
            judge, decision = self.judge(one.target), one.decision
            self.conduct.decided(one, judge)
            if decision.gave_up:
                judge.closed(decision.gave_up, self.world.now)
            if decision.command:
                self._made(one.target, decision.command)
            self._said(one.target)

    def _made(self, target: Target, command: Command) -> None:
        judge = self.judge(target)
        judge.made(command)
        if command.id in self.sent:
            raise Broken(6, f"a second intent {command.id}")
        self.sent[command.id] = Sent(command, target)
        if command.verb is Verb.READ:
            self._no_storm(target)
        if command.verb is Verb.OPEN:
            self._may_open(target, judge)
            self.conduct.opens(target, command, judge)

    def _no_storm(self, target: Target) -> None:
        now = self.world.now
        reads = self.reads[target] = [at for at in self.reads.get(target, ()) if at > now - 10] + [now]
        if len(reads) > STORM:
            raise Broken(0, f"{target.user_id} is read {len(reads)} times in 10 s")

    def _may_open(self, target: Target, judge: Judge) -> None:
        if judge.foreign:
            raise Broken(3, f"opens {target.user_id} on {judge.leg}, which somebody else closed")
        if judge.blind:
            raise Broken(3, f"opens {target.user_id} on {judge.leg} without having looked after a gap")
        known = self.store.contents.rows[target].memory.mutes
        if [mute for mute in self.standing(target) if mute.id in known]:
            raise Broken(2, f"opens {target.user_id} under a mute")

    def _concluded(self, closings: Iterable[Closing], late: set[str]) -> None:
        for one in closings:
            if one.outcome.command_id not in late:
                self.judge(one.target).closed(one.outcome, self.world.now)
                self._said(one.target)

    def _said(self, target: Target) -> None:
        """Muted is only said when observed, and never while something may have been missed."""
        row = self.store.contents.rows.get(target)
        if row is None:
            return  # swept
        judge = self.judge(target)
        judge.remembered(row.memory)
        if state(row.memory) is State.CONFIRMED and (judge.muted is not True or judge.leg != row.memory.leg):
            raise Broken(4, f"says that {target.user_id} is muted on {row.memory.leg}, nobody told")

    # -- what is told -------------------------------------------------------------------------------------

    def delivered(self, replica: int, call: CallShown) -> None:
        for shown in call.microphones:
            target = Target(self.org, call.conversation_id, shown.user_id)
            self.unwritten.setdefault((replica, target), []).append((self.world.now, shown))

    def missed(self, replica: int, users: Collection[str]) -> None:
        for target in self.judges:
            if target.user_id in users:
                self.unwritten.setdefault((replica, target), []).append((self.world.now, None))

    def _forget_delivered(self, replica: int, targets: Collection[Target], left_at: float) -> None:
        for target in targets:
            kept = [one for one in self.unwritten.pop((replica, target), ()) if one[0] > left_at]
            if kept:
                self.unwritten[replica, target] = kept

    # -- what is sent -------------------------------------------------------------------------------------

    def left(self, replica: int, errand: Errand) -> None:
        """A state change leaves a process."""
        command = errand.command
        issued = self.store.contents.commands.get(command.id)
        if issued is None:
            raise Broken(6, f"{command.verb} is sent without an intent")
        if issued.outcome is not None:
            raise Broken(5, f"{command.verb} is sent after it was closed as {issued.outcome.kind}")
        lease = self.store.contents.leases[self.org]
        if lease.epoch != self.epoch_of(replica) or lease.holder is None:
            raise Broken(6, f"replica {replica} sends {command.verb}, and is not the keeper any more")
        sent = self.sent[command.id]
        sent.left += 1
        if sent.left > 1:
            raise Broken(6, f"{command.verb} is sent twice")
        if command.verb is Verb.MUTE:
            self._has_an_end(sent)
        elif command.verb is Verb.OPEN:
            self._may_still_open(replica, sent.target)

    def _may_still_open(self, replica: int, target: Target) -> None:
        """What was told since the decision, and is not written down yet, counts as well."""
        judge = copy.deepcopy(self.judge(target))
        for at, shown in self.unwritten.get((replica, target), ()):
            if shown is None:
                raise Broken(3, f"opens {target.user_id} although something may have been missed")
            judge.told(_event(shown, at))
        if judge.foreign:
            raise Broken(3, f"opens {target.user_id}, which was just told to be closed by somebody else")

    def _has_an_end(self, sent: Sent) -> None:
        for mute_id in sent.command.mutes:
            mute = self.store.contents.mutes[mute_id][1]
            if mute.release_at > mute.placed_at + CAP_SECONDS:
                raise Broken(1, f"{mute_id} ends too late")
        if not sent.command.mutes:
            raise Broken(1, "a mute is sent for nobody")

    def arrived(self, errand: Errand | None, request: Request, _correlation: str, answer: Answer) -> None:
        """A request reached the platform."""
        if request.method in {"PATCH", "PUT"} and "/conversations/" in request.path and errand is None:
            raise Broken(6, f"{request.method} {request.path} has no intent")
        if errand is not None:
            sent = self.sent[errand.command.id]
            sent.arrived += 1
            sent.statuses.append(answer.status)

    # -- what is true -------------------------------------------------------------------------------------

    def look(self) -> None:
        """At what is true now, beside what is wanted."""
        self._read_ledger()
        now, calm_at = self.world.now, self.calm_at()
        for target, leg, muted in self._live():
            standing = self.standing(target)
            if self.legs.get(target) != leg:
                self.legs[target] = leg
                self.disturbed[target] = now
            if self.judge(target).leg == leg:
                self._found(target, leg)
            elif now - max(self.disturbed[target], calm_at) < UNTOLD:
                continue
            if standing:
                self.free_since.pop(target, None)
                self._silent(target, standing, muted=muted, since=calm_at)
            else:
                since = max(self.free_since.setdefault(target, now), self.disturbed[target])
                if muted and self.closers.get(leg) == "us":
                    self._late(target, since, calm_at)
        self._ends(now, calm_at)

    def _found(self, target: Target, leg: str) -> None:
        """Nothing can be done on a leg before it was told of, so patience with it begins then."""
        if self.found.get(target) != leg:
            self.found[target] = leg
            self.disturbed[target] = self.world.now

    def _late(self, target: Target, since: float, calm_at: float) -> None:
        """A microphone that should be open: in trouble everybody can see that, without it must not be."""
        now, row = self.world.now, self.store.contents.rows.get(target)
        if row is not None and row.memory.phase is Phase.LEFT_CLOSED:
            self.left_closed[target] = now
        since = max(since, self.left_closed.get(target, since))  # news has made it safe since then
        if now - max(since, calm_at) > GRACE:
            self._stuck(target, now - since)
        elif now - max(since, self.served_since()) > ALERTED:
            self._hidden(target, now - since)

    def _hidden(self, target: Target, seconds: float) -> None:
        row = self.store.contents.rows.get(target)
        memory = row.memory if row else BLANK
        alerted = memory.phase is Phase.OPENING and memory.alerted
        if alerted or memory.phase in {Phase.SETTLING, Phase.LEFT_CLOSED} or self.judge(target).foreign:
            return
        raise Broken(
            2, f"{target.user_id} is muted {seconds:.1f} s after the end, and {memory.phase} says so"
        )

    def _stuck(self, target: Target, seconds: float) -> None:
        row = self.store.contents.rows.get(target)
        judge = self.judge(target)
        phase = row.memory.phase if row else None
        if phase is not Phase.LEFT_CLOSED and not judge.foreign:
            raise Broken(2, f"{target.user_id} is muted by us {seconds:.1f} s after the end, phase {phase}")

    def _silent(self, target: Target, standing: Sequence[Mute], *, muted: bool, since: float) -> None:
        """Not an invariant of the design, but what a mute is for."""
        since = max(since + PATIENCE, self.disturbed[target], *(mute.placed_at for mute in standing))
        row = self.store.contents.rows.get(target)
        phase = row.memory.phase if row else None
        if not muted and self.world.now - since > GRACE and phase is not Phase.CONTESTED:
            raise Broken(0, f"{target.user_id} is heard under a mute, phase {phase}")

    def _ends(self, now: float, calm_at: float) -> None:
        for _, mute in self.store.contents.standing.values():
            since = max(due(mute), calm_at)
            if now - since > GRACE:
                raise Broken(2, f"{mute.id} still stands {now - since:.1f} s after its end")

    def _live(self) -> Iterable[tuple[Target, str, bool]]:
        """The newest live leg of each agent in each call."""
        for call in self.world.calls.live.values():
            newest = {leg.user_id: leg for leg in call.participants if leg.user_id and leg.connected}
            for user_id, leg in newest.items():
                yield Target(self.org, call.id, user_id), leg.id, leg.muted

    def _read_ledger(self) -> None:
        for entry in self.world.ledger.after(self.seq):
            if isinstance(entry, ChangeEntry):
                self._changed(entry)
        self.seq = self.world.ledger.last_seq

    def _changed(self, entry: ChangeEntry) -> None:
        target = Target(self.org, entry.conversation, entry.user or "")
        if entry.field in {"muted", "state", "held"}:
            self.disturbed[target] = entry.at
        if entry.field != "muted" or entry.participant is None:
            return
        if entry.cause == "request":
            self.closers[entry.participant] = "us"
            if entry.to is True:
                self.disturbed.setdefault(target, entry.at)
        elif entry.from_ is None:
            self.closers[entry.participant] = self.closers.get(self.legs.get(target, ""), "agent")
        else:
            self.closers[entry.participant] = "agent"

    # -- in the end ---------------------------------------------------------------------------------------

    def closing(self) -> None:
        """After a calm time: every intent has its closing word, and the platform's ledger agrees."""
        for one in self.store.contents.commands.values():
            sent = self.sent[one.command.id]
            if one.outcome is None:
                raise Broken(6, f"{one.command.verb} has no outcome")
            if one.command.verb in _CHANGES:
                _agrees(sent, one.outcome.kind)
        account.told(self.store.contents)
        account.verified(self.store.contents, self.org, now=self.world.now)

    def judge(self, target: Target) -> Judge:
        judge = self.judges.get(target)
        if judge is None:
            judge = self.judges[target] = Judge()
        return judge

    def standing(self, target: Target) -> list[Mute]:
        return [
            mute
            for _, mute in self.store.contents.standing.values()
            if mute.user_id == target.user_id and mute.conversation_id in {None, target.conversation_id}
        ]


def _agrees(sent: Sent, kind: Kind) -> None:
    """Only `unknown` may match zero or one request."""
    wanted = {Kind.ACCEPTED: {1}, Kind.REFUSED: {1}, Kind.NOT_SENT: {0}, Kind.UNKNOWN: {0, 1}}
    if sent.arrived not in wanted[kind]:
        raise Broken(6, f"{sent.command.verb} is closed as {kind} and arrived {sent.arrived} times")
    if kind is Kind.ACCEPTED and sent.statuses != [202]:
        raise Broken(6, f"{sent.command.verb} is closed as accepted, the platform said {sent.statuses}")


def _event(shown: Shown, at: float) -> Observed:
    return Observed(
        leg=shown.leg, state=shown.state, muted=shown.muted, held=shown.held, at=at, way=Way.EVENT
    )
