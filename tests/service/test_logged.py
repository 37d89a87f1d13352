"""The log of a whole run: nothing in it is a secret, a name or a number, and a line is a line."""

import json
import urllib.error
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from micgate.store.cluster import SUPERUSER
from replica import LINE, START_SECONDS

NOTE = "Heard-of-the-merger"
PHONE = "+353861234567"
CUT = """select pg_terminate_backend(pid) from pg_stat_activity
         where application_name = 'micgate' and wait_event_type = 'Lock'"""
INJECTED = "x\r\n2026-01-01T00:00:00Z keeper.took_over org=evil"


def test_a_whole_run_logs_no_secret_no_name_no_number_and_no_line_of_others(serving, twin):
    agent = twin.agents[0]
    call = twin.place_call(agent.id)
    made = serving.command("keys", "add", INJECTED, "--scope", "mute", "--json")
    key = json.loads(made.stdout)["key"]
    serving.start()
    twin.wait_until(lambda: serving.ready, seconds=START_SECONDS)
    wish = {"agent": agent.email, "for": "60s", "note": f"{NOTE} {PHONE}"}
    mute = serving.ask("POST", "/v1/mutes", wish, Prefer="wait=20")
    assert mute["state"] == "confirmed"
    refused(serving, "POST", "/v1/mutes", {"agent": INJECTED})
    refused(serving, "POST", "/v1/mutes", {"agent": agent.name, "reason": INJECTED})
    refused(serving, "GET", "/v1/me", None, key="mg_0123456789_guessed")
    twin.press_mute(call, muted=False)
    twin.wait_until(lambda: serving.ask("GET", f"/v1/mutes/{mute['id']}")["end"] == "overridden", seconds=40)
    twin.fault("status", status=500, times=2)
    refused(serving, "GET", "/v1/agents/nobody@example.com", None, key=key)
    host_key = serving.announced["key"]
    database = serving.environ["MICGATE_DATABASE_URL"]
    twin.wait_until(lambda: serving.ready, seconds=START_SECONDS)
    assert serving.stop() == 0

    log = serving.log
    for line in log.splitlines():
        assert LINE.fullmatch(line), line
    assert log.index(" service.listening ") < log.index(" service.started ")
    assert "org=evil" not in log
    names = (agent.id, agent.email, agent.name, *agent.name.split(), "nobody@example.com")
    secrets = (key, host_key, "guessed", twin.client_secret, database)
    for unwanted in (*names, *secrets, NOTE, PHONE, "Bearer"):
        assert unwanted not in log, unwanted


def test_a_connection_that_is_lost_in_the_middle_is_told_of_in_our_own_words(serving, embedded, twin):
    """psycopg has something to say about that too, and what it says may be of several lines."""
    twin.place_call()
    serving.start()
    twin.wait_until(lambda: serving.ready, seconds=START_SECONDS)
    with psycopg.connect(embedded.conninfo(SUPERUSER)) as connection, ThreadPoolExecutor() as threads:
        connection.execute("lock table micgate.mutes in access exclusive mode")
        wish = {"agent": twin.agents[0].id, "for": "60s"}
        placing = threads.submit(serving.ask, "POST", "/v1/mutes", wish)
        twin.wait_until(lambda: connection.execute(CUT).rowcount > 0)
        connection.rollback()
        told = placing.exception(START_SECONDS)
        if isinstance(told, urllib.error.HTTPError):
            told.close()
    twin.wait_until(lambda: serving.ready, seconds=START_SECONDS)
    assert serving.stop() == 0
    lines = serving.log.splitlines()
    assert [line for line in lines if not LINE.fullmatch(line)] == []


def refused(house, method, path, body, **more):
    with pytest.raises(urllib.error.HTTPError) as answer:
        house.ask(method, path, body, **more)
    answer.value.close()
    assert 400 <= answer.value.code < 500 or path.startswith("/v1/agents")
