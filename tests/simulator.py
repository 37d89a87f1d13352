"""The simulator as a process of its own, and what tests need of it."""

import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from typing import Any
from urllib.parse import urlsplit

START_SECONDS = 30
STOP_SECONDS = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    id: str
    name: str
    email: str
    password: str


class Refused(AssertionError):
    """The control surface did not do what a test asked."""


class Simulator:
    """One running simulator. `start` and `stop` are for fixtures, the rest is for tests."""

    def __init__(self, process: subprocess.Popen[str], told: dict[str, Any]) -> None:
        self.process = process
        self._seeds = count(7)
        self._tell(told)

    def _tell(self, told: dict[str, Any]) -> None:
        self.told = told
        self.api_url: str = told["api_url"]
        self.login_url: str = told["login_url"]
        self.control_url: str = told["control_url"]
        self.client_id: str = told["client_id"]
        self.client_secret: str = told["client_secret"]
        self.public_client_id: str = told["public_client_id"]
        self.org: dict[str, str] = told["org"]
        self.agents = [Person(**agent) for agent in told["agents"]]
        self.supervisor = Person(**told["supervisor"])

    @classmethod
    def start(cls, *arguments: str) -> "Simulator":
        """Extra arguments as on the command line; the port is always a free one."""
        process = subprocess.Popen(
            [sys.executable, "-m", "micgate.twin", "--port", "0", "--json", *arguments],
            stdout=subprocess.PIPE,
            text=True,
            env={
                name: value
                for name, value in os.environ.items()
                if not name.startswith(("GENESYS", "MICGATE"))
            },
        )
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, "the simulator ended before it said where it is"
        return cls(process, json.loads(line))

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        try:
            return self.process.wait(STOP_SECONDS)
        finally:
            self.process.kill()
            self.process.communicate()

    def control(self, method: str, path: str, json: object = None) -> Any:
        """A request to the control surface, `path` as in `/calls`; the answer's JSON."""
        status, answer = self.try_control(method, path, json)
        if status >= 400:
            raise Refused(f"{method} /_twin{path}: {status} {answer}")
        return answer

    def try_control(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        port = urlsplit(self.api_url).port
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        try:
            sent = None if body is None else json.dumps(body)
            headers = {} if body is None else {"Content-Type": "application/json"}
            connection.request(method, "/_twin/" + path.lstrip("/"), body=sent, headers=headers)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()

    def reset(self, **wanted: Any) -> None:
        """A new world: quiet, the usual dozen agents and a seed of its own unless told.

        A guardian that a test left behind knows nobody in it: its ids and its token are of another seed.
        """
        fresh = {"seed": next(self._seeds), "agents": 12, "quiet": True}
        self._tell(self.control("POST", "/reset", fresh | wanted))

    def ledger(self, after: int = 0, *, kind: str | None = None) -> list[dict[str, Any]]:
        entries: list[dict[str, Any]] = self.control("GET", f"/ledger?after={after}")
        return [entry for entry in entries if kind is None or entry["kind"] == kind]

    def requests(self, method: str | None = None) -> list[dict[str, Any]]:
        """Requests to the API, without those for tokens."""
        return [
            entry
            for entry in self.ledger(kind="request")
            if entry["path"] != "/oauth/token" and method in (None, entry["method"])
        ]

    def place_call(self, agent: str | None = None, **wanted: Any) -> dict[str, Any]:
        """A connected call of the first agent unless told, as the control surface tells it."""
        placed: dict[str, Any] = self.control(
            "POST", "/calls", {"agent": agent or self.agents[0].id} | wanted
        )
        return placed

    def leg(self, conversation: dict[str, Any] | str, agent: str | None = None) -> dict[str, Any]:
        """The agent's newest leg as it is now."""
        identity = conversation if isinstance(conversation, str) else conversation["id"]
        known = self.control("GET", f"/calls/{identity}")
        wanted = agent or self.agents[0].id
        leg: dict[str, Any] = [one for one in known["participants"] if one.get("userId") == wanted][-1]
        return leg

    def press_mute(self, conversation: dict[str, Any], *, muted: bool, agent: str | None = None) -> None:
        wanted = {"agent": agent or self.agents[0].id, "muted": muted}
        self.control("POST", f"/calls/{conversation['id']}/press-mute", wanted)

    def wait_until(self, holds: Callable[[], object], *, seconds: float = 20) -> None:
        """Look again and again until `holds` answers something true."""
        limit = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < limit, f"not so within {seconds} s"
            time.sleep(0.01)

    def turn(self, **knobs: Any) -> None:
        self.control("PATCH", "/behaviour", knobs)

    def fault(self, kind: str, **wanted: Any) -> str:
        made: str = self.control("POST", "/faults", {"kind": kind} | wanted)["id"]
        return made

    def advance(self, seconds: float) -> None:
        self.control("POST", "/clock/advance", {"seconds": seconds})
