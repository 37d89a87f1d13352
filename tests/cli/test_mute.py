"""`micgate mute` and `unmute` on the simulator: whole processes, real signals."""

import json
import os
import pty
import signal
import subprocess
import sys

import psutil
import pytest
from shell import ended


@pytest.fixture
def call(twin):
    return twin.place_call()


@pytest.fixture
def ada(twin):
    return twin.agents[0]


@pytest.fixture
def muting(shell, twin, call, ada, until):
    """A running mute that has seen itself confirmed: before that, it would tell of what happens otherwise.

    It is ended by SIGTERM: after SIGKILL its guardian would open the microphone of the next test, whose ids
    are the same.
    """
    started = []

    def start(*arguments, **environ):
        process = shell.start("mute", ada.email, *arguments, **environ)
        started.append(process)
        until(lambda: "confirmed" in [row["phase"] for row in shell.journal()])
        return process

    yield start
    for process in started:
        process.terminate()
        process.communicate(timeout=40)


def is_open(twin, call):
    return twin.leg(call)["muted"] is False


def test_it_mutes_for_the_time_and_gives_back(shell, twin, call, ada):
    shown = shell("mute", ada.email, "--for", "1s")
    assert (shown.returncode, shown.stdout) == (
        0,
        f"Given back: the microphone of {ada.name} is open again.\n",
    )
    assert "Muted: Genesys Cloud shows it after" in shown.stderr
    assert is_open(twin, call)


def test_json_is_one_object_a_line_with_the_result_last(shell, call, ada):
    shown = shell("mute", ada.email, "--for", "1", "--reason", "drill", "--json")
    rows = [json.loads(row) for row in shown.stdout.splitlines()]
    assert [row["event"] for row in rows if row["event"] != "look"] == ["placed", "confirmed", "result"]
    assert (rows[-1]["outcome"], rows[-1]["exit_code"], rows[-1]["muted"]) == ("released", 0, False)
    assert rows[-1]["confirmed_ms"] > 0
    assert rows[-1]["conversation_id"] == call["id"]


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)], ids=str
)
def test_a_signal_gives_back_and_keeps_its_exit_code(number, code, muting, twin, call):
    process = muting("--for", "60s", "--json")
    exit_code, out, err = ended(process, number)
    assert exit_code == code
    assert is_open(twin, call)
    result = json.loads(out.splitlines()[-1])
    assert (result["outcome"], result["exit_code"]) == ("released", code)
    assert "Traceback" not in err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=str)
def test_signals_are_heeded_even_if_inherited_as_ignored(number, shell, twin, call, until):
    ignoring = (
        f"import os, signal, sys; signal.signal({int(number)}, signal.SIG_IGN);"
        "os.execv(sys.argv[1], sys.argv[1:])"
    )
    prefix = (sys.executable, "-c", ignoring)
    process = shell.start("mute", twin.agents[0].email, "--for", "60s", prefix=prefix)
    until(lambda: "confirmed" in [row["phase"] for row in shell.journal()])
    assert ended(process, number)[0] == 128 + number
    assert is_open(twin, call)


def test_a_second_signal_does_not_break_the_give_back(muting, twin, call):
    process = muting("--for", "60s")
    twin.turn(apply_ms=[400, 400])
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGINT)
    assert ended(process, signal.SIGTERM)[0] == 130
    assert is_open(twin, call)


def test_signals_until_the_very_end_do_not_change_the_exit_code(muting, twin, call, until):
    process = muting("--json")
    process.send_signal(signal.SIGINT)
    until(lambda: len(twin.requests("PATCH")) > 1)  # two signals at once would have no order
    while process.poll() is None:
        process.send_signal(signal.SIGTERM)
    out, _ = process.communicate()
    assert process.returncode == 130
    assert json.loads(out.splitlines()[-1])["exit_code"] == 130
    assert is_open(twin, call)


def test_a_signal_before_anything_was_sent_mutes_nothing(shell, twin, call, ada, until):
    twin.fault("slow", match={"path": "/api/v2/users/search"}, seconds=20)
    before = len(twin.requests())
    process = shell.start("mute", ada.email, "--for", "60s")
    until(lambda: len(twin.requests()) > before or twin.ledger(kind="fault"))
    assert ended(process, signal.SIGTERM)[0] == 143
    assert not twin.requests("PATCH")


def test_the_end_of_stdin_is_not_a_closed_terminal(muting, twin, call, until):
    process = muting("--for", "60s")
    looks = len(twin.requests("GET"))
    until(lambda: len(twin.requests("GET")) > looks)
    assert process.poll() is None
    assert ended(process, signal.SIGINT)[0] == 130


def test_a_closed_terminal_gives_back_with_exit_code_129(shell, twin, call, ada, until):
    ours, its = pty.openpty()
    process = subprocess.Popen(
        ["setsid", "--ctty", sys.executable, "-m", "micgate", "mute", ada.email],
        stdin=its,
        stdout=its,
        stderr=its,
        env=shell.environ,
        cwd=shell.folder,
    )
    os.close(its)
    until(lambda: "confirmed" in [row["phase"] for row in shell.journal()])
    os.close(ours)
    assert process.wait(timeout=40) == 129
    assert is_open(twin, call)


def test_a_reader_that_leaves_does_not_end_the_mute(muting, twin, call, until):
    process = muting("--for", "60s", "--json")
    process.stdout.readline()
    process.stdout.close()
    looks = len(twin.requests("GET"))
    until(lambda: len(twin.requests("GET")) > looks)
    assert not is_open(twin, call)
    process.stdout = open(os.devnull, encoding="utf-8")  # noqa: SIM115, PTH123 -- for `communicate` to read
    code, _, err = ended(process, signal.SIGINT)
    assert (code, "Traceback" in err, "BrokenPipe" in err) == (130, False, False)
    assert is_open(twin, call)


def test_what_was_muted_before_stays_muted(shell, twin, call, ada):
    twin.press_mute(call, muted=True)
    shown = shell("mute", ada.email, "--for", "1s")
    assert shown.returncode == 0
    assert "was muted before and stays so" in shown.stdout
    assert not twin.requests("PATCH")
    assert not is_open(twin, call)


def test_the_agents_own_button_ends_the_mute_with_exit_code_1(muting, twin, call):
    process = muting("--for", "60s", "--json")
    twin.press_mute(call, muted=False)
    code, out, _ = ended(process)
    result = json.loads(out.splitlines()[-1])
    assert (code, result["outcome"], result["exit_code"]) == (1, "overridden", 1)
    assert "not by micgate" in result["message"]


def test_a_call_that_ends_in_mid_mute_is_exit_code_4(muting, twin, call):
    process = muting("--for", "60s")
    twin.control("POST", f"/calls/{call['id']}/disconnect", {})
    code, _, err = ended(process)
    assert code == 4
    assert "ended before the mute did" in err


def test_a_microphone_on_hold_is_left_closed_and_said_with_exit_code_3(muting, twin, call):
    process = muting("--for", "60s", "--json")
    twin.control("POST", f"/calls/{call['id']}/hold", {})
    code, out, _ = ended(process, signal.SIGINT)
    result = json.loads(out.splitlines()[-1])
    assert (code, result["outcome"]) == (3, "left_closed")
    assert result["remedy"]


def test_a_dry_run_sends_nothing_and_says_what_would_happen(shell, twin, call, ada):
    members, code = shell.json("mute", ada.email, "--for", "90s", "--dry-run")
    assert (code, members["would_send"], members["seconds"]) == (0, True, 90)
    assert members["conversation_id"] == call["id"]
    assert not twin.requests("PATCH")
    assert not shell.journal()


@pytest.mark.parametrize(
    ("arguments", "code", "word"),
    [
        (["--for", "-5"], 2, "length_refused"),
        (["--for", "0"], 2, "length_refused"),
        (["--for", "16m"], 2, "length_refused"),
        (["--for", "soon"], 2, "length_refused"),
        (["--for", "nan"], 2, "length_refused"),
        (["--reason", "because"], 2, "reason_refused"),
        (["--note", "card 4111 1111 1111 1111"], 2, "note_refused"),
        (["--note", "x" * 201], 2, "note_refused"),
        (["--no-wait"], 1, "refused"),
        (["--covers", "agent"], 1, "refused"),
        (["--covers", "everything"], 2, "usage"),
    ],
)
@pytest.mark.usefixtures("call")
def test_a_wish_that_cannot_be_granted_is_refused_before_anything_is_sent(arguments, code, word, shell, twin):
    before = len(twin.requests())
    error, exit_code = shell.json("mute", twin.agents[0].email, *arguments)
    assert (exit_code, error["word"]) == (code, word)
    assert error["remedy"]
    assert "4111" not in json.dumps(error)
    assert len(twin.requests()) == before


def test_no_wait_says_why(shell, ada):
    assert "nobody would be left to end the mute" in shell("mute", ada.email, "--no-wait").stderr


def test_unmute_ends_the_mute_that_runs_here(muting, shell, twin, call, ada):
    process = muting("--for", "60s")
    members, code = shell.json("unmute", ada.email)
    assert (code, members["released"], members["muted"]) == (0, True, False)
    assert is_open(twin, call)
    assert ended(process)[0] == 143


def test_a_second_command_on_the_same_microphone_waits_and_then_names_the_first(muting, shell, ada):
    process = muting("--for", "60s")
    error, code = shell.json("set", ada.email, "--unmuted")
    assert (code, error["word"]) == (1, "microphone_busy")
    assert error["facts"]["pid"] == process.pid


def test_unmute_opens_what_set_closed_also_without_a_name(shell, twin, call, ada):
    shell("set", ada.email, "--muted")
    members, code = shell.json("unmute")
    assert (code, members["released"]) == (0, True)
    assert is_open(twin, call)
    assert shell("unmute").stdout == "Nothing is closed from here.\n"


def test_unmute_leaves_the_agents_own_mute_alone_and_says_whose_it_may_be(shell, twin, call, ada):
    twin.press_mute(call, muted=True)
    error, code = shell.json("unmute", ada.email)
    assert (code, error["word"]) == (1, "not_ours")
    assert "another app's" in error["message"]
    assert not twin.requests("PATCH")


def test_unmute_of_an_open_microphone_has_nothing_to_do(shell, call, ada):
    members, code = shell.json("unmute", ada.email)
    assert (code, members["released"], members["muted"]) == (0, False, False)


def test_a_microphone_that_command_and_guardian_left_is_named_by_the_next_and_unmute_opens_it(
    muting, shell, twin, call, until
):
    ada = twin.agents[0]
    process = muting("--for", "60s")
    guardian = _guardian_of(process)
    guardian.kill()
    process.kill()
    process.wait()
    until(lambda: not guardian.is_running() or guardian.status() == psutil.STATUS_ZOMBIE)
    shown = shell("agents")
    assert f"{ada.name} may still be muted" in shown.stderr
    assert shell("unmute", ada.email).returncode == 0
    assert is_open(twin, call)
    assert not shell("agents").stderr


def test_a_forgotten_microphone_that_was_opened_meanwhile_is_not_named(muting, shell, twin, call):
    process = muting("--for", "60s")
    _guardian_of(process).kill()
    process.kill()
    process.wait()
    twin.press_mute(call, muted=False)
    assert not shell("agents").stderr


def _guardian_of(process):
    return next(
        each for each in psutil.Process(process.pid).children() if "guardian" in " ".join(each.cmdline())
    )
