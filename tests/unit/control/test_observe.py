"""Whose doing was it?"""

import msgspec
import pytest

from micgate.control.command import Command, Doubt, Lane, Verb
from micgate.control.fact import Changed, Moved
from micgate.control.microphone import (
    LegState,
    Memory,
    Observed,
    Phase,
    UnreadableMemoryError,
    Way,
    decode,
    encode,
)
from micgate.control.observe import lose_sight, observe
from micgate.control.policy import Baseline, ClosedBy
from micgate.control.table import Seen, seen_in

NOW = 1000.0


def sight(*, muted=False, way=Way.EVENT, leg="a", state=LegState.LIVE, held=False, at=NOW, asked_at=None):
    return Observed(leg=leg, state=state, muted=muted, held=held, at=at, way=way, asked_at=asked_at)


def command(verb=Verb.MUTE, *, before=False):
    return Command(
        id="c", verb=verb, lane=Lane.MUTE, leg="a", made_at=NOW - 1, deadline=NOW + 10, before=before
    )


def doubt(sets=True, *, sure=False, before=False, until=NOW + 5):
    return Doubt(command_id="c", sets=sets, until=until, sure=sure, before=before)


def known(*, muted=False, **about):
    """A memory that saw the leg live by an event."""
    about = {"phase": Phase.APPLYING, "closed_by": ClosedBy.NOBODY} | about
    return Memory(leg="a", seen=sight(muted=muted, at=NOW - 5), known=muted, **about)


def closed_by_us(**about):
    about = {"phase": Phase.CONFIRMED, "baseline": Baseline.OPEN, "met": ("m",), "mutes": ("m",)} | about
    return known(muted=True, closed_by=ClosedBy.US, **about)


def after(memory, observed, now=NOW):
    return observe(memory, observed, now)[0]


def test_nothing_of_ours_is_left_on_a_call_that_is_over():
    """By a read, or by an event after a read has shown that the agent has left; never by one event alone."""
    over = msgspec.structs.replace(sight(muted=True, state=LegState.OVER), call_over=True)
    told = after(closed_by_us(doubts=(doubt(),)), over)
    assert not told.over
    assert told.touched
    read = after(told, msgspec.structs.replace(over, way=Way.READ, asked_at=NOW))
    assert read.over
    assert not read.touched
    assert lose_sight(read) == read
    left = after(closed_by_us(), sight(muted=True, state=LegState.OVER, way=Way.READ))
    assert not left.over
    assert after(left, over).over


def test_seen_open_then_closed_while_our_command_was_open_means_we_closed_it():
    memory = after(known(pending=command(), sent=command(), fresh=False), sight(muted=True))
    assert (memory.closed_by, memory.baseline) == (ClosedBy.US, Baseline.OPEN)
    assert memory.pending.landed


def test_so_does_a_command_that_was_accepted_and_is_not_yet_seen():
    memory = after(known(doubts=(doubt(sure=True),), sent=command()), sight(muted=True))
    assert (memory.closed_by, memory.baseline) == (ClosedBy.US, Baseline.OPEN)


def test_closed_opened_and_closed_by_us_before_any_of_it_is_seen_is_all_ours():
    doubts = tuple(doubt(sets, sure=True) for sets in (True, False, True))
    memory = known(doubts=doubts)
    for muted, landed in ((True, 1), (False, 2), (True, 3)):
        memory, (changed,) = observe(memory, sight(muted=muted), NOW)
        assert (changed.by, sum(one.landed for one in memory.doubts)) == (ClosedBy.US, landed)
    _, (changed,) = observe(after(memory, sight(muted=False)), sight(muted=True), NOW)
    assert changed.by is ClosedBy.NOT_US


def test_what_is_seen_once_is_the_effect_of_all_that_asked_for_the_same_before_the_opposite():
    doubts = tuple(doubt(sets, sure=True) for sets in (True, True, False))
    memory = after(known(doubts=doubts, pending=command()), sight(muted=True))
    assert [one.landed for one in memory.doubts] == [True, True, False]
    assert not memory.pending.landed


def test_a_change_that_matches_a_doubt_is_probably_us():
    memory = after(known(doubts=(doubt(),), sent=command()), sight(muted=True))
    assert (memory.closed_by, memory.baseline) == (ClosedBy.PROBABLY_US, Baseline.OPEN)


def test_a_doubt_explains_nothing_once_it_has_expired():
    memory = after(known(doubts=(doubt(until=NOW),), sent=command()), sight(muted=True))
    assert memory.closed_by is ClosedBy.NOT_US


def test_an_accepted_command_explains_one_change_only():
    memory = known(doubts=(doubt(sure=True),), sent=command())
    for muted in (True, False, True):
        memory = after(memory, sight(muted=muted))
    assert memory.closed_by is ClosedBy.NOT_US


def test_closed_without_any_command_of_ours_was_somebody_else():
    memory, facts = observe(known(), sight(muted=True), NOW)
    assert memory.closed_by is ClosedBy.NOT_US
    assert facts == (Changed(at=NOW, leg="a", muted=True, way=Way.EVENT, by=ClosedBy.NOT_US),)


def test_no_event_and_a_read_says_muted_as_the_mirror_did_before_means_was_muted():
    memory = known(muted=True, closed_by=ClosedBy.NOT_US, sent=command(before=True), fresh=False)
    assert after(memory, sight(muted=True, way=Way.READ)).baseline is Baseline.WAS_MUTED


def test_an_event_where_none_was_due_leaves_it_unproven():
    memory = known(muted=True, closed_by=ClosedBy.NOT_US, sent=command(before=True), fresh=False)
    assert after(memory, sight(muted=True)).baseline is Baseline.UNPROVEN


def test_a_read_that_says_muted_when_nothing_was_known_before_is_unproven():
    memory = Memory(phase=Phase.APPLYING, sent=command(before=None), doubts=(doubt(sure=True, before=None),))
    assert after(memory, sight(muted=True, way=Way.READ)).baseline is Baseline.UNPROVEN


def test_a_gap_between_our_command_and_its_effect_leaves_it_probably_ours():
    """As after a crash: the mirror said open when the command was made."""
    memory = lose_sight(known(doubts=(doubt(),), sent=command()))
    memory = after(memory, sight(muted=True, way=Way.READ))
    assert (memory.closed_by, memory.baseline) == (ClosedBy.PROBABLY_US, Baseline.OPEN)


def test_a_command_sent_while_nothing_was_known_proves_nothing_about_before():
    memory = lose_sight(known(doubts=(doubt(before=None),), sent=command(before=None)))
    assert after(memory, sight(muted=True, way=Way.READ)).baseline is Baseline.UNPROVEN


def test_a_gap_does_not_forget_who_closed_it():
    memory = after(lose_sight(closed_by_us()), sight(muted=True, way=Way.READ))
    assert (memory.closed_by, memory.baseline) == (ClosedBy.US, Baseline.OPEN)


def test_a_new_leg_seen_open_has_a_fresh_baseline_and_its_mutes_are_not_met():
    memory, facts = observe(closed_by_us(), sight(leg="b"), NOW)
    assert (memory.leg, memory.closed_by, memory.baseline) == ("b", ClosedBy.NOBODY, Baseline.NONE)
    assert memory.met == ()
    assert facts == (Moved(leg_before="a", leg="b", muted=False, baseline=Baseline.NONE, carried=False),)


def test_a_new_leg_seen_muted_carries_the_baseline_when_we_closed_the_last_one():
    memory = after(closed_by_us(), sight(leg="b", muted=True))
    assert (memory.leg, memory.closed_by, memory.baseline) == ("b", ClosedBy.US, Baseline.OPEN)


def test_it_is_carried_through_a_leg_that_rings():
    memory = after(closed_by_us(), sight(leg="b", muted=True, state=LegState.WAITING))
    assert memory.leg == "a"
    assert after(memory, sight(leg="b", muted=True)).baseline is Baseline.OPEN


def test_a_new_leg_seen_muted_was_muted_when_we_had_not_closed_the_last_one():
    memory = after(known(), sight(leg="b", muted=True))
    assert (memory.closed_by, memory.baseline) == (ClosedBy.NOT_US, Baseline.WAS_MUTED)


def test_what_somebody_else_closed_after_us_is_not_carried():
    """The baseline of the leg that was left says nothing about it."""
    last = closed_by_us()
    seen = after(msgspec.structs.replace(last, closed_by=ClosedBy.NOT_US), sight(muted=True, leg="b"))
    assert (seen.baseline, seen.closed_by, seen.met) == (Baseline.WAS_MUTED, ClosedBy.NOT_US, ())


def test_our_mute_under_way_may_have_come_along_to_a_new_leg():
    memory = after(known(doubts=(doubt(sure=True),), sent=command()), sight(leg="b", muted=True))
    assert (memory.closed_by, memory.baseline) == (ClosedBy.PROBABLY_US, Baseline.OPEN)


def test_an_event_never_brings_back_a_leg_that_was_left():
    memory = after(closed_by_us(), sight(leg="b"))
    assert after(memory, sight(leg="a", muted=True)) == memory


def test_an_event_never_brings_back_a_leg_that_is_over():
    memory = after(closed_by_us(), sight(state=LegState.OVER))
    assert seen_in(memory) is Seen.GONE_SAID
    assert after(memory, sight()) == memory


def test_a_read_may():
    memory = after(closed_by_us(), sight(state=LegState.OVER))
    assert seen_in(after(memory, sight(way=Way.READ))) is Seen.OPEN


def test_an_event_that_a_live_leg_rings_is_not_believed():
    assert seen_in(after(closed_by_us(), sight(state=LegState.WAITING))) is Seen.UNKNOWN


def test_an_opening_explained_by_our_own_unmute_needs_no_read():
    memory = closed_by_us(phase=Phase.OPENING, pending=command(Verb.OPEN, before=True))
    assert seen_in(after(memory, sight())) is Seen.OPEN


def test_an_unmute_of_unknown_outcome_does():
    memory = closed_by_us(phase=Phase.OPENING, doubts=(doubt(sets=False),))
    assert seen_in(after(memory, sight())) is Seen.OPEN_SAID


def test_a_late_unmute_of_ours_is_no_override_but_asks_for_a_new_mute():
    assert after(closed_by_us(doubts=(doubt(sets=False),)), sight()).met == ()


def test_an_opening_nobody_of_us_made_keeps_the_mutes_met():
    memory, facts = observe(closed_by_us(), sight(), NOW)
    assert memory.met == ("m",)
    assert facts[0].by is ClosedBy.NOT_US


def test_a_mute_that_a_hold_dropped_is_no_override():
    assert after(closed_by_us(), sight(held=True)).met == ()


def test_a_read_that_began_before_a_contrary_event_proves_nothing():
    memory = after(closed_by_us(), sight(muted=True, held=True, at=NOW))
    late = sight(way=Way.READ, at=NOW + 1, asked_at=NOW - 1)
    assert seen_in(after(memory, late, NOW + 1)) is Seen.OPEN_SAID


def test_the_same_again_keeps_the_proof():
    memory = after(known(), sight(way=Way.READ))
    assert seen_in(after(memory, sight())) is Seen.OPEN


def test_an_absent_value_is_unknown_and_not_false():
    memory = after(closed_by_us(), sight(muted=None))
    assert seen_in(memory) is Seen.UNKNOWN
    assert memory.closed_by is ClosedBy.US


def test_within_an_episode_only_a_read_makes_up_for_a_gap():
    memory = lose_sight(closed_by_us())
    assert seen_in(after(memory, sight(muted=True))) is Seen.UNKNOWN
    assert seen_in(after(memory, sight(muted=True, way=Way.READ))) is Seen.MUTED


def test_outside_one_an_event_does():
    assert seen_in(after(lose_sight(known(phase=Phase.IDLE)), sight(muted=True))) is Seen.MUTED


def test_other_peoples_changes_are_recorded_only_close_to_a_mute():
    idle = known(phase=Phase.IDLE)
    assert observe(idle, sight(muted=True), NOW)[1] == ()
    for seconds, facts in ((59, 1), (61, 0)):
        recent = msgspec.structs.replace(idle, quiet_since=NOW - seconds)
        assert len(observe(recent, sight(muted=True), NOW)[1]) == facts


def test_a_memory_survives_its_encoding():
    memory = closed_by_us(pending=command(), doubts=(doubt(),), overrides=(NOW,), due=NOW)
    assert decode(encode(memory)) == memory


def test_an_older_memory_is_brought_up_to_date():
    def renamed(raw):
        return {("leg" if name == "participant" else name): value for name, value in raw.items()}

    old = b'{"v": 1, "memory": {"participant": "a"}}'
    assert decode(old, upgrades={1: renamed}, version=2).leg == "a"


@pytest.mark.parametrize(
    "data", [b"", b"[]", b'{"v": 1}', b'{"v": 99, "memory": {}}', b'{"v":1,"memory":{"phase":"x"}}']
)
def test_a_memory_that_cannot_be_read_is_refused(data):
    with pytest.raises(UnreadableMemoryError):
        decode(data)
