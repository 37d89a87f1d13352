"""A service as somebody runs it: `micgate serve` on its embedded database, and a simulator of its own."""

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from shell import Shell

import micgate
from simulator import Person, Simulator

START_SECONDS = 60
STOP_SECONDS = 30
AGENTS = 140
PER_MINUTE = 1200
"""Requests that the simulator grants: four times the usual, as many tests share them on a fast machine."""


@dataclass(frozen=True, kw_only=True)
class OnCall:
    """An agent of a test's own, on a call."""

    agent: Person
    call: dict


class Serving:
    """`shell` is of the account that runs the service, which therefore needs no key."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.simulator = Simulator.start("--quiet", "--agents", str(AGENTS))
        self.simulator.turn(apply_ms=[0, 0])
        self.client = self.simulator.control(
            "POST", "/clients", {"grant": "client_credentials", "rate_per_minute": PER_MINUTE}
        )
        self._free = list(self.simulator.agents)
        for name in ("run", "home"):
            (folder / name).mkdir(mode=0o700)
        self.shell = Shell(self._environ(), folder / "home")
        self.port = "0"
        self.start()

    def start(self) -> None:
        """Also again: at the same address then."""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "micgate", "serve", "--port", self.port, "--json"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
            env=self.shell.environ,
            cwd=self.shell.folder,
        )
        self.url: str = json.loads(self.process.stdout.readline())["url"]
        self.port = self.url.rpartition(":")[2]
        self.simulator.wait_until(self.ready, seconds=START_SECONDS)

    def ready(self) -> bool:
        """It serves, and hears of calls that begin from now on."""
        try:
            with urllib.request.urlopen(f"{self.url}/readyz", timeout=5) as answer:
                return answer.status == 200 and self._hears()
        except urllib.error.HTTPError as error:
            error.close()
            return False
        except OSError:
            return False

    def _hears(self) -> bool:
        channels = self.simulator.control("GET", "/state")["channels"]
        return any(channel["connected"] and len(channel["topics"]) >= AGENTS for channel in channels)

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        with self.process.stdout:
            return self.process.wait(STOP_SECONDS)

    def close(self) -> None:
        try:
            if self.process.poll() is None:
                self.end()
        finally:
            self.process.kill()
            self.process.wait()
            self.simulator.stop()

    def on_call(self, *, queue: bool = False) -> OnCall:
        """An agent nobody else has, on a call that the service has seen, from a queue if wished."""
        agent = self._free.pop(0)
        wanted = {"queue": self.simulator.control("GET", "/state")["queues"][0]["id"]} if queue else {}
        call = self.simulator.place_call(agent.id, **wanted)
        self.simulator.wait_until(lambda: self._sees(call), seconds=40)
        return OnCall(agent=agent, call=call)

    def muted(self, on: OnCall) -> bool:
        return self.simulator.leg(on.call, on.agent.id)["muted"]

    def another(self, *scopes: str) -> Shell:
        """Somebody elsewhere, who has a key with these scopes and nothing else. Tests that share it are
        together faster than a key usually may be.
        """
        wanted = [word for scope in scopes for word in ("--scope", scope)]
        made, code = self.shell.json("keys", "add", "test", "--rate", "1000", *wanted)
        assert code == 0, made
        plain = {name: self.shell.environ[name] for name in ("PATH", "HOME", "COLUMNS")}
        return Shell(plain | {"MICGATE_URL": self.url, "MICGATE_KEY": made["key"]}, self.shell.folder)

    def gate(self) -> micgate.Gate:
        """The library's way in, with the key of this account's commands."""
        told = json.loads((self.folder / "run" / "micgate.json").read_text())
        return micgate.connect(self.url, key=told["key"])

    def _sees(self, call: dict) -> bool:
        with self.gate() as gate:
            return any(each.conversation_id == call["id"] for each in gate.microphones())

    def _environ(self) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder / "home"),
            "XDG_STATE_HOME": str(self.folder / "home"),
            "XDG_RUNTIME_DIR": str(self.folder / "run"),
            "MICGATE_DATABASE_DIR": str(self.folder / "database"),
            "GENESYS_REGION": self.simulator.api_url,
            "GENESYS_CLIENT_ID": self.client["id"],
            "GENESYS_CLIENT_SECRET": self.client["secret"],
            "MICGATE_OWNER_GRACE": "1",
            "COLUMNS": "80",
        }
