"""Mutes that stand only while their owner says again and again that it is there."""

from datetime import datetime

import pytest
from front_desk import Scope


def seconds_between(earlier, later):
    return (datetime.fromisoformat(later) - datetime.fromisoformat(earlier)).total_seconds()


async def placed(desk, **wish):
    await desk.on_call()
    answer = await desk.mute(**{"for": "5m", **wish})
    assert answer.status == 201, answer.body
    return answer.body


async def renewed(desk, mute, body=None, **options):
    return await desk.ask("POST", f"/v1/mutes/{mute['id']}/renewal", body or {}, **options)


async def test_a_mute_says_by_when_its_owner_has_to_renew_it(desk):
    with_presence = await placed(desk, presence=20)
    assert seconds_between(with_presence["placed_at"], with_presence["renew_by"]) == pytest.approx(20)
    assert (await placed(desk, conversation=None, covers="agent"))["renew_by"] is None


async def test_a_renewal_counts_from_now_and_leaves_the_end_and_the_record_alone(desk):
    mute = await placed(desk, presence=20)
    desk.clock.ahead += 15
    answer = await renewed(desk, mute, {"presence": 40})
    assert answer.status == 200, answer.body
    assert 55 <= seconds_between(mute["placed_at"], answer.body["renew_by"]) < 75
    assert answer.body["release_at"] == mute["release_at"]
    assert [entry.action for entry in await desk.entries()] == ["mute.placed"]


async def test_a_renewal_wakes_the_microphone_so_that_the_keeper_looks_at_the_new_time(desk):
    mute = await placed(desk, presence=20)
    (before,) = await desk.store.microphones.of_agent(desk.org, desk.twin.agents[0].id)
    await renewed(desk, mute)
    (after,) = await desk.store.microphones.of_agent(desk.org, desk.twin.agents[0].id)
    assert after.version > before.version


async def test_only_the_owner_renews(desk):
    mute = await placed(desk, presence=20)
    answer = await renewed(desk, mute, key=await desk.key())
    assert (answer.status, answer.body["facts"]["rule"]) == (403, "owner")
    unseen = await renewed(desk, mute, key=await desk.key(Scope.AUDIT))
    assert (unseen.status, unseen.body["facts"]["rule"]) == (403, "scope:mute")


async def test_a_mute_without_presence_is_not_made_to_depend_on_it(desk):
    answer = await renewed(desk, await placed(desk))
    assert (answer.status, answer.word) == (409, "no_presence")


async def test_a_mute_that_has_ended_is_not_renewed_and_says_how_it_ended(desk):
    mute = await placed(desk, presence=20)
    await desk.ask("DELETE", f"/v1/mutes/{mute['id']}")
    answer = await renewed(desk, mute)
    assert (answer.status, answer.word) == (409, "mute_ended")
    assert answer.body["facts"] == {"end": "released"}


@pytest.mark.parametrize("presence", [1, 301, -30, 0, True, "30s", [], 1e300])
async def test_a_presence_that_is_no_number_of_seconds_within_bounds_is_refused(desk, presence):
    mute = await placed(desk, presence=20)
    again = await renewed(desk, mute, {"presence": presence})
    assert (again.status, again.word) == (400, "malformed_request"), again.body
    another = await desk.mute(presence=presence)
    assert (another.status, another.word) == (400, "malformed_request"), another.body
    assert len(await desk.store.mutes.standing(desk.org)) == 1
