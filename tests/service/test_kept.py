"""The service's keeper: whom it watches from the start, and who comes and goes while it runs."""

import asyncio
import re
import time
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from keeping import NoCipher
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from leftovers import held_folder
from micgate.control.mute import Mute, Owner
from micgate.direct.connect import Connection
from micgate.genesys.oauth import ClientCredentials
from micgate.genesys.regions import find_region
from micgate.genesys.transport_aiohttp import AiohttpWire
from micgate.keeper import channels as channels_module
from micgate.keeper.catch_up import FIRST_READS
from micgate.keeper.clock import SystemBoot
from micgate.keeper.run import Keeper
from micgate.keeper.wiring import genesys_keeper
from micgate.log import Log
from micgate.service.duties import kept as kept_module
from micgate.service.duties.kept import Kept
from micgate.store.database import Database
from micgate.store.ids import new_id
from micgate.store.verbs import Place
from slowness import lost

SOON = 2.0
"""Seconds from being ready to having read what went on before."""


@pytest.fixture
def keeping_on(embedded, desk, twin):
    """A service's keeper for an org of its own, on its own database connections."""

    @asynccontextmanager
    async def keep(*, conninfo=None, boot=None):
        database = await Database.open(conninfo or embedded.conninfo())
        org = f"org-{new_id()}"
        await desk.store.orgs.ensure(org)
        connection = Connection(
            region=find_region(twin.api_url),
            credentials=ClientCredentials(twin.client_id, twin.client_secret),
        )
        session = connection.session(AiohttpWire(connection.region, connection.network))

        def make(users):
            keeper = genesys_keeper(
                org=org,
                database=database,
                connection=connection,
                users=users,
                cipher=NoCipher(),
                log=Log(),
            )
            return keeper if boot is None else Keeper(replace(keeper.ports, boot=boot))

        kept = Kept(make, session, desk.store, org, log=Log())
        task = asyncio.create_task(kept.run())
        try:
            await desk.until(lambda: is_up(kept, task))
            yield kept, org
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await session.close()
            await database.close()

    return keep


class Ahead(SystemBoot):
    """A boot clock that tests put forward."""

    ahead = 0.0

    def boot(self):
        return super().boot() + self.ahead


class Middleman:
    """Between a client and PostgreSQL, on the same machine. While it is `silent`, nothing is passed on."""

    def __init__(self, conninfo, folder):
        told = conninfo_to_dict(conninfo)
        self.conninfo = make_conninfo(conninfo, host=str(folder))
        self._sockets = [f"{where}/.s.PGSQL.{told.get('port', 5432)}" for where in (told["host"], folder)]
        self.speaks = asyncio.Event()
        self.speaks.set()
        self._lines = set()

    async def __aenter__(self):
        self._server = await asyncio.start_unix_server(self._serve, self._sockets[1])
        return self

    async def __aexit__(self, *_):
        self.speaks.set()
        self._server.close()
        await asyncio.gather(*self._lines)

    async def _serve(self, reader, writer):
        task = asyncio.current_task()
        self._lines.add(task)
        theirs, ours = await asyncio.open_unix_connection(self._sockets[0])
        await asyncio.gather(self._pass(reader, ours), self._pass(theirs, writer), return_exceptions=True)
        self._lines.discard(task)

    async def _pass(self, reader, writer):
        try:
            while data := await reader.read(65536):
                await self.speaks.wait()
                writer.write(data)
        finally:
            writer.close()


async def test_readiness_names_the_tasks_of_a_keeper_that_is_silent_for_half_a_minute(
    open_service, keeping_on, embedded
):
    keepers = []
    service = await open_service(probes=[lambda: keepers[0].check()])  # noqa: PLW0108 -- there is none yet
    boot = Ahead()
    with held_folder() as folder:
        async with (
            Middleman(embedded.conninfo(), folder) as middleman,
            keeping_on(conninfo=middleman.conninfo, boot=boot) as (kept, _),
        ):
            keepers.append(kept)
            boot.ahead += kept_module.STILL
            await service.until(lambda: is_ready(service))
            middleman.speaks.clear()
            await service.until(lambda: all_stand_still(kept))
            assert await is_ready(service)
            boot.ahead += kept_module.STILL
            await service.store.leases.beat(service.term)
            answer = await service.ask("GET", "/readyz")
            assert answer.status == 503
            (bad,) = [one for one in answer.body["checks"] if not one["ok"] and not one["warns"]]
            assert bad["name"] == "work"
            silent = dict(re.findall(r"([\w.]+): silent for (\d+)", bad["says"]))
            assert set(silent) >= set(kept_module._TURNING)
            assert all(int(silent[one]) >= kept_module.STILL for one in kept_module._TURNING)
            middleman.speaks.set()
            await service.until(lambda: is_ready(service))


async def is_ready(service):
    """Its own lease is kept by nobody: that is not what is asked here."""
    await service.store.leases.beat(service.term)
    return (await service.ask("GET", "/readyz")).status == 200


async def all_stand_still(kept):
    """Nothing of it has turned for longer than it ever waits."""
    turning = [one for one in kept.tasks() if one.name in kept_module._TURNING]
    return turning and all(one.beat_seconds > 2.5 for one in turning)


async def is_up(kept, task):
    if task.done():
        task.result()
    reign = kept.keeper and kept.keeper.reign
    return reign and reign.channels.up


async def seen(desk, org, user):
    """The calls of this agent that are known, with what is known of each."""
    rows = await desk.store.microphones.of_agent(org, user)
    return [row.memory for row in rows if row.memory.known is not None]


async def test_calls_that_went_on_before_are_known_soon(desk, twin, keeping_on):
    agents = twin.agents[:5]
    calls = [twin.place_call(agent.id) for agent in agents]
    twin.press_mute(calls[0], muted=True)
    async with keeping_on() as (_, org):
        began = time.monotonic()
        with lost() as waiting:
            for agent in agents:
                await desk.until(lambda agent=agent: seen(desk, org, agent.id))
        assert time.monotonic() - began < SOON + 2 * waiting.seconds
        (memory,) = await seen(desk, org, agents[0].id)
        assert memory.known is True
    assert len([one for one in twin.requests("GET") if "/conversations/calls/" in one["path"]]) <= 5


async def test_calls_that_went_on_before_are_read_within_the_budget(desk, twin, keeping_on):
    twin.reset(agents=100)
    for agent in twin.agents:
        twin.place_call(agent.id)
    async with keeping_on() as (kept, org):
        await desk.until(lambda: most_are_read(desk, org, FIRST_READS))
        await asyncio.sleep(0.5)
        assert kept.budget()["used"] < kept.budget()["allowed"] / 3


async def most_are_read(desk, org, count):
    rows = await desk.store.microphones.all(org)
    return len([row for row in rows if row.memory.known is not None]) >= count


async def test_whoever_has_no_room_on_a_channel_is_counted(twin, keeping_on, monkeypatch):
    twin.reset(agents=9)
    async with keeping_on() as (kept, _):
        assert kept.crowd() is None
    monkeypatch.setattr(channels_module, "MOST_SLOTS", 2)
    monkeypatch.setattr(channels_module, "USERS_PER_LINE", 3)
    async with keeping_on() as (kept, _):
        people = len(kept.keeper.ports.users)
        said = kept.crowd()
    assert said.warns
    assert said.says == f"Of {people} people {people - 6} are not listened to: there is room for 6."


async def test_somebody_new_is_watched_without_a_gap_for_the_others(desk, twin, keeping_on, monkeypatch):
    monkeypatch.setattr(kept_module, "REFRESH", 0.3)
    async with keeping_on() as (kept, org):
        old = twin.agents[0].id
        call = twin.place_call(old)
        await desk.until(lambda: seen(desk, org, old))
        reign, before = kept.keeper.reign, channels(twin)
        new = twin.control("POST", "/users", {"name": "Nia New", "email": "nia@new.test"})["id"]
        going_on = twin.place_call(new)
        await desk.until(lambda: seen(desk, org, new))
        twin.press_mute(going_on, agent=new, muted=True)
        await desk.until(lambda: knows_muted(desk, org, new))
        twin.press_mute(call, agent=old, muted=True)
        await desk.until(lambda: knows_muted(desk, org, old))
        assert kept.keeper.reign is reign
        assert channels(twin) == before
        (memory,) = await seen(desk, org, old)
        assert not memory.stale


async def test_somebody_who_left_is_not_watched_any_more_but_given_back(desk, twin, keeping_on):
    async with keeping_on() as (kept, org):
        leaver = twin.agents[0].id
        call = twin.place_call(leaver)
        await desk.until(lambda: seen(desk, org, leaver))
        kept.keeper.follow([agent.id for agent in twin.agents[1:]])
        await desk.until(lambda: is_unwatched(twin, leaver))
        mute = a_mute(leaver, call["id"], seconds=3.0)
        await desk.store.place(Place(org=org, mutes=(mute,)), now=mute.placed_at)
        kept.nudge()
        await desk.until(lambda: is_muted(twin, call, leaver))
        await desk.until(lambda: is_muted(twin, call, leaver, muted=False))


def a_mute(user, call, *, seconds):
    now = time.time()
    return Mute(
        id=new_id(),
        user_id=user,
        conversation_id=call,
        owner=Owner("person", "sam"),
        placed_at=now,
        release_at=now + seconds,
    )


async def is_unwatched(twin, user):
    topics = [topic for one in twin.control("GET", "/state")["channels"] for topic in one["topics"]]
    return topics and not any(user in topic for topic in topics)


async def is_muted(twin, call, user, *, muted=True):
    return twin.leg(call, user)["muted"] is muted


async def knows_muted(desk, org, user):
    return any(memory.known for memory in await seen(desk, org, user))


def channels(twin):
    return [one["id"] for one in twin.control("GET", "/state")["channels"] if one["connected"]]
