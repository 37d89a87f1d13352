"""Two `micgate serve` on one database: one dies or stands still, and who has both addresses loses nothing."""

import asyncio
import json
import time
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import aiohttp
import pytest
from keeping import until

from kills.books import read_ledger, read_record
from kills.compare import Told, compare
from kills.house import House
from slowness import lost

NEXT = 5.0
"""Seconds until the next keeper sends."""


@pytest.fixture
async def house():
    async with House(replicas=2, embedded=False) as house:
        yield house
        house.tell_logs()


async def keeper_of(house):
    """The replica that keeps the org: the only one that says what the budget is used for."""
    for slot, url in enumerate(house.urls):
        with suppress(aiohttp.ClientError, TimeoutError):
            health = await house._ask("GET", f"{url}/healthz", None, {})
            if any(task["name"] == "keeper.wake" for task in health.body.get("tasks", [])):
                return slot
    return None


async def standing(house, agents, *, seconds):
    """A confirmed mute on a call of each: the calls, and the ids of the mutes."""
    calls = [house.simulator.place_call(agent.id) for agent in agents]
    mutes = []
    for agent, call in zip(agents, calls, strict=True):
        mutes.append(await placed(house, agent, call, seconds=seconds))
    for agent, call in zip(agents, calls, strict=True):
        await until(lambda agent=agent, call=call: house.simulator.leg(call, agent.id)["muted"])
    return calls, mutes


async def placed(house, agent, call, *, seconds):
    wish = {"agent": agent.id, "conversation": call["id"], "for": seconds}
    answer = await house.ask(
        "POST", "/v1/mutes", wish, key=house.keys.owners[0], once=f"once-{call['id']}-{seconds}"
    )
    assert answer.status == 201, answer
    return answer.body["id"]


async def released(house, mute_id):
    return await house.ask("DELETE", f"/v1/mutes/{mute_id}", key=house.keys.owners[0])


async def released_at(house, url, mute_id):
    """At the replica that lives: nobody waits for the other one. Where that was stopped within a transaction,
    the database ends it after two seconds, and whoever releases is told to try again until then.
    """
    headers = {"Authorization": f"Bearer {house.keys.owners[0]}"}

    async def is_released():
        answer = await house._ask("DELETE", f"{url}/v1/mutes/{mute_id}", None, headers)
        assert answer.status == 200 or answer.body["word"] == "database_busy", answer
        return answer.status == 200

    with lost() as waiting:
        began = time.monotonic()
        await until(is_released)
        assert time.monotonic() - began < NEXT + waiting.seconds


def patches(house, *, since=0.0):
    return [one for one in house.simulator.requests("PATCH") if one["at"] > since]


async def record(house):
    answer = await house.ask("GET", "/v1/audit/export", key=house.keys.auditor)
    lines = [json.loads(line) for line in answer.body.splitlines()]
    return [line for line in lines if "record" in line]


async def each_ended_once(house, mutes):
    """An end is sealed a moment after it was written down."""
    entries = read_record(await record(house))
    return all(mute in entries.mutes and len(entries.mutes[mute].ends) == 1 for mute in mutes)


async def findings(house):
    ledger = read_ledger(house.simulator.ledger(), client=house.client_id)
    return compare(ledger, read_record(await record(house)), Told()).findings


async def accounted_for(house, *, seconds=60):
    """What a dead keeper left is answered for a little later by the next."""
    limit = time.monotonic() + seconds
    while (found := await findings(house)) and time.monotonic() < limit:  # noqa: ASYNC110 -- what is waited for is elsewhere
        await asyncio.sleep(0.1)
    assert found == []


@pytest.mark.parametrize("how", ["killed", "stopped"])
async def test_the_next_sends_within_five_seconds_and_the_zombie_nothing(house, how):
    agents = house.simulator.agents[:3]
    calls, mutes = await standing(house, agents, seconds=60)
    slot = await until(lambda: keeper_of_any(house))
    keeper = house.replica(slot - 1)
    with lost() as waiting:
        struck = keeper.kill() if how == "killed" else keeper.pause()
        for mute_id in mutes:
            await released_at(house, house.urls[slot % 2], mute_id)
        for agent, call in zip(agents, calls, strict=True):
            await until(lambda agent=agent, call=call: not house.simulator.leg(call, agent.id)["muted"])
    first = patches(house, since=struck)[0]
    assert first["at"] - struck < NEXT + waiting.seconds
    if how == "stopped":
        woken = keeper.go_on()
        await asyncio.sleep(2.0)  # what it does is nothing, which takes no time
        assert patches(house, since=woken) == []
    await accounted_for(house)


async def keeper_of_any(house):
    slot = await keeper_of(house)
    return None if slot is None else slot + 1


@dataclass
class Viewer:
    """Reads one replica's stream, goes to the other when it breaks off, and says where it was."""

    seen: list = field(default_factory=list)
    last: int | None = None


@asynccontextmanager
async def watching(house):
    viewer = Viewer()
    task = asyncio.create_task(watch(house, viewer))
    await until(lambda: viewer.last is not None)
    yield viewer
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def watch(house, viewer):
    while True:
        for url in house.urls:
            with suppress(aiohttp.ClientError, TimeoutError):
                await watch_one(house, viewer, url)


async def watch_one(house, viewer, url):
    headers = {"Authorization": f"Bearer {house.keys.auditor}"}
    if viewer.last is not None:
        headers["Last-Event-ID"] = str(viewer.last)
    silent = aiohttp.ClientTimeout(total=None, sock_connect=1, sock_read=4)
    async with house.http.get(f"{url}/v1/events", headers=headers, timeout=silent) as answer:
        async for line in answer.content:
            if line.startswith(b"data: "):
                told = json.loads(line[6:])
                viewer.seen += [one["seq"] for one in told.get("records", [])]
                viewer.last = told.get("seq", viewer.last)


async def test_whoever_has_both_addresses_loses_nothing(house):
    """Mutes go on being placed while one replica after the other is stopped and killed."""
    agents = house.simulator.agents[:6]
    async with watching(house) as viewer:
        accepted = []
        for number, agent in enumerate(agents):
            call = house.simulator.place_call(agent.id)
            struck = house.replica(number % 2)
            if number in {1, 2}:
                struck.pause()
            elif number in {3, 4}:
                struck.kill()
            with lost() as waiting:
                began = time.monotonic()
                accepted.append(await placed(house, agent, call, seconds=2))
                assert time.monotonic() - began < NEXT + waiting.seconds
            if number in {1, 2}:
                struck.go_on()
            elif number in {3, 4}:
                await house.restart(number % 2)
        await until(house.all_mutes_have_ended)
        await until(lambda: each_ended_once(house, accepted))
        sealed = {one["record"]["seq"] for one in await record(house)}
        begins = viewer.seen[0]
        await until(lambda: {one for one in sealed if one >= begins} <= set(viewer.seen))


async def test_a_key_is_as_fast_as_its_rate_whatever_replica_it_asks(house):
    """It asks both at once, for twice as much as it may; then an extension."""
    key, rate = await house.make_key("crm", ["mute"], rate=12), 12
    agent = house.simulator.agents[0]
    call = house.simulator.place_call(agent.id)
    wish = {"agent": agent.id, "conversation": call["id"], "for": 30}
    headers = {"Authorization": f"Bearer {key}"}
    answers = await asyncio.gather(
        *(house._ask("POST", f"{url}/v1/mutes", wish, headers) for _ in range(rate) for url in house.urls)
    )
    placed = [answer.body["id"] for answer in answers if answer.status == 201]
    refused = [answer for answer in answers if answer.status != 201]
    assert len(placed) == rate
    assert {(one.status, one.body["word"]) for one in refused} == {(429, "too_fast")}
    assert all(0 < one.body["facts"]["retry_after"] <= 61 for one in refused)
    for url in house.urls:
        longer = {"for": 40, "reason": "drill"}
        answer = await house._ask("PATCH", f"{url}/v1/mutes/{placed[0]}", longer, headers)
        assert answer.status == 429, answer


async def test_an_answer_that_comes_after_the_command_was_closed_is_a_late_entry(house, tmp_path):
    """The keeper stands still while its PATCH is on the wire; its successor closes that as unknown."""
    agent = house.simulator.agents[0]
    call = house.simulator.place_call(agent.id)
    keeper = await until(lambda: keeper_of_any(house))
    house.simulator.fault("slow", match={"method": "PATCH"}, delay_ms=1500, times=1)
    await placed(house, agent, call, seconds=60)
    await until(lambda: patches(house))
    house.replica(keeper - 1).pause()
    await until(lambda: closed_as(house, "unknown"))
    house.replica(keeper - 1).go_on()
    command = await until(lambda: closed_as(house, "unknown", late=1))
    assert [one.kind for one in command.closings] == ["unknown"]
    (late,) = command.late
    if late.kind == "accepted":  # else its own deadline had passed when it woke, and it could not know either
        assert late.correlation_id == patches(house)[0]["correlation_id"]
    listed = await said(house, "audit", "list", "--limit", "1000", "--json")
    assert [one["record"]["action"] for one in json.loads(listed)["records"]].count("command.late") == 1
    key, file = tmp_path / "public.pem", tmp_path / "record.jsonl"
    key.write_text(await said(house, "audit", "key"))
    await said(house, "audit", "export", str(file))
    assert "Intact" in await said(house, "audit", "verify", str(file), "--key", str(key))
    await accounted_for(house)


async def closed_as(house, kind, *, late=0):
    """The command that was closed so, with so many late entries."""
    commands = read_record(await record(house)).commands.values()
    found = [one for one in commands if [closing.kind for closing in one.closings] == [kind]]
    return next((one for one in found if len(one.late) >= late), None)


async def said(house, *arguments):
    """By a command of the auditor."""
    service = {"MICGATE_URL": house.urls[0], "MICGATE_KEY": house.keys.auditor}
    done = await asyncio.to_thread(house.serving.command, *arguments, **service)
    assert done.returncode == 0, done.stderr
    return done.stdout
