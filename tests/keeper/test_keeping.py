"""The ordinary day of a keeper, on the real database and the real simulator."""

import time

import pytest

from micgate.control.microphone import Phase
from micgate.control.mute import End
from micgate.control.policy import OnOverride
from slowness import lost


async def test_a_mute_is_one_request_and_confirmed_by_its_event(org, twin, keeping):
    async with keeping(org):
        twin.turn(apply_ms=[50, 50])  # an event that takes long is made up for by a read
        call = twin.place_call()
        await org.seen(call)
        before = len(twin.requests())
        await org.place(call)
        await org.phase(call, Phase.CONFIRMED)
    assert [entry["method"] for entry in twin.requests()[before:]] == ["PATCH"]
    assert org.muted(call)


async def test_a_mute_is_released_on_time_and_leaves_the_microphone_open(org, twin, keeping):
    async with keeping(org):
        call = twin.place_call()
        await org.seen(call)
        mute = await org.place(call, seconds=3.0)
        await org.phase(call, Phase.CONFIRMED)
        with lost() as waiting:
            await org.phase(call, Phase.IDLE)
    assert not org.muted(call)
    assert (await org.mute(mute)).end is End.EXPIRED
    released = org.patches()[-1]
    assert -0.1 < released["at"] - mute.release_at < 1.0 + waiting.seconds  # by two clocks


async def test_a_call_that_was_muted_before_anybody_listened_is_read_first(org, twin, keeping):
    call = twin.place_call()
    await org.place(call)
    async with keeping(org):
        await org.phase(call, Phase.CONFIRMED)
    about = [one["method"] for one in twin.requests() if call["id"] in one["path"]]
    assert about.index("GET") < about.index("PATCH")
    assert about.count("PATCH") == 1


async def test_calls_that_go_on_are_in_sight_after_each_start(org, twin, keeping):
    agents = [agent.id for agent in twin.agents[:3]]
    calls = [twin.place_call(agent) for agent in agents]
    for _ in range(2):
        began = time.time()
        async with keeping(org):
            for call, agent in zip(calls, agents, strict=True):
                await org.until(lambda about=(call, agent), since=began: _is_in_sight(org, *about, since))
    assert not await org.commands()


async def _is_in_sight(org, call, agent, since):
    memory = await org.memory(call, agent)
    return memory is not None and memory.seen is not None and not memory.stale and memory.seen.at > since


async def test_two_mutes_hold_until_the_last_one_ends(org, twin, keeping):
    async with keeping(org):
        call = twin.place_call()
        await org.seen(call)
        first = await org.place(call, owner="sam")
        second = await org.place(call, owner="kim")
        await org.phase(call, Phase.CONFIRMED)
        await org.release(first)
        await org.until(lambda: _memory_has(org, call, (second.id,)))
        assert org.muted(call)
        await org.release(second)
        await org.phase(call, Phase.IDLE)
    assert not org.muted(call)
    assert [one["verb"] for one in await org.commands() if one["verb"] == "open"] == ["open"]


async def _memory_has(org, call, mutes):
    memory = await org.memory(call)
    return memory.mutes == mutes


async def test_a_microphone_that_was_closed_before_stays_closed(org, twin, keeping):
    async with keeping(org):
        call = twin.place_call()
        await org.seen(call)
        twin.press_mute(call, muted=True)
        await org.until(lambda: _is_known(org, call, muted=True))
        mute = await org.place(call)
        await org.phase(call, Phase.CONFIRMED)
        await org.release(mute)
        await org.phase(call, Phase.IDLE)
    assert org.muted(call)
    assert await org.entries("microphone.kept")


async def _is_known(org, call, *, muted):
    memory = await org.memory(call)
    return memory.known is muted


async def test_an_agent_who_opens_the_microphone_ends_the_mute(org, twin, keeping):
    async with keeping(org):
        call = twin.place_call()
        await org.seen(call)
        mute = await org.place(call)
        await org.phase(call, Phase.CONFIRMED)
        twin.press_mute(call, muted=False)
        await org.until(lambda: _ended(org, mute))
    assert (await org.mute(mute)).end is End.OVERRIDDEN
    assert not org.muted(call)


async def test_a_reasserted_mute_is_sent_again(org, twin, keeping):
    async with keeping(org):
        call = twin.place_call()
        await org.seen(call)
        await org.place(call, on_override=OnOverride.REASSERT)
        await org.phase(call, Phase.CONFIRMED)
        twin.press_mute(call, muted=False)
        await org.until(lambda: _lanes(org, "reassert"))
        await org.phase(call, Phase.CONFIRMED)
    assert org.muted(call)


async def _lanes(org, lane):
    return [one for one in await org.commands() if one["lane"] == lane]


async def test_a_mute_of_an_agent_meets_the_call_that_comes_later(org, twin, keeping):
    async with keeping(org):
        mute = await org.place(None)
        call = twin.place_call()
        await org.phase(call, Phase.CONFIRMED)
        assert org.muted(call)
        await org.release(mute)
        await org.phase(call, Phase.IDLE)
    assert not org.muted(call)


async def test_a_call_that_ends_ends_its_mute(org, twin, keeping):
    async with keeping(org):
        call = twin.place_call()
        await org.seen(call)
        mute = await org.place(call)
        await org.phase(call, Phase.CONFIRMED)
        twin.control("POST", f"/calls/{call['id']}/disconnect", {})
        await org.until(lambda: _ended(org, mute))
    assert (await org.mute(mute)).end is End.CALL_ENDED


async def _ended(org, mute):
    return (await org.mute(mute)).end


async def test_every_request_has_its_entries_in_the_chain(org, twin, keeping):
    async with keeping(org):
        call = twin.place_call()
        await org.seen(call)
        mute = await org.place(call)
        await org.phase(call, Phase.CONFIRMED)
        await org.release(mute)
        await org.phase(call, Phase.IDLE)
    commands = {one["id"]: one["verb"] for one in await org.commands()}
    for action in ("command.intended", "command.concluded"):
        assert [entry.command_id for entry in await org.entries(action)] == list(commands)
    assert await org.store.entries.waiting(org.name) == (0, None)


@pytest.mark.parametrize("hold", [True, False])
async def test_a_microphone_closed_by_us_is_given_back_only_when_not_on_hold(org, twin, keeping, hold):
    async with keeping(org):
        call = twin.place_call()
        await org.seen(call)
        mute = await org.place(call)
        await org.phase(call, Phase.CONFIRMED)
        if hold:
            twin.control("POST", f"/calls/{call['id']}/hold", {"agent": twin.agents[0].id})
            await org.until(lambda: _is_held(org, call))
        await org.release(mute)
        await org.phase(call, Phase.LEFT_CLOSED if hold else Phase.IDLE)
    assert org.muted(call) is hold


async def _is_held(org, call):
    memory = await org.memory(call)
    return memory.seen.held
