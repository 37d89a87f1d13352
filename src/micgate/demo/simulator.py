"""The simulator as the demo uses it: a process of its own, asked over its control surface."""

from typing import Self, TypeVar

import msgspec
import urllib3
from urllib3.exceptions import HTTPError

from micgate.demo.errors import DemoError
from micgate.demo.household import Household, Process
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
    user: str | None = None
    field: str = ""
    to: object = None

    @property
    def is_api_request(self) -> bool:
        return self.kind == "request" and self.path.startswith("/api/")

    def turns(self, call: "Call", person: Person) -> bool:
        """Whether a microphone was closed or opened here: `to` says which."""
        mine = (self.conversation, self.user) == (call.id, person.id)
        return self.kind == "change" and self.field == "muted" and mine

    def asks(self, call: "Call") -> bool:
        """Whether a change of a microphone of this call was asked for."""
        return self.kind == "request" and self.method == "PATCH" and call.id in self.path


class Simulator:
    """A running simulator. Nothing here reads a `GENESYS_*` variable."""

    def __init__(self, announced: Announcement, process: Process) -> None:
        self.announced = announced
        self.process = process
        self._http = urllib3.PoolManager(num_pools=1)

    @classmethod
    def started(cls, household: Household, *, port: int, agents: int = 12) -> Self:
        process = household.start("twin", "--json", "--port", str(port), "--agents", str(agents))
        assert process.stdout is not None  # noqa: S101 -- asked for
        if line := process.stdout.readline():
            return cls(msgspec.json.decode(line, type=Announcement), process)
        raise DemoError(
            "The simulator did not start; what it says is above.",
            remedy="If the port is taken, choose another one with --port; 0 picks a free one.",
        )

    @property
    def page(self) -> str:
        return f"{self.announced.control_url}/"

    @property
    def connection(self) -> Connection:
        credentials = ClientCredentials(self.announced.client_id, self.announced.client_secret)
        return Connection(region=find_region(self.announced.api_url), credentials=credentials)

    def environment(self) -> dict[str, str]:
        """What a command of ours needs to talk to this simulator."""
        return {
            "GENESYS_REGION": self.announced.api_url,
            "GENESYS_CLIENT_ID": self.announced.client_id,
            "GENESYS_CLIENT_SECRET": self.announced.client_secret,
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
        url = f"{self.announced.control_url}/{path}"
        try:
            answer = self._http.request(method, url, json=body, retries=False, timeout=10)
        except HTTPError as error:
            raise DemoError(
                f"The simulator does not answer ({type(error).__name__}).",
                remedy="Start it alone: micgate twin.",
            ) from None
        if answer.status >= 300:  # noqa: PLR2004 -- anything but success
            raise RuntimeError(f"The simulator answered {answer.status} to {method} {path}.")
        return msgspec.json.decode(answer.data, type=shape)
