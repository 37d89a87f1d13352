"""`micgate set` on the simulator."""

import json
import subprocess
import sys
import uuid
from contextlib import contextmanager

import pytest
from shell import END_SECONDS, ended

from micgate.direct.lock import lock_microphone


@pytest.fixture
def call(twin):
    return twin.place_call()


@pytest.fixture
def ada(twin):
    return twin.agents[0]


def two_lines(shown):
    assert "Traceback" not in shown.stderr
    assert len(shown.stderr.splitlines()) == 2, shown.stderr
    return shown.stderr


def test_it_mutes_and_says_after_how_long_the_platform_showed_it(shell, twin, call, ada):
    result, code = shell.json("set", ada.email, "--muted")
    assert code == 0
    assert (result["muted"], result["changed"], result["agent"]) == (True, True, ada.name)
    assert result["conversation_id"] == call["id"]
    assert result["confirmed_ms"] >= result["http_ms"] > 0
    assert twin.leg(call)["muted"] is True


def test_people_read_one_line(shell, call, ada):
    shown = shell("set", ada.email, "--muted")
    assert shown.stdout.startswith(f"Muted {ada.name}: Genesys Cloud shows it after ")
    assert shown.stdout.count("\n") == 1
    assert not shown.stderr


def test_already_as_wanted_sends_nothing(shell, twin, call, ada):
    shell("set", ada.email, "--muted")
    sent = len(twin.requests("PATCH"))
    result, code = shell.json("set", ada.email, "--muted")
    assert (code, result["changed"]) == (0, False)
    assert len(twin.requests("PATCH")) == sent


@pytest.mark.parametrize("how", ["id", "email", "name"])
def test_an_agent_is_meant_by_id_e_mail_or_unique_name(how, shell, call, ada):
    assert shell("set", getattr(ada, how), "--muted").returncode == 0


def test_agent_and_action_can_come_from_the_environment(shell, twin, call, ada):
    assert shell("set", AGENT_USER_ID=ada.id, CONTROL_ACTION="mute").returncode == 0
    assert twin.leg(call)["muted"] is True
    assert shell("set", AGENT_USER_ID=ada.id, CONTROL_ACTION="unmute").returncode == 0
    assert twin.leg(call)["muted"] is False


def test_a_flag_goes_before_the_environment(shell, twin, call, ada):
    assert shell("set", ada.id, "--muted", CONTROL_ACTION="unmute").returncode == 0
    assert twin.leg(call)["muted"] is True


def test_known_ids_cost_one_read_and_no_look_up(shell, twin, call, ada):
    leg = twin.leg(call)["id"]
    before = len(twin.requests())
    assert shell("set", "--muted", "--conversation", call["id"], "--participant", leg).returncode == 0
    asked = [(entry["method"], entry["path"]) for entry in twin.requests()[before:]]
    assert [method for method, _ in asked] == ["GET", "PATCH", "GET"]
    assert all("/conversations/calls/" in path for _, path in asked)


def test_the_customer_is_never_muted(shell, twin, call):
    customer = next(end["id"] for end in call["participants"] if end["purpose"] == "customer")
    error, code = shell.json("set", "--muted", "--conversation", call["id"], "--participant", customer)
    assert (code, error["word"]) == (1, "not_an_agent")
    assert not twin.requests("PATCH")


def test_it_opens_what_it_closed(shell, twin, call, ada):
    shell("set", ada.email, "--muted")
    assert shell("set", ada.email, "--unmuted").returncode == 0
    assert twin.leg(call)["muted"] is False


def test_it_does_not_open_what_the_agent_closed_unless_forced(shell, twin, call, ada):
    twin.press_mute(call, muted=True)
    error, code = shell.json("set", ada.email, "--unmuted")
    assert (code, error["word"]) == (1, "not_ours")
    assert "--force" in error["remedy"]
    assert twin.leg(call)["muted"] is True
    assert shell("set", ada.email, "--unmuted", "--force").returncode == 0
    assert twin.leg(call)["muted"] is False


def test_a_change_that_never_takes_effect_is_exit_code_3(shell, twin, call, ada):
    twin.turn(on_behalf="ignore")
    error, code = shell.json("set", ada.email, "--muted", "--timeout", "1")
    assert (code, error["word"], error["exit_code"]) == (3, "unconfirmed", 3)
    assert error["facts"]["seen"] is False


def test_a_slow_confirmation_is_warned_about(shell, twin, call, ada):
    twin.turn(apply_ms=[300, 300])
    shown = shell("set", ada.email, "--muted", MICGATE_SLOW_MUTE="0.1")
    assert shown.returncode == 0
    assert "MICGATE_SLOW_MUTE" in shown.stderr


def test_every_change_is_in_the_journal_before_and_after(shell, call, ada):
    shell("set", ada.email, "--muted")
    events = shell.journal()
    assert [entry["phase"] for entry in events] == ["intended", "accepted", "confirmed"]
    assert {entry["conversation_id"] for entry in events} == {call["id"]}
    assert (shell.state / "direct.jsonl").stat().st_mode & 0o777 == 0o600


def test_without_a_journal_a_mute_is_refused_and_a_release_still_goes(shell, twin, call, ada):
    shell("set", ada.email, "--muted")
    journal = shell.state / "direct.jsonl"
    content = journal.read_bytes()
    journal.unlink()
    journal.mkdir()
    sent = len(twin.requests("PATCH"))
    error, code = shell.json("set", ada.email, "--muted", "--timeout", "2")
    twin.press_mute(call, muted=False)
    error, code = shell.json("set", ada.email, "--muted")
    assert (code, error["word"]) == (1, "journal_unwritable")
    assert len(twin.requests("PATCH")) == sent
    twin.press_mute(call, muted=True)
    released = shell("set", ada.email, "--unmuted", "--force")
    assert released.returncode == 0
    assert f"Warning: not all of this is in the journal: {journal}" in released.stderr
    assert twin.leg(call)["muted"] is False
    assert content


def test_where_no_state_can_be_kept_a_mute_is_refused_and_a_release_still_goes(shell, twin, call, ada):
    nowhere = "/dev/null/state"
    error, code = shell.json("set", ada.email, "--muted", XDG_STATE_HOME=nowhere)
    assert (code, error["word"]) == (1, "journal_unwritable")
    assert "nothing was muted" in error["message"]
    assert twin.requests("PATCH") == []
    twin.press_mute(call, muted=True)
    released = shell("set", ada.email, "--unmuted", "--force", "--json", XDG_STATE_HOME=nowhere)
    assert (released.returncode, len(released.stdout.splitlines())) == (0, 1)
    assert "Warning: not all of this is in the journal" in released.stderr


@pytest.mark.parametrize(
    ("arguments", "environ", "code", "word"),
    [
        (["nobody@nowhere.example", "--muted"], {}, 1, "unknown_agent"),
        ([str(uuid.UUID(int=7)), "--muted"], {}, 1, "unknown_agent"),
        (["--muted"], {}, 2, "usage"),
        ([], {"CONTROL_ACTION": "yes", "AGENT_USER_ID": "x"}, 2, "setting_error"),
        (["x", "--muted", "--timeout", "0"], {}, 2, "usage"),
        (["x", "--muted", "--timeout", "-1"], {}, 2, "usage"),
        (["x", "--muted", "--participant", "p"], {}, 2, "usage"),
        (["x"], {}, 2, "usage"),
        (["x", "--muted"], {"GENESYS_CLIENT_SECRET": "wrong-secret-value"}, 1, "bad_credentials"),
        (["x", "--muted"], {"GENESYS_CLIENT_ID": str(uuid.UUID(int=9))}, 1, "bad_credentials"),
        (["x", "--muted"], {"GENESYS_CLIENT_SECRET": None}, 2, "missing_credentials"),
        (["x", "--muted"], {"GENESYS_REGION": "eu-west-9"}, 2, "unknown_region"),
        (["x", "--muted"], {"GENESYS_REGION": "http://example.com"}, 2, "unsafe_configuration"),
        (["x", "--muted"], {"GENESYS_REGION": "http://127.0.0.1:1"}, 1, "unreachable"),
        (["x", "--muted"], {"MICGATE_TIMEOUT": "soon"}, 2, "setting_error"),
        (["x", "--muted"], {"GENESYS_ACCESS_TOKEN": "expired-token-value"}, 1, "token_refused"),
    ],
)
@pytest.mark.usefixtures("call")
def test_bad_input_is_two_lines_the_documented_code_and_its_own_word(arguments, environ, code, word, shell):
    shown = shell("set", *arguments, **environ)
    assert (shown.returncode, shown.stdout) == (code, "")
    text = two_lines(shown)
    error, json_code = shell.json("set", *arguments, **environ)
    assert (json_code, error["word"]) == (code, word)
    for secret in (environ.get("GENESYS_CLIENT_SECRET"), environ.get("GENESYS_ACCESS_TOKEN")):
        assert not secret or secret not in text + json.dumps(error)


def test_no_live_call_and_an_alerting_one_are_exit_code_4_with_their_own_words(shell, twin, ada):
    error, code = shell.json("set", ada.email, "--muted")
    assert (code, error["word"]) == (4, "no_live_call")
    twin.place_call(state="alerting")
    error, code = shell.json("set", ada.email, "--muted")
    assert (code, error["word"], error["facts"]["state"]) == (4, "not_connected", "alerting")


def test_several_calls_name_the_option_that_chooses(shell, twin, ada):
    ids = {twin.place_call()["id"], twin.place_call()["id"]}
    error, code = shell.json("set", ada.email, "--muted")
    assert (code, error["word"]) == (1, "ambiguous_call")
    assert set(error["facts"]["conversation_ids"]) == ids
    assert "--conversation" in error["remedy"]
    assert shell("set", ada.email, "--muted", "--conversation", min(ids)).returncode == 0


def test_a_name_of_two_people_lists_them(shell, twin):
    for number in (1, 2):
        twin.control("POST", "/users", {"name": "Jo Twice", "email": f"jo{number}@example.com"})
    error, code = shell.json("set", "Jo Twice", "--muted")
    assert (code, error["word"]) == (1, "ambiguous_agent")
    assert len(error["facts"]["candidates"]) == 2


def test_no_heavy_module_is_on_the_path_of_a_mute(shell, call, ada):
    command = [sys.executable, "-X", "importtime", "-m", "micgate", "set", ada.email, "--muted"]
    traced = subprocess.run(
        command, check=True, capture_output=True, text=True, env=shell.environ, cwd=shell.folder
    )
    imported = {row.rpartition("|")[2].strip() for row in traced.stderr.splitlines()}
    assert "urllib3" in imported
    assert not imported & {"asyncio", "aiohttp", "rich", "http.server", "webbrowser", "dotenv", "tkinter"}


@pytest.mark.parametrize("flag", ["--muted", "--unmuted"])
def test_who_waited_for_the_microphone_looks_at_it_again(flag, shell, twin, call, until):
    """What was read before the wait says nothing: the command that had it may have moved it."""
    ada = twin.agents[0]
    wanted = flag == "--muted"
    twin.press_mute(call, muted=wanted)
    with locked(shell, call, ada):
        waiting = shell.start("set", ada.email, flag, "--force", "--json")
        until(lambda: [row for row in twin.requests("GET") if call["id"] in row["path"]])
        twin.press_mute(call, muted=not wanted)
    code, out, _ = ended(waiting)
    assert (code, json.loads(out)["changed"]) == (0, True)
    assert twin.leg(call)["muted"] is wanted


PAUSING = """
import sys
from micgate.cli import microphone
from micgate.__main__ import main

find_call = microphone.find_call

def find_and_pause(*arguments, **named):
    found = find_call(*arguments, **named)
    print("read", flush=True)
    sys.stdin.readline()
    return found

microphone.find_call = find_and_pause
sys.exit(main())
"""
"""The command, held up between its first read of the microphone and its turn."""


@pytest.mark.parametrize("flag", ["--muted", "--unmuted"])
def test_it_looks_again_when_another_command_came_between_its_read_and_its_turn(flag, shell, twin, call, ada):
    wanted = flag == "--muted"
    twin.press_mute(call, muted=wanted)
    arguments = ["set", ada.email, flag, "--force", "--json"]
    late = held_up(shell, *arguments)
    with locked(shell, call, ada):
        twin.press_mute(call, muted=not wanted)
    said, _ = late.communicate("go on\n", timeout=END_SECONDS)
    assert late.returncode == 0
    assert json.loads(said)["changed"] is True
    assert twin.leg(call)["muted"] is wanted


def held_up(shell, *arguments):
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    command = [sys.executable, "-c", PAUSING, *arguments]
    process = subprocess.Popen(command, env=shell.environ, cwd=shell.folder, **pipes)
    assert process.stdout.readline() == "read\n"
    return process


@contextmanager
def locked(shell, call, agent):
    lock = lock_microphone(shell.state, conversation_id=call["id"], user_id=agent.id)
    yield
    lock.release()
