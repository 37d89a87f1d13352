"""The verbs on PostgreSQL, one promise a test."""

import asyncio

import pytest
from contents import NOON, House, accepted, entry, mute, placing, resting, sending, sighting, uuid
from msgspec.structs import replace

from micgate.control.microphone import Phase
from micgate.control.mute import End
from micgate.store import place
from micgate.store.database import every, send
from micgate.store.errors import Fenced, Frozen, InvariantBroken, KeyReused, TooManyStanding
from micgate.store.idempotency import Answer, Claim
from micgate.store.target import Target
from micgate.store.verbs import Closing, Extend, Freeze, Lapse, Release, Sighting, Unfreeze


def ada(house: House, call: str = "call-1") -> Target:
    return Target(house.org, call, "ada")


async def due_one(house: House, *, now: float = NOON):
    (due,) = (await house.store.load_due(house.term, now=now)).due
    return due


async def test_a_placed_mute_is_due_at_once_with_its_microphone(house):
    await house.store.place(placing(house.org, mute()), now=NOON)
    due = await due_one(house)
    assert (due.target, due.mutes) == (ada(house), (mute(),))


async def test_a_mute_without_an_end_in_two_hours_is_not_stored(house):
    with pytest.raises(InvariantBroken) as refused:
        await house.store.place(placing(house.org, mute(seconds=7201)), now=NOON)
    assert refused.value.rule == "mutes_end"
    assert not await house.store.mutes.standing(house.org)


async def test_an_extension_counts_its_two_hours_from_the_placing(house):
    await house.store.place(placing(house.org, mute()), now=NOON)
    await house.store.place(Extend(org=house.org, mute_ids=(uuid(1),), release_at=NOON + 7200), now=NOON + 60)
    with pytest.raises(InvariantBroken):
        await house.store.place(
            Extend(org=house.org, mute_ids=(uuid(1),), release_at=NOON + 7201), now=NOON + 60
        )


async def test_a_decision_is_stale_once_another_mute_was_placed(house):
    await house.store.place(placing(house.org, mute(1)), now=NOON)
    due = await due_one(house)
    await house.store.place(placing(house.org, mute(2)), now=NOON + 1)
    intended = await house.store.intend(house.term, [sending(due)], now=NOON + 1)
    assert intended.stale == (ada(house),)
    assert not await house.store.commands.open(house.org)
    assert len((await due_one(house, now=NOON + 1)).mutes) == 2


async def test_a_decision_puts_the_wake_off(house):
    await house.store.place(placing(house.org, mute()), now=NOON)
    await house.store.intend(house.term, [resting(await due_one(house), wake_at=NOON + 9)], now=NOON)
    loaded = await house.store.load_due(house.term, now=NOON + 8)
    assert (loaded.due, loaded.next_at) == ((), NOON + 9)


async def test_a_second_command_waits_until_the_first_is_closed(house):
    await house.store.place(placing(house.org, mute()), now=NOON)
    await house.store.intend(house.term, [sending(await due_one(house), 1)], now=NOON)
    await house.store.observe(house.term, [sighting(ada(house))], now=NOON)
    due = await due_one(house)
    assert (await house.store.intend(house.term, [sending(due, 2)], now=NOON)).blocked == (ada(house),)
    await house.store.conclude(house.term, [Closing(target=ada(house), outcome=accepted(1))], now=NOON)
    due = await due_one(house)
    assert (await house.store.intend(house.term, [sending(due, 2)], now=NOON)).done == (ada(house),)


async def test_a_decision_may_give_up_the_old_command_and_make_a_new_one(house):
    await house.store.place(placing(house.org, mute()), now=NOON)
    await house.store.intend(house.term, [sending(await due_one(house), 1)], now=NOON)
    due = await due_one(house, now=NOON + 15)
    gave_up = replace(accepted(1), kind="unknown")
    await house.store.intend(house.term, [sending(due, 2, gave_up=gave_up)], now=NOON + 15)
    assert [one.id for one in await house.store.commands.open(house.org)] == [uuid(2)]


async def test_the_schema_itself_refuses_a_second_open_command(house, database):
    await house.store.place(placing(house.org, mute()), now=NOON)
    await house.store.intend(house.term, [sending(await due_one(house), 1)], now=NOON)
    with pytest.raises(InvariantBroken) as refused:
        async with database.transaction() as connection:
            await connection.execute(
                "insert into commands select %(id)s, org, subject, conversation_id, user_id, leg, verb, lane,"
                " epoch, intended_at, deadline from commands where org = %(org)s",
                {"id": uuid(2), "org": house.org},
            )
    assert refused.value.rule == "commands_one_open"


async def test_an_outcome_after_closure_is_one_late_entry(house):
    await house.store.place(placing(house.org, mute()), now=NOON)
    await house.store.intend(house.term, [sending(await due_one(house))], now=NOON)
    closing = Closing(
        target=ada(house), outcome=accepted(), entries=(entry("outcome"),), late=(entry("late"),)
    )
    (first,) = await house.store.conclude(house.term, [closing], now=NOON + 1)
    (again,) = await house.store.conclude(house.term, [closing], now=NOON + 1)
    other = Closing(target=ada(house), outcome=accepted(at=NOON + 9), late=(entry("late"),))
    (late,) = await house.store.conclude(house.term, [other], now=NOON + 9)
    assert [first.late, again.late, late.late] == [False, False, True]
    sealed = await house.store.seal(house.term)
    assert [one.entry.action for one in sealed] == ["outcome", "late"]


async def test_a_fenced_off_keeper_changes_nothing_but_adds_its_late_outcome(house):
    await house.store.place(placing(house.org, mute()), now=NOON)
    due = await due_one(house)
    await house.store.intend(house.term, [sending(due)], now=NOON)
    lease = await house.store.leases.take(house.org, holder="second", seen=house.lease)
    closing = Closing(target=ada(house), outcome=accepted(), late=(entry("late"),))
    for verb in (
        lambda: house.store.intend(house.term, [sending(due, 2)], now=NOON),
        lambda: house.store.observe(house.term, [sighting(ada(house))], now=NOON),
        lambda: house.store.load_due(house.term, now=NOON),
        lambda: house.store.seal(house.term),
        lambda: house.store.conclude(house.term, [closing], now=NOON),
    ):
        with pytest.raises(Fenced):
            await verb()
    assert [one.id for one in await house.store.commands.open(house.org)] == [uuid(1)]
    sealed = await house.store.seal(replace(house.term, epoch=lease.epoch))
    assert [one.entry.action for one in sealed] == ["late"]


async def test_a_mute_for_all_calls_wakes_each_of_them_and_ends_once(house):
    calls = [ada(house, "call-1"), ada(house, "call-2")]
    await house.store.observe(house.term, [sighting(one) for one in calls], now=NOON)
    await house.store.place(placing(house.org, mute(call=None)), now=NOON)
    due = (await house.store.load_due(house.term, now=NOON)).due
    assert [one.target for one in due] == calls
    ended = _ended(1)
    both = [resting(one, ended=ended) for one in due]
    intended = await house.store.intend(house.term, both, now=NOON)
    assert (intended.done, intended.stale) == ((calls[0],), (calls[1],))
    (again,) = (await house.store.load_due(house.term, now=NOON)).due
    assert (again.target, again.mutes) == (calls[1], ())


async def test_a_call_decided_under_a_mute_that_another_call_ended_is_due_at_once(house):
    calls = [ada(house, "call-1"), ada(house, "call-2")]
    await house.store.observe(house.term, [sighting(one) for one in calls], now=NOON)
    await house.store.place(placing(house.org, mute(call=None)), now=NOON)
    under, ending = (await house.store.load_due(house.term, now=NOON)).due
    under = _with(under, replace(under.memory, mutes=(mute().id,)))
    both = [resting(under, wake_at=NOON + 60), resting(ending, ended=_ended(1), wake_at=NOON + 60)]
    assert (await house.store.intend(house.term, both, now=NOON)).done == tuple(calls)
    (again,) = (await house.store.load_due(house.term, now=NOON)).due
    assert (again.target, [one.end for one in again.mutes]) == (calls[0], [End.EXPIRED])


async def test_a_new_call_of_a_muted_agent_is_due_at_once(house):
    await house.store.place(placing(house.org, mute(call=None)), now=NOON)
    (noted,) = await house.store.observe(house.term, [sighting(ada(house))], now=NOON)
    assert noted.woken
    assert (await due_one(house)).mutes == (mute(call=None),)


async def test_a_new_call_waits_for_the_mute_of_its_agent_that_is_just_being_placed(
    house, database, embedded
):
    """Else neither would see the other, and the microphone would sleep on."""
    other = await _paused_placing(database, house)
    arriving = asyncio.create_task(house.store.observe(house.term, [sighting(ada(house))], now=NOON))
    await asyncio.wait([arriving], timeout=0.2)
    assert not arriving.done()
    await other.__aexit__(None, None, None)
    (noted,) = await arriving
    assert noted.woken


async def test_what_is_placed_during_a_look_takes_no_mute_from_what_was_found_due(house, database):
    """Without its mute a microphone would be opened. Only one is loaded, and another one comes before it."""
    await house.store.place(placing(house.org, mute()), now=NOON)
    async with database.transaction() as connection:
        await send(connection, b"lock table mutes in access exclusive mode", {})
        looking = asyncio.create_task(house.store.load_due(house.term, now=NOON, limit=1))
        await _until_somebody_waits(connection)
        await place.place(connection, placing(house.org, mute(2, user="bob", call="call-0")), now=NOON)
    (due,) = (await looking).due
    assert (due.target, due.mutes) == (ada(house), (mute(),))


async def test_a_mute_of_an_agent_on_no_call_lapses_by_itself(house):
    await house.store.place(placing(house.org, mute(call=None)), now=NOON)
    early = await house.store.load_due(house.term, now=NOON + 119)
    assert (early.lapsed, early.next_at) == ((), NOON + 120)
    late = await house.store.load_due(house.term, now=NOON + 120)
    lapse = Lapse(mute=late.lapsed[0], at=NOON + 120, end=End.EXPIRED, entries=(entry("expired"),))
    assert (await house.store.intend(house.term, (), [lapse], now=NOON + 120)).lapsed == (uuid(1),)
    assert not await house.store.mutes.standing(house.org)


async def test_a_lapse_gives_way_to_an_extension(house):
    await house.store.place(placing(house.org, mute(call=None)), now=NOON)
    late = await house.store.load_due(house.term, now=NOON + 120)
    await house.store.place(Extend(org=house.org, mute_ids=(uuid(1),), release_at=NOON + 300), now=NOON + 120)
    lapse = Lapse(mute=late.lapsed[0], at=NOON + 120, end=End.EXPIRED)
    assert not (await house.store.intend(house.term, (), [lapse], now=NOON + 120)).lapsed


async def test_an_ended_mute_is_loaded_for_as_long_as_it_is_remembered(house):
    await house.store.place(placing(house.org, mute()), now=NOON)
    due = await due_one(house)
    knowing = replace(due.memory, mutes=(uuid(1),))
    await house.store.intend(house.term, [resting(_with(due, knowing))], now=NOON)
    release = Release(org=house.org, mute_ids=(uuid(1),), by="sam")
    await house.store.place(release, now=NOON + 5)
    (ended,) = (await due_one(house, now=NOON + 5)).mutes
    assert (ended.ended_at, ended.end, ended.ended_by) == (NOON + 5, End.RELEASED, "sam")


async def test_what_is_told_of_a_mute_is_told_once(house):
    release = Release(
        org=house.org, mute_ids=(uuid(1),), by="sam", tell=lambda one: (entry(f"ended {one.end}"),)
    )
    await house.store.place(placing(house.org, mute()), now=NOON)
    assert len((await house.store.place(release, now=NOON)).mutes) == 1
    assert not (await house.store.place(release, now=NOON)).mutes
    assert [one.entry.action for one in await house.store.seal(house.term)] == ["ended released"]


async def test_the_brake_ends_every_mute_and_refuses_new_ones_until_it_is_off(house):
    await house.store.place(placing(house.org, mute(1), mute(2, user="bob")), now=NOON)
    stopped = await house.store.place(Freeze(org=house.org, by="sam"), now=NOON)
    assert [one.id for one in stopped.mutes] == [uuid(1), uuid(2)]
    with pytest.raises(Frozen, match="sam"):
        await house.store.place(placing(house.org, mute(3)), now=NOON)
    await house.store.place(Unfreeze(org=house.org), now=NOON)
    assert (await house.store.place(placing(house.org, mute(3)), now=NOON)).mutes


async def test_nobody_slips_past_a_limit_by_asking_many_times_at_once(house):
    def ask(number: int):
        return house.store.place(placing(house.org, mute(number), at_most=5), now=NOON)

    answers = await asyncio.gather(*(ask(number) for number in range(1, 13)), return_exceptions=True)
    assert sum(isinstance(one, TooManyStanding) for one in answers) == 7
    assert len(await house.store.mutes.standing(house.org)) == 5


def claim(house: House, body: bytes = b"one", **more: object) -> Claim:
    fields = {"principal": house.org, "key": "k", "body_digest": body, "status": 201, "response": b"{}"}
    return Claim(**(fields | {"expires_at": NOON + 60} | more))


async def test_the_same_request_twice_at_once_is_one(house):
    def ask(number: int):
        return house.store.place(placing(house.org, mute(number), claim=claim(house)), now=NOON)

    answers = await asyncio.gather(ask(1), ask(2), ask(3))
    assert sorted(len(one.mutes) for one in answers) == [0, 0, 1]
    assert [one.replayed for one in answers if not one.mutes] == [Answer(201, b"{}")] * 2
    assert len(await house.store.mutes.standing(house.org)) == 1


async def test_a_key_with_another_body_is_refused_until_it_expires(house):
    await house.store.place(placing(house.org, mute(1), claim=claim(house)), now=NOON)
    other = claim(house, b"two", expires_at=NOON + 90)
    with pytest.raises(KeyReused):
        await house.store.place(placing(house.org, mute(2), claim=other), now=NOON + 59)
    assert (await house.store.place(placing(house.org, mute(2), claim=other), now=NOON + 60)).mutes


async def test_a_refused_request_leaves_its_key_unused(house):
    with pytest.raises(InvariantBroken):
        await house.store.place(placing(house.org, mute(seconds=9000), claim=claim(house)), now=NOON)
    assert (await house.store.place(placing(house.org, mute(), claim=claim(house)), now=NOON)).mutes


async def test_a_microphone_at_rest_without_a_mute_is_not_woken_by_news(house):
    (noted,) = await house.store.observe(house.term, [sighting(ada(house))], now=NOON)
    assert not noted.woken
    assert not (await house.store.load_due(house.term, now=NOON + 1)).due


async def test_lost_sight_wakes_what_is_at_stake(house):
    await house.store.observe(house.term, [sighting(ada(house)), sighting(ada(house, "2"))], now=NOON)
    await house.store.place(placing(house.org, mute()), now=NOON)
    lost = [Sighting(target=ada(house, call), observed=None) for call in ("2", "call-1")]
    noted = await house.store.observe(house.term, lost, now=NOON + 1)
    assert [(one.woken, one.memory.stale) for one in noted] == [(False, True), (True, True)]


async def test_calls_that_are_over_are_swept_and_others_are_kept(house):
    over, live, muted = ada(house, "over"), ada(house, "live"), ada(house, "call-1")
    seen = [sighting(over, state="over"), sighting(live), sighting(muted, state="over")]
    await house.store.observe(house.term, seen, now=NOON)
    await house.store.place(placing(house.org, mute()), now=NOON)
    await house.store.microphones.sweep(house.org, before=NOON + 1)
    rows = await house.store.microphones.all(house.org)
    assert [row.target for row in rows] == [muted, live]
    assert all(row.memory.phase is Phase.IDLE for row in rows)


async def test_a_pause_of_the_recording_wakes_the_recording_too(house):
    await house.store.place(placing(house.org, mute(pause_recording=True)), now=NOON)
    due = (await house.store.load_due(house.term, now=NOON)).due
    assert [one.target for one in due] == [ada(house), Target(house.org, "call-1")]
    assert due[1].mutes == due[0].mutes


async def _until_somebody_waits(connection):
    async with asyncio.timeout(5):
        while True:
            if await every(connection, b"select 1 from pg_locks where not granted", {}):
                return
            await asyncio.sleep(0.01)


def _ended(number: int):
    from micgate.control.turn import Ended

    return (Ended(mute_id=uuid(number), end=End.EXPIRED, at=NOON),)


def _with(due, memory):
    from dataclasses import replace as replaced

    return replaced(due, memory=memory)


async def _paused_placing(database, house):
    """A placing whose transaction is still open; leaving it commits."""
    transaction = database.transaction()
    connection = await transaction.__aenter__()
    await place.place(connection, placing(house.org, mute(call=None)), now=NOON)
    return transaction
