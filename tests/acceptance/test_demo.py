"""The guided run, as a newcomer sees it."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

import micgate
from leftovers import held_folder

MICGATE = Path(sys.executable).with_name("micgate")
REAL_LOOKING = {
    "GENESYS_REGION": "mypurecloud.ie",
    "GENESYS_CLIENT_ID": "7e5c0a52-0c5b-4a1e-9d3e-6f0b7f3a9a11",
    "GENESYS_CLIENT_SECRET": "must-never-be-used",
    "HTTPS_PROXY": "http://127.0.0.1:9",
    "AGENT_USER_ID": "ada@example.com",
    "MICGATE_URL": "https://micgate.example",
    "MICGATE_DATABASE_URL": "postgresql://nobody@127.0.0.1:9/micgate",
}
KEPT = (
    *("released", "override_yielded", "self_mute_kept", "released_after_kill"),
    *("two_owners_ok", "killed_and_recovered", "audit_ok"),
)


class Demo:
    """One demo, whose folder and state are below `place`."""

    def __init__(self, place: Path, *arguments: str, **environ: str) -> None:
        self.place = place
        (place / "home").mkdir(mode=0o500)
        self.process = subprocess.Popen(
            [str(MICGATE), "demo", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | REAL_LOOKING | {"HOME": str(place / "home"), "TMPDIR": str(place)} | environ,
        )

    def until(self, event: str, **members: object) -> list[dict]:
        """The lines up to and with this one."""
        lines = []
        for line in self.process.stdout:
            lines.append(json.loads(line))
            if lines[-1]["event"] == event and members.items() <= lines[-1].items():
                break
        return lines

    def left(self) -> list[object]:
        """What is still there of it: files, and processes that know its folder."""
        files = [path for path in self.place.iterdir() if path.name != "home"]
        return [*files, *(self.place / "home").iterdir(), *self._processes()]

    def _processes(self) -> list[str]:
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                said = (folder / "cmdline").read_bytes() + (folder / "environ").read_bytes()
            except OSError:
                continue
            if folder.name != str(os.getpid()) and f"{self.place}/micgate-demo-".encode() in said:
                found.append(folder.name)
        return found


@pytest.fixture
def demo():
    started = []
    with held_folder() as folder:
        place = folder / "demo"
        place.mkdir(mode=0o755)

        def start(*arguments: str, **environ: str) -> Demo:
            started.append(Demo(place, *arguments, **environ))
            return started[-1]

        yield start
        for one in started:
            one.process.kill()
            one.process.communicate()
            gone_within(one, seconds=30)


def gone_within(demo: Demo, *, seconds: float) -> bool:
    limit = time.monotonic() + seconds
    while demo.left() and time.monotonic() < limit:
        time.sleep(0.1)
    return not demo.left()


def reachable(page: str) -> bool:
    try:
        with urllib.request.urlopen(page, timeout=5) as answer:
            return answer.status == 200
    except urllib.error.URLError:
        return False


def test_it_keeps_every_promise_stays_up_for_the_reader_and_leaves_nothing(demo):
    run = demo("--json")
    lines = run.until("result")
    figures, opened = lines[-1], next(line for line in lines if line["event"] == "open")
    assert all(line["holds"] for line in lines if line["event"] == "check"), lines
    assert [figures[name] for name in KEPT] == [True] * len(KEPT)
    assert 0 < figures["confirmed_ms"] < 2_000
    assert figures["requests_per_mute"] == 1
    assert 0 <= figures["released_late_ms"] < 1_000
    assert not [value for value in REAL_LOOKING.values() if value in json.dumps(lines)]
    with micgate.connect(opened["service"], key=opened["key"]) as gate:
        assert gate.mute("Cleo Marsh", for_="30s", reason="customer").confirmed
    assert reachable(opened["simulator"])
    run.process.send_signal(signal.SIGTERM)
    _, complained = run.process.communicate(timeout=90)
    assert run.process.returncode == 143
    assert not reachable(opened["simulator"])
    assert all(line.startswith("micgate demo: ") for line in complained.splitlines()), complained
    assert run.left() == []


@pytest.mark.skipif(sys.platform != "linux", reason="guardians are found by /proc")
def test_a_demo_that_is_killed_leaves_nothing_either(demo):
    run = demo("--json")
    run.until("step", step="service_kill")
    run.until("check")
    assert len(run.left()) > 1
    run.process.kill()
    assert gone_within(run, seconds=40), run.left()


def test_without_the_services_libraries_it_shows_the_rest_and_says_what_to_do(demo, tmp_path):
    (tmp_path / "litestar.py").write_text("raise ModuleNotFoundError(name='litestar')")
    run = demo("--once", "--json", PYTHONPATH=str(tmp_path))
    said, complained = run.process.communicate(timeout=200)
    lines = [json.loads(line) for line in said.splitlines()]
    assert run.process.returncode == 0, complained
    assert [lines[-1][name] for name in KEPT] == [True] * 4 + [None] * 3
    assert lines[-1]["released_late_ms"] is None
    assert "litestar is missing" in lines[-3]["text"]
    assert "pip install 'micgate[service]'" in lines[-2]["text"]
    assert run.left() == []


def test_it_says_so_when_the_service_cannot_have_its_database(demo):
    run = demo("--once", "--json", MICGATE_DB_USER="root")
    said, complained = run.process.communicate(timeout=200)
    figures = json.loads(said.splitlines()[-1])
    if os.geteuid() == 0:
        assert run.process.returncode == 1, complained
        assert "PostgreSQL does not run as root" in said
        assert figures["audit_ok"] is None
    assert figures["released_after_kill"] is True
    assert run.left() == []


def test_a_port_that_is_taken_is_named_with_the_way_out(demo, twin):
    port = twin.api_url.rpartition(":")[2]
    run = demo("--once", "--port", port)
    said, complained = run.process.communicate(timeout=90)
    assert (run.process.returncode, said) == (1, "")
    assert "address already in use" in complained
    assert "0 picks a free one" in complained
    assert "Traceback" not in complained
    assert run.left() == []
