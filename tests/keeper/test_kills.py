"""Keepers that are killed, stopped and woken, and a database that goes away: real processes, real signals."""

import asyncio
import time
from dataclasses import replace

import pytest
from keeping import come_back, until

from micgate.control.microphone import Phase
from micgate.control.mute import End
from micgate.keeper.lease import STILL
from micgate.store.errors import Unavailable
from slowness import lost

NEXT = 5.0
"""Seconds in which the next keeper sends."""


async def is_open(org, call, agent=None):
    return not org.muted(call, agent)


async def standing(org, twin, agents, **about):
    """Confirmed mutes, one on a call of each of these agents."""
    calls = [(twin.place_call(agent.id), agent.id) for agent in agents]
    for call, agent in calls:
        await org.seen(call, agent)
    mutes = await org.place_many(calls, **about)
    for call, agent in calls:
        await org.phase(call, Phase.CONFIRMED, agent)
    return calls, mutes


def is_explained(org, commands) -> bool:
    """Invariant 6: every request has its intent; only an unknown outcome may match no request."""
    sent = len([entry for entry in org.patches() if entry["client"] == org.credentials[0]])
    changes = [one for one in commands if one["verb"] != "read"]
    sure = [one for one in changes if one["outcome"] in {"accepted", "refused"}]
    perhaps = [one for one in changes if one["outcome"] in {"unknown", None}]
    return len(sure) <= sent <= len(sure) + len(perhaps)


async def test_a_killed_keeper_is_followed_by_the_next_within_five_seconds(org, twin):
    first = org.start()
    await first.listens()
    (calls, mutes) = await standing(org, twin, twin.agents[:1], seconds=4.0)
    await org.start().ready()
    with lost() as waiting:
        killed = first.kill()
        await org.until(lambda: is_open(org, calls[0][0]))
    released = org.patches()[-1]
    assert released["at"] - max(killed, mutes[0].release_at) < NEXT + waiting.seconds
    assert is_explained(org, await org.commands())


async def test_a_killed_keeper_is_followed_at_once_on_the_same_machine(org, twin):
    first = org.start()
    await first.listens()
    second = org.start()
    await second.ready()
    with lost() as waiting:
        killed = first.kill()
        assert await second.took_over() - killed < STILL + waiting.seconds


async def test_a_term_that_could_not_be_given_up_is_begun_again_at_once(org, twin):
    """The database goes away while a keeper takes over, and is back a moment later."""
    keeper = org.keeper()
    lessor = Away(keeper.ports.lessor, "resign")
    keeper.ports = replace(keeper.ports, books=Away(keeper.ports.books, "open_commands"), lessor=lessor)
    with lost() as waiting:
        task = asyncio.create_task(keeper.run())
        await org.until(lambda: keeper.reign and keeper.reign.channels.up)
    assert time.monotonic() - lessor.missed < STILL + waiting.seconds
    assert keeper.reign.tenure.term.epoch == 2
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


class Away:
    """A part of the store that cannot be reached once: when that was missed, by a clock that only goes on."""

    def __init__(self, part, method):
        self._part = part
        self._method = method
        self.missed = 0.0

    def __getattr__(self, name):
        if name != self._method:
            return getattr(self._part, name)
        self._method = None
        return self._nothing

    async def _nothing(self, *_):
        self.missed = time.monotonic()
        raise Unavailable("The database went away.", remedy="It comes back.")


@pytest.mark.parametrize("moment", [0.0, 0.01])
async def test_a_keeper_killed_in_mid_send_leaves_nobody_muted(org, twin, moment):
    first = org.start()
    await first.listens()
    calls, mutes = await standing(org, twin, twin.agents[:8], seconds=60.0)
    await org.start().ready()
    await asyncio.gather(*(org.release(mute) for mute in mutes))
    await asyncio.sleep(moment)  # the kill lands somewhere between the first intent and the last outcome
    with lost() as waiting:
        killed = first.kill()
        for call, agent in calls:
            await org.until(lambda call=call, agent=agent: is_open(org, call, agent))
    assert max(entry["at"] for entry in org.patches()) - killed < NEXT + waiting.seconds
    for call, agent in calls:
        await org.until(lambda call=call, agent=agent: is_settled(org, call, agent))
    assert is_explained(org, await org.commands())


async def is_settled(org, call, agent):
    memory = await org.memory(call, agent)
    return memory.phase is Phase.IDLE and memory.pending is None


async def test_a_mute_that_a_killed_keeper_may_have_sent_is_resolved(org, twin):
    first = org.start()
    await first.listens()
    call = twin.place_call()
    await org.seen(call)
    twin.fault("hang", match={"method": "PATCH"}, times=1)
    await org.place(call)
    await org.until(lambda: in_flight(org))
    await org.start().ready()
    first.kill()
    await org.phase(call, Phase.CONFIRMED)
    outcomes = [(one["verb"], one["outcome"]) for one in await org.commands()]
    assert outcomes[0] == ("mute", "unknown")
    assert is_explained(org, await org.commands())
    assert (await org.store.leases.read(org.name)).epoch == 2, "the second had to begin again"


async def in_flight(org):
    return [one for one in await org.commands() if one["outcome"] is None]


async def test_a_woken_zombie_sends_nothing(org, twin):
    first = org.start()
    await first.listens()
    calls, mutes = await standing(org, twin, twin.agents[:4], seconds=60.0)
    second = org.start()
    await second.ready()
    with lost() as waiting:
        stopped = first.pause()
        await asyncio.gather(*(org.release(mute) for mute in mutes))
        taken = await second.took_over()
    assert taken - stopped < NEXT + waiting.seconds
    for call, agent in calls:
        await org.until(lambda call=call, agent=agent: is_open(org, call, agent))
    await org.place_many(calls, seconds=60.0)
    for call, agent in calls:
        await org.phase(call, Phase.CONFIRMED, agent)
    woken = first.go_on()
    fenced = await org.until(lambda: first_is_quiet(org, woken))
    assert fenced
    commands = await org.commands()
    assert is_explained(org, commands)
    assert {one["epoch"] for one in commands if one["intended_at"] > taken} == {2}


async def first_is_quiet(org, since):
    """Three seconds are over, and nobody sent anything."""
    assert [entry for entry in org.patches() if entry["at"] > since] == []
    return time.time() > since + 3


async def test_a_keeper_that_is_stopped_hands_over_at_once(org, twin):
    first = org.start()
    await first.listens()
    calls, _ = await standing(org, twin, twin.agents[:1], seconds=60.0)
    second = org.start()
    await second.ready()
    began = time.time()
    assert first.stop() == 0
    assert await second.took_over() - began < STILL
    assert org.muted(calls[0][0])
    assert not await in_flight(org)


async def test_only_one_of_two_keepers_acts(org, twin):
    for _ in range(2):
        org.start()
    call = twin.place_call()
    await org.place(call)
    await org.phase(call, Phase.CONFIRMED)
    assert len(org.patches()) == 1


async def test_a_database_that_went_away_is_served_within_five_seconds_of_its_return(
    org, twin, keeping, embedded
):
    async with keeping(org):
        calls, mutes = await standing(org, twin, twin.agents[:2], seconds=4.0)
        embedded.cluster.kill()
        await asyncio.sleep(max(0.0, mutes[0].release_at - time.time()))  # due while nobody can be asked
        assert all(org.muted(call, agent) for call, agent in calls)
        back = await come_back(embedded)
        with lost() as waiting:
            for call, agent in calls:
                await org.until(lambda call=call, agent=agent: is_open(org, call, agent))
        assert max(entry["at"] for entry in org.patches()) - back < NEXT + waiting.seconds
        for mute in mutes:
            await org.until(lambda mute=mute: has_ended(org, mute))
    assert is_explained(org, await org.commands())


async def has_ended(org, mute):
    return (await org.mute(mute)).end is End.EXPIRED


async def test_a_keeper_without_a_database_sends_nothing(org, twin, keeping, embedded):
    async with keeping(org) as keeper:
        calls, _ = await standing(org, twin, twin.agents[:1], seconds=60.0)
        embedded.cluster.kill()
        before = len(org.patches())
        await until(lambda: not keeper.may_send())
        assert len(org.patches()) == before
        await come_back(embedded)
        await until(keeper.may_send)
        await until(lambda: not keeper.health.failing)
    assert org.muted(calls[0][0])
