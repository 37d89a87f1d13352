"""The guided run, as a newcomer sees it."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

MICGATE = Path(sys.executable).with_name("micgate")
REAL_LOOKING = {
    "GENESYS_REGION": "mypurecloud.ie",
    "GENESYS_CLIENT_ID": "7e5c0a52-0c5b-4a1e-9d3e-6f0b7f3a9a11",
    "GENESYS_CLIENT_SECRET": "must-never-be-used",
    "HTTPS_PROXY": "http://127.0.0.1:9",
    "AGENT_USER_ID": "ada@example.com",
}


@pytest.fixture
def demo(tmp_path):
    started = []

    def start(*arguments: str) -> subprocess.Popen[str]:
        environment = os.environ | REAL_LOOKING | {"XDG_STATE_HOME": str(tmp_path)}
        command = [str(MICGATE), "demo", *arguments]
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_it_keeps_every_promise_and_says_so_in_its_last_line(demo):
    said, complained = (process := demo("--once", "--json")).communicate(timeout=90)
    lines = [json.loads(line) for line in said.splitlines()]
    figures = lines[-1]
    assert process.returncode == 0, complained
    assert figures["event"] == "result"
    assert 0 < figures["confirmed_ms"] < 2_000
    assert figures["requests_per_mute"] == 1
    kept = ("released", "override_yielded", "self_mute_kept", "released_after_kill")
    assert [figures[name] for name in kept] == [True] * len(kept)
    assert all(line["holds"] for line in lines if line["event"] == "check")
    assert complained == ""


def test_it_names_no_credentials_and_uses_none_of_yours(demo, tmp_path):
    said, complained = demo("--once").communicate(timeout=90)
    assert not [value for value in REAL_LOOKING.values() if value in said + complained]
    assert list(tmp_path.iterdir()) == []


def test_it_leaves_the_page_up_until_a_signal_and_takes_the_simulator_with_it(demo):
    process = demo("--json")
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(json.loads(line))
        if lines[-1]["event"] == "result":
            break
    page = lines[0]["page"]
    assert process.poll() is None
    assert reachable(page)
    process.send_signal(signal.SIGTERM)
    assert process.wait(15) == 143
    assert not reachable(page)


def reachable(page: str) -> bool:
    import urllib.error
    import urllib.request

    try:
        with urllib.request.urlopen(page, timeout=5) as answer:
            return answer.status == 200
    except urllib.error.URLError:
        return False
