"""What happens between an intent and the wire, with time and platform in the test's hand."""

import asyncio

import pytest
from desk import ADA, ORG, Desk, Names

from micgate.control.command import Kind
from micgate.control.microphone import LegState, Phase
from micgate.control.mute import End
from micgate.control.policy import Baseline, ClosedBy
from micgate.keeper.send import KEPT_FOR_ENDS, MOST_AT_ONCE
from micgate.platform.port import Answer, CallShown, Shown
from micgate.store.leases import Term
from micgate.store.target import Target


@pytest.fixture
async def desk():
    return await Desk.open()


async def muted(desk):
    """Confirmed by its event."""
    desk.obeys()
    desk.shows(muted=False)
    await desk.rounds()
    (mute,) = await desk.place(seconds=600.0)
    await desk.rounds()
    assert desk.memory().phase is Phase.CONFIRMED
    return mute


async def test_a_mute_is_one_errand_and_one_outcome(desk):
    await muted(desk)
    assert desk.verbs() == ["mute"]
    assert desk.outcomes() == [("mute", Kind.ACCEPTED)]


async def test_a_finger_that_was_faster_than_our_request_is_not_taken_for_it(desk):
    """The agent's own mute arrives after our intent was written and before it is sent."""
    desk.shows(muted=False)
    await desk.rounds()
    (mute,) = await desk.place()
    await desk.wake.turn()
    desk.shows(muted=True)
    await desk.rounds()
    assert desk.outcomes() == [("mute", Kind.NOT_SENT), ("mute", Kind.ACCEPTED)]  # sent anew, at once
    assert desk.memory().closed_by is ClosedBy.NOT_US
    await desk.rounds(5)
    await desk.release(mute)
    await desk.rounds(60)
    assert "open" not in desk.verbs()


async def test_a_finger_is_noticed_up_to_the_moment_at_which_the_request_leaves(desk):
    """A token or a connection may take long to get."""
    desk.shows(muted=False)
    await desk.rounds()
    desk.platform.way = lambda: desk.shows(muted=True) if not desk.platform.errands else None
    await desk.place()
    await desk.rounds()
    assert desk.outcomes() == [("mute", Kind.NOT_SENT), ("mute", Kind.ACCEPTED)]
    assert desk.memory().closed_by is ClosedBy.NOT_US


async def test_an_order_that_took_too_long_to_leave_stays(desk):
    desk.shows(muted=False)
    await desk.rounds()

    def slow():
        desk.boot.at += 20.0
        desk.tenure.beaten(desk.boot.at)

    desk.platform.way = slow
    await desk.place()
    await desk.rounds()
    assert desk.verbs() == []
    assert set(desk.outcomes()) == {("mute", Kind.NOT_SENT)}


async def test_a_mute_that_ends_on_the_way_to_the_wire_never_gets_there(desk):
    desk.shows(muted=False)
    await desk.rounds()

    def slow():
        desk.boot.at += 3.0
        desk.tenure.beaten(desk.boot.at)

    desk.platform.way = slow
    await desk.place(seconds=2.0)
    await desk.rounds()
    assert desk.verbs() == []
    assert desk.outcomes() == [("mute", Kind.NOT_SENT)]
    assert [one.end for one in desk.store.mutes(ORG)] == [End.EXPIRED]


async def test_an_event_that_only_repeats_what_is_known_holds_nothing_up(desk):
    desk.shows(muted=False)
    await desk.rounds()
    await desk.place()
    await desk.wake.turn()
    desk.shows(muted=False)
    await desk.rounds()
    assert desk.outcomes() == [("mute", Kind.ACCEPTED)]


async def test_what_arrives_while_a_request_is_on_its_way_is_written_in_its_order(desk):
    desk.shows(muted=False)
    await desk.rounds()
    await desk.place()
    desk.platform.gate = asyncio.Event()
    await desk.rounds()
    desk.shows(muted=True)
    await desk.rounds()
    assert desk.memory().baseline is Baseline.OPEN
    assert desk.memory().phase is Phase.CONFIRMED
    desk.platform.gate.set()
    await desk.rounds()
    assert desk.outcomes() == [("mute", Kind.ACCEPTED)]


async def test_a_keeper_whose_beat_is_old_sends_nothing(desk):
    desk.shows(muted=False)
    await desk.rounds()
    await desk.place()
    desk.boot.at += 2.0
    await desk.wake.turn()
    await asyncio.sleep(0)
    await desk.mirror.flush()
    assert desk.platform.errands == []
    assert desk.outcomes() == [("mute", Kind.NOT_SENT)]


async def test_an_answer_after_the_deadline_is_told_as_late(desk):
    desk.shows(muted=False)
    await desk.rounds()
    await desk.place()
    desk.platform.gate = asyncio.Event()
    await desk.rounds(16)
    assert desk.outcomes()[0] == ("mute", Kind.UNKNOWN)
    desk.platform.gate.set()
    await desk.rounds()
    late = [entry for entry in desk.store.contents.entries if entry.action == "command.late"]
    assert len(late) == 1
    assert desk.outcomes()[0] == ("mute", Kind.UNKNOWN)


async def test_the_last_words_of_a_keeper_that_was_fenced_off_are_late_entries(desk):
    desk.shows(muted=False)
    await desk.rounds()
    await desk.place()
    desk.platform.gate = asyncio.Event()
    await desk.rounds()
    await desk.store.leases.take(ORG, holder="next", seen=await desk.store.leases.read(ORG))
    desk.platform.gate.set()
    await asyncio.sleep(0)
    await desk.sender.finish(seconds=1)
    await desk.mirror.bury()
    actions = [entry.action for entry in desk.store.contents.entries]
    assert actions[-1] == "command.late"
    assert desk.outcomes() == [("mute", None)]


async def test_whoever_opens_one_microphone_gets_the_others_back_at_once_that_the_mute_stands_on(desk):
    other = Target(ORG, "other", "ada")
    for target in (ADA, other):
        desk.shows(muted=False, target=target)
    desk.obeys()
    await desk.rounds()
    await desk.place(Target(ORG, None, "ada"), seconds=600.0)  # all calls
    await desk.rounds(20)
    opened = Shown(user_id="ada", leg="leg", state=LegState.LIVE, muted=False, held=False)
    desk.platform.answers = [
        Answer(kind=Kind.ACCEPTED, status=200, call=CallShown(conversation_id="call", microphones=(opened,)))
    ]
    desk.shows(muted=False)
    await desk.rounds()
    assert desk.verbs() == ["mute", "mute", "read", "open"]
    assert desk.platform.errands[-1].conversation_id == "other"


async def test_without_room_the_end_of_a_mute_is_written_all_the_same():
    desk = await Desk.open(allowed=1)
    mute = await muted(desk)
    await desk.release(mute)
    await desk.rounds(1)
    assert desk.memory().phase is Phase.OPENING
    assert desk.verbs() == ["mute"]
    await desk.rounds(61)
    assert desk.verbs()[:2] == ["mute", "open"]


async def test_a_mute_that_ends_while_it_waits_for_room_is_never_sent():
    desk = await Desk.open(allowed=1)
    await muted(desk)
    other = Target(ORG, "other", "bob")
    desk.shows(muted=False, target=other)
    await desk.rounds()
    await desk.place(other, seconds=20.0)
    await desk.rounds(120)
    assert [errand.user_id for errand in desk.platform.errands if errand.command.verb == "mute"] == ["ada"]
    assert all(not mute.stands for mute in desk.store.mutes(ORG) if mute.user_id == "bob")


async def test_who_waits_needs_nothing_reserved_for_its_end():
    """A flood of short mutes that cannot be sent must not reserve the budget for un-mutes nobody needs."""
    desk = await Desk.open(allowed=10)
    desk.obeys()
    targets = [Target(ORG, f"call-{number}", f"user-{number}") for number in range(40)]
    for target in targets:
        desk.shows(muted=False, target=target)
    await desk.rounds()
    await desk.place(*targets, seconds=20.0)
    await desk.rounds(1)
    assert desk.verbs() == ["mute"] * 4
    await desk.rounds(30)
    assert sorted(desk.verbs()) == ["mute"] * 4 + ["open"] * 4


async def test_a_flood_of_mutes_on_the_same_microphones_leaves_room_for_the_reads_before_their_ends():
    """A mute of what is muted already yields no event: only a read proves it, and that finds no room."""
    desk = await Desk.open(allowed=40)
    tells_of_changes_only(desk)
    targets = [Target(ORG, f"call-{number}", f"user-{number}") for number in range(5)]
    for target in targets:
        desk.shows(muted=False, target=target)
    await desk.rounds()
    for _ in range(12):
        await desk.place(*targets, seconds=20.0)
        await desk.rounds(0.1)
    await desk.rounds(18)
    assert (desk.verbs(), desk.budget.used) == (["mute"] * 29, 29)
    await desk.rounds(3)
    assert sorted(desk.verbs()[-10:]) == ["open"] * 5 + ["read"] * 5


async def test_what_one_keeper_put_off_for_want_of_room_the_next_gives_back_at_once():
    desk = await Desk.open(allowed=1)
    first = await muted(desk)
    (second,) = await desk.place(seconds=600.0, owner="kim")
    await desk.rounds()
    assert desk.verbs() == ["mute"]
    lease = await desk.store.leases.take(ORG, holder="next", seen=await desk.store.leases.read(ORG))
    successor = Desk(desk.store, Term(ORG, lease.epoch), desk.boot, Names(), allowed=300)
    await successor.release(first, second)
    await successor.rounds()
    assert "open" in successor.verbs()


async def test_an_answer_that_closes_the_budget_is_obeyed_by_everybody(desk):
    other = Target(ORG, "other", "bob")
    for target in (ADA, other):
        desk.shows(muted=False, target=target)
    await desk.rounds()
    desk.platform.answers = [Answer(kind=Kind.REFUSED, status=429, again_in=9.0, closed_for=9.0)]
    await desk.place()
    await desk.rounds()
    await desk.place(other)
    began = desk.boot.at
    while len(desk.verbs()) < 3:
        await desk.rounds(1)
    assert 8 <= desk.boot.at - began <= 10


async def test_a_mute_that_ends_while_its_request_is_on_its_way_is_undone_as_soon_as_that_is_answered(desk):
    desk.shows(muted=False)
    await desk.rounds()
    desk.platform.gate = asyncio.Event()
    (mute,) = await desk.place(seconds=600.0)
    await desk.rounds()
    await desk.release(mute)
    await desk.rounds()
    assert desk.verbs() == ["mute"]
    desk.platform.gate.set()
    await desk.rounds()
    assert desk.verbs() == ["mute", "open"]


async def test_who_finds_too_much_on_its_way_is_sent_as_soon_as_some_of_that_is_answered():
    """An accepted request alone says nothing for a while that there would be more to decide."""
    desk = await Desk.open(allowed=10_000)
    desk.platform.gate = asyncio.Event()
    targets = [Target(ORG, f"call-{number}", f"user-{number}") for number in range(MOST_AT_ONCE + 1)]
    await desk.place(*targets)
    await desk.rounds()
    assert len(desk.verbs()) == MOST_AT_ONCE - KEPT_FOR_ENDS
    assert await desk.wake.turn() <= desk.clock.now() + 0.02


async def test_an_end_never_waits_for_the_answers_to_mutes():
    """The platform may be slow with some requests, and quick with an un-mute."""
    desk = await Desk.open(allowed=10_000)
    mute = await muted(desk)
    desk.platform.gate = asyncio.Event()
    others = [Target(ORG, f"call-{number}", f"user-{number}") for number in range(MOST_AT_ONCE)]
    await desk.place(*others)
    await desk.rounds()
    await desk.release(mute)
    await desk.rounds()
    assert desk.verbs()[-1] == "open"


def tells_of_changes_only(desk):
    """From now on the platform does what it is asked to, with an event where that changes something."""
    muted = {}

    async def carry_out(errand):
        desk.platform.errands.append(errand)
        target = Target(ORG, errand.conversation_id, errand.user_id)
        if errand.command.verb == "read":
            shown = Shown(
                user_id=target.user_id, leg="leg", state=LegState.LIVE, muted=muted[target], held=False
            )
            call = CallShown(conversation_id=target.conversation_id, microphones=(shown,))
            return Answer(kind=Kind.ACCEPTED, status=200, call=call)
        wanted = errand.command.verb == "mute"
        if muted.get(target, False) is not wanted:
            muted[target] = wanted
            desk.shows(muted=wanted, target=target)
        return Answer(kind=Kind.ACCEPTED, status=202)

    desk.platform.carry_out = carry_out
