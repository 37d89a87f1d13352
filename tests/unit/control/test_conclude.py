"""What an outcome leaves behind."""

import msgspec
import pytest

from micgate.control.command import Command, Kind, Lane, Outcome, Verb
from micgate.control.conclude import conclude
from micgate.control.microphone import LegState, Memory, Observed, Way
from micgate.control.table import Seen, seen_in

NOW = 1000.0


def mute(**about):
    return Command(
        id="c",
        verb=Verb.MUTE,
        lane=Lane.MUTE,
        leg="a",
        made_at=NOW - 1,
        deadline=NOW + 10,
        mutes=("m",),
        **about,
    )


def waiting(command=None):
    command = command or mute()
    seen = Observed(leg="a", state=LegState.LIVE, muted=False, held=False, at=NOW - 5, way=Way.EVENT)
    return Memory(
        leg="a", seen=seen, known=False, pending=command, sent=command, fresh=False, met=("m",), tries=1
    )


def outcome(kind, **about):
    return Outcome(command_id="c", kind=kind, at=NOW, **about)


def test_an_accepted_command_is_awaited_and_confirms_nothing():
    memory = conclude(waiting(), outcome(Kind.ACCEPTED), NOW)
    assert seen_in(memory) is Seen.MUTE_SENT
    assert memory.pending is None
    assert memory.doubts[0].sure


def test_an_unknown_outcome_stays_in_doubt_for_15_seconds():
    (doubt,) = conclude(waiting(), outcome(Kind.UNKNOWN), NOW).doubts
    assert (doubt.sets, doubt.until, doubt.sure) == (True, NOW + 15, False)


def test_an_accepted_command_already_seen_explains_no_second_change():
    assert conclude(waiting(mute(landed=True)), outcome(Kind.ACCEPTED), NOW).doubts[0].landed


def test_an_unknown_one_still_may():
    assert not conclude(waiting(mute(landed=True)), outcome(Kind.UNKNOWN), NOW).doubts[0].landed


def test_what_news_held_back_does_not_count_as_tried():
    memory = conclude(waiting(), outcome(Kind.NOT_SENT, again_at=NOW), NOW)
    assert (memory.tries, memory.outcome, memory.sent, memory.met) == (0, None, None, ())
    read = msgspec.structs.replace(mute(), verb=Verb.READ)
    memory = msgspec.structs.replace(waiting(), pending=read, looks=1)
    assert conclude(memory, outcome(Kind.NOT_SENT, again_at=NOW), NOW).looks == 0


@pytest.mark.parametrize("kind", [Kind.REFUSED, Kind.NOT_SENT])
def test_a_command_that_was_not_carried_out_serves_no_mute(kind):
    memory = conclude(waiting(), outcome(kind), NOW)
    assert memory.met == ()
    assert memory.doubts == ()
    assert seen_in(memory) is Seen.OPEN_SAID


def test_a_final_refusal_is_kept_and_an_invitation_is_not():
    assert conclude(waiting(), outcome(Kind.REFUSED, word="forbidden"), NOW).refusal.word == "forbidden"
    limited = conclude(waiting(), outcome(Kind.REFUSED, again_at=NOW + 3), NOW)
    assert (limited.refusal, limited.not_before) == (None, NOW + 3)


def test_a_refusal_about_a_leg_that_was_left_is_not_held_against_the_next_one():
    elsewhere = mute()
    memory = waiting(
        Command(**{name: getattr(elsewhere, name) for name in elsewhere.__struct_fields__} | {"leg": "z"})
    )
    assert conclude(memory, outcome(Kind.REFUSED), NOW).refusal is None


@pytest.mark.parametrize("kind", [Kind.REFUSED, Kind.NOT_SENT])
def test_a_late_word_that_nothing_was_done_ends_the_doubt(kind):
    memory = conclude(waiting(), outcome(Kind.UNKNOWN), NOW)
    late = conclude(memory, outcome(kind), NOW + 5)
    assert (late.doubts, late.met) == ((), ())


def test_any_other_late_word_changes_nothing():
    memory = conclude(waiting(), outcome(Kind.UNKNOWN), NOW)
    assert conclude(memory, outcome(Kind.ACCEPTED), NOW + 5) == memory


def test_an_outcome_of_another_command_changes_nothing():
    memory = waiting()
    other = Outcome(command_id="other", kind=Kind.REFUSED, at=NOW)
    assert conclude(memory, other, NOW) == memory
