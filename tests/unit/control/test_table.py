"""The table of phases has no hole, and the core can be asked in every situation."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from micgate.control.command import Command, Doubt, Kind, Lane, Refusal, Verb
from micgate.control.decide import decide
from micgate.control.microphone import LegState, Memory, Observed, Phase, State, Way, state, state_of
from micgate.control.mute import Mute, Owner
from micgate.control.pace import Pace
from micgate.control.policy import Baseline, ClosedBy, OnOverride, OpenPolicy
from micgate.control.table import AFTER, MOVES, Act, Desired, Seen, Unlisted, Verdict, after, situations, step

NOW = 1000.0
SEEN_MUTED = Observed(leg="leg", state=LegState.LIVE, at=NOW, way=Way.EVENT, muted=True)


def test_every_situation_is_in_the_table_once():
    assert set(MOVES) == set(situations())


def test_a_situation_that_is_not_listed_raises():
    with pytest.raises(Unlisted):
        step("elsewhere", Seen.OPEN, Desired.SILENT, pending=False)
    with pytest.raises(Unlisted):
        after(Act.REST, Verdict.DONE)


def test_nothing_is_sent_while_a_command_is_pending():
    assert {move.act for (_, _, _, pending), move in MOVES.items() if pending} == {
        Act.WAIT,
        Act.CONFIRM,
        Act.REST,
        Act.FINISH,
    }


def test_silence_is_confirmed_only_when_it_is_seen():
    confirmed = {(seen, phase) for (phase, seen, _, _), move in MOVES.items() if move.act is Act.CONFIRM}
    assert {seen for seen, _ in confirmed} == {Seen.MUTED}
    entered = {seen for (phase, seen, _, _), move in MOVES.items() if move.to is Phase.CONFIRMED is not phase}
    assert entered == {Seen.MUTED}


def test_an_override_and_the_end_of_a_call_are_concluded_only_from_a_read():
    assert {seen for (_, seen, _, _), move in MOVES.items() if move.act is Act.OVERRIDE} == {Seen.OPEN}
    assert {seen for (_, seen, _, _), move in MOVES.items() if move.act is Act.LEAVE} == {Seen.GONE}


def test_nothing_to_open_is_concluded_only_from_a_read():
    settled = {(phase, seen) for (phase, seen, _, _), move in MOVES.items() if move.act is Act.SETTLE}
    assert {seen for phase, seen in settled if phase is not Phase.SETTLING} == {Seen.OPEN}


def test_every_phase_can_be_reached_and_left():
    ways = {(phase, move.to) for (phase, *_), move in MOVES.items()}
    ways |= {
        (phase, to)
        for (phase, *_), move in MOVES.items()
        for (act, _), to in AFTER.items()
        if act is move.act
    }
    for phase in Phase:
        assert any(to is phase is not here for here, to in ways), phase
        assert any(here is phase is not to for here, to in ways), phase


@pytest.mark.parametrize(
    ("phase", "says"),
    [
        (Phase.IDLE, None),
        (Phase.APPLYING, State.PENDING),
        (Phase.CONFIRMED, State.CONFIRMED),
        (Phase.UNCONFIRMED, State.UNCONFIRMED),
        (Phase.CONTESTED, State.CONTESTED),
        (Phase.OPENING, State.RELEASING),
        (Phase.SETTLING, State.RELEASING),
        (Phase.LEFT_CLOSED, State.LEFT_CLOSED),
    ],
)
def test_what_the_world_is_told_follows_from_the_phase(phase, says):
    assert state(Memory(phase=phase, seen=SEEN_MUTED)) is says


@pytest.mark.parametrize(
    "about",
    [
        {"stale": True},
        {"seen": None},
        {"seen": msgspec.structs.replace(SEEN_MUTED, muted=False)},
        {"seen": msgspec.structs.replace(SEEN_MUTED, muted=None)},
        {"seen": msgspec.structs.replace(SEEN_MUTED, state=LegState.UNKNOWN)},
    ],
)
def test_confirmed_is_said_only_while_the_last_thing_seen_is_muted(about):
    assert state(Memory(**{"phase": Phase.CONFIRMED, "seen": SEEN_MUTED} | about)) is State.UNCONFIRMED


def test_of_several_microphones_the_worst_is_said():
    confirmed, contested = (
        Memory(phase=phase, seen=SEEN_MUTED, met=("m",)) for phase in (Phase.CONFIRMED, Phase.CONTESTED)
    )
    assert state_of("m", ()) is State.PENDING
    assert state_of("m", (confirmed, confirmed)) is State.CONFIRMED
    assert state_of("m", (confirmed, contested)) is State.CONTESTED


LEGS = st.sampled_from(["a", "b"])
TIMES = st.sampled_from([NOW - 100, NOW - 20, NOW - 1, NOW])
MAYBE = st.sampled_from([None, True, False])
OBSERVED = st.builds(
    Observed,
    leg=LEGS,
    state=st.sampled_from(LegState),
    muted=MAYBE,
    held=MAYBE,
    at=TIMES,
    way=st.sampled_from(Way),
    asked_at=st.none() | TIMES,
)
COMMANDS = st.builds(
    Command,
    id=st.sampled_from(["c1", "c2"]),
    verb=st.sampled_from([Verb.MUTE, Verb.OPEN, Verb.READ]),
    lane=st.sampled_from(Lane),
    leg=LEGS,
    made_at=TIMES,
    deadline=st.sampled_from([NOW - 1, NOW + 10]),
    mutes=st.sampled_from([(), ("m1",)]),
    before=MAYBE,
)
DOUBTS = st.builds(
    Doubt,
    command_id=st.just("c0"),
    sets=st.booleans(),
    until=st.sampled_from([NOW - 1, NOW + 5]),
    sure=st.booleans(),
)
MEMORIES = st.builds(
    Memory,
    leg=st.none() | LEGS,
    seen=st.none() | OBSERVED,
    known=MAYBE,
    stale=st.booleans(),
    proven=st.booleans(),
    fresh=st.booleans(),
    read_at=st.none() | TIMES,
    phase=st.sampled_from(Phase),
    baseline=st.sampled_from(Baseline),
    closed_by=st.sampled_from(ClosedBy),
    pending=st.none() | COMMANDS,
    sent=st.none() | COMMANDS.filter(lambda command: command.verb is not Verb.READ),
    doubts=st.lists(DOUBTS, max_size=2).map(tuple),
    met=st.sampled_from([(), ("m1",), ("m1", "m2")]),
    mutes=st.sampled_from([(), ("m1",), ("m1", "m2")]),
    open_policy=st.sampled_from(OpenPolicy),
    tries=st.integers(0, 6),
    looks=st.integers(0, 4),
    looked_at=TIMES,
    made_at=TIMES,
    outcome=st.none() | st.sampled_from(Kind),
    not_before=st.sampled_from([0.0, NOW + 3]),
    refusal=st.none() | st.builds(Refusal, at=TIMES, mutes=st.just(("m1",))),
    wished_at=TIMES,
    due=st.none() | TIMES,
    begun_at=st.none() | TIMES,
    settle_until=st.none() | TIMES,
    overrides=st.lists(TIMES, max_size=4).map(tuple),
    reasserting=st.booleans(),
    alerted=st.booleans(),
)
MUTES = st.lists(
    st.builds(
        Mute,
        id=st.sampled_from(["m1", "m2", "m3"]),
        user_id=st.just("ada"),
        owner=st.just(Owner("key", "k")),
        placed_at=st.just(NOW - 120),
        release_at=st.sampled_from([NOW - 1, NOW + 60]),
        conversation_id=st.sampled_from([None, "call"]),
        on_override=st.sampled_from(OnOverride),
        open_policy=st.sampled_from(OpenPolicy),
        renew_by=st.sampled_from([None, NOW - 61, NOW]),
        ended_at=st.sampled_from([None, None, NOW - 2]),
    ),
    max_size=3,
    unique_by=lambda mute: mute.id,
).map(tuple)


@given(memory=MEMORIES, mutes=MUTES)
@settings(max_examples=400, deadline=None)
def test_the_core_answers_in_every_situation_and_never_sends_a_second_command(memory, mutes):
    decision = decide(memory, mutes, Pace(), NOW, lambda: "new")
    assert decision.wake_at is None or decision.wake_at > NOW
    held_up = memory.pending is not None and memory.pending.deadline > NOW
    assert not (held_up and decision.command)
    assert (decision.command is None) or decision.memory.pending == decision.command
    if decision.memory.phase is Phase.CONFIRMED is not memory.phase:
        assert memory.seen.muted is True
    if decision.command and decision.command.verb is Verb.OPEN:
        assert not memory.stale


@given(memory=MEMORIES, mutes=MUTES)
@settings(max_examples=100, deadline=None)
def test_deciding_again_at_once_changes_nothing(memory, mutes):
    first = decide(memory, mutes, Pace(), NOW, lambda: "new")
    ended = {one.mute_id: one for one in first.ended}
    left = tuple(
        msgspec.structs.replace(mute, ended_at=ended[mute.id].at) if mute.id in ended else mute
        for mute in mutes
    )
    second = decide(first.memory, left, Pace(), NOW, lambda: "newer")
    assert second.command is None
    assert second.ended == ()
    assert second.memory.phase is first.memory.phase
