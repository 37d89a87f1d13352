"""Whole processes, from start to exit: what a person at a terminal or a shell script waits for."""

import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.timing import Series, compare

MICGATE = Path(sys.executable).with_name("micgate")
OFFICIAL_SET = Path(__file__).with_name("official_set.py")


@dataclass(frozen=True, slots=True)
class Simulator:
    api_url: str
    control_url: str
    client_id: str
    client_secret: str
    agents: tuple[str, ...]
    pid: int
    state_home: str

    def control(self, method: str, path: str, body: object) -> dict[str, object]:
        request = urllib.request.Request(
            f"{self.control_url}/{path}",
            method=method,
            data=json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request) as answer:
            found: dict[str, object] = json.load(answer)
            return found

    def with_client(self, client_id: str, client_secret: str) -> "Simulator":
        return replace(self, client_id=client_id, client_secret=client_secret)

    def environment(self) -> dict[str, str]:
        """Nothing of ours but this simulator's client."""
        kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        return kept | {
            "GENESYS_REGION": self.api_url,
            "GENESYS_CLIENT_ID": self.client_id,
            "GENESYS_CLIENT_SECRET": self.client_secret,
            "XDG_STATE_HOME": self.state_home,
        }


@contextmanager
def simulator(*, agents: int = 12) -> Iterator[Simulator]:
    """A quiet simulator in a process of its own, with a client whose rate limit is lifted."""
    command = [str(MICGATE), "twin", "--port", "0", "--agents", str(agents), "--quiet", "--json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    state = TemporaryDirectory(prefix="micgate-bench-")
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
            state_home=state.name,
        )
        client = found.control(
            "POST", "clients", {"grant": "client_credentials", "rate_per_minute": 10_000_000}
        )
        yield found.with_client(str(client["id"]), str(client["secret"]))
    finally:
        process.terminate()
        process.wait(15)
        state.cleanup()


def measure(*, rounds: int) -> dict[str, Series]:
    """Bare Python, `--help`, a confirmed `set`, and the same with a script on the official SDK."""
    with simulator() as twin:
        twin.control("PATCH", "behaviour", {"apply_ms": [0, 0]})
        call = twin.control("POST", "calls", {"agent": twin.agents[0]})
        wanted = {"muted": False}

        def run(*command: str) -> None:
            subprocess.run(command, env=twin.environment(), check=True, stdout=subprocess.DEVNULL)

        def flip() -> str:
            wanted["muted"] = not wanted["muted"]
            return "--muted" if wanted["muted"] else "--unmuted"

        ours = (str(MICGATE), "set", twin.agents[0], "--force", "--json")
        theirs = (sys.executable, str(OFFICIAL_SET), str(call["id"]), twin.agents[0])
        return compare(
            {
                "bare Python": lambda: run(sys.executable, "-c", "pass"),
                "micgate --help": lambda: run(str(MICGATE), "--help"),
                "micgate set, confirmed": lambda: run(*ours, flip()),
                "official SDK script, confirmed": lambda: run(*theirs, flip()),
            },
            rounds=rounds,
        )
