"""The recording is resumed only by whoever paused it."""

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from micgate.control.command import Command, Kind, Lane, Outcome, Verb
from micgate.control.fact import RecordingLeft, RecordingPaused, RecordingResumed, Refused
from micgate.control.microphone import Way
from micgate.control.pace import PACE
from micgate.control.recording import (
    PausedBy,
    Recorded,
    Recording,
    RecordingPhase,
    RecordingState,
    conclude,
    decide,
    lose_sight,
    observe,
)

PAUSE, RESUME, READ = Verb.PAUSE, Verb.RESUME, Verb.READ


@dataclass(slots=True)
class Owner:
    """Whose the pause is, as far as anything delivered shows. Knows what was sent and told, and no more."""

    paused: bool | None = None
    others: bool = False
    ours: dict[str, float] = field(default_factory=dict)
    accepted: set[str] = field(default_factory=set)
    landed: set[str] = field(default_factory=set)

    def sent(self, command: Command) -> None:
        """A resume of what others paused is the one thing that must never be sent."""
        assert not (command.verb is RESUME and self.others)
        if command.verb is PAUSE:
            self.ours[command.id] = float("inf")

    def closed(self, command: Command, kind: Kind, now: float) -> None:
        if kind in {Kind.REFUSED, Kind.NOT_SENT} or (kind is Kind.ACCEPTED and command.id in self.landed):
            self.ours.pop(command.id, None)
        elif command.id in self.ours:
            self.ours[command.id] = now + PACE.doubt
            self.accepted |= {command.id} if kind is Kind.ACCEPTED else set()

    def told(self, state: RecordingState, now: float) -> None:
        if state is RecordingState.PAUSED and self.paused is not True:
            self.others = not any(until > now for until in self.ours.values())
        elif state is RecordingState.ACTIVE:
            self.others = False
        self.paused = state is RecordingState.PAUSED
        if self.paused:
            self.landed |= {one for one, until in self.ours.items() if until == float("inf")}
            self.ours = {one: until for one, until in self.ours.items() if one not in self.accepted}


@dataclass(slots=True)
class Call:
    """A call whose recording can be paused by us and by others."""

    now: float = 1000.0
    state: RecordingState = RecordingState.ACTIVE
    recording: Recording = field(default_factory=Recording)
    owners: tuple[str, ...] = ()
    facts: list = field(default_factory=list)
    commands: list[Command] = field(default_factory=list)
    fates: list[tuple[Kind, bool]] = field(default_factory=list)
    lose_events: bool = False
    agenda: list[tuple[float, int, Callable[[], None]]] = field(default_factory=list)
    wake_at: float | None = None
    ids: int = 0
    owner: Owner = field(default_factory=Owner)

    def want(self, *owners: str) -> "Call":
        self.owners = owners
        self.decide()
        return self

    def press(self, state: RecordingState) -> None:
        if self.state is not state:
            self.state = state
            self.publish()

    def publish(self) -> None:
        if not self.lose_events:
            self.later(0.05, lambda state=self.state: self.deliver(state))

    def deliver(self, state: RecordingState, way: Way = Way.EVENT) -> None:
        self.owner.told(state, self.now)
        self.recording = observe(self.recording, Recorded(state=state, at=self.now, way=way))
        self.decide()

    def decide(self) -> None:
        decision = decide(self.recording, self.owners, PACE, self.now, self.new_id)
        self.recording, self.wake_at = decision.recording, decision.wake_at
        self.facts.extend(decision.facts)
        assert self.wake_at is None or self.wake_at > self.now
        if decision.command:
            self.send(decision.command)

    def send(self, command: Command) -> None:
        self.owner.sent(command)
        self.commands.append(command)
        kind, applied = self.fates.pop(0) if self.fates else (Kind.ACCEPTED, True)
        if command.verb is READ:
            self.later(0.02, lambda: self.answer(command, kind, read=True))
            return
        if applied:
            self.later(0.1, lambda: self.press(TO[command.verb]))
        self.later(0.02, lambda: self.answer(command, kind))

    def answer(self, command: Command, kind: Kind, *, read: bool = False) -> None:
        if read and kind is Kind.ACCEPTED:
            self.owner.told(self.state, self.now)
            self.recording = observe(self.recording, Recorded(state=self.state, at=self.now, way=Way.READ))
        self.owner.closed(command, kind, self.now)
        outcome = Outcome(command_id=command.id, kind=kind, at=self.now)
        self.recording = conclude(self.recording, outcome, self.now)
        self.decide()

    def later(self, seconds: float, action: Callable[[], None]) -> None:
        self.agenda.append((self.now + seconds, int(self.new_id()), action))
        self.agenda.sort(key=lambda entry: entry[:2])

    def new_id(self) -> str:
        self.ids += 1
        return str(self.ids)

    def run(self, seconds: float) -> "Call":
        until = self.now + seconds
        while True:
            event = self.agenda[0][0] if self.agenda else until + 1
            wake = until + 1 if self.wake_at is None else self.wake_at
            if min(event, wake) > until:
                break
            self.now = min(event, wake)
            if event <= wake:
                self.agenda.pop(0)[2]()
            else:
                self.decide()
        self.now = until
        return self

    def verbs(self) -> list[Verb]:
        return [command.verb for command in self.commands]

    def said(self, kind: type) -> list:
        return [each for each in self.facts if isinstance(each, kind)]


TO = {PAUSE: RecordingState.PAUSED, RESUME: RecordingState.ACTIVE}


def recorded(state=RecordingState.ACTIVE) -> Call:
    call = Call(state=state)
    call.publish()
    return call.run(1)


def paused() -> Call:
    call = recorded().want("m").run(1)
    assert call.recording.phase is RecordingPhase.PAUSED
    return call


def test_it_is_paused_and_resumed_with_one_request_each():
    call = paused()
    assert call.state is RecordingState.PAUSED
    call.want().run(1)
    assert call.state is RecordingState.ACTIVE
    assert call.verbs() == [PAUSE, RESUME]
    assert [call.said(RecordingPaused)[0].ours, call.said(RecordingResumed)[0].ours] == [True, True]
    assert call.recording.phase is RecordingPhase.IDLE


def test_owners_are_counted_and_the_last_one_resumes():
    call = paused()
    call.want("m", "n").run(3)
    call.want("n").run(5)
    assert call.state is RecordingState.PAUSED
    call.want().run(1)
    assert call.state is RecordingState.ACTIVE


def test_what_others_paused_before_is_not_resumed():
    call = recorded(RecordingState.PAUSED).want("m").run(5)
    assert call.verbs()[0] is PAUSE
    assert call.said(RecordingPaused)[0].ours is False
    call.want().run(60)
    assert call.state is RecordingState.PAUSED
    assert RESUME not in call.verbs()
    assert call.said(RecordingLeft)


def test_nor_what_was_paused_when_nobody_could_see():
    call = Call(state=RecordingState.PAUSED)
    call.fates = [(Kind.NOT_SENT, False)]
    call.want("m").run(10)
    call.want().run(60)
    assert RESUME not in call.verbs()


def test_an_unknown_state_is_read_first():
    call = Call().want("m").run(1)
    assert call.verbs() == [READ, PAUSE]
    call.want().run(1)
    assert call.state is RecordingState.ACTIVE


def test_somebody_who_resumes_it_is_told_on_and_not_fought():
    call = paused()
    call.press(RecordingState.ACTIVE)
    call.run(60)
    (said,) = call.said(RecordingResumed)
    assert (said.ours, said.alert) == (False, True)
    assert call.verbs().count(PAUSE) == 1
    call.want().run(60)
    assert RESUME not in call.verbs()
    assert call.recording.phase is RecordingPhase.IDLE


def test_what_somebody_else_paused_again_stays_paused():
    call = paused()
    call.press(RecordingState.ACTIVE)
    call.run(20)
    call.press(RecordingState.PAUSED)
    call.run(5)
    call.want().run(60)
    assert call.state is RecordingState.PAUSED
    assert RESUME not in call.verbs()


def test_a_lost_event_is_made_up_for_by_a_read():
    call = recorded()
    call.lose_events = True
    call.want("m").run(3)
    assert call.verbs() == [PAUSE, READ]
    call.want().run(5)
    assert call.state is RecordingState.ACTIVE
    assert call.recording.phase is RecordingPhase.IDLE


def test_a_pause_that_did_not_come_through_is_sent_again():
    call = recorded()
    call.fates = [(Kind.ACCEPTED, False)]
    call.want("m").run(5)
    assert call.verbs() == [PAUSE, READ, PAUSE]
    assert call.state is RecordingState.PAUSED


@pytest.mark.parametrize("kind", [Kind.REFUSED, Kind.NOT_SENT])
def test_a_resume_that_was_turned_away_is_tried_for_ever(kind):
    call = paused()
    call.fates = [(kind, False)] * 6
    call.want().run(200)
    assert call.state is RecordingState.ACTIVE
    assert len(call.said(Refused)) == (1 if kind is Kind.REFUSED else 0)


def test_a_pause_in_doubt_is_watched_until_it_cannot_come_any_more():
    call = recorded()
    call.fates = [(Kind.UNKNOWN, False)]
    call.want("m").run(0.5)
    call.want().run(1)
    assert call.recording.phase is RecordingPhase.RESUMING
    call.run(20)
    assert call.recording.phase is RecordingPhase.IDLE


def test_a_call_that_is_not_recorded_is_left_alone():
    call = recorded(RecordingState.NONE).want("m").run(60)
    assert call.commands == []


def test_a_call_that_is_over_needs_nothing():
    call = paused()
    call.press(RecordingState.OVER)
    call.run(1)
    call.want().run(60)
    assert call.verbs() == [PAUSE]
    assert call.recording.phase is RecordingPhase.IDLE


def test_a_gap_is_settled_by_a_read_before_it_is_resumed():
    call = paused()
    call.recording = lose_sight(call.recording)
    call.want().run(1)
    assert call.verbs() == [PAUSE, READ, RESUME]


def test_a_resume_goes_in_the_lane_of_releases():
    call = paused().want()
    assert call.commands[-1].lane is Lane.RELEASE


def test_an_unanswered_command_is_given_up_and_never_doubled():
    call = paused()
    call.fates = [(Kind.ACCEPTED, True)]
    call.want()
    pending = call.recording.pending
    second = decide(call.recording, (), PACE, call.now + 1, lambda: "x")
    assert second.command is None
    late = decide(call.recording, (), PACE, pending.deadline, lambda: "x")
    assert late.gave_up.kind is Kind.UNKNOWN


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("want"), st.sampled_from([(), ("m",), ("m", "n")])),
        st.tuples(st.just("press"), st.sampled_from([RecordingState.ACTIVE, RecordingState.PAUSED])),
        st.tuples(st.just("run"), st.sampled_from([0.03, 0.3, 3.0, 20.0])),
        st.tuples(
            st.just("fate"),
            st.sampled_from(
                [
                    (kind, applied)
                    for kind in Kind
                    for applied in (True, False)
                    if not (applied and kind in {Kind.REFUSED, Kind.NOT_SENT})
                ]
            ),
        ),
        st.tuples(st.just("lose"), st.booleans()),
        st.tuples(st.just("gap"), st.none()),
    ),
    max_size=25,
)


@given(steps=STEPS, began=st.sampled_from([RecordingState.ACTIVE, RecordingState.PAUSED]))
@settings(max_examples=200, deadline=None)
def test_whatever_happens_nothing_of_ours_stays_paused_and_the_rest_is_left(steps, began):
    call = recorded(began)
    for what, about in steps:
        if what == "want":
            call.want(*about)
        elif what == "press":
            call.press(about)
        elif what == "run":
            call.run(about)
        elif what == "fate":
            call.fates.append(about)
        elif what == "lose":
            call.lose_events = about
        else:
            call.recording = lose_sight(call.recording)
            call.decide()
    call.fates, call.lose_events = [], False
    call.run(20).want().run(120)
    assert call.recording.phase is RecordingPhase.IDLE
    assert call.recording.pending is None
    assert call.recording.paused_by is not PausedBy.US
