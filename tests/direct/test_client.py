"""The library without a service, for asyncio."""

import asyncio
import signal
import subprocess
import sys

import pytest

from micgate import Genesys, Unconfirmed, settings
from micgate.genesys.errors import NotConnected


@pytest.fixture
async def genesys(environ, tmp_path):
    async with Genesys.from_settings(settings.load(environ, tmp_path / ".env")) as genesys:
        yield genesys


@pytest.fixture
def agent(twin):
    return twin.agents[0]


async def test_a_microphone_is_set_and_confirmed(genesys, microphone, agent):
    call = await genesys.find_call(agent.email)
    result = await genesys.set_muted(call, True)
    assert result.muted
    assert result.changed
    assert microphone.muted
    again = await genesys.set_muted(await genesys.read_call(call), True)
    assert not again.changed


async def test_a_mute_lasts_as_long_as_its_block(genesys, microphone, agent):
    async with genesys.mute(agent.email, for_="2m", reason="supervisor") as standing:
        assert microphone.muted
    assert not microphone.muted
    assert standing.ended.word == "released"


async def test_a_mute_ends_on_time_however_long_the_block_is(genesys, microphone, agent):
    async with genesys.mute(agent.id, for_=1) as standing:
        await asyncio.to_thread(microphone.until, muted=False)
    assert standing.ended.word == "released"


async def test_what_changes_is_told_to_a_coroutine_too(genesys, microphone, agent):
    told = []

    async def recorder(progress):
        told.append((progress.word, microphone.muted))

    async with genesys.mute(agent.id, on_change=recorder):
        pass
    assert told == [("confirmed", True), ("released", False)]


async def test_a_recorder_that_fails_moves_no_microphone(genesys, microphone, agent, caplog):
    async def recorder(_progress):
        raise OSError("the recorder is away")

    async with genesys.mute(agent.id, on_change=recorder):
        assert microphone.muted
    assert not microphone.muted
    assert "on_change failed" in caplog.text


async def test_a_cancelled_block_gives_back_first(genesys, microphone, agent):
    standing = asyncio.Event()

    async def block():
        async with genesys.mute(agent.id):
            standing.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(block())
    await standing.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not microphone.muted


async def test_a_release_survives_every_further_cancellation(genesys, microphone, agent, twin):
    standing = asyncio.Event()

    async def block():
        async with genesys.mute(agent.id):
            standing.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(block())
    await standing.wait()
    await asyncio.to_thread(twin.fault, "status", match={"method": "PATCH"}, status=503, times=1)
    while not task.done():
        task.cancel()
        await asyncio.wait({task}, timeout=0.2)
    assert not microphone.muted


async def test_a_mute_cancelled_inside_its_patch_gives_back(genesys, microphone, agent, twin):
    twin.fault("slow", match={"method": "PATCH"}, delay_ms=2000, times=1)
    entering = asyncio.create_task(genesys.mute(agent.id).__aenter__())
    await asyncio.to_thread(twin.wait_until, lambda: twin.ledger(kind="fault"))
    entering.cancel()
    with pytest.raises(asyncio.CancelledError):
        await entering
    assert not microphone.muted


async def test_a_ringing_call_is_not_muted(genesys, twin, agent):
    twin.place_call(state="alerting")
    with pytest.raises(NotConnected):
        async with genesys.mute(agent.id):
            pytest.fail("the block must not be entered")


async def test_a_call_that_ends_in_mid_mute_ends_it(genesys, microphone, agent, twin):
    async with genesys.mute(agent.id) as standing:
        twin.control("POST", f"/calls/{microphone.conversation['id']}/disconnect", {})
    assert standing.ended.word == "call_ended"


async def test_an_unseen_change_is_not_called_muted(twin, environ, tmp_path, microphone, agent):
    twin.fault("accept_then_forget", match={"method": "PATCH"})
    configured = settings.load(environ | {"MICGATE_TIMEOUT": "0.5"}, tmp_path / ".env")
    async with Genesys.from_settings(configured) as impatient:
        with pytest.raises(Unconfirmed):
            await impatient.set_muted(await impatient.find_call(agent.id), True)


async def test_many_mutes_at_once_share_one_token(genesys, twin):
    agents = twin.agents[:6]
    for agent in agents:
        twin.place_call(agent.id)

    async def mute(agent):
        async with genesys.mute(agent.id):
            pass

    await asyncio.gather(*(mute(agent) for agent in agents))
    tokens = [entry for entry in twin.ledger(kind="request") if entry["path"] == "/oauth/token"]
    assert len(tokens) == 1
    changes = [entry["to"] for entry in twin.ledger(kind="change") if entry["field"] == "muted"]
    assert changes.count(True) == changes.count(False) == 6


async def test_while_watching_a_mute_is_confirmed_by_event(genesys, microphone, agent, twin):
    twin.turn(apply_ms=[0, 0])  # an event has a second before the microphone is read instead
    async with genesys.watch([agent.email]) as watch:
        seen = []

        async def look():
            async for observation in watch:
                conversation = observation.conversation
                ends = conversation.ends_of(agent.id) if conversation else ()
                seen.extend(end.muted for end in ends if end.muted is not None)
                if seen[-1:] == [False] and True in seen:
                    return

        looking = asyncio.create_task(look())
        async with genesys.mute(agent.id) as standing:
            pass
        await asyncio.wait_for(looking, 30)
        assert standing.result.seen_by == "event"
    assert genesys.session.sight is None


async def test_everybody_on_a_call_is_listed(genesys, microphone, agent):
    (listed,) = await genesys.agents_on_calls()
    assert (listed.user_id, listed.muted) == (agent.id, False)


SCRIPT = """
import asyncio, sys
from micgate import Genesys
async def main():
    async with Genesys.from_env() as genesys:
        async with genesys.mute(sys.argv[1]):
            print("muted", flush=True)
            await asyncio.Event().wait()
asyncio.run(main())
"""


@pytest.mark.parametrize("times", [1, 2])
def test_ctrl_c_gives_back_also_when_pressed_twice(environ, twin, microphone, agent, times):
    script = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, agent.id],
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    with script:
        assert script.stdout.readline() == "muted\n"
        twin.fault("status", match={"method": "PATCH"}, status=503, times=1)
        for _ in range(times):
            sent = len(twin.requests())
            script.send_signal(signal.SIGINT)
            twin.wait_until(lambda sent=sent: len(twin.requests()) > sent or script.poll() is not None)
        script.wait(20)
    assert not microphone.muted


class Interrupting:
    """Ctrl-C that strikes while the mute's own task runs, at its next command."""

    def __init__(self):
        self.armed = False

    async def observed(self, **_):
        if self.armed:
            self.armed = False
            raise KeyboardInterrupt


def test_ctrl_c_that_strikes_the_give_back_itself_only_starts_it_again(environ, microphone, agent):
    ctrl_c = Interrupting()

    async def main():
        async with Genesys.from_settings(settings.load(environ)) as genesys:
            genesys.session.sight = ctrl_c
            async with genesys.mute(agent.id):
                ctrl_c.armed = True

    with pytest.raises(KeyboardInterrupt):
        asyncio.run(main())
    assert not ctrl_c.armed
    assert not microphone.muted
