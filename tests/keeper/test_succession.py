"""What a successor reckons with, before it has seen anything."""

import time

from micgate.control.microphone import Memory
from micgate.control.mute import Mute, Owner
from micgate.control.policy import ClosedBy
from micgate.keeper.lease import TRUST
from micgate.keeper.reign import last_ends
from micgate.store.microphones import Remembered
from micgate.store.target import Target

CLOSED = Memory(closed_by=ClosedBy.US)


def row(number, memory=CLOSED):
    return Remembered(target=Target("org", f"call-{number}", f"user-{number}"), version=1, memory=memory)


def mute(name, number, *, ends, everywhere=False):
    return Mute(
        id=name,
        user_id=f"user-{number}",
        conversation_id=None if everywhere else f"call-{number}",
        owner=Owner("person", "sam"),
        placed_at=0.0,
        release_at=ends,
    )


def test_of_several_mutes_on_a_microphone_the_last_end_counts():
    mutes = [mute("a", 1, ends=60.0), mute("b", 1, ends=90.0, everywhere=True), mute("c", 1, ends=30.0)]
    assert last_ends([row(1)], mutes) == {row(1).target: 90.0}


def test_where_nothing_was_done_or_no_mute_stands_nothing_is_to_be_given_back():
    assert last_ends([row(1, Memory()), row(2)], [mute("a", 1, ends=60.0)]) == {}


def test_with_ten_thousand_mutes_a_term_begins_before_the_lease_is_lost():
    rows = [row(number) for number in range(10_000)]
    mutes = [mute(str(number), number, ends=60.0) for number in range(10_000)]
    began = time.process_time()
    assert len(last_ends(rows, mutes)) == len(rows)
    assert time.process_time() - began < TRUST / 4
