"""A service as processes on one database, a simulator, and clients that have every address."""

import asyncio
import json
import os
import re
import signal
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import aiohttp
from keeping import until

from kills.plan import DATABASE, KILLED, Blow
from leftovers import held_folder
from micgate.store import migrate
from micgate.store.account import account
from micgate.store.binaries import binaries
from micgate.store.cluster import Cluster
from micgate.store.embedded import OWNER, Embedded
from replica import LINE, Replica, Serving
from simulator import Simulator

OWNERS = 3
AGENTS = 24
PER_MINUTE = 6000
"""Requests that the simulator grants: this is not about the budget."""
READY_SECONDS = 40.0
ANSWER_SECONDS = 3.0
PATIENCE = 25.0
"""Seconds for which a client tries both addresses."""
_MISTAKE = re.compile(
    r" (keeper\.broke|keeper\.no_rule|service\.stop_forced|http\.failed word=internal_error) "
)


class NoAnswer(Exception):
    """No replica took it: it may have been done or not."""


@dataclass(slots=True)
class Answer:
    status: int
    body: Any


@dataclass(slots=True, kw_only=True)
class Mended:
    """When something was struck and when it was itself again."""

    name: str
    since: float
    until: float


@dataclass(slots=True)
class Keys:
    owners: list[str] = field(default_factory=list)
    auditor: str = ""


class House:
    """`embedded`: on the service's own database, else on a PostgreSQL that this process runs. Use with
    `async with`.
    """

    def __init__(self, *, replicas: int, embedded: bool, directory: Path | None = None) -> None:
        self.size = replicas
        self.name = (
            f"{replicas} replica{'s' * (replicas > 1)}, {'embedded' if embedded else 'own'} PostgreSQL"
        )
        self.mended: list[Mended] = []
        self.keys = Keys()
        self._own: Embedded | None = None
        self._embedded = embedded
        self._directory = directory

    async def __aenter__(self) -> Self:
        self._folder = held_folder()
        self.folder = self._folder.__enter__()
        self.simulator = Simulator.start("--quiet", "--agents", str(AGENTS))
        self.simulator.turn(apply_ms=[0, 30])
        client = self.simulator.control(
            "POST", "/clients", {"grant": "client_credentials", "rate_per_minute": PER_MINUTE}
        )
        self.client_id = client["id"]
        self.http = aiohttp.ClientSession()
        self.serving = Serving(
            self.folder,
            self.simulator,
            {
                "GENESYS_CLIENT_ID": client["id"],
                "GENESYS_CLIENT_SECRET": client["secret"],
                **await asyncio.to_thread(self._database),
            },
        )
        self.serving.replicas = [self._begin(slot) for slot in range(self.size)]
        self.ports = [await self._serves(slot) for slot in range(self.size)]
        await self._ready()
        await self._make_keys()
        return self

    async def __aexit__(self, kind: object, *_: object) -> None:
        await self.http.close()
        if kind is not None:
            self.tell_logs()
        with suppress(AssertionError):
            await asyncio.to_thread(self.serving.end)
        if self._own is not None:
            await asyncio.to_thread(self._own.detach)
        self.simulator.stop()
        self._folder.__exit__(None, None, None)

    @property
    def urls(self) -> list[str]:
        return [f"http://127.0.0.1:{port}" for port in self.ports]

    def replica(self, slot: int) -> Replica:
        return self.serving.replicas[slot]

    async def strike(self, blow: Blow) -> None:
        """And mend it."""
        since = time.time()
        if blow.target == DATABASE:
            await self._strike_database(blow)
        elif blow.kind == KILLED:
            self.replica(blow.target).kill()
            await asyncio.sleep(blow.seconds)
            await self.restart(blow.target)
        else:
            replica = self.replica(blow.target)
            replica.pause()
            await asyncio.sleep(blow.seconds)
            replica.go_on()
        self.mended.append(Mended(name=blow.name, since=since, until=time.time()))

    async def restart(self, slot: int) -> None:
        self.begin(slot)
        await self._serves(slot)

    def begin(self, slot: int) -> Replica:
        """In the place of one that has ended."""
        self.replica(slot).end()
        self.serving.replicas[slot] = self._begin(slot)
        return self.replica(slot)

    async def ask(
        self, method: str, path: str, body: object = None, *, key: str, once: str | None = None
    ) -> Answer:
        """As a client with all addresses does: again, elsewhere, with the same idempotency key. Raises
        `NoAnswer`.
        """
        headers = {"Authorization": f"Bearer {key}"} | ({"Idempotency-Key": once} if once else {})
        limit = time.monotonic() + PATIENCE
        while time.monotonic() < limit:
            for url in self.urls:
                with suppress(aiohttp.ClientError, TimeoutError):
                    answer = await self._ask(method, url + path, body, headers)
                    if answer.status < 500:
                        return answer
            await asyncio.sleep(0.1)
        raise NoAnswer(f"{method} {path}")

    async def all_mutes_have_ended(self) -> bool:
        answer = await self.ask("GET", "/v1/mutes?standing=true", key=self.keys.auditor)
        return answer.body["mutes"] == []

    async def left_closed(self) -> frozenset[tuple[str, str]]:
        answer = await self.ask("GET", "/v1/microphones?live=false&limit=20000", key=self.keys.auditor)
        return frozenset(
            (one["conversation_id"], one["agent"]["id"])
            for one in answer.body["microphones"]
            if one["state"] == "left_closed"
        )

    @property
    def logs(self) -> list[Path]:
        return sorted(self.folder.glob("log-*"))

    def mistakes(self) -> list[str]:
        """What the logs say that no outage explains, or not in the service's own words."""
        lines = [line for log in self.logs for line in log.read_text().splitlines()]
        return [line for line in lines if not LINE.fullmatch(line) or _MISTAKE.search(line)]

    async def _ask(self, method: str, url: str, body: object, headers: dict[str, str]) -> Answer:
        timeout = aiohttp.ClientTimeout(total=ANSWER_SECONDS)
        async with self.http.request(method, url, json=body, headers=headers, timeout=timeout) as answer:
            text = await answer.text()
            plain = answer.content_type in {"application/json", "application/problem+json"}
            return Answer(answer.status, json.loads(text) if plain else text)

    def _database(self) -> dict[str, str]:
        directory = self._directory or self.folder / "database"
        who = account()
        if self._embedded:
            self.cluster = Cluster(directory, account=who, binaries=binaries(who, copies=directory))
            return {"MICGATE_DATABASE_DIR": str(directory)}
        self._own = Embedded.attach(directory)
        migrate.upgrade(self._own.conninfo(OWNER))
        self.cluster = self._own.cluster
        return {"MICGATE_DATABASE_URL": self._own.conninfo()}

    async def _strike_database(self, blow: Blow) -> None:
        processes = self.cluster.processes()
        number = signal.SIGKILL if blow.kind == KILLED else signal.SIGSTOP
        _signal(processes, number)
        await asyncio.sleep(blow.seconds)
        if blow.kind != KILLED:
            _signal(processes, signal.SIGCONT)
        await until(lambda: asyncio.to_thread(self._answers), seconds=READY_SECONDS)

    def _answers(self) -> bool:
        """The embedded one is the replicas' to start."""
        if self._own is not None:
            self._own.ensure()
        return self.cluster.answers()

    def _begin(self, slot: int) -> Replica:
        run = self.folder / f"run-{slot}"
        run.mkdir(exist_ok=True)
        port = str(self.ports[slot]) if hasattr(self, "ports") else "0"
        more = {"XDG_RUNTIME_DIR": str(run), "MICGATE_PORT": port}
        return Replica(self.serving.environ | more, self.folder / f"log-{slot}")

    async def _serves(self, slot: int) -> int:
        told = await asyncio.to_thread(lambda: self.replica(slot).told)
        return int(str(told["url"]).rpartition(":")[2])

    def tell_logs(self) -> None:
        for log in self.logs:
            sys.stderr.write(f"{log.name}:\n{log.read_text()[-3000:]}\n")

    async def _ready(self) -> None:
        for url in self.urls:
            await until(lambda url=url: self._is_ready(url), seconds=READY_SECONDS)
        await until(self._hears, seconds=READY_SECONDS)

    async def _is_ready(self, url: str) -> bool:
        with suppress(aiohttp.ClientError, TimeoutError):
            return (await self._ask("GET", f"{url}/readyz", None, {})).status == 200
        return False

    def _hears(self) -> bool:
        channels = self.simulator.control("GET", "/state")["channels"]
        return any(one["connected"] and len(one["topics"]) >= AGENTS for one in channels)

    async def _make_keys(self) -> None:
        for number in range(OWNERS):
            self.keys.owners.append(await self.make_key(f"owner-{number}", ["mute"]))
        self.keys.auditor = await self.make_key("auditor", ["audit:read", "mute"])

    async def make_key(self, name: str, scopes: list[str], *, rate: int | None = None) -> str:
        host = json.loads((self.folder / "run-0" / "micgate.json").read_text())["key"]
        wish = {
            "name": name,
            "scopes": scopes,
            "limits": {"rate": rate, "standing": None, "queue_share": None},
        }
        made = await self._ask("POST", f"{self.urls[0]}/v1/keys", wish, {"Authorization": f"Bearer {host}"})
        assert made.status == 201, made
        return str(made.body["secret"])


def _signal(processes: tuple[int, ...], number: signal.Signals) -> None:
    for process in processes:
        with suppress(ProcessLookupError):
            os.kill(process, number)
