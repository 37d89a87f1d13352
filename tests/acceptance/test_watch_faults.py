"""Every fault of events and sockets on `micgate watch`: `WATCHED` of `fault_table.py`, row by row."""

import asyncio
import json
import signal
import subprocess
import sys
import time
from contextlib import asynccontextmanager

import pytest
from cells import settings
from fault_table import WATCHED

from micgate.genesys.channel import Watch
from micgate.genesys.notifications import calls_topic
from micgate.genesys.oauth import ClientCredentials
from micgate.genesys.regions import find_region
from micgate.genesys.session import Session
from micgate.genesys.transport_aiohttp import AiohttpWire

SECONDS = 40
SETTLED = 0.7


class Watching:
    """`micgate watch` of two agents, the first of them on a call."""

    def __init__(self, twin, folder) -> None:
        self._twin = twin
        self._folder = folder
        self.agent, self.other = twin.agents[:2]
        self.call = twin.place_call()
        self._shown_since = time.monotonic()

    def start(self) -> None:
        command = [sys.executable, "-m", "micgate", "watch", self.agent.email, self.other.email, "--json"]
        with (self._folder / "out").open("wb") as out, (self._folder / "err").open("wb") as err:
            self._process = subprocess.Popen(
                command, stdout=out, stderr=err, env=settings(self._twin, self._folder), cwd=self._folder
            )

    def rows(self, event):
        rows = [json.loads(row) for row in self.text("out").splitlines() if row.endswith("}")]
        return [row for row in rows if row["event"] == event]

    def text(self, name):
        return (self._folder / name).read_text()

    def shows(self, *, muted):
        seen = self.rows("microphone")
        return bool(seen) and seen[-1]["muted"] is muted

    def keeps_showing(self, *, muted):
        """An old state that arrives late must not stay: what shows is looked at for a while."""
        if not self.shows(muted=muted):
            self._shown_since = time.monotonic()
        return time.monotonic() - self._shown_since > SETTLED

    def until(self, holds):
        self._twin.wait_until(holds, seconds=SECONDS)

    def end(self) -> int:
        self._process.send_signal(signal.SIGINT)
        return self._process.wait(SECONDS)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()


@pytest.fixture
def watching(twin, tmp_path):
    watching = Watching(twin, tmp_path)
    yield watching
    watching.kill()


@pytest.mark.parametrize("row", [row for row in WATCHED if not row.silence], ids=lambda row: row.fault)
def test_the_last_state_shows_and_a_gap_is_told(row, twin, watching):
    refuses = row.fault == "topic_refused"
    if refuses:
        twin.fault(row.fault, match={"topic": calls_topic(watching.other.id)})
    watching.start()
    watching.until(lambda: watching.shows(muted=False))
    if not refuses:
        twin.fault(row.fault, times=1, **row.members)
    for muted in row.presses:
        twin.press_mute(watching.call, muted=muted)
    watching.until(lambda: bent(twin) >= row.bent)
    if row.afterwards:
        twin.control("POST", f"/calls/{watching.call['id']}/hold", {"agent": watching.agent.id})
    watching.until(lambda: watching.rows("gap") or not row.gap)
    watching.until(lambda: watching.keeps_showing(muted=row.presses[-1]))
    assert watching.end() == 130
    assert bool(watching.rows("gap")) is row.gap
    assert bool(watching.rows("watching")[0]["refused"]) is refuses
    assert "Traceback" not in watching.text("err")
    assert twin.client_secret not in watching.text("out") + watching.text("err")


@pytest.mark.parametrize("row", [row for row in WATCHED if row.silence], ids=lambda row: row.fault)
async def test_a_silence_that_the_command_would_wait_long_for_is_noticed(row, twin):
    """The same watch inside this process, which does not wait 45 s."""
    twin.turn(heartbeat_s=0.2)
    agent, call = twin.agents[0], twin.place_call()
    async with session_at(twin) as io, Watch(io, [calls_topic(agent.id)], silence=row.silence) as watch:
        await anext(watch)
        twin.fault(row.fault, times=1)
        twin.press_mute(call, muted=True)
        async with asyncio.timeout(SECONDS):
            while not (await anext(watch)).gap:
                pass
            while not watch.calls()[0].ends_of(agent.id)[0].muted:
                await anext(watch)


def bent(twin):
    return len([entry for entry in twin.ledger(kind="event") if entry["fate"]])


@asynccontextmanager
async def session_at(twin):
    region = find_region(twin.api_url)
    credentials = ClientCredentials(client_id=twin.client_id, client_secret=twin.client_secret)
    session = Session(AiohttpWire(region), region=region, credentials=credentials)
    try:
        yield session
    finally:
        await session.close()
