"""`micgate serve` on a PostgreSQL that somebody else runs, which is down when the service starts."""

import json
import os
import random
import signal
import socket
import time
import urllib.error
import urllib.request
from contextlib import suppress

import psycopg
import pytest

from leftovers import held_folder
from micgate.store import migrate
from micgate.store.cluster import SUPERUSER
from micgate.store.embedded import OWNER, Embedded
from replica import START_SECONDS
from slowness import lost

TOLD = 2.0
"""Seconds within which whoever asks is told that it does not serve."""
AT_ONCE = 5.0
"""Seconds in which a process ends that nothing holds, on a busy machine."""


@pytest.fixture(scope="module")
def postgres():
    """A server that this test process runs, and stops."""
    with held_folder() as folder:
        embedded = Embedded.attach(folder / "database")
        migrate.upgrade(embedded.conninfo(OWNER))
        yield embedded
        embedded.detach()


@pytest.fixture
def down(postgres):
    postgres.cluster.stop(patience=5)
    yield postgres
    postgres.ensure()


@pytest.fixture
def stands_still(postgres):
    """A function that stops every process of the server where it is."""
    stopped = []

    def stop():
        for process in postgres.cluster.processes():
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGSTOP)
                stopped.append(process)

    def go_on():
        while stopped:
            with suppress(ProcessLookupError):
                os.kill(stopped.pop(), signal.SIGCONT)

    stop.go_on = go_on
    yield stop
    go_on()


@pytest.fixture
def up(postgres):
    postgres.ensure()
    return postgres


def test_it_waits_says_so_once_and_serves_when_the_server_is_back(start_house, down, twin):
    house = start_house(MICGATE_DATABASE_URL=down.conninfo())
    house.environ["MICGATE_PORT"] = str(free_port())
    replica = house.begin()
    url = f"http://127.0.0.1:{house.environ['MICGATE_PORT']}"
    twin.wait_until(lambda: asked(f"{url}/healthz"), seconds=START_SECONDS)
    assert asked(f"{url}/healthz") == (200, {"alive": True, "tasks": []})
    status, readiness = asked(f"{url}/readyz")
    (check,) = readiness["checks"]
    assert (status, check["name"], check["ok"]) == (503, "database", False)
    assert "cannot be reached" in check["says"]
    status, problem = asked(f"{url}/v1/mutes", {"agent": "ada"})
    assert (status, problem["word"]) == (503, "database_unavailable")
    assert replica.lives
    down.ensure()
    assert replica.url == url
    twin.wait_until(lambda: house.ready, seconds=START_SECONDS)
    twin.wait_until(lambda: " database.away.recovered " in house.log)
    assert house.log.count(" database.away ") == 1
    assert 'remedy="See that it runs; micgate goes on by itself."' in house.log
    assert house.log.count(" database.away.recovered ") == 1
    assert house.stop() == 0


def test_it_goes_on_when_the_server_is_lost_again_as_it_starts(start_house, up, twin):
    """What it reads first is kept from it for longer than it waits."""
    house = start_house(MICGATE_DATABASE_URL=up.conninfo(), MICGATE_ORG="lost-again")
    with psycopg.connect(up.conninfo(SUPERUSER)) as connection:
        connection.execute("lock table micgate.agents, micgate.entries, micgate.seals")
        house.start()
        for told in (" roster.unread ", " stream.blind "):
            twin.wait_until(lambda told=told: told in house.log, seconds=START_SECONDS)
        connection.rollback()
    twin.wait_until(lambda: house.ready, seconds=START_SECONDS)
    assert house.stop() == 0


def test_whoever_asks_is_told_within_two_seconds_that_the_database_stands_still(
    start_house, up, twin, stands_still
):
    house = start_house(MICGATE_DATABASE_URL=up.conninfo(), MICGATE_ORG="still")
    url = house.start()["url"]
    twin.wait_until(lambda: house.ready, seconds=START_SECONDS)
    stands_still()
    for _ in range(4):
        status, readiness = told_soon(asked, f"{url}/readyz")
        check = readiness["checks"][0]
        assert (status, readiness["ready"], check["name"], check["ok"]) == (503, False, "database", False)
        assert check["says"] == "It has not answered for 1.5 s."
    told = told_soon(figures, url)
    assert {"micgate_database_up 0.0", "micgate_mutes_standing NaN", "micgate_streams 0.0"} <= told
    stands_still.go_on()
    twin.wait_until(lambda: house.ready, seconds=START_SECONDS)
    assert house.stop() == 0
    assert "never retrieved" not in house.log


def test_a_service_that_starts_on_a_database_that_stands_still_says_so_soon(
    start_house, up, twin, stands_still
):
    stands_still()
    house = start_house(MICGATE_DATABASE_URL=up.conninfo())
    house.environ["MICGATE_PORT"] = str(free_port())
    house.begin()
    address = ("127.0.0.1", int(house.environ["MICGATE_PORT"]))
    twin.wait_until(lambda: is_bound(address), seconds=START_SECONDS)
    status, readiness = told_soon(asked, f"http://127.0.0.1:{address[1]}/readyz")
    (check,) = readiness["checks"]
    assert (status, check["name"], check["ok"]) == (503, "database", False)
    assert "has not answered for 1.5 s" in check["says"]
    stands_still.go_on()
    twin.wait_until(lambda: house.ready, seconds=START_SECONDS)
    assert house.stop() == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_at_once_when_it_is_told_to_while_it_waits(start_house, down, twin, number):
    house = start_house(MICGATE_DATABASE_URL=down.conninfo())
    replica = house.begin()
    twin.wait_until(lambda: " database.away " in house.log, seconds=START_SECONDS)
    began = time.monotonic()
    replica.process.send_signal(number)
    assert replica.process.wait(10) == 0
    assert time.monotonic() - began < AT_ONCE
    assert "Traceback" not in house.log


def test_it_ends_at_once_while_the_server_says_nothing(start_house):
    """As one behind a firewall that drops everything."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        house = start_house(MICGATE_DATABASE_URL=f"postgresql://micgate@127.0.0.1:{port}/micgate")
        replica = house.begin()
        silent.settimeout(START_SECONDS)
        waits, _ = silent.accept()
        began = time.monotonic()
        assert replica.stop() == 0
        assert time.monotonic() - began < AT_ONCE
        waits.close()


def test_a_server_that_turns_it_down_is_not_waited_for(start_house, up):
    with psycopg.connect(up.conninfo(SUPERUSER), autocommit=True) as connection:
        connection.execute("create role careful login password 'right'")
        connection.execute("create database empty")
        hba = up.cluster.data / "pg_hba.conf"
        hba.write_text(f"local all careful scram-sha-256\n{hba.read_text()}")
        connection.execute("select pg_reload_conf()")
    of = f"host='{up.cluster.socket}' dbname"
    for conninfo, says in (
        (f"{of}=nowhere user=micgate_app", 'database "nowhere" does not exist'),
        (f"{of}=micgate user=nobody_knows", 'role "nobody_knows" does not exist'),
        (f"{of}=micgate user=careful password=wrong", "password authentication failed"),
        (f"{of}=empty user={SUPERUSER}", "micgate db upgrade"),
    ):
        answer = start_house(MICGATE_DATABASE_URL=conninfo).command("serve")
        assert answer.returncode == 1, answer.stderr
        assert says in answer.stderr
        assert "wrong" not in answer.stderr
        assert "Traceback" not in answer.stderr


@pytest.mark.parametrize(
    "command",
    [("keys", "list"), ("db", "upgrade"), ("freeze", "--here"), ("audit", "expire")],
    ids=" ".join,
)
def test_a_command_without_its_database_says_what_to_do_then(start_house, down, command):
    answer = start_house(MICGATE_DATABASE_URL=down.conninfo()).command(*command)
    assert answer.returncode == 1
    what, remedy = answer.stderr.splitlines()
    assert what.startswith("Error: The database cannot be reached: ")
    assert remedy == "  See that it runs and lets micgate in, then try again."


@pytest.mark.parametrize(
    "wrong", ["host=db password=quite secret", "postgresql://micgate:secret@db..example/m"]
)
def test_an_address_that_cannot_be_read_is_a_wrong_setting(start_house, wrong):
    answer = start_house(MICGATE_DATABASE_URL=wrong).command("serve")
    assert answer.returncode == 2, answer.stderr
    assert "MICGATE_DATABASE_URL" in answer.stderr
    assert "secret" not in answer.stderr
    assert len(answer.stderr.strip().splitlines()) == 2


def free_port():
    """None that a machine gives to whoever asks for any: nobody gets it before the service does."""
    while True:
        port = random.randrange(20_000, 30_000)
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


def told_soon(ask, url):
    with lost() as waiting:
        began = time.monotonic()
        told = ask(url)
        assert time.monotonic() - began < TOLD + 2 * waiting.seconds
    return told


def is_bound(address):
    try:
        socket.create_connection(address, timeout=1).close()
    except OSError:
        return False
    return True


def figures(url):
    with urllib.request.urlopen(f"{url}/metrics", timeout=20) as answer:
        return set(answer.read().decode().splitlines())


def asked(url, body=None):
    """Status and body, or None when nobody answers."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, headers={"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, json.load(refused)
    except OSError:
        return None
