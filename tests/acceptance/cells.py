"""One cell of the fault matrix: a real command on a real simulator, one step of which is made to fail.

Cells run at the same time. On the simulator they share each has an agent of its own, and its fault is matched
by the conversation.
"""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fault_table import PATIENCE, Fault, Step

from micgate.direct.lock import holder, is_free
from simulator import Person, Simulator

LONGEST = 110.0
POLL, IDLE_POLL = 0.04, 0.25
WINDOW_MS = 400  # how long the mute is kept on its way, for a fault to be put behind it
STARTING_AT_ONCE = 3
MORE_THAN_ENOUGH = 1_000
TRIES = 4

_starting = threading.Semaphore(STARTING_AT_ONCE)
"""Starting costs processor time, what follows is mostly waiting."""


class Floor:
    """A simulator and its free agents. `alone`: its faults meet every cell on it, so they take turns."""

    def __init__(self, simulator: Simulator, *, alone: bool) -> None:
        self.simulator = simulator
        self.starting = threading.Semaphore(1) if alone else _starting
        self._agents = iter(simulator.agents)
        self._turn = threading.Semaphore(1 if alone else 10_000)
        self._lock = threading.Lock()
        self._ledger: list[dict[str, Any]] = []

    @contextmanager
    def place(self, **wanted: Any) -> Iterator[tuple[Person, dict[str, Any]]]:
        """An agent on a call, for one cell."""
        with self._turn:
            with self._lock:
                agent = next(self._agents)
            yield agent, self.simulator.place_call(agent.id, **wanted)

    def ledger(self) -> list[dict[str, Any]]:
        with self._lock:
            self._ledger += self.simulator.ledger(self._ledger[-1]["seq"] if self._ledger else 0)
            return list(self._ledger)


@dataclass(frozen=True, kw_only=True)
class Run:
    """What came of one cell. `met`: requests that met the fault; `patches`: state changes on the wire."""

    exit_code: int
    stdout: str
    stderr: str
    journal: list[dict[str, Any]]
    patches: list[dict[str, Any]]
    met: int
    muted: bool | None

    @property
    def rows(self) -> list[dict[str, Any]]:
        return [json.loads(row) for row in self.stdout.splitlines()]

    @property
    def word(self) -> str:
        last = self.rows[-1]
        return str(last.get("outcome") or last.get("word") or ("changed" if last["changed"] else "kept"))

    @property
    def told(self) -> str:
        """Everything that is told, as one text."""
        last = self.rows[-1]
        errors = (row["error"]["message"] for row in self.rows if row.get("error"))
        return " ".join((last.get("message") or ("muted" if last["muted"] else ""), *errors, self.stderr))

    @property
    def remedy(self) -> str:
        return str(self.rows[-1].get("remedy", ""))

    def commands(self) -> dict[str, list[str]]:
        """The phases that the journal has of each command."""
        found: dict[str, list[str]] = {}
        for entry in self.journal:
            if entry.get("command_id"):
                found.setdefault(entry["command_id"], []).append(entry["phase"])
        return found


class Cell:
    def __init__(self, step: Step, fault: Fault, *, floor: Floor, folder: Path) -> None:
        self._step = step
        self._fault = fault
        self._floor = floor
        self._place = folder
        self._folder = folder
        self._made: str | None = None
        self._came_late = False

    def run(self) -> Run:
        """Once more with another agent where the command was ahead of its fault: that is a busy machine's."""
        for number in range(TRIES):
            self._folder = self._place / str(number)
            run = self._run()
            if not self._came_late:
                break
        return run

    def _run(self) -> Run:
        self._folder.mkdir(parents=True)
        with self._floor.place() as (agent, call):
            self._agent, self._call = agent, call
            process = self._follow()
            if self._step.kills_guardian and not self._came_late:
                self._wait(lambda: self._holder() not in {None, process.pid})
                os.kill(self._holder() or 0, signal.SIGKILL)
            self._wait(self._is_nobodys, every=IDLE_POLL)
            self._mend()
            return self._concluded(process.returncode)

    def again(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Another command of the same user about the same agent, when all is over."""
        return subprocess.run(
            [sys.executable, "-m", "micgate", arguments[0], self._agent.email, *arguments[1:], "--json"],
            check=False,
            capture_output=True,
            text=True,
            cwd=self._folder,
            env=settings(self._floor.simulator, self._folder),
            timeout=LONGEST,
        )

    def is_muted(self) -> bool | None:
        muted: bool | None = self._floor.simulator.leg(self._call, self._agent.id)["muted"]
        return muted

    def _follow(self) -> subprocess.Popen[bytes]:
        """Run the command; begin and end the fault where the command has got to that."""
        if self._step.begins == "mute sent":
            change = {"method": "PATCH", "path": f".*/{self._call['id']}/.*"}
            self._floor.simulator.fault("slow", match=change, delay_ms=WINDOW_MS, times=1)
        if self._step.begins == "at once":
            self._break()
        with self._floor.starting:
            process = self._start()
            self._wait(self._speaks, process=process)
        for moment, act in ((self._step.begins, self._break), (self._step.ends, self._mend)):
            if moment in _SIGNS:
                self._wait(lambda sign=moment: self._shows(sign), process=process)
                act()
            if moment == self._step.begins:
                self._came_late = self._is_past(moment)
        process.wait(LONGEST)
        return process

    def _break(self) -> None:
        if self._fault.ahead:
            self._floor.simulator.advance(self._fault.ahead)
        path = self._step.path.format(conversation=self._call["id"])
        times = 1 if self._step.times and self._fault.once else self._step.times or MORE_THAN_ENOUGH
        self._made = self._floor.simulator.fault(
            self._fault.kind,
            match={"method": self._step.method, "path": path},
            times=times,
            **self._fault.members,
        )

    def _mend(self) -> None:
        self._floor.simulator.try_control("DELETE", f"/faults/{self._made}")

    def _start(self) -> subprocess.Popen[bytes]:
        arguments = [part.format(agent=self._agent.email) for part in self._step.command]
        with (self._folder / "out").open("wb") as out, (self._folder / "err").open("wb") as err:
            return subprocess.Popen(
                [sys.executable, "-m", "micgate", *arguments, "--json"],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                cwd=self._folder,
                env=settings(self._floor.simulator, self._folder),
            )

    def _wait(
        self,
        holds: Callable[[], bool],
        *,
        process: subprocess.Popen[bytes] | None = None,
        every: float = POLL,
    ) -> None:
        """Until it is so, or until the process ends."""
        limit = time.monotonic() + LONGEST
        while not holds() and (process is None or process.poll() is None):
            assert time.monotonic() < limit, f"not so within {LONGEST} s"
            time.sleep(every)

    def _shows(self, sign: str) -> bool:
        name, text = _SIGNS[sign]
        path = self._folder / name
        return path.exists() and text in path.read_text()

    def _is_past(self, moment: str) -> bool:
        path = self._folder / JOURNAL
        return moment in _PAST and path.exists() and _PAST[moment].search(path.read_text()) is not None

    def _speaks(self) -> bool:
        """It has found the call and goes to work: it is past what costs most."""
        return (self._folder / JOURNAL).exists() or (self._folder / "err").stat().st_size > 0

    def _is_nobodys(self) -> bool:
        """Neither a command nor a guardian has the microphone."""
        return is_free(self._state, conversation_id=self._call["id"], user_id=self._agent.id)

    def _holder(self) -> int | None:
        """The process that has it, or had."""
        return holder(self._state, conversation_id=self._call["id"], user_id=self._agent.id)

    @property
    def _state(self) -> Path:
        return self._folder / "micgate"

    def _concluded(self, exit_code: int) -> Run:
        journal, ledger = self._folder / JOURNAL, self._floor.ledger()
        return Run(
            exit_code=exit_code,
            stdout=(self._folder / "out").read_text(),
            stderr=(self._folder / "err").read_text(),
            journal=[json.loads(row) for row in journal.read_text().splitlines()] if journal.exists() else [],
            patches=[
                entry
                for entry in ledger
                if entry["kind"] == "request"
                and entry["method"] == "PATCH"
                and self._call["id"] in entry["path"]
            ],
            met=sum(entry.get("fault") == self._made for entry in ledger),
            muted=self.is_muted(),
        )


JOURNAL = "micgate/direct.jsonl"
_SIGNS = {
    "mute sent": (JOURNAL, '"phase":"intended"'),
    "muted": ("out", '"event":"confirmed"'),
    "un-mute sent": (JOURNAL, '"action":"unmute","phase":"intended"'),
    "insisting": ("out", '"event":"insisting"'),
}
"""What shows that a command has got to some moment: the file and the text in it."""
_PAST = {
    "mute sent": re.compile('"action":"mute","phase":"(?!intended)'),
    "muted": re.compile('"action":"unmute"'),
}
"""What the journal has when a command is past such a moment."""


def settings(simulator: Simulator, folder: Path) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "XDG_STATE_HOME": str(folder),
        "GENESYS_REGION": simulator.api_url,
        "GENESYS_CLIENT_ID": simulator.client_id,
        "GENESYS_CLIENT_SECRET": simulator.client_secret,
        "MICGATE_TIMEOUT": str(PATIENCE),
    }
