"""An organization with a database, a simulator and keepers; short ways to say what a test is about."""

import asyncio
import inspect
import itertools
import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from killable import Killable
from micgate.audit import chain
from micgate.control.mute import Mute, Owner
from micgate.direct.connect import Connection
from micgate.genesys.oauth import ClientCredentials
from micgate.genesys.regions import find_region
from micgate.keeper.books import Pseudonyms
from micgate.keeper.record import Recorder
from micgate.keeper.wiring import genesys_keeper
from micgate.log import Log
from micgate.store.agents import Agents
from micgate.store.database import Database
from micgate.store.ids import new_id
from micgate.store.postgres import PostgresStore
from micgate.store.verbs import Place, Release, Rules

_PROCESS = Path(__file__).with_name("keeper_process.py")
_numbers = itertools.count(1)


async def until(holds, *, seconds=40.0):
    """Ask again and again until `holds`, a function or a coroutine function, answers something true."""
    async with asyncio.timeout(seconds):
        while True:
            found = holds()
            if inspect.isawaitable(found):
                found = await found
            if found:
                return found
            await asyncio.sleep(0.01)


class NoCipher:
    """Channels of a simulator are no secret."""

    def encrypt(self, plain: bytes) -> bytes:
        return plain

    def decrypt(self, secret: bytes) -> bytes:
        return secret


@dataclass(slots=True, kw_only=True)
class Org:
    """One org of a test: what a replica's API does, and what may be asked about it."""

    name: str
    twin: object
    database: Database
    conninfo: str
    store: PostgresStore
    credentials: tuple[str, str]
    processes: list["Process"] = field(default_factory=list)

    async def now(self) -> float:
        return await self.database.clock()

    async def place(self, call, agent=None, *, seconds=60.0, owner="sam", **more) -> Mute:
        (mute,) = await self.place_many(
            [(call, agent or self.twin.agents[0].id)], seconds=seconds, owner=owner, **more
        )
        return mute

    async def place_many(self, pairs, *, seconds=60.0, owner="sam", **more) -> list[Mute]:
        now = await self.now()
        owners = [owner] * len(pairs) if isinstance(owner, str) else owner
        mutes = tuple(
            Mute(
                id=new_id(),
                user_id=user,
                conversation_id=call["id"] if call else None,
                owner=Owner("person", owners[number]),
                placed_at=now,
                release_at=now + (seconds(number) if callable(seconds) else seconds),
                **more,
            )
            for number, (call, user) in enumerate(pairs)
        )
        await self.store.place(Place(org=self.name, mutes=mutes), now=now)
        return list(mutes)

    async def release(self, mute: Mute) -> None:
        await self.store.place(
            Release(org=self.name, mute_ids=(mute.id,), by="person:sam"), now=await self.now()
        )

    async def mute(self, mute: Mute) -> Mute:
        (found,) = await self.store.mutes.get(self.name, [mute.id])
        return found

    async def memory(self, call, agent=None):
        rows = await self.store.microphones.of_agent(self.name, agent or self.twin.agents[0].id)
        return next((row.memory for row in rows if row.target.conversation_id == call["id"]), None)

    async def until(self, holds, *, seconds=40.0):
        return await until(holds, seconds=seconds)

    async def phase(self, call, phase, agent=None, *, seconds=40.0):
        async def holds():
            memory = await self.memory(call, agent)
            return memory if memory is not None and memory.phase == phase else None

        return await self.until(holds, seconds=seconds)

    async def seen(self, call, agent=None):
        """Until the mirror in the database knows the microphone."""

        async def holds():
            memory = await self.memory(call, agent)
            return memory is not None and memory.seen is not None and memory.known is not None and memory

        return await self.until(holds)

    async def commands(self):
        async with self.database.reading() as connection:
            cursor = await connection.execute(
                "select * from commands where org = %s order by intended_at", [self.name]
            )
            return await cursor.fetchall()

    async def entries(self, action=None):
        sealed = await self.store.entries.after(self.name, 0, limit=5000)
        return [one.entry for one in sealed if action in (None, one.entry.action)]

    def muted(self, call, agent=None) -> bool:
        return self.twin.leg(call, agent)["muted"]

    def patches(self):
        return self.twin.requests("PATCH")

    def keeper(self, **more):
        """A keeper in this process."""
        twin = self.twin
        return genesys_keeper(
            org=self.name,
            database=self.database,
            connection=Connection(
                region=find_region(twin.api_url), credentials=ClientCredentials(*self.credentials)
            ),
            users=[agent.id for agent in twin.agents],
            cipher=NoCipher(),
            log=Log(),
            **more,
        )

    def start(self) -> "Process":
        """A keeper in a process of its own."""
        told = {
            "org": self.name,
            "conninfo": self.conninfo,
            "api_url": self.twin.api_url,
            "credentials": self.credentials,
            "users": [agent.id for agent in self.twin.agents],
        }
        self.processes.append(Process(told))
        return self.processes[-1]


class Process(Killable):
    """A keeper that can be killed. It says on stdout when it takes over."""

    def __init__(self, told) -> None:
        super().__init__(
            subprocess.Popen(
                [sys.executable, str(_PROCESS)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                env=os.environ | {"PYTHONPATH": str(_PROCESS.parents[1])},
            )
        )
        self.process.stdin.write(json.dumps(told) + "\n")
        self.process.stdin.flush()

    async def ready(self) -> float:
        """When it could take over, if it were to."""
        return await self._said("ready")

    async def took_over(self) -> float:
        """When it did, by the clock of this machine."""
        return await self._said("took over")

    async def listens(self) -> float:
        """When its lines were up."""
        return await self._said("listening")

    async def _said(self, words: str, *, seconds: float = 60.0) -> float:
        async with asyncio.timeout(seconds):
            line = await asyncio.to_thread(self.process.stdout.readline)
            while not line.startswith(words):
                assert line, "the keeper ended"
                line = await asyncio.to_thread(self.process.stdout.readline)
        return float(line.split()[-1])


async def new_org(twin, embedded, database: Database, *, rate_per_minute=300) -> Org:
    name = f"keeping-{next(_numbers)}"
    names = Pseudonyms(Agents(database), name)
    store = PostgresStore(database, Rules(link=chain.link, record=Recorder(names).observed))
    await store.orgs.ensure(name)
    client = twin.control(
        "POST", "/clients", {"grant": "client_credentials", "rate_per_minute": rate_per_minute}
    )
    return Org(
        name=name,
        twin=twin,
        database=database,
        conninfo=embedded.conninfo(),
        store=store,
        credentials=(client["id"], client["secret"]),
    )


async def come_back(embedded) -> float:
    """Start the database again, as the watch of a micgate would. When it was back."""
    await until(lambda: asyncio.to_thread(embedded.ensure), seconds=60)
    return time.time()
