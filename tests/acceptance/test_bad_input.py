"""What bad input gets: `input_table.py` row by row, and what it leaves alone."""

import json
import subprocess
import sys

import pytest
from cells import settings
from input_table import INPUTS

from micgate.control.errors import NotABoolean
from micgate.direct.sync import SyncGenesys
from micgate.settings import load


@pytest.mark.parametrize("row", INPUTS, ids=lambda row: row.given)
def test_it_is_an_error_of_its_own_with_a_remedy_and_nothing_is_sent(row, twin, tmp_path):
    for name, email in row.people:
        twin.control("POST", "/users", {"name": name, "email": email})
    calls = [twin.place_call(**wanted) for wanted in row.calls]
    ended = run(row, twin, tmp_path, calls)
    error = json.loads(ended.stdout)
    assert (ended.returncode, error["word"], error["exit_code"]) == (row.exit_code, row.word, row.exit_code)
    assert row.says in error["message"], error
    assert row.remedy in error["remedy"], error
    assert error["remedy"]
    assert not twin.requests("PATCH")
    secrets = [twin.client_secret, "not-the-secret", "not-a-token-any-more", "4111"]
    assert not [secret for secret in secrets if secret in ended.stdout + ended.stderr]
    assert "Traceback" not in ended.stderr


def run(row, twin, folder, calls):
    agent = twin.agents[0]
    facts = {"id": agent.id, "email": agent.email}
    if calls:
        ends = calls[0]["participants"]
        facts |= {"call": calls[0]["id"], "customer": ends[0]["id"]}
    arguments = [part.format(**facts) for part in row.command]
    environ = {name: value for name, value in (settings(twin, folder) | row.environ).items() if value}
    command = [sys.executable, "-m", "micgate", *arguments, "--json"]
    return subprocess.run(
        command, check=False, capture_output=True, text=True, env=environ, cwd=folder, timeout=60
    )


@pytest.mark.parametrize("value", ["true", "yes", 1, 0, None, "false"])
def test_only_true_and_false_mute_and_un_mute(value, twin, tmp_path):
    call = twin.place_call()
    with SyncGenesys.from_settings(load(settings(twin, tmp_path), tmp_path / ".env")) as genesys:
        found = genesys.find_call(twin.agents[0].id, conversation_id=call["id"])
        with pytest.raises(NotABoolean):
            genesys.set_muted(found, value)
    assert not twin.requests("PATCH")
