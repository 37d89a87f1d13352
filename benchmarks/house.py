"""The real thing, measured from outside: `micgate serve`, its PostgreSQL and the simulator, a process each.

Times are comparable: the simulator's ledger, the database's commit times and a client's own clock are all the
clock of this one machine.
"""

import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import psycopg

from benchmarks.process import Simulator
from micgate.store.cluster import SUPERUSER
from micgate.store.embedded import Embedded

ORG = "bench"
LIFTED = 10_000_000
USUAL = 300
START_SECONDS = 150
STOP_SECONDS = 20
CLIENT_SECONDS = 300
LULL = 15.0
LEDGER = 2_000_000
UNBOUNDED = {"queue_share": None, "rate": None, "standing": None}

Calls = dict[str, str]
"""The conversation of each agent who is on a call."""


@dataclass(slots=True)
class Replica:
    """One `micgate serve`."""

    process: "subprocess.Popen[str]"
    url: str
    key: str

    def ask(self, method: str, path: str, body: object = None, *, key: str | None = None) -> Any:
        headers = {"Authorization": f"Bearer {key or self.key}", "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data=data, method=method, headers=headers)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def ready(self) -> bool:
        try:
            return bool(self.ask("GET", "/readyz")["ready"])
        except (OSError, urllib.error.HTTPError):
            return False


@dataclass(slots=True)
class House:
    twin: Simulator
    embedded: Embedded
    folder: Path
    replicas: list[Replica] = field(default_factory=list)
    started: int = 0

    @property
    def serving(self) -> Replica:
        return self.replicas[0]

    def start(self) -> Replica:
        """One more replica, once it serves."""
        home = self.folder / f"replica-{self.started}"
        self.started += 1
        (home / "run").mkdir(parents=True)
        kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        environment = kept | {
            "GENESYS_REGION": self.twin.api_url,
            "GENESYS_CLIENT_ID": self.twin.client_id,
            "GENESYS_CLIENT_SECRET": self.twin.client_secret,
            "MICGATE_DATABASE_DIR": str(self.folder / "database"),
            "XDG_STATE_HOME": str(home),
            "XDG_RUNTIME_DIR": str(home / "run"),
            "MICGATE_PORT": "0",
            "MICGATE_ORG": ORG,
        }
        with (self.folder / "serve.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "micgate", "serve", "--json"],
                env=environment,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        assert process.stdout is not None
        line = process.stdout.readline()
        announced = home / "run" / "micgate.json"
        if not announced.exists():
            raise RuntimeError(line + (self.folder / "serve.log").read_text()[-2000:])
        key = json.loads(announced.read_text())["key"]
        replica = Replica(process, json.loads(line)["url"], key)
        self.replicas.append(replica)
        wait_until(replica.ready, seconds=START_SECONDS)
        return replica

    def replace(self, replica: Replica) -> None:
        """End it for good, and start another one."""
        self.replicas.remove(replica)
        replica.process.kill()
        replica.process.wait()
        self.start()

    def key(self, *scopes: str, **limits: object) -> str:
        """A new API key. Without limits it has none but the longest mute."""
        wish = {
            "name": "bench",
            "scopes": list(scopes) or ["mute", "release:any", "audit:read"],
            "limits": UNBOUNDED | limits,
        }
        made: str = self.serving.ask("POST", "/v1/keys", wish)["secret"]
        return made

    def query(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """What the database says, asked by its superuser."""
        conninfo = self.embedded.conninfo(SUPERUSER)
        with psycopg.connect(conninfo, options="-c search_path=micgate", autocommit=True) as connection:
            return connection.execute(statement, values).fetchall()

    def committed(self, action: str) -> dict[str, float]:
        """When the first entry of this action about each mute was committed, by the mute's id."""
        rows = self.query(
            "select mute_id::text, min(extract(epoch from pg_xact_commit_timestamp(xmin)))::float8 "
            "from entries where action = %s and mute_id is not null group by mute_id",
            action,
        )
        return dict(rows)

    def on_calls(self, agents: Sequence[str]) -> Calls:
        """A call for each of these agents, once the service has heard of all of them."""
        calls = asyncio.run(_placed(self.twin.control_url, agents))
        before, since = -1, time.monotonic()
        while (now := self.heard(calls)) < len(calls) and time.monotonic() - since < LULL:
            before, since = now, since if now == before else time.monotonic()
            time.sleep(0.2)
        if now < len(calls):
            print(f"the service has heard of {now} of {len(calls)} calls", file=sys.stderr)
        return calls

    def heard(self, calls: Calls) -> int:
        found = self.query(
            "select count(*) from microphones where state = 'live' and conversation_id = any(%s)",
            list(calls.values()),
        )
        return int(found[0][0])

    def listening(self, agents: int) -> bool:
        """Whether the platform tells the service about so many people."""
        channels = json_of(f"{self.twin.control_url}/state")["channels"]
        return sum(len(channel["topics"]) for channel in channels if channel["connected"]) >= agents

    def ledger(self, kind: str, *, after: int = 0) -> list[dict[str, Any]]:
        entries = json_of(f"{self.twin.control_url}/ledger?after={after}")
        return [entry for entry in entries if entry["kind"] == kind]

    def last_seq(self) -> int:
        """Of the ledger."""
        return int(json_of(f"{self.twin.control_url}/state")["seq"])

    def patches(self) -> list[dict[str, Any]]:
        """State changes that reached the platform, in order."""
        return [one for one in self.ledger("request") if one["method"] == "PATCH"]


@contextmanager
def house(
    *,
    agents: int,
    rate_per_minute: int = LIFTED,
    replicas: int = 1,
    prepare: Callable[[House], None] = lambda _: None,
) -> Iterator[House]:
    """Simulator and service; the budget is lifted unless a rate is given. `prepare` comes before both run."""
    with _folder() as folder, _simulator(agents, rate_per_minute) as twin, _database(folder) as embedded:
        made = House(twin, embedded, folder)
        try:
            prepare(made)
            for _ in range(replicas):
                made.start()
            wait_until(lambda: made.listening(agents), seconds=START_SECONDS)
            yield made
        finally:
            for replica in made.replicas:
                _end(replica.process)


def wait_until(holds: Callable[[], bool], *, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not so within {seconds:g} s")
        time.sleep(0.1)


def json_of(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=60) as answer:
        return json.load(answer)


def in_process(module: str, plan: object) -> Any:
    """What a client in a process of its own found: `python -m module`, plan and findings as JSON."""
    done = subprocess.run(
        [sys.executable, "-m", module],
        input=json.dumps(plan),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=CLIENT_SECONDS,
    )
    return json.loads(done.stdout)


def cpu_seconds(pid: int) -> float:
    """User and system time of a process until now."""
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def memory_mb(pid: int) -> float:
    """Resident memory."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1_000_000


def percentile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


@contextmanager
def _folder() -> Iterator[Path]:
    """One that every account may enter: PostgreSQL does not run as root."""
    with tempfile.TemporaryDirectory(prefix="micgate-bench-", dir="/tmp", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


@contextmanager
def _simulator(agents: int, rate_per_minute: int) -> Iterator[Simulator]:
    command = [sys.executable, "-m", "micgate.twin", "--port", "0", "--quiet", "--json"]
    options = ["--agents", str(agents), "--ledger-limit", str(LEDGER)]
    process = subprocess.Popen([*command, *options], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        found = Simulator(
            api_url=told["api_url"],
            control_url=told["control_url"],
            client_id=told["client_id"],
            client_secret=told["client_secret"],
            agents=tuple(agent["id"] for agent in told["agents"]),
            pid=process.pid,
            state_home="",
        )
        wish = {"grant": "client_credentials", "rate_per_minute": rate_per_minute}
        client = found.control("POST", "clients", wish)
        found.control("PATCH", "behaviour", {"apply_ms": [20, 60]})
        yield found.with_client(str(client["id"]), str(client["secret"]))
    finally:
        _end(process)


@contextmanager
def _database(folder: Path) -> Iterator[Embedded]:
    """The embedded database, which notes when what was committed."""
    directory = folder / "database"
    embedded = Embedded.attach(directory)
    try:
        with psycopg.connect(
            embedded.conninfo(SUPERUSER, database="postgres"), autocommit=True
        ) as connection:
            connection.execute("alter system set track_commit_timestamp = on")
        embedded.detach()
        embedded = Embedded.attach(directory)
        yield embedded
    finally:
        embedded.detach()


def _end(process: "subprocess.Popen[str]") -> None:
    with suppress(ProcessLookupError):
        process.send_signal(signal.SIGCONT)
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout is not None:
        process.stdout.close()


async def _placed(control_url: str, agents: Sequence[str]) -> Calls:
    waiting = list(agents)
    calls: Calls = {}
    async with aiohttp.ClientSession() as client:

        async def work() -> None:
            while waiting:
                agent = waiting.pop()
                async with client.post(f"{control_url}/calls", json={"agent": agent}) as answer:
                    calls[agent] = (await answer.json())["id"]

        await asyncio.gather(*(work() for _ in range(8)))
    return calls
