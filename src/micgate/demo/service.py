"""The service as the demo uses it: `micgate serve`, on a database of its own below the demo's folder."""

import time

import msgspec
import urllib3
from urllib3.exceptions import HTTPError

from micgate.client.sync import Gate, connect
from micgate.demo.errors import DemoError, NoService
from micgate.demo.household import Household, Process
from micgate.demo.simulator import Call, Simulator

READY_SECONDS = 30.0
_SIGHT_SECONDS = 5.0
_POLL = 0.05
_ALONE = "Try it alone: micgate serve."
LOG = "service.log"
CHECKPOINTS = "checkpoints.jsonl"
"""Both below the demo's folder; in earnest checkpoints are kept where the service's machine cannot write."""


class Announced(msgspec.Struct, frozen=True):
    """The first line of `micgate serve --json`: where it is, or why it is not."""

    url: str = ""
    pid: int = 0
    word: str = ""
    message: str = ""
    remedy: str = ""


class Check(msgspec.Struct, frozen=True):
    name: str
    ok: bool
    says: str
    warns: bool = False


class Readiness(msgspec.Struct, frozen=True):
    """What `/readyz` says."""

    checks: tuple[Check, ...]


class HostKey(msgspec.Struct, frozen=True):
    """From `micgate.json`, which lets this account's commands in."""

    key: str

    def __repr__(self) -> str:
        return "HostKey()"


class NewKey(msgspec.Struct, frozen=True):
    secret: str

    def __repr__(self) -> str:
        return "NewKey()"


class Service:
    """A running service. `process` is another one after `start` was called again."""

    process: Process
    url: str

    def __init__(self, household: Household, simulator: Simulator) -> None:
        self._household = household
        self._simulator = simulator
        self._http = urllib3.PoolManager(num_pools=1)
        self._port = "0"
        self.start()

    def start(self) -> None:
        """Also again, at the same address then. Returns once it is ready; raises `NoService`."""
        self.process = self._household.start(
            *("serve", "--json", "--host", "127.0.0.1", "--port", self._port),
            environ=self._simulator.environment() | self._checkpoints(),
            log=LOG,
        )
        self.url = self._announced().url
        self._port = self.url.rpartition(":")[2]
        self._until_ready()

    def kill(self) -> int:
        """`kill -9`. Its exit code, as `Popen` has it."""
        return self._household.end(self.process, kill=True)

    def key(self, name: str, *scopes: str) -> str:
        """A new API key, as `micgate keys add` makes one; for any share of this small floor."""
        wish = {"name": name, "scopes": scopes, "limits": {"queue_share": 1.0}, "expires_in_days": 1}
        headers = {"Authorization": f"Bearer {self._host_key()}"}
        try:
            answer = self._http.request(
                "POST", f"{self.url}/v1/keys", json=wish, headers=headers, retries=False, timeout=10
            )
        except HTTPError as error:
            raise self.lost(f"no answer ({type(error).__name__})") from None
        if answer.status >= 300:  # noqa: PLR2004 -- anything but success
            raise DemoError(
                f"The service made no key, it answered {answer.status}.", remedy="Please report it."
            )
        return msgspec.json.decode(answer.data, type=NewKey).secret

    def lost(self, why: str) -> NoService:
        """It did run, and no longer does its work."""
        return NoService(f"{why}. The last line of its log: {self._last_words()}", remedy=_ALONE)

    def door(self, key: str) -> Gate:
        return connect(self.url, key=key)

    def wait_for(self, call: Call) -> None:
        """Until it has seen this call begin. If it does not, it finds the call when it is asked to mute."""
        deadline = time.monotonic() + _SIGHT_SECONDS
        with self.door(self._host_key()) as gate:
            while time.monotonic() < deadline:
                if any(each.conversation_id == call.id for each in gate.microphones()):
                    return
                time.sleep(_POLL)

    def _checkpoints(self) -> dict[str, str]:
        path = self._household.folder / CHECKPOINTS
        return {"MICGATE_CHECKPOINT_PATH": str(path), "MICGATE_CHECKPOINT_SECONDS": "1"}

    def _announced(self) -> Announced:
        assert self.process.stdout is not None  # noqa: S101 -- asked for
        line = self.process.stdout.readline()
        told = msgspec.json.decode(line, type=Announced) if line else Announced()
        if told.url:
            return told
        raise NoService(
            told.message or f"It ended without a word. {self._last_words()}",
            remedy=told.remedy or _ALONE,
            word=told.word or None,
        )

    def _until_ready(self) -> None:
        """It serves, and hears what happens on the platform."""
        deadline = time.monotonic() + READY_SECONDS
        while (lacks := self._lacks()) and time.monotonic() < deadline and self.process.poll() is None:
            time.sleep(_POLL)
        if lacks:
            raise NoService(f"It did not get ready: {lacks}", remedy=_ALONE)

    def _lacks(self) -> str:
        """Why it is not ready; empty when it is."""
        try:
            answer = self._http.request("GET", f"{self.url}/readyz", retries=False, timeout=5)
        except HTTPError as error:
            return f"no answer ({type(error).__name__})."
        checks = msgspec.json.decode(answer.data, type=Readiness).checks
        wanted = (check for check in checks if not check.warns or check.name == "notifications")
        return " ".join(check.says for check in wanted if not check.ok)

    def _last_words(self) -> str:
        lines = (self._household.folder / LOG).read_text("utf-8", "replace").strip().splitlines()
        return lines[-1] if lines else ""

    def _host_key(self) -> str:
        path = self._household.folder / "run" / "micgate.json"
        return msgspec.json.decode(path.read_bytes(), type=HostKey).key
