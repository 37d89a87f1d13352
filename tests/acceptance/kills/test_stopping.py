"""A graceful stop ends in ten seconds, whatever hangs, and leaves the org to the next."""

import asyncio
import os
import signal
import time
from contextlib import suppress

import aiohttp
import pytest

from kills.house import House
from slowness import lost

WITHIN = 12.0
"""Ten seconds, and what a machine takes to let a process go."""


@pytest.fixture
async def house():
    async with House(replicas=1, embedded=True) as house:
        yield house


async def stopped(house):
    """How long it took, and the exit code."""
    with lost() as waiting:
        began = time.monotonic()
        code = await asyncio.to_thread(lambda: house.replica(0).stop(seconds=60))
        return time.monotonic() - began - waiting.seconds, code


async def test_it_ends_in_time_whatever_hangs(house):
    """One service, started again and again: each start costs two seconds."""
    took = {}
    for about in (with_streams_open, with_a_client_waiting, with_a_platform_that_hangs):
        async with asyncio.TaskGroup() as group:
            calls = [group.create_task(one) for one in about(house)]
            await asyncio.sleep(0.5)
            took[about.__name__], code = await stopped(house)
            assert code == 0
            for call in calls:
                call.cancel()
        house.simulator.control("DELETE", "/faults")
        await house.restart(0)
    took["while it starts"], _ = await stopped_while_starting(house)
    await house.restart(0)
    took["with a database that stands still"] = await stopped_on_a_frozen_database(house)
    assert {name for name, seconds in took.items() if seconds >= WITHIN} == set(), took


def with_streams_open(house):
    async def watch():
        with suppress(aiohttp.ClientError):
            headers = {"Authorization": f"Bearer {house.keys.auditor}"}
            async with house.http.get(f"{house.urls[0]}/v1/events", headers=headers, timeout=None) as answer:
                async for _ in answer.content:
                    pass

    return [watch() for _ in range(10)]


def with_a_client_waiting(house):
    house.simulator.fault("accept_then_forget", match={"method": "PATCH"})
    return [placed(house, wait=30)]


def with_a_platform_that_hangs(house):
    house.simulator.fault("hang")
    return [placed(house, wait=0) for _ in range(3)]


async def placed(house, *, wait):
    agent = house.simulator.agents[0].id
    call = house.simulator.place_call(agent)["id"]
    wish = {"agent": agent, "conversation": call, "for": 60}
    headers = {"Authorization": f"Bearer {house.keys.owners[0]}", "Prefer": f"wait={wait}"}
    with suppress(aiohttp.ClientError, TimeoutError):
        async with house.http.post(f"{house.urls[0]}/v1/mutes", json=wish, headers=headers):
            pass


async def stopped_while_starting(house):
    await stopped(house)
    replica = house.begin(0)
    await asyncio.sleep(1.0)  # somewhere in its start: any moment is one to be told to stop
    assert replica.lives
    return await stopped(house)


async def stopped_on_a_frozen_database(house):
    for process in house.cluster.processes():
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGSTOP)
    took, _ = await stopped(house)
    return took
