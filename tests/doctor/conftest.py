import base64
import functools
import json
import os
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import NamedTuple

import pytest

CONTRACT = Path(__file__).parents[1] / "data" / "contract.json"


@pytest.fixture(scope="session")
def contract_permissions():
    paths = json.loads(CONTRACT.read_text("utf-8"))["paths"]
    operations = [
        operation
        for methods in paths.values()
        for operation in methods.values()
        if isinstance(operation, dict)
    ]
    return {
        name for operation in operations for name in operation.get("x-permissions", {}).get("permissions", ())
    }


COMMAND = (sys.executable, "-m", "micgate")


class Run(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def told(self) -> dict:
        """The one object of `--json`."""
        assert self.out.count("\n") == 1, self.out
        return json.loads(self.out)

    def finding(self, check: str) -> dict:
        return next(each for each in self.told["checks"] if each["check"] == check)

    def says(self, check: str) -> str:
        finding = self.finding(check)
        return f"{finding['verdict']}: {finding['what']}\n{finding.get('where', '')}"


@pytest.fixture
def clean(tmp_path):
    """How a test starts the command line: a folder of its own, nothing of this machine's settings."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return {"cwd": tmp_path, "text": True, "env": {**kept, "XDG_STATE_HOME": str(tmp_path / "state")}}


@pytest.fixture
def micgate(clean):
    """Runs the command line as a process."""

    def run(*arguments: str, stdin: str = "", **environ: str) -> Run:
        ended = subprocess.run(
            [*COMMAND, *arguments],
            **(clean | {"env": clean["env"] | environ}),
            check=False,
            capture_output=True,
            input=stdin,
            timeout=60,
        )
        return Run(ended.returncode, ended.stdout, ended.stderr)

    return run


@pytest.fixture
def settings(twin):
    return {
        "GENESYS_REGION": twin.api_url,
        "GENESYS_CLIENT_ID": twin.client_id,
        "GENESYS_CLIENT_SECRET": twin.client_secret,
    }


@pytest.fixture
def doctor(micgate, settings):
    """`micgate doctor --json` against the simulator, with its announced client unless told otherwise."""

    def run(*arguments: str, **environ: str) -> Run:
        return micgate("doctor", "--json", *arguments, **(settings | environ))

    return run


@pytest.fixture
def start_doctor(clean, settings):
    """The same, left running; ended with the test."""
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: str) -> subprocess.Popen[str]:
        started.append(
            subprocess.Popen(
                [*COMMAND, "doctor", *arguments],
                **(clean | {"env": clean["env"] | settings}),
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
        )
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def client(twin):
    """A client of one's own at the simulator, as environment for `doctor`."""

    def make(**wanted) -> dict[str, str]:
        made = twin.control("POST", "/clients", {"grant": "client_credentials"} | wanted)
        return {"GENESYS_CLIENT_ID": made["id"], "GENESYS_CLIENT_SECRET": made["secret"]}

    return make


@pytest.fixture
def bearer(twin):
    """Requests to the simulator's API with a token of its announced client."""

    def ask(method: str, path: str) -> dict:
        request = urllib.request.Request(f"{twin.api_url}{path}", method=method)
        request.add_header("Authorization", f"Bearer {_token(twin)}")
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=10) as answer:
            return json.load(answer)

    return ask


@functools.cache
def _token(twin) -> str:
    basic = base64.b64encode(f"{twin.client_id}:{twin.client_secret}".encode()).decode()
    request = urllib.request.Request(f"{twin.login_url}/oauth/token", b"grant_type=client_credentials")
    request.add_header("Authorization", f"Basic {basic}")
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=10) as answer:
        return json.load(answer)["access_token"]
