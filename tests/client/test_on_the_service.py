"""Both clients on a real service, its own database and the simulator."""

import asyncio
import os
import re
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest

import micgate
from micgate.client import errors

pytestmark = [pytest.mark.xdist_group("served"), pytest.mark.timeout(300)]
GUIDE = Path(__file__).resolve().parents[2] / "docs" / "service.md"


@pytest.fixture(scope="module")
def key(serving):
    return serving.another("mute").environ["MICGATE_KEY"]


@pytest.fixture
def gate(serving, connect, key):
    return connect(serving.url, key=key)


@pytest.fixture
def on(serving):
    return serving.on_call()


async def test_a_mute_is_confirmed_extended_and_released(serving, gate, on):
    mute = await gate.mute(on.agent.email, for_="20s", reason="customer", note="at the desk")
    assert mute.confirmed
    assert serving.muted(on)
    longer = await gate.extend(mute, for_="60s", reason="escalation")
    assert longer.release_at > mute.release_at
    assert (await gate.read(mute)).note == "at the desk"
    released = await gate.release(mute)
    assert (released.state, released.end) == ("ended", "released")
    assert not serving.muted(on)
    assert await gate.release(mute) == released


@pytest.mark.parametrize("queue", [True, False])
async def test_a_mute_and_its_release_are_two_requests_with_a_usual_key_too(serving, gate, queue):
    """The key's share of a queue is counted, and the agent named by address: the mirror knows both."""
    warm, *others = (serving.on_call(queue=queue) for _ in range(4))
    await gate.release(await gate.mute(warm.agent.email, for_="20s"))
    asked = [await requests_for(serving, gate, on) for on in others]
    assert ["PATCH", "PATCH"] in asked  # what else the service has to ask may fall into one of these moments


async def requests_for(serving, gate, on):
    before = len(serving.simulator.requests())
    await gate.release(await gate.mute(on.agent.email.upper(), for_="20s"))
    asked = serving.simulator.requests()[before:]
    return [one["method"] for one in asked if "users/me" not in one["path"]]


async def test_the_same_key_is_one_mute_also_after_an_hour_of_retries(gate, on):
    key = str(uuid4())
    first = await gate.mute(on.agent.id, idempotency_key=key)
    again = await gate.mute(on.agent.id, idempotency_key=key)
    assert first.id == again.id
    assert again.confirmed
    with pytest.raises(errors.Invalid) as raised:
        await gate.mute(on.agent.id, idempotency_key=key, for_="5m")
    assert raised.value.word == "idempotency_key_reused"
    await gate.release(first)


async def test_a_mute_that_ended_is_not_releasing_while_the_next_one_stands(serving, gate, on):
    first = await gate.mute(on.agent.id)
    serving.simulator.press_mute(on.call, agent=on.agent.id, muted=False)
    with serving.gate() as looking:
        await asyncio.to_thread(serving.simulator.wait_until, lambda: not looking.read(first).stands)
        assert looking.read(first).end == "overridden"
    second = await gate.mute(on.agent.id)
    assert second.confirmed
    assert (await gate.read(first)).state == "ended"
    await gate.release(second)


async def test_conditions_that_are_not_met_are_told(serving, gate, on):
    serving.simulator.control("POST", f"/calls/{on.call['id']}/hold", {"agent": on.agent.id})
    serving.simulator.wait_until(lambda: _held(serving, on))
    with pytest.raises(errors.Conflicting) as raised:
        await gate.mute(on.agent.id, only_if=micgate.OnlyIf(not_held=True))
    assert raised.value.word == "conditions_unmet"
    assert raised.value.facts()["unmet"][0]["found"] == "held"
    assert raised.value.instance.startswith("urn:uuid:")


async def test_a_rehearsal_places_nothing(gate, on):
    told = await gate.rehearse(micgate.Wish(agent=on.agent.id, for_=90))
    assert (told.places, told.conversation_id) == (True, on.call["id"])
    assert await gate.mutes(agent=on.agent.id) == ()


async def test_it_is_told_who_it_is_and_why_an_agent_is_muted(gate, on):
    me = await gate.me()
    assert (me.kind, me.scopes) == ("key", ("mute",))
    mute = await gate.mute(on.agent.id, reason="drill")
    found = await gate.explain(on.agent.name)
    assert [(one.id, one.owner.id) for one in found.mutes] == [(mute.id, me.id)]
    assert found.microphones[0].muted is True
    await gate.release(mute)


async def test_it_is_told_what_it_may_do_on_a_call_and_what_the_budget_is(gate, on):
    (may,) = (await gate.me(conversation=on.call["id"])).may
    assert (may.agent.id, may.mute, may.longest) == (on.agent.id, True, 600)
    assert (await gate.me(agent=on.agent.id)).limits.standing == 5
    budget = await gate.budget()
    assert (budget.source, budget.left) == ("keeper", budget.allowed - budget.used - budget.reserved)


async def test_the_stream_begins_with_what_stands_and_tells_what_changes(gate, on):
    before = await gate.mute(on.agent.id)
    (snapshot,) = await gate.take(1)
    assert snapshot.kind == "snapshot"
    assert before.id in {one.id for one in snapshot.mutes}
    await gate.release(before)
    async with asyncio.timeout(60):  # an end is sealed a moment after it was written down
        while not {"mute.ended", "command.concluded"} & await replayed(gate, snapshot.seq):
            pass


async def replayed(gate, seq):
    """What the stream begins with for whoever knows this much."""
    (first,) = await gate.take(1, after=seq)
    return {one.action for one in first.records} if first.kind == "replay" else set()


async def test_a_key_that_is_revoked_ends_its_stream(serving, connect):
    theirs = serving.another("mute").environ["MICGATE_KEY"]
    watching = asyncio.ensure_future(connect(serving.url, key=theirs).take(10_000))
    serving.shell("keys", "revoke", theirs.split("_")[1])
    with pytest.raises(errors.KeyRefused):
        await asyncio.wait_for(watching, 40)


async def test_a_restart_of_the_service_is_only_a_pause(serving, key, on):
    with micgate.connect(serving.url, key=key, patience=60) as gate:
        mute = gate.mute(on.agent.id, for_="60s")
        serving.end(signal.SIGKILL)
        reading = asyncio.ensure_future(asyncio.to_thread(gate.read, mute))
        await asyncio.to_thread(serving.start)
        assert (await reading).release_at == mute.release_at
        gate.release(mute)


async def test_a_mute_stands_while_its_owner_renews_it_and_not_longer(serving, gate, on):
    async with gate.during("muted", on.agent.id, for_="60s", presence=2) as muted:
        assert muted.mute.confirmed
        until = muted.mute.renew_by + timedelta(seconds=3)
        await asyncio.to_thread(serving.simulator.wait_until, lambda: muted.mute.renew_by > until, seconds=20)
        assert serving.muted(on)
    assert (muted.mute.end, serving.muted(on)) == ("released", False)


async def test_a_mute_whose_owner_is_gone_ends_and_gives_the_microphone_back(serving, gate, on):
    mute = await gate.mute(on.agent.id, for_="60s", presence=2)
    assert mute.confirmed
    await asyncio.to_thread(serving.simulator.wait_until, lambda: not serving.muted(on), seconds=40)
    found = await gate.read(mute, wait=20)
    assert (found.state, found.end) == ("ended", "owner_gone")
    assert found.ended_at < found.release_at
    with pytest.raises(errors.Conflicting) as raised:
        await gate.renew(mute)
    assert raised.value.facts()["end"] == "owner_gone"


def test_presence_outlives_a_kill_of_the_service_and_so_does_the_owners_absence(serving, key, on):
    left = serving.on_call()
    with micgate.connect(serving.url, key=key, patience=60) as gate:
        gone = gate.mute(left.agent.id, for_="60s", presence=2)
        with gate.muted(on.agent.id, for_="60s", presence=20) as muted:
            before = muted.mute
            serving.end(signal.SIGKILL)
            serving.start()
            assert gate.renew(before, presence=20).renew_by > before.renew_by
            serving.simulator.wait_until(lambda: not serving.muted(left), seconds=40)
            assert gate.read(gone).end == "owner_gone"
            assert serving.muted(on)
            assert gate.read(before).release_at == before.release_at
    assert not serving.muted(on)


def test_the_guides_example_runs(serving, key, on):
    (program,) = re.findall(r"```python\n(.*?)```", GUIDE.read_text("utf-8"), re.DOTALL)[:1]
    environ = {"PATH": os.environ["PATH"], "MICGATE_URL": serving.url, "MICGATE_KEY": key}
    done = subprocess.run(
        [sys.executable, "-c", program.replace("ada@example.com", on.agent.email)],
        capture_output=True,
        text=True,
        env=environ,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert on.agent.name in done.stdout


def _held(serving, on) -> bool:
    with serving.gate() as gate:
        return any(each.held for each in gate.explain(on.agent.id).microphones)
