"""`micgate why`, `agents` and `watch` on the simulator."""

import json
import os
import pty
import signal
import subprocess
import sys
from datetime import datetime

import pytest
from scripted_service import KEY, Reply, ScriptedService
from shell import Shell, ended


@pytest.fixture
def call(twin):
    return twin.place_call()


@pytest.fixture
def ada(twin):
    return twin.agents[0]


def test_why_says_open_and_nobodys(shell, call, ada):
    shown, code = shell.json("why", ada.email)
    assert (code, shown["whose"], shown["muted"]) == (0, "nobody", False)
    assert shown["call"]["conversation_id"] == call["id"]
    assert shown["presence"]
    assert shown["routing_status"]


def test_why_knows_a_mute_of_this_user_and_since_when(shell, call, ada):
    shell("set", ada.email, "--muted")
    shown, _ = shell.json("why", ada.email)
    assert (shown["whose"], shown["ours"]["deliberate"], shown["ours"]["running"]) == ("micgate", True, False)
    assert shown["ours"]["since"] == shell.journal()[0]["timestamp"]


def test_why_knows_a_mute_that_runs(shell, twin, call, ada, until):
    process = shell.start("mute", ada.email, "--for", "60s", "--reason", "customer")
    until(lambda: "confirmed" in [row["phase"] for row in shell.journal()])
    shown, _ = shell.json("why", ada.email)
    ended(process, signal.SIGINT)
    since, until_ = (datetime.fromisoformat(shown["ours"][name]) for name in ("since", "until"))
    assert 40 < (until_ - since).total_seconds() < 61  # it counts from before its guardian was ready
    assert f"until {shown['ours']['until']}" in shown["says"]
    assert (shown["whose"], shown["ours"]["running"], shown["ours"]["reason"]) == (
        "micgate",
        True,
        "customer",
    )


def test_why_blames_nobody_for_the_agents_own_button(shell, twin, call, ada):
    twin.press_mute(call, muted=True)
    shown = shell("why", ada.email)
    assert shown.returncode == 0
    assert "not by micgate" in shown.stdout
    assert "the agent, a device or another app; Genesys does not say" in shown.stdout


def test_why_tells_a_paused_recording_from_a_running_one(shell, twin, ada):
    call = twin.place_call(recording=True)
    assert shell.json("why", ada.email)[0]["recording"]["state"] == "active"
    twin.control("POST", f"/calls/{call['id']}/press-record", {"paused": True})
    recording = shell.json("why", ada.email)[0]["recording"]
    assert recording["state"] == "paused"
    assert "secure pause" in recording["says"]


def test_why_without_a_call_is_exit_code_4_and_says_who_it_is(shell, ada):
    shown, code = shell.json("why", ada.email)
    assert (code, shown["call"], shown["no_call"], shown["agent"]) == (4, None, "no_live_call", ada.name)


def test_agents_lists_everybody_on_a_call_with_the_microphone(shell, twin, ada):
    first, second = twin.place_call(), twin.place_call(twin.agents[1].id)
    twin.press_mute(second, muted=True, agent=twin.agents[1].id)
    shown, code = shell.json("agents")
    found = {each["conversation_id"]: each["muted"] for each in shown["agents"]}
    assert (code, found) == (0, {first["id"]: False, second["id"]: True})


def test_agents_in_a_pipe_are_tab_separated(shell, call, ada):
    rows = [row.split("\t") for row in shell("agents").stdout.splitlines()]
    assert rows[0][:3] == ["agent", "e-mail", "microphone"]
    assert rows[1][:3] == [ada.name, ada.email, "open"]


def test_agents_when_nobody_is_on_a_call(shell):
    assert shell("agents").stdout == "Nobody is on a call.\n"


@pytest.mark.parametrize("environ", [{"TERM": "dumb"}, {"TERM": "xterm", "NO_COLOR": "1"}], ids=str)
@pytest.mark.usefixtures("call")
def test_a_table_on_a_plain_terminal_has_no_colours(environ, shell, ada):
    shown = _on_a_terminal(shell, "agents", **environ, COLUMNS="140")
    assert ada.name in shown
    assert "\x1b[3" not in shown
    assert environ["TERM"] != "dumb" or "\x1b" not in shown


def test_a_table_on_a_narrow_terminal_breaks_no_id_and_no_address(shell, call, ada):
    shown = _on_a_terminal(shell, "agents", TERM="xterm", COLUMNS="80")
    assert ada.email in shown
    assert call["id"] in shown


def test_a_countdown_on_a_dumb_terminal_is_silent(shell, call, ada):
    assert "\x1b" not in _on_a_terminal(shell, "mute", ada.email, "--for", "1s", TERM="dumb")


def test_a_countdown_on_a_terminal_says_how_long_is_left(shell, call, ada):
    assert " left" in _on_a_terminal(shell, "mute", ada.email, "--for", "1s", TERM="xterm")


def test_watch_shows_every_change_of_a_microphone(shell, twin, call, ada):
    process = shell.start("watch", ada.email, "--json")
    events = map(json.loads, process.stdout)
    assert next(events)["event"] == "watching"
    assert next(events)["muted"] is False
    twin.press_mute(call, muted=True)
    seen = next(events)
    assert (seen["event"], seen["muted"], seen["source"]) == ("microphone", True, "event")
    assert (seen["user_id"], seen["conversation_id"]) == (ada.id, call["id"])
    code, out, _ = ended(process, signal.SIGINT)
    result = json.loads(out.splitlines()[-1])
    assert (code, result["event"], result["changes"]) == (130, "result", 2)


def test_watch_of_everybody_ends_after_its_time(shell, call):
    shown = shell("watch", "--for", "2s")
    assert shown.returncode == 0
    assert f"connected, open  call {call['id']}" in shown.stdout


def test_watch_says_a_gap_and_goes_on(shell, twin, call, ada):
    process = shell.start("watch", ada.email, "--json")
    events = map(json.loads, process.stdout)
    assert [next(events)["event"] for _ in range(2)] == ["watching", "microphone"]
    twin.fault("socket_cut", match={}, times=1)
    twin.press_mute(call, muted=True)
    kinds = {event["event"]: event for event in _until_muted(events)}
    ended(process, signal.SIGTERM)
    assert kinds["gap"]["reason"]
    assert kinds["microphone"]["muted"] is True


@pytest.mark.parametrize("length", ["0", "-1s", "25h", "soon"])
def test_watch_refuses_a_length_that_is_none(length, shell):
    assert shell("watch", "--for", length).returncode == 2


def test_watch_ends_quietly_when_its_reader_leaves(shell, twin, call):
    process = shell.start("watch", "--for", "30s")
    process.stdout.readline()
    process.stdout.close()
    twin.press_mute(call, muted=True)
    twin.press_mute(call, muted=False)
    assert process.wait(40) == 0
    with process.stderr:
        assert "Traceback" not in process.stderr.read()


def _until_muted(events):
    for event in events:
        yield event
        if event.get("muted"):
            return


def _on_a_terminal(shell, *arguments, **environ):
    terminal, its = pty.openpty()
    command = [sys.executable, "-m", "micgate", *arguments]
    process = subprocess.Popen(
        command, stdin=its, stdout=its, stderr=its, env=shell.environ | environ, cwd=shell.folder
    )
    os.close(its)
    shown = b""
    while True:
        try:
            data = os.read(terminal, 65536)
        except OSError:
            break
        if not data:
            break
        shown += data
    os.close(terminal)
    assert process.wait(40) == 0
    return shown.decode()


def test_watch_uses_the_channel_of_the_last_run_again(shell, twin, call, ada):
    for _ in range(3):
        assert shell("watch", ada.email, "--for", "1s").returncode == 0
    assert len(twin.control("GET", "/state")["channels"]) == 1


@pytest.mark.usefixtures("call")
def test_watch_goes_on_where_no_channel_can_be_kept(shell):
    shown = shell("watch", "--for", "2", "--json", XDG_STATE_HOME="/dev/null")
    assert shown.returncode == 0, shown.stderr
    assert json.loads(shown.stdout.splitlines()[-1])["changes"] == 1


def test_the_budget_names_the_minutes_in_which_more_mutes_end_than_can(tmp_path):
    me = {"kind": "key", "id": "k", "name": "k", "org": "main", "scopes": [], "limits": {}, "standing": 0}
    budget = {
        "org": "main",
        "as_of": "2026-11-21T10:00:00Z",
        "source": "told",
        "allowed": 21,
        "used": 1,
        "reserved": 0,
        "left": 20,
        "resets_at": "2026-11-21T10:01:00Z",
        "waiting": 0,
        "fits": 20,
        "next_minute": {"ends": 3, "reserved": 4, "left": 17},
        "ends": [3, 20, 41, 0],
    }
    service = ScriptedService()
    try:
        service.will(Reply(body=me), Reply(body=budget))
        environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "MICGATE_URL": service.url}
        done = Shell(environ | {"MICGATE_KEY": KEY}, tmp_path)("budget")
    finally:
        service.stop()
    assert done.returncode == 0, done.stderr
    (crowded,) = [line for line in done.stdout.splitlines() if "crowded" in line]
    assert "41 mutes end in the minute from " in crowded
    assert crowded.endswith(":03:00, and 20 can")
