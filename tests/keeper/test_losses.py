"""What gets lost, comes late, or is refused: on the real database and the real simulator."""

import asyncio

import aiohttp
import pytest

from micgate.control.microphone import Phase
from micgate.control.mute import End
from micgate.keeper import catch_up
from micgate.store.errors import Unavailable
from slowness import lost


async def confirmed(org, twin, **about):
    call = twin.place_call()
    await org.seen(call)
    mute = await org.place(call, **about)
    await org.phase(call, Phase.CONFIRMED)
    return call, mute


async def ended(org, mute):
    return (await org.mute(mute)).end


async def test_a_replica_that_waits_for_its_turn_is_well_again_when_the_database_is(org, keeping):
    async with keeping(org):
        rival = org.keeper()
        waiting = asyncio.create_task(rival.run())
        async with org.database.transaction() as connection:
            await connection.execute("lock table leases in access exclusive mode")
            await org.until(lambda: fails(rival, connection))
        await org.until(lambda: not rival.health.failing)
        assert rival.reign is None
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)


async def fails(keeper, connection):
    await connection.execute("select 1")  # whoever is idle in a transaction is cut off
    return keeper.health.failing


@pytest.mark.parametrize("kind", ["socket_cut", "channel_evicted", "token_revoked"])
async def test_an_override_missed_in_a_gap_is_found_by_a_read(org, twin, keeping, kind):
    async with keeping(org):
        call, mute = await confirmed(org, twin)
        twin.fault("event_lost", times=1)
        twin.press_mute(call, muted=False)
        twin.fault(kind, times=1)
        await org.until(lambda: ended(org, mute))
    assert (await org.mute(mute)).end is End.OVERRIDDEN


async def test_after_a_gap_only_what_is_at_stake_is_read(org, twin, keeping):
    async with keeping(org) as keeper:
        calls = [twin.place_call(agent.id) for agent in twin.agents[:6]]
        for call, agent in zip(calls, twin.agents, strict=False):
            await org.seen(call, agent.id)
        await org.place(calls[0])
        await org.phase(calls[0], Phase.CONFIRMED)
        before = len(twin.requests())
        twin.fault("socket_cut", times=1)
        await org.until(lambda: is_stale(org, calls[5], twin.agents[5].id))
        await org.until(lambda: is_sighted(org, calls[0]))
        await org.until(lambda: keeper.reign.channels.up)
    paths = {entry["path"] for entry in twin.requests()[before:] if entry["method"] == "GET"}
    assert {path for path in paths if "/conversations/" in path} == {
        f"/api/v2/conversations/calls/{calls[0]['id']}"
    }


async def is_stale(org, call, agent):
    return (await org.memory(call, agent)).stale


async def is_sighted(org, call):
    memory = await org.memory(call)
    return not memory.stale and memory.read_at is not None


async def test_a_call_that_began_in_a_gap_becomes_known(org, twin, keeping):
    async with keeping(org):
        twin.fault("event_lost")
        call = twin.place_call()
        twin.control("DELETE", "/faults")
        twin.fault("socket_cut", times=1)
        await org.until(lambda: org.memory(call))
        await org.place(call)
        await org.phase(call, Phase.CONFIRMED)
    assert org.muted(call)


async def test_a_lost_event_costs_one_read(org, twin, keeping):
    async with keeping(org):
        call = twin.place_call()
        await org.seen(call)
        twin.fault("event_lost", times=1)
        await org.place(call)
        await org.phase(call, Phase.CONFIRMED)
    assert [one["verb"] for one in await org.commands()] == ["mute", "read"]


@pytest.mark.parametrize("kind", ["apply_then_reset", "apply_then_status"])
async def test_a_mute_whose_answer_is_lost_is_not_sent_twice(org, twin, keeping, kind):
    async with keeping(org):
        call = twin.place_call()
        await org.seen(call)
        twin.fault(kind, match={"method": "PATCH"}, times=1)
        await org.place(call)
        await org.phase(call, Phase.CONFIRMED)
    commands = [(one["verb"], one["outcome"]) for one in await org.commands() if one["verb"] != "read"]
    assert commands == [("mute", "unknown")]
    assert len(org.patches()) == 1


@pytest.mark.parametrize("kind", ["reset", "status", "html"])
async def test_a_release_that_fails_is_tried_until_it_succeeds(org, twin, keeping, kind):
    async with keeping(org):
        call, mute = await confirmed(org, twin)
        twin.fault(kind, match={"method": "PATCH"}, times=2, **({"status": 503} if kind == "status" else {}))
        await org.release(mute)
        await org.until(lambda: is_open(org, call))
    assert len(org.patches()) == 4


async def is_open(org, call):
    return not org.muted(call)


async def test_a_mute_that_is_refused_ends_with_the_reason(org, twin, keeping):
    twin.turn(on_behalf="forbid")
    async with keeping(org):
        call = twin.place_call()
        await org.seen(call)
        mute = await org.place(call)
        await org.until(lambda: ended(org, mute))
    assert (await org.mute(mute)).end is End.FAILED
    (entry,) = await org.entries("mute.ended")
    assert entry.mute_id == mute.id


async def test_a_revoked_token_costs_one_command_and_no_release(org, twin, keeping):
    async with keeping(org):
        call, mute = await confirmed(org, twin)
        twin.fault("token_revoked", match={"method": "PATCH"}, times=1)
        await org.release(mute)
        await org.until(lambda: is_open(org, call))
    assert [entry["status"] for entry in org.patches()][-2:] == [401, 202]


async def test_a_429_closes_the_budget_for_as_long_as_it_says(org, twin, keeping):
    async with keeping(org):
        call, mute = await confirmed(org, twin)
        twin.fault("rate_storm", match={"method": "PATCH"}, times=1, seconds=2)
        await org.release(mute)
        await org.until(lambda: is_open(org, call))
    refused, released = org.patches()[-2:]
    assert (refused["status"], released["status"]) == (429, 202)
    assert 2 <= released["at"] - refused["at"] < 10  # the window of a minute is not waited for


async def test_ends_that_fall_due_find_room_whatever_else_is_wanted(make_org, twin, keeping):
    org = await make_org(rate_per_minute=30)
    async with keeping(org) as keeper:
        calls = [(twin.place_call(agent.id), agent.id) for agent in twin.agents]
        for call, agent in calls:
            await org.seen(call, agent)
        room = 30 - keeper.reign.budget.used
        first = await org.place_many(calls[:4], seconds=4.0, owner="sam")
        flood = await org.place_many(calls[4:] * 4, seconds=600.0, owner="flood")
        with lost() as waiting:
            for mute in first:
                await org.until(lambda mute=mute: ended(org, mute))
        for call, agent in calls[:4]:
            await org.until(lambda call=call, agent=agent: is_open_of(org, call, agent))
        assert not (await org.mute(flood[0])).end
    opened = [entry for entry in org.patches() if entry["body"] == {"muted": False}]
    assert max(entry["at"] for entry in opened) - first[0].release_at < 0.5 + waiting.seconds
    assert len([entry for entry in twin.requests() if entry["status"] == 429]) == 0
    assert room < 30


async def is_open_of(org, call, agent):
    return not org.muted(call, agent)


async def test_whoever_waits_for_room_is_served_in_turns(make_org, twin, keeping):
    org = await make_org(rate_per_minute=12)
    async with keeping(org) as keeper:
        calls = [(twin.place_call(agent.id), agent.id) for agent in twin.agents]
        for call, agent in calls:
            await org.seen(call, agent)
        assert 4 <= 12 - keeper.reign.budget.used < 10
        owners = [*["flood"] * 11, "sam"]
        await org.place_many(calls, seconds=600.0, owner=owners)
        await org.until(lambda: spent(keeper))
        await org.phase(calls[-1][0], Phase.CONFIRMED, calls[-1][1])
        assert len(keeper.reign.wake.line) >= 3
        assert keeper.reign.wake.line.first().principal == "person:flood"
    assert not [entry for entry in twin.requests() if entry["status"] == 429]


async def spent(keeper):
    return keeper.reign.budget.used >= 12


async def test_a_line_that_was_taken_over_is_not_fought_for(org, twin, keeping):
    async with keeping(org) as keeper:
        call = twin.place_call()
        await org.seen(call)
        (slot,) = keeper.reign.channels.slots
        await org.until(lambda: stored_channel(org))
        taken = slot.line.channel
        async with (
            aiohttp.ClientSession() as http,
            http.ws_connect(taken.uri) as socket,
        ):
            await org.until(lambda: another_line(slot, taken))
            assert not socket.closed
        await org.place(call)
        await org.phase(call, Phase.CONFIRMED)


async def stored_channel(org):
    return await org.store.channels.all(org.name)


async def another_line(slot, taken):
    return slot.up and slot.line.channel.channel_id != taken.channel_id


async def test_a_successor_uses_the_channels_again(org, twin, keeping):
    async with keeping(org):
        (first,) = await org.until(lambda: stored_channel(org))
    async with keeping(org) as keeper:
        (slot,) = keeper.reign.channels.slots
        assert slot.line.channel.channel_id == first.channel_id
    assert len(twin.control("GET", "/state")["channels"]) == 1


async def test_what_the_org_accepted_is_remembered(org, twin, keeping):
    async with keeping(org):
        await confirmed(org, twin)
        assert await org.until(lambda: org.store.orgs.strategy(org.name)) == "on_behalf"


async def test_a_channel_is_not_made_with_a_token_that_ends_within_the_hour(make_org, twin):
    org = await make_org()
    client = twin.control("POST", "/clients", {"grant": "client_credentials", "token_seconds": 600})
    org.credentials = (client["id"], client["secret"])
    keeper = org.keeper()
    task = asyncio.create_task(keeper.run())
    call = twin.place_call()
    await org.until(lambda: fault_of(keeper))
    await org.place(call)
    await org.phase(call, Phase.CONFIRMED)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert twin.control("GET", "/state")["channels"] == []


async def fault_of(keeper):
    return keeper.reign and keeper.reign.channels.slots[0].fault == "token_too_short"


async def test_an_override_where_no_line_is_to_be_had_is_found_by_a_read(make_org, twin, monkeypatch):
    monkeypatch.setattr(catch_up, "BLIND", 1.0)
    org = await make_org()
    client = twin.control("POST", "/clients", {"grant": "client_credentials", "token_seconds": 600})
    org.credentials = (client["id"], client["secret"])
    keeper = org.keeper()
    task = asyncio.create_task(keeper.run())
    await org.until(lambda: fault_of(keeper))
    call, mute = await confirmed_blindly(org, twin)
    twin.press_mute(call, muted=False)
    await org.until(lambda: ended(org, mute))
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert (await org.mute(mute)).end is End.OVERRIDDEN


async def confirmed_blindly(org, twin):
    call = twin.place_call()
    mute = await org.place(call)
    await org.phase(call, Phase.CONFIRMED)
    return call, mute


async def test_an_unmute_whose_commit_nobody_was_told_of_is_closed_as_never_sent_and_made_again(
    org, twin, keeping, monkeypatch
):
    async with keeping(org) as keeper:
        call, mute = await confirmed(org, twin)
        verbs, lost = keeper.ports.verbs, []
        intend = verbs.intend

        async def committed_in_silence(term, decided, *more, **about):
            done = await intend(term, decided, *more, **about)
            if not lost and any(one.decision.command for one in decided):
                lost.append(done)
                raise Unavailable("It went away.", remedy="Wait.", perhaps_done=True)
            return done

        monkeypatch.setattr(verbs, "intend", committed_in_silence)
        await org.release(mute)
        await org.until(lambda: is_open(org, call), seconds=8)
    opens = [(one["outcome"], one["verb"]) for one in await org.commands() if one["verb"] == "open"]
    assert opens == [("not_sent", "open"), ("accepted", "open")]
    assert len(org.patches()) == 2
