"""A service in this process on real HTTP, a real database, the simulator; short ways to ask it."""

import asyncio
import json
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
from msgspec.structs import replace

from micgate.audit.chain import link
from micgate.control.microphone import LegState, Observed, Way
from micgate.direct.connect import USER_AGENT
from micgate.genesys.oauth import ClientCredentials
from micgate.genesys.regions import find_region
from micgate.genesys.session import Session
from micgate.genesys.transport_aiohttp import AiohttpWire
from micgate.log import Log
from micgate.service import app
from micgate.service.http import listen
from micgate.service.people.directory import Directory
from micgate.service.people.lookup import GenesysLookUp
from micgate.service.principals.keyring import KeyRing, host, issue
from micgate.service.principals.principal import Limits, Scope
from micgate.service.request.crowding import Forecast
from micgate.service.request.parts import Parts
from micgate.service.request.pulse import Pulse
from micgate.service.request.stream import Stream
from micgate.service.resources.health import Health
from micgate.service.telemetry.metrics import Metrics
from micgate.store.database import Database
from micgate.store.ids import new_id
from micgate.store.leases import Term
from micgate.store.postgres import PostgresStore
from micgate.store.target import Target
from micgate.store.verbs import Rules, Sighting

EVERYTHING = tuple(Scope)
WIDE = Limits(queue_share=None)


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: Any
    headers: Any

    @property
    def word(self):
        return self.body["word"]


class Time:
    """Service time that tests move. Starts now, so that tokens of the simulator are good."""

    def __init__(self):
        self.ahead = 0.0

    def now(self):
        return time.time() + self.ahead

    def monotonic(self):
        return time.monotonic() + self.ahead


class Desk:
    """One running service of an organization of its own."""

    def __init__(self, parts, stream, term, *, clock, twin, http, url):
        self.parts = parts
        self.stream = stream
        self.term = term
        self.clock = clock
        self.twin = twin
        self.http = http
        self.url = url
        self.org = parts.org
        self.store = parts.store
        self.host_key = parts.keys.host_key()

    async def key(self, *scopes, limits=WIDE, name="crm", seconds=3600.0):
        new = issue(
            self.org,
            name=name,
            scopes=scopes or EVERYTHING,
            limits=limits,
            now=self.clock.now(),
            seconds=seconds,
        )
        await self.parts.keys.add(new, by=host("test").actor)
        return new.secret

    async def ask(self, method, path, body=None, *, key=None, headers=None, raw=None):
        sent = {"Authorization": f"Bearer {key or self.host_key}"} | (headers or {})
        data = raw if raw is not None else None if body is None else json.dumps(body).encode()
        if data is not None:
            sent.setdefault("Content-Type", "application/json")
        async with self.http.request(method, self.url + path, data=data, headers=sent) as answer:
            text = await answer.read()
            kind = answer.headers.get("Content-Type", "")
            return Answer(
                answer.status,
                json.loads(text) if text and "json" in kind and "jsonl" not in kind else text,
                answer.headers,
            )

    async def mute(self, agent=0, *, key=None, headers=None, **wish):
        ref = self.twin.agents[agent].id if isinstance(agent, int) else agent
        return await self.ask("POST", "/v1/mutes", {"agent": ref, **wish}, key=key, headers=headers)

    def live_call(self, agent=0, **wanted):
        return self.twin.place_call(self.twin.agents[agent].id, **wanted)["id"]

    async def see(self, conversation, agent=0, *, muted=False, state=LegState.LIVE, held=False, queue=None):
        """What a keeper would have stored of a microphone. Without `queue` nobody has shown it."""
        user = self.twin.agents[agent].id
        seen = Observed(
            leg=f"leg-{agent}",
            state=state,
            at=self.clock.now(),
            way=Way.EVENT,
            muted=muted,
            held=held,
            queue_id=queue,
        )
        target = Target(self.org, conversation, user)
        await self.store.observe(self.term, [Sighting(target=target, observed=seen)], now=self.clock.now())
        return target

    async def on_call(self, agent=0, **seen):
        conversation = f"call-{new_id()}"
        await self.see(conversation, agent, **seen)
        return conversation

    async def until(self, holds, *, seconds=30):
        """Look again and again until `holds` answers something true."""
        async with asyncio.timeout(seconds):
            while not (found := await holds()):  # noqa: ASYNC110 -- what is waited for is elsewhere
                await asyncio.sleep(0.01)
            return found

    async def seal(self):
        return await self.store.seal(self.term)

    async def entries(self, action=None):
        """The record, after sealing what waits."""
        while await self.seal():
            pass
        found = await self.store.entries.after(self.org, 0, limit=10_000)
        return [one.entry for one in found if action in (None, one.entry.action)]

    @asynccontextmanager
    async def events(self, *, key=None, headers=None, after=None):
        sent = {"Authorization": f"Bearer {key or self.host_key}"} | (headers or {})
        path = "/v1/events" + ("" if after is None else f"?after={after}")
        async with self.http.get(self.url + path, headers=sent, timeout=None) as answer:
            assert answer.status == 200, await answer.text()
            yield Events(answer)


class Events:
    """A stream as a browser reads it."""

    def __init__(self, answer):
        self._answer = answer

    async def next(self, *names, seconds=30):
        """The next event with one of these names; others are passed over. None when the stream ends."""
        async with asyncio.timeout(seconds):
            while True:
                event = await self._event()
                if event is None or not names or event["event"] in names:
                    return event

    async def _event(self):
        found = {}
        while True:
            line = await self._answer.content.readline()
            if not line:
                return None
            line = line.decode().rstrip("\n")
            if not line:
                if found:
                    return found
                continue
            name, _, value = line.partition(": ")
            if name:
                found[name] = json.loads(value) if name == "data" else value


@asynccontextmanager
async def open_desk(conninfo, twin, *, address=None, look_up=None, probes=(), **more):
    clock, database = Time(), await Database.open(conninfo)
    org = f"org-{new_id()}"
    store = PostgresStore(database, Rules(link=link))
    await store.orgs.ensure(org)
    lease = await store.leases.take(org, holder="test", seen=None)
    wire = AiohttpWire(find_region(twin.api_url))
    session = Session(
        wire,
        region=find_region(twin.api_url),
        credentials=ClientCredentials(twin.client_id, twin.client_secret),
        user_agent=USER_AGENT,
    )
    directory = Directory(store, org, look_up or GenesysLookUp(session), monotonic=clock.monotonic)
    parts = Parts(
        org=org,
        database=database,
        store=store,
        directory=directory,
        keys=KeyRing(store, org, now=clock.now, monotonic=clock.monotonic),
        pulse=Pulse(),
        forecast=Forecast(
            store.outlooks,
            org,
            own=more.get("outlook", lambda: None),
            now=clock.now,
            monotonic=clock.monotonic,
        ),
        now=clock.now,
        monotonic=clock.monotonic,
        log=more.pop("log", Log()),
        **more,
    )
    metrics = Metrics()
    stream = Stream(parts, told=metrics.told, log=parts.log)
    health = Health(parts=parts, stream=stream, metrics=metrics, probes=list(probes))
    address = address or listen.Address(port=0)
    socket = listen.bind(address)
    server = listen.server(app.make(parts, stream=stream, health=health, local=address.local), address)
    tasks = [
        asyncio.create_task(server.serve(sockets=[socket])),
        asyncio.create_task(parts.pulse.listen(database, parts.log)),
        asyncio.create_task(stream.run()),
    ]
    url = address.url(socket.getsockname()[1])
    async with aiohttp.ClientSession() as http:
        yield Desk(parts, stream, Term(org, lease.epoch), clock=clock, twin=twin, http=http, url=url)
        stream.close()
    server.should_exit = True
    await tasks[0]
    socket.close()
    for task in tasks[1:]:
        task.cancel()
    await asyncio.gather(*tasks[1:], return_exceptions=True)
    await session.close()
    await database.close()


__all__ = ["EVERYTHING", "WIDE", "Answer", "Desk", "Limits", "Scope", "open_desk", "replace"]
