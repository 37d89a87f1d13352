"""The examples run as they are, on the simulator."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


@pytest.fixture
def environment(twin):
    return os.environ | {
        "GENESYS_REGION": twin.api_url,
        "GENESYS_CLIENT_ID": twin.client_id,
        "GENESYS_CLIENT_SECRET": twin.client_secret,
    }


def test_the_watcher_prints_what_the_agent_presses(twin, environment):
    agent = twin.agents[0]
    call = twin.place_call(agent.id)
    command = [sys.executable, str(EXAMPLES / "watch_agents.py"), agent.email]
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, env=environment)
    try:
        assert process.stdout.readline() == f"{agent.name} open read\n"
        twin.press_mute(call, muted=True)
        assert process.stdout.readline() == f"{agent.name} muted event\n"
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=30)[1] == ""
    finally:
        process.kill()
        process.communicate()


def test_the_program_of_the_librarys_page_leaves_the_microphone_as_it_was(twin, environment):
    agent = twin.agents[0]
    call = twin.place_call(agent.id)
    page = (EXAMPLES.parent / "docs" / "library.md").read_text("utf-8")
    program = re.findall(r"```python\n(.*?)```", page, re.DOTALL)[0].replace("ada@example.com", agent.email)
    command = [sys.executable, "-c", f"import micgate\n{program}"]
    ran = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60)
    assert re.fullmatch(r"[\d.]+ \d+\n", ran.stdout), ran.stderr
    assert [one["body"] for one in twin.requests("PATCH")] == [{"muted": True}, {"muted": False}]
    assert twin.leg(call)["muted"] is False


def test_the_celery_task_mutes_while_the_panel_is_open_and_gives_back(twin, environment, monkeypatch):
    agent = twin.agents[0]
    call = twin.place_call(agent.id)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.syspath_prepend(str(EXAMPLES))
    from celery_task import silence_while

    seen = []

    def panel_is_open() -> bool:
        seen.append(twin.leg(call)["muted"])
        return len(seen) < 3

    assert silence_while(panel_is_open, agent.email) == "released"
    assert seen == [True] * 3
    assert twin.leg(call)["muted"] is False


PANEL_IN_WORKERS = """
import multiprocessing, sys
from card_panel import panel_closed, panel_opened

fork = multiprocessing.get_context("fork").Process
mute = panel_opened(sys.argv[1], "4711")
print(mute, flush=True)
again = fork(target=lambda: print(panel_opened(sys.argv[1], "4711"), flush=True))
again.start(), again.join()
sys.stdin.readline()
closing = fork(target=panel_closed, args=(mute,))
closing.start(), closing.join()
sys.exit(closing.exitcode)
"""


@pytest.mark.service
@pytest.mark.xdist_group("served")
def test_the_card_panel_is_one_mute_in_forked_workers_and_ends_with_the_panel(serving):
    on, shell = serving.on_call(), serving.another("mute")
    process = subprocess.Popen(
        [sys.executable, "-c", PANEL_IN_WORKERS, on.agent.email],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=shell.environ | {"PYTHONPATH": str(EXAMPLES)},
    )
    try:
        first, second = process.stdout.readline(), process.stdout.readline()
        assert first == second != ""
        assert serving.muted(on)
        process.communicate("closed\n", timeout=30)
        assert process.returncode == 0
        serving.simulator.wait_until(lambda: not serving.muted(on), seconds=15)
    finally:
        process.kill()
        process.communicate()
