"""Foreground mutes as real processes, on the real simulator."""

import json
import os
import signal
import subprocess
import sys

import pytest
from muting import SCRIPT, Command, Microphone

from micgate import settings
from micgate.direct.journal import Journal
from micgate.direct.sync import SyncGenesys


@pytest.fixture
def state(tmp_path):
    return tmp_path / "state"


@pytest.fixture
def environ(twin, state):
    return {
        "PATH": os.environ["PATH"],
        "GENESYS_REGION": twin.api_url,
        "GENESYS_CLIENT_ID": twin.client_id,
        "GENESYS_CLIENT_SECRET": twin.client_secret,
        "XDG_STATE_HOME": str(state),
    }


@pytest.fixture
def mute(twin, environ, state):
    """Start a foreground mute of the first agent, who must be on a call."""
    started = []

    def start(length="60s", *, agent=None, environ=environ, **options):
        argv = [sys.executable, SCRIPT, agent or twin.agents[0].id, length, state, json.dumps(options)]
        process = subprocess.Popen(argv, env=environ, stdout=subprocess.PIPE, text=True)
        started.append(Command(process, state))
        return started[-1]

    yield start
    for command in started:
        command.process.kill()
        command.process.wait()


@pytest.fixture
def journal(state):
    return Journal(state / "direct.jsonl")


@pytest.fixture
def genesys(environ, tmp_path):
    with SyncGenesys.from_settings(settings.load(environ, tmp_path / ".env")) as genesys:
        yield genesys


@pytest.fixture
def microphone(twin, state):
    return Microphone(twin, state, twin.place_call())


ENDING = {"SIGINT": 130, "SIGTERM": 143, "SIGHUP": 129}


@pytest.fixture(params=sorted(ENDING))
def ending(request):
    """A signal that ends a command, and the exit code after a clean release."""
    return getattr(signal, request.param), ENDING[request.param]
