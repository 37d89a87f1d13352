"""What two who place at the same moment cannot use up twice, whatever replica they ask."""

import asyncio

import pytest
from contents import NOON, mute, placing, uuid

from micgate.control.errors import LengthRefused
from micgate.control.mute import End
from micgate.store import paces
from micgate.store.errors import Overtaken, TooManyStanding, TooOften
from micgate.store.verbs import Extend, Release

TEN_MINUTES, TWENTY_MINUTES = 600.0, 1200.0


async def placed(store, org, number, *, at=NOON, seconds=TEN_MINUTES, within=TWENTY_MINUTES, **more):
    wish = placing(org, mute(number, at=at, seconds=seconds, **more), within=within)
    return await store.place(wish, now=at)


async def test_a_chain_ends_where_it_may_however_often_a_mute_was_released(house):
    await placed(house.store, house.org, 1)
    await house.store.place(Release(org=house.org, mute_ids=(uuid(1),), by="sam"), now=NOON + 400)
    await placed(house.store, house.org, 2, at=NOON + 400)
    with pytest.raises(LengthRefused, match="at most 3 min 20 s"):
        await placed(house.store, house.org, 3, at=NOON + 500)
    assert (await placed(house.store, house.org, 4, at=NOON + 500, seconds=200)).mutes


async def test_chains_of_others_and_of_other_calls_are_their_own(house):
    await placed(house.store, house.org, 1, seconds=1200)
    for number, other in (
        (2, {"owner": "sue"}),
        (3, {"call": "call-2"}),
        (4, {"user": "bob"}),
        (5, {"call": None}),
    ):
        assert (await placed(house.store, house.org, number, **other)).mutes


async def test_of_many_who_chain_at_once_only_as_many_pass_as_may(house):
    answers = await asyncio.gather(
        *(placed(house.store, house.org, number) for number in range(1, 9)), return_exceptions=True
    )
    assert sorted(type(one) is LengthRefused for one in answers) == [False, False, *[True] * 6]
    assert len(await house.store.mutes.standing(house.org)) == 2


async def test_an_extension_counts_in_the_chain(house):
    for number in (1, 2):
        await placed(house.store, house.org, number)
    longer = Extend(org=house.org, mute_ids=(uuid(2),), release_at=NOON + 601, within=TWENTY_MINUTES)
    with pytest.raises(LengthRefused):
        await house.store.place(longer, now=NOON + 60)
    assert (await house.store.mutes.get(house.org, [uuid(2)]))[0].release_at == NOON + TEN_MINUTES


async def test_an_owner_has_no_more_standing_than_it_may_however_many_ask_at_once(house):
    wishes = [placing(house.org, mute(number, call=f"call-{number}"), at_most=3) for number in range(1, 9)]
    answers = await asyncio.gather(
        *(house.store.place(wish, now=NOON) for wish in wishes), return_exceptions=True
    )
    assert sum(type(one) is TooManyStanding for one in answers) == 5
    assert len(await house.store.mutes.standing(house.org)) == 3


async def test_a_mute_is_not_placed_beside_one_that_was_not_looked_at(house):
    await house.store.place(placing(house.org, mute(1)), now=NOON)
    with pytest.raises(Overtaken):
        await house.store.place(placing(house.org, mute(2, call="call-2"), beside=()), now=NOON)
    await house.store.place(placing(house.org, mute(2, call="call-2"), beside=(uuid(1),)), now=NOON)
    await house.store.place(placing(house.org, mute(3, owner="sue"), beside=()), now=NOON)
    ended = Release(org=house.org, mute_ids=(uuid(1), uuid(2)), by="sam", end=End.RELEASED)
    await house.store.place(ended, now=NOON + 1)
    await house.store.place(placing(house.org, mute(4), beside=()), now=NOON + 2)


async def test_what_was_refused_leaves_nothing_behind(house):
    await placed(house.store, house.org, 1, seconds=1200)
    before = await house.store.entries.waiting(house.org)
    wish = placing(house.org, mute(2, note_ref="note-2"), within=TWENTY_MINUTES, notes=(("note-2", "x"),))
    with pytest.raises(LengthRefused):
        await house.store.place(wish, now=NOON)
    assert await house.store.mutes.note("note-2") is None
    assert await house.store.entries.waiting(house.org) == before


async def changed(store, org, number, *, at=NOON, rate=3):
    return await store.place(placing(org, mute(number, at=at, call=f"call-{number}"), rate=rate), now=at)


async def test_of_many_who_place_at_once_only_as_many_pass_in_a_minute_as_may(house):
    answers = await asyncio.gather(
        *(changed(house.store, house.org, number) for number in range(1, 9)), return_exceptions=True
    )
    refused = [one for one in answers if isinstance(one, TooOften)]
    assert (len(refused), len(await house.store.mutes.standing(house.org))) == (5, 3)
    assert {one.retry_after for one in refused} == {61.0}


async def test_a_minute_later_as_many_may_be_placed_again(house):
    for number, at in enumerate((NOON, NOON + 30, NOON + 40), start=1):
        await changed(house.store, house.org, number, at=at)
    for at in (NOON + 40, NOON + 60.9):
        with pytest.raises(TooOften) as raised:
            await changed(house.store, house.org, 4, at=at)
        assert raised.value.retry_after == pytest.approx(NOON + 61 - at)
    assert (await changed(house.store, house.org, 4, at=NOON + 61)).mutes
    with pytest.raises(TooOften):
        await changed(house.store, house.org, 5, at=NOON + 61)


async def test_an_extension_counts_like_a_mute_and_a_release_and_a_repetition_do_not(house):
    await changed(house.store, house.org, 1, rate=2)
    await changed(house.store, house.org, 1, rate=2)
    longer = Extend(org=house.org, mute_ids=(uuid(1),), release_at=NOON + 601, rate=2)
    assert (await house.store.place(longer, now=NOON)).mutes
    with pytest.raises(TooOften):
        await house.store.place(longer, now=NOON)
    released = Release(org=house.org, mute_ids=(uuid(1),), by="sam")
    assert (await house.store.place(released, now=NOON)).mutes


async def test_what_was_counted_is_swept_when_it_counts_no_more(house):
    await changed(house.store, house.org, 1)
    async with house.store._database.reading() as connection:
        found = "select changes from paces where org = %s"
        assert await (await connection.execute(found, (house.org,))).fetchall()
        await paces.sweep(house.store._database, now=NOON + 122)
        assert await (await connection.execute(found, (house.org,))).fetchall() == []
