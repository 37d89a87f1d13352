"""One simulated microphone and a shell as small as can be around the core: no sockets, time is a number."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec

from micgate.control.command import Command, Kind, Lane, Outcome, Verb
from micgate.control.conclude import conclude
from micgate.control.decide import decide
from micgate.control.fact import Fact
from micgate.control.microphone import LegState, Memory, Observed, Way, decode, encode
from micgate.control.mute import Mute, Owner
from micgate.control.observe import lose_sight, observe
from micgate.control.pace import Pace

EVENT_AFTER = 0.05
ANSWER_AFTER = 0.02


class Fate(NamedTuple):
    """What becomes of one request: applied after so long (None: never), answered so, after so long."""

    applied_after: float | None = 0.1
    kind: Kind | None = Kind.ACCEPTED
    answered_after: float = ANSWER_AFTER
    again_after: float | None = None


ACCEPTED = Fate()
FORGOTTEN = Fate(None)
REFUSED = Fate(None, Kind.REFUSED)
LIMITED = Fate(None, Kind.REFUSED, ANSWER_AFTER, 1.0)
NOT_SENT = Fate(None, Kind.NOT_SENT)
CUT_AFTER = Fate(0.1, Kind.UNKNOWN)
CUT_BEFORE = Fate(None, Kind.UNKNOWN)
SLOW = Fate(4.0, Kind.UNKNOWN, 1.0)
HANGS = Fate(2.0, None)
FATES = (ACCEPTED, FORGOTTEN, REFUSED, LIMITED, NOT_SENT, CUT_AFTER, CUT_BEFORE, SLOW, HANGS)


@dataclass(slots=True)
class Truth:
    """What the platform knows. `closer` is who muted last: us or agent."""

    leg: str = "leg-1"
    state: LegState = LegState.LIVE
    muted: bool = False
    held: bool = False
    closer: str = ""


@dataclass(slots=True)
class Episode:
    """Runs the core against the platform. Everything that is to happen later is in `agenda`."""

    now: float = 1000.0
    pace: Pace = field(default_factory=Pace)
    memory: Memory = field(default_factory=Memory)
    truth: Truth = field(default_factory=Truth)
    mutes: dict[str, Mute] = field(default_factory=dict)
    facts: list[Fact] = field(default_factory=list)
    commands: list[Command] = field(default_factory=list)
    fates: list[Fate] = field(default_factory=list)
    default: Fate = ACCEPTED
    lose_events: bool = False
    event_after: float = EVENT_AFTER
    delivered: list[Observed] = field(default_factory=list)
    unanswered: dict[str, Command] = field(default_factory=dict)
    agenda: list[tuple[float, int, Callable[[], None]]] = field(default_factory=list)
    wake_at: float | None = None
    ids: int = 0
    watch: Callable[[Command], None] = lambda _command: None
    closed: Callable[[str, Kind], None] = lambda _command_id, _kind: None
    told: Callable[[Observed], None] = lambda _seen: None

    # -- what people do -----------------------------------------------------------------------------------

    def place(self, *, seconds: float = 120.0, agent: bool = False, **about: object) -> Mute:
        mute = Mute(
            id=self.new_id(),
            user_id="ada",
            owner=Owner("person", "grace"),
            placed_at=self.now,
            release_at=self.now + seconds,
            conversation_id=None if agent else "call",
            **about,
        )
        self.mutes[mute.id] = mute
        self.decide()
        return mute

    def release(self, mute: Mute | str) -> None:
        mute_id = mute if isinstance(mute, str) else mute.id
        if self.mutes[mute_id].stands:
            self.change(mute_id, ended_at=self.now, end="released")
        self.decide()

    def change(self, mute_id: str, **changes: object) -> None:
        self.mutes[mute_id] = msgspec.structs.replace(self.mutes[mute_id], **changes)

    def press(self, *, muted: bool) -> None:
        if self.truth.state is LegState.LIVE and self.truth.muted is not muted:
            self._set(muted, "agent")

    def hold(self, *, held: bool, drops_mute: bool = False) -> None:
        self.truth.held = held
        if drops_mute:
            self.truth.muted = False
        self.publish()

    def leave(self) -> None:
        self.truth.state = LegState.OVER
        self.publish()

    def ring(self) -> None:
        self.truth.leg = f"leg-{self.new_id()}"
        self.truth.state = LegState.WAITING
        self.publish()

    def join(self, *, muted: bool = False) -> None:
        """On a new leg; `muted` when the platform carries the mute over."""
        if self.truth.state is not LegState.WAITING:
            self.truth.leg = f"leg-{self.new_id()}"
        self.truth.state = LegState.LIVE
        self.truth.muted = muted and self.truth.muted
        self.truth.held = False
        self.publish()

    # -- what the platform does ---------------------------------------------------------------------------

    def publish(self) -> None:
        if not self.lose_events:
            seen = self.sight(Way.EVENT)
            self.later(self.event_after, lambda: self.deliver(seen))

    def sight(self, way: Way) -> Observed:
        truth = self.truth
        return Observed(
            leg=truth.leg,
            state=truth.state,
            muted=truth.muted,
            held=truth.held,
            at=self.now,
            way=way,
            asked_at=self.now if way is Way.READ else None,
        )

    def deliver(self, seen: Observed) -> None:
        seen = msgspec.structs.replace(seen, at=self.now)
        self._take(seen)
        self.decide()

    def gap(self) -> None:
        self.memory = lose_sight(self.memory)
        self.decide()

    def _set(self, muted: bool, by: str) -> None:
        self.truth.muted = muted
        self.truth.closer = by if muted else ""
        self.publish()

    def _apply(self, command: Command) -> None:
        truth = self.truth
        muted = command.verb is Verb.MUTE
        if command.leg == truth.leg and truth.state is LegState.LIVE and truth.muted is not muted:
            self._set(muted, "us")

    # -- the shell ----------------------------------------------------------------------------------------

    def decide(self) -> None:
        decision = decide(self.memory, tuple(self.mutes.values()), self.pace, self.now, self.new_id)
        self.memory = decode(encode(decision.memory))
        self.wake_at = decision.wake_at
        self.facts.extend(decision.facts)
        for ended in decision.ended:
            assert self.mutes[ended.mute_id].stands
            self.change(ended.mute_id, ended_at=ended.at, end=ended.end)
        if decision.gave_up:
            del self.unanswered[decision.gave_up.command_id]
            self.closed(decision.gave_up.command_id, decision.gave_up.kind)
        assert self.wake_at is None or self.wake_at > self.now
        if decision.command:
            self.send(decision.command)

    def send(self, command: Command) -> None:
        assert not self.unanswered, "a second command while one is pending"
        self.commands.append(command)
        self.unanswered[command.id] = command
        self.watch(command)
        fate = self.fates.pop(0) if self.fates else self.default
        gone = command.leg != self.truth.leg or self.truth.state is not LegState.LIVE
        if gone and command.verb is not Verb.READ and fate.kind is Kind.ACCEPTED:
            fate = REFUSED
        if command.verb is Verb.READ:
            self.later(fate.answered_after, lambda: self._answer_read(command, fate))
            return
        if fate.applied_after is not None:
            self.later(fate.applied_after, lambda: self._apply(command))
        if fate.kind is not None:
            self.later(fate.answered_after, lambda: self._answer(command, fate))

    def _answer_read(self, command: Command, fate: Fate) -> None:
        if fate.kind is None:
            return
        if fate.kind is Kind.ACCEPTED:
            seen = msgspec.structs.replace(self.sight(Way.READ), asked_at=command.made_at)
            self._take(seen)
        self._answer(command, fate)

    def _take(self, seen: Observed) -> None:
        self.told(seen)
        self.delivered.append(seen)
        self.memory, facts = observe(self.memory, seen, self.now, pace=self.pace)
        self.facts.extend(facts)

    def _answer(self, command: Command, fate: Fate) -> None:
        self.unanswered.pop(command.id, None)
        again_at = None if fate.again_after is None else self.now + fate.again_after
        outcome = Outcome(
            command_id=command.id, kind=fate.kind or Kind.UNKNOWN, at=self.now, again_at=again_at
        )
        self.closed(command.id, outcome.kind)
        self.memory = conclude(self.memory, outcome, self.now, pace=self.pace)
        self.decide()

    # -- time ---------------------------------------------------------------------------------------------

    def new_id(self) -> str:
        self.ids += 1
        return str(self.ids)

    def later(self, seconds: float, action: Callable[[], None]) -> None:
        self.agenda.append((self.now + seconds, int(self.new_id()), action))
        self.agenda.sort(key=lambda entry: entry[:2])

    def run(self, seconds: float) -> "Episode":
        until = self.now + seconds
        while True:
            event = self.agenda[0][0] if self.agenda else until + 1
            wake = until + 1 if self.wake_at is None else max(self.wake_at, self.now)
            if min(event, wake) > until:
                break
            self.now = min(event, wake)
            if event <= wake:
                self.agenda.pop(0)[2]()
            else:
                self.decide()
        self.now = until
        return self

    # -- what tests ask -----------------------------------------------------------------------------------

    def verbs(self) -> list[Verb]:
        return [command.verb for command in self.commands]

    def said(self, kind: type[Fact]) -> list[Fact]:
        return [each for each in self.facts if isinstance(each, kind)]

    def reasserted(self) -> int:
        return sum(command.lane is Lane.REASSERT for command in self.commands)

    def end_of(self, mute: Mute) -> str | None:
        return self.mutes[mute.id].end


def seen_open(**about: object) -> Episode:
    """The mirror knows the live call, and that the microphone is open."""
    episode = Episode(**about)
    episode.publish()
    return episode.run(1)
