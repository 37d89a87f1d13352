"""What a verb tells to be due, so that a keeper need not look: the same as looking finds, or nothing."""

import asyncio

import pytest
from contents import NOON, mute, placing, sighting, uuid
from msgspec.structs import replace

from micgate.control.decide import Decision
from micgate.control.microphone import Phase
from micgate.store.database import every
from micgate.store.target import Target
from micgate.store.verbs import Decided, Release

WAITING = b"select 1 from pg_locks where not granted"


@pytest.fixture
def ada(house):
    return Target(house.org, "call-1", "ada")


async def found(house, now=NOON):
    return (await house.store.load_due(house.term, now=now)).due


@pytest.mark.parametrize("seen", [True, False])
async def test_the_first_mute_of_an_agent_tells_what_is_due(house, ada, seen):
    if seen:
        await house.store.observe(house.term, [sighting(ada)], now=NOON)
    placed = await house.store.place(placing(house.org, mute()), now=NOON)
    assert [one.target for one in placed.due] == [ada]
    assert placed.due == await found(house)


@pytest.mark.parametrize("call", ["call-1", "call-2"])
async def test_a_mute_beside_another_of_the_agent_leaves_it_to_looking(house, call):
    await house.store.place(placing(house.org, mute(1)), now=NOON)
    assert (await house.store.place(placing(house.org, mute(2, call=call)), now=NOON)).due == ()


@pytest.mark.parametrize("more", [{"call": None}, {"pause_recording": True}])
async def test_what_makes_more_due_than_one_microphone_leaves_it_to_looking(house, ada, more):
    await house.store.observe(house.term, [sighting(ada)], now=NOON)
    assert (await house.store.place(placing(house.org, mute(**more)), now=NOON)).due == ()


async def test_whoever_changes_the_microphone_between_look_and_lock_leaves_it_to_looking(
    house, ada, database
):
    await house.store.observe(house.term, [sighting(ada)], now=NOON)
    async with database.transaction() as other:
        await other.execute(b"update microphones set version = version + 1 where user_id = 'ada'")
        placing_it = asyncio.create_task(house.store.place(placing(house.org, mute()), now=NOON))
        async with database.reading() as looking, asyncio.timeout(30):
            while not await every(looking, WAITING, {}):  # noqa: ASYNC110 -- the database tells nobody
                await asyncio.sleep(0.01)
    placed = await placing_it
    assert placed.mutes
    assert placed.due == ()


async def test_a_mute_that_was_there_already_tells_nothing(house):
    await house.store.place(placing(house.org, mute()), now=NOON)
    assert (await house.store.place(placing(house.org, mute()), now=NOON)).due == ()


async def test_what_was_seen_of_a_microphone_under_a_mute_tells_what_is_due(house, ada):
    await house.store.place(placing(house.org, mute()), now=NOON)
    (noted,) = await house.store.observe(house.term, [sighting(ada, muted=True)], now=NOON + 1)
    assert noted.due in await found(house, NOON + 1)


async def test_a_microphone_that_is_new_leaves_it_to_looking(house, ada):
    """There was nothing to lock when the mutes were read: another may have been placed meanwhile."""
    await house.store.place(placing(house.org, mute(call=None)), now=NOON)
    (noted,) = await house.store.observe(house.term, [sighting(ada)], now=NOON + 1)
    assert (noted.woken, noted.due) == (True, None)


async def test_a_microphone_that_remembers_an_ended_mute_leaves_it_to_looking(house, ada):
    """When it was to be given back is to be read of that mute."""
    (due,) = (await house.store.place(placing(house.org, mute()), now=NOON)).due
    remembers = Decision(memory=replace(due.memory, mutes=(uuid(1),), phase=Phase.CONFIRMED))
    decided = Decided(target=ada, version=due.version, decision=remembers)
    assert (await house.store.intend(house.term, [decided], now=NOON)).done
    await house.store.place(Release(org=house.org, mute_ids=(uuid(1),), by="sam"), now=NOON + 1)
    (noted,) = await house.store.observe(house.term, [sighting(ada, muted=True)], now=NOON + 2)
    assert (noted.woken, noted.due) == (True, None)
