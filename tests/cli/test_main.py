"""The command line as a shell sees it: whole processes."""

import json
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

COMMANDS = ("demo", "twin", "mute", "unmute", "set", "why", "agents", "watch", "login", "logout", "doctor")
COMMANDS += ("explain", "completion", "audit")


def micgate(*arguments, environ=None, **more):
    settings = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "COLUMNS": "80"} | (environ or {})
    command = [sys.executable, "-m", "micgate", *arguments]
    return subprocess.run(
        command, check=False, capture_output=True, text=True, env=settings, timeout=30, **more
    )


def test_help_names_every_command_with_one_line():
    shown = micgate("--help")
    assert shown.returncode == 0
    assert not shown.stderr
    for command in COMMANDS:
        assert any(row.strip().startswith(f"{command} ") for row in shown.stdout.splitlines()), command


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_a_short_help_with_an_example(command):
    shown = micgate(command, "--help")
    assert shown.returncode == 0, shown.stderr
    assert "Example:" in shown.stdout
    assert len(shown.stdout.splitlines()) <= 48
    assert max(map(len, shown.stdout.splitlines())) <= 96


@pytest.mark.parametrize("command", COMMANDS)
def test_the_overview_says_of_a_command_what_the_command_says_of_itself(command):
    from micgate.cli import main

    found = main.cli.get_command(main.click.Context(main.cli), command)
    assert found.short_help == main._COMMANDS[command].short


def test_version_is_one_line():
    assert micgate("--version").stdout == "micgate 0.1.0\n"


@pytest.mark.parametrize(
    "arguments",
    [("seet",), ("set", "--loud"), ("set", "ada", "--muted", "--unmuted"), ("twin", "--port", "x")],
)
def test_a_wrong_command_line_is_two_lines_and_exit_code_2(arguments):
    refused = micgate(*arguments)
    assert refused.returncode == 2
    assert len(refused.stderr.splitlines()) == 2
    assert "--help" in refused.stderr or "one of" in refused.stderr
    assert not refused.stdout


def test_a_wrong_command_line_with_json_is_one_object():
    refused = micgate("twin", "--port", "x", "--json")
    (row,) = refused.stdout.splitlines()
    error = json.loads(row)
    assert set(error) == {"word", "message", "remedy", "facts", "exit_code"}
    assert (error["word"], error["exit_code"], refused.returncode) == ("usage", 2, 2)


def test_no_command_shows_the_help():
    shown = micgate()
    assert shown.returncode == 2
    assert "Usage: micgate" in shown.stderr


@pytest.mark.parametrize("command", ["set", "mute", "unmute", "why", "agents", "watch"])
def test_missing_credentials_are_said_with_the_variables_to_set(command, tmp_path):
    agent = [] if command in ("agents", "watch") else ["ada@example.com"]
    flag = ["--muted"] if command == "set" else []
    refused = micgate(command, *agent, *flag, environ={"XDG_STATE_HOME": str(tmp_path)}, cwd=tmp_path)
    assert refused.returncode == 2
    assert len(refused.stderr.splitlines()) == 2
    assert "GENESYS_CLIENT_ID" in refused.stderr


@pytest.mark.parametrize("command", ["set", "mute", "why"])
def test_a_region_with_a_typo_names_the_nearest(command, tmp_path):
    environ = {
        "GENESYS_REGION": "mypurecloud.ei",
        "GENESYS_CLIENT_ID": "x",
        "GENESYS_CLIENT_SECRET": "s3cr3t",
    }
    flag = ["--muted"] if command == "set" else []
    refused = micgate(command, "ada", *flag, "--json", environ=environ, cwd=tmp_path)
    error = json.loads(refused.stdout)
    assert (refused.returncode, error["word"]) == (2, "unknown_region")
    assert "mypurecloud.ie" in error["message"]
    assert "s3cr3t" not in refused.stdout + refused.stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script_for_the_shell(shell):
    script = micgate("completion", shell)
    assert script.returncode == 0
    assert "_MICGATE_COMPLETE" in script.stdout


def test_completion_knows_the_commands():
    environ = {"_MICGATE_COMPLETE": "bash_complete", "COMP_WORDS": "micgate un", "COMP_CWORD": "1"}
    assert "unmute" in micgate(environ=environ).stdout


@pytest.mark.parametrize("arguments", [("--help",), ("completion", "zsh"), ("--version",)])
def test_a_reader_that_leaves_early_causes_no_traceback(arguments):
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "micgate", *arguments]
    ended = subprocess.run(
        command, check=False, stdout=writing, stderr=subprocess.PIPE, text=True, timeout=30
    )
    os.close(writing)
    assert "Traceback" not in ended.stderr
    assert "Exception ignored" not in ended.stderr


def test_a_closed_stdout_causes_no_traceback():
    command = f"exec {sys.executable} -m micgate --help >&- 2>&1"
    ended = subprocess.run(["bash", "-c", command], check=False, capture_output=True, text=True, timeout=30)
    assert "Traceback" not in ended.stdout + ended.stderr


@pytest.mark.parametrize("arguments", [("set", "ada", "--muted", "--json"), ("frob", "--json"), ("--help",)])
def test_a_full_disk_under_stdout_is_told_on_stderr(arguments, tmp_path):
    with Path("/dev/full").open("wb") as full:
        told = subprocess.run(
            [sys.executable, "-m", "micgate", *arguments],
            check=False,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            env={"PATH": os.environ["PATH"], "XDG_STATE_HOME": str(tmp_path)},
            timeout=30,
        )
    assert told.returncode in {1, 2}
    assert told.stderr.startswith("Error: ")
    assert len(told.stderr.splitlines()) == 2


def test_a_full_disk_under_stderr_changes_no_exit_code():
    with Path("/dev/full").open("wb") as full:
        command = [sys.executable, "-m", "micgate", "frob"]
        assert subprocess.run(command, check=False, stderr=full, timeout=30).returncode == 2


@pytest.mark.parametrize("closed", ["<&-", ">&-", "<&- >&- 2>&-"])
def test_the_simulator_runs_and_ends_well_with_closed_streams(closed):
    command = f"exec {sys.executable} -m micgate twin --port 0 {closed}"
    running = subprocess.Popen(["bash", "-c", command], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    while running.poll() is None and not _listens(running.pid):
        time.sleep(0.05)
    running.send_signal(signal.SIGINT)
    _, told = running.communicate(timeout=40)
    assert (running.returncode, told) == (0, b"")


def _listens(pid):
    connections = psutil.Process(pid).net_connections(kind="tcp")
    return any(each.status == psutil.CONN_LISTEN for each in connections)


def test_ctrl_c_while_the_command_loads_shows_no_traceback(tmp_path):
    interrupting = "import os, signal, time\nos.kill(os.getpid(), signal.SIGINT)\ntime.sleep(9)\n"
    (tmp_path / "click.py").write_text(interrupting)
    ended = micgate("agents", environ={"PYTHONPATH": str(tmp_path)})
    assert (ended.returncode, ended.stdout, ended.stderr) == (130, "", "")


@pytest.mark.parametrize("length", ["nan", "-nan", "inf"])
def test_a_timeout_that_is_no_length_of_time_is_refused(length):
    refused = micgate("set", "ada", "--muted", f"--timeout={length}")
    assert refused.returncode == 2
    assert "--timeout" in refused.stderr


@pytest.mark.parametrize(
    "locale", [{"LC_ALL": "C"}, {"PYTHONIOENCODING": "ascii"}, {"PYTHONIOENCODING": "latin-1"}]
)
def test_it_works_where_the_terminal_knows_no_unicode(locale):
    shown = micgate("set", "Zo\u00eb \U0001f600", "--muted", environ=locale)
    assert shown.returncode == 2
    assert "Traceback" not in shown.stderr


def test_help_is_drawn_without_the_heavy_libraries():
    command = [sys.executable, "-X", "importtime", "-m", "micgate", "--help"]
    traced = subprocess.run(command, check=False, capture_output=True, text=True, timeout=30).stderr
    imported = {row.rpartition("|")[2].strip() for row in traced.splitlines()}
    heavy = {"asyncio", "aiohttp", "rich", "urllib3", "msgspec", "importlib.metadata", "http.server"}
    assert "click" in imported
    assert not imported & heavy


def test_help_takes_no_longer_than_people_notice():
    """The design allows 80 ms where Python itself takes 22; this machine may be slow and busy with others."""
    bare, help_ = (_computing(5, *how) for how in (("-c", ""), ("-m", "micgate", "--help")))
    assert help_ < 10 * max(bare, 0.1)


def _computing(times, *arguments):
    """Seconds of a processor that Python needed for this. Some kernels count only hundredths."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    for _ in range(times):
        subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL, timeout=60)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
