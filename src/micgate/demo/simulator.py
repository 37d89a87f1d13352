"""The simulator as the demo uses it: a process of its own, asked over its control surface."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self, TypeVar

import msgspec
import urllib3

from micgate.direct.connect import Connection
from micgate.genesys.oauth import ClientCredentials
from micgate.genesys.regions import find_region

Answer = TypeVar("Answer")


class Announcement(msgspec.Struct, frozen=True):
    """The simulator's first line."""

    api_url: str
    control_url: str
    client_id: str
    client_secret: str

    def __repr__(self) -> str:
        return f"Announcement({self.api_url})"


class Person(msgspec.Struct, frozen=True):
    id: str
    name: str
    email: str


class End(msgspec.Struct, frozen=True, rename="camel"):
    """One end of a simulated call."""

    id: str
    user_id: str | None = None
    muted: bool | None = None


class Call(msgspec.Struct, frozen=True):
    id: str
    participants: tuple[End, ...]

    def end_of(self, person: Person) -> End:
        return next(end for end in self.participants if end.user_id == person.id)


class World(msgspec.Struct, frozen=True):
    conversations: tuple[Call, ...]


class Entry(msgspec.Struct, frozen=True):
    """One line of the ledger; only what the demo counts."""

    seq: int
    at: float
    kind: str
    method: str = ""
    path: str = ""
    conversation: str = ""
    field: str = ""
    to: object = None

    @property
    def is_api_request(self) -> bool:
        return self.kind == "request" and self.path.startswith("/api/")


class Simulator:
    """A running simulator. Nothing here reads a `GENESYS_*` variable."""

    def __init__(self, announced: Announcement) -> None:
        self.announced = announced
        self._http = urllib3.PoolManager(num_pools=1)

    @classmethod
    @contextmanager
    def started(cls, *, port: int, agents: int = 12) -> Iterator[Self]:
        """Start it, and stop it when the block ends."""
        command = [sys.executable, "-m", "micgate", "twin", "--json"]
        command += ["--port", str(port), "--agents", str(agents)]
        process = subprocess.Popen(  # noqa: S603 -- our own command
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            env=plain_environment(),
            process_group=0,
        )
        try:
            yield cls(_first_line(process))
        finally:
            process.terminate()
            process.wait()

    @property
    def page(self) -> str:
        return f"{self.announced.control_url}/"

    @property
    def connection(self) -> Connection:
        credentials = ClientCredentials(self.announced.client_id, self.announced.client_secret)
        return Connection(region=find_region(self.announced.api_url), credentials=credentials)

    def environment(self, *, state_home: Path) -> dict[str, str]:
        """What a command of ours needs to talk to this simulator, and nothing of yours."""
        return plain_environment() | {
            "GENESYS_REGION": self.announced.api_url,
            "GENESYS_CLIENT_ID": self.announced.client_id,
            "GENESYS_CLIENT_SECRET": self.announced.client_secret,
            "XDG_STATE_HOME": str(state_home),
            "MICGATE_URL": "none",  # a .env here may name a real service
        }

    def hire(self, name: str, email: str) -> Person:
        return self._ask("POST", "users", {"name": name, "email": email}, Person)

    def call(self, person: Person, *, customer: str) -> Call:
        """A connected call that never ends by itself."""
        return self._ask("POST", "calls", {"agent": person.id, "customer": customer}, Call)

    def press_mute(self, call: Call, person: Person, *, muted: bool) -> None:
        """The agent's own headset or button."""
        self._ask("POST", f"calls/{call.id}/press-mute", {"agent": person.id, "muted": muted}, Call)

    def muted(self, call: Call, person: Person) -> bool | None:
        world = self._ask("GET", "state", None, World)
        return next(one for one in world.conversations if one.id == call.id).end_of(person).muted

    def ledger(self, *, after: int = 0) -> list[Entry]:
        return self._ask("GET", f"ledger?after={after}", None, list[Entry])

    def last_entry(self) -> int:
        return max((entry.seq for entry in self.ledger()), default=0)

    def _ask(self, method: str, path: str, body: dict[str, object] | None, shape: type[Answer]) -> Answer:
        answer = self._http.request(
            method, f"{self.announced.control_url}/{path}", json=body, retries=False, timeout=10
        )
        if answer.status >= 300:  # noqa: PLR2004 -- anything but success
            raise RuntimeError(f"The simulator answered {answer.status} to {method} {path}.")
        return msgspec.json.decode(answer.data, type=shape)


def plain_environment() -> dict[str, str]:
    """This process's environment without anything that could lead away from this machine."""
    prefixes = (
        "GENESYS_",
        "MICGATE_",
        "AGENT_USER_ID",
        "CONTROL_ACTION",
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "ALL_PROXY",
    )
    return {name: value for name, value in os.environ.items() if not name.upper().startswith(prefixes)}


def _first_line(process: "subprocess.Popen[bytes]") -> Announcement:
    assert process.stdout is not None  # noqa: S101 -- asked for above
    line = process.stdout.readline()
    if not line:
        raise RuntimeError("The simulator did not start; its own message is above.")
    return msgspec.json.decode(line, type=Announcement)
