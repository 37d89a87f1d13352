"""A database that is full or gone: named, refused clearly, nothing accepted lost, and made good after."""

import asyncio
import os
import subprocess
import time

import pytest
from keeping import until

from kills.house import House
from leftovers import held_folder
from slowness import lost

ROOM = "200m"
"""Enough for a database, little enough to fill."""
ROOM_FOR_LESS = 64 * 1024


@pytest.fixture
async def house():
    async with House(replicas=1, embedded=False) as house:
        yield house


async def muted(house, agent, *, seconds):
    call = house.simulator.place_call(agent.id)
    placed = await asked(house, agent, call, seconds=seconds)
    assert placed.status == 201, placed
    await until(lambda: house.simulator.leg(call, agent.id)["muted"])
    return call, placed.body


async def asked(house, agent, call, *, seconds=30):
    """One request, once."""
    wish = {"agent": agent.id, "conversation": call["id"], "for": seconds}
    headers = {"Authorization": f"Bearer {house.keys.owners[0]}"}
    return await house._ask("POST", f"{house.urls[0]}/v1/mutes", wish, headers)


async def unready(house):
    answer = await house._ask("GET", f"{house.urls[0]}/readyz", None, {})
    return answer.status == 503 and [one for one in answer.body["checks"] if not one["ok"]]


async def is_ready(house):
    return (await house._ask("GET", f"{house.urls[0]}/readyz", None, {})).status == 200


async def test_a_database_that_is_gone_is_named_and_made_good_for(house):
    agent, other = house.simulator.agents[:2]
    call, placed = await muted(house, agent, seconds=2)
    elsewhere = house.simulator.place_call(other.id)
    house.cluster.kill()
    (first, *_) = await until(lambda: unready(house))
    assert first["name"] == "database"
    refused = await asked(house, other, elsewhere)
    assert (refused.status, refused.body["word"]) == (503, "database_unavailable")
    assert refused.body["remedy"]
    await asyncio.sleep(2.5)  # the mute ends while nobody can be asked
    assert house.simulator.leg(call, agent.id)["muted"]
    await asyncio.to_thread(house._own.ensure)
    with lost() as waiting:
        back = time.monotonic()
        await until(lambda: not house.simulator.leg(call, agent.id)["muted"])
        assert time.monotonic() - back < 5 + waiting.seconds
    await until(lambda: is_ready(house))
    found = await house.ask("GET", f"/v1/mutes/{placed['id']}", key=house.keys.owners[0])
    assert found.body["end"] == "expired"


@pytest.fixture
def small_disk():
    """A file system of its own for the database, of which little is left."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount")
    with held_folder() as folder:
        disk = folder / "disk"
        disk.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", f"size={ROOM},mode=755", "tmpfs", str(disk)]
        if subprocess.run(mount, capture_output=True).returncode:
            pytest.skip("no file system may be mounted here")
        yield disk
        subprocess.run(["umount", "-l", str(disk)], check=True)


def fill(disk):
    """Everything but a little."""
    free = os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize
    with (disk / "filler").open("wb") as file:
        file.write(b"\0" * max(0, free - ROOM_FOR_LESS))
    return disk / "filler"


async def test_a_full_disk_is_named_and_made_good_for(small_disk):
    async with House(replicas=1, embedded=True, directory=small_disk / "database") as house:
        agent, other = house.simulator.agents[:2]
        call, placed = await muted(house, agent, seconds=20)
        elsewhere = house.simulator.place_call(other.id)
        filler = fill(small_disk)
        refused = await until(lambda: refusal(house, other, elsewhere), seconds=60)
        assert refused.body["word"] in {"database_full", "database_unavailable"}
        assert refused.status in {503, 507}
        assert refused.body["remedy"]
        told = await until(lambda: unready(house))
        assert {one["name"] for one in told} & {"database", "embedded", "work", "keeper", "record"}
        filler.unlink()
        await until(lambda: is_ready(house), seconds=60)
        found = await house.ask("GET", f"/v1/mutes/{placed['id']}", key=house.keys.owners[0])
        assert found.status == 200
        await house.ask("DELETE", f"/v1/mutes/{placed['id']}", key=house.keys.owners[0])
        await until(lambda: not house.simulator.leg(call, agent.id)["muted"])


async def refusal(house, agent, call):
    """Ask until the room is used up: each mute that is accepted takes some of it."""
    answer = await asked(house, agent, call, seconds=1)
    return answer if answer.status >= 500 else None
