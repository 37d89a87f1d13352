"""The embedded database as real processes: killed, stopped, shared, and left behind."""

import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from leftovers import held_folder
from micgate.store import embedded as supervisor
from micgate.store.account import account
from micgate.store.binaries import installed
from micgate.store.embedded import Embedded
from micgate.store.errors import EmbeddedFailed

GUEST = """
import sys
from pathlib import Path
from micgate.store.embedded import Embedded
guest = Embedded.attach(Path(sys.argv[1]))
print("in", flush=True)
sys.stdin.read()
guest.detach()
"""


@pytest.fixture(scope="session")
def made() -> Iterator[Path]:
    """A database that was made once and stopped: making one takes longer than most tests."""
    with held_folder() as folder:
        Embedded.attach(folder / "database").detach()
        yield folder / "database"


@pytest.fixture
def place(made):
    with held_folder() as folder:
        subprocess.run(["cp", "-a", made, folder], check=True)
        yield folder / "database"


@pytest.fixture
def attach(place):
    attached: list[Embedded] = []

    def attach() -> Embedded:
        attached.append(Embedded.attach(place))
        return attached[-1]

    yield attach
    for one in attached:
        one.detach()


@pytest.fixture
def guest(place):
    """Another micgate on the same database. Its standard input ends it."""
    started: list[subprocess.Popen[str]] = []

    def start() -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", GUEST, str(place)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        if not process.stdin.closed:
            process.communicate()


def said_in(process: subprocess.Popen[str]) -> bool:
    return process.stdout.readline() == "in\n"


def until(condition, *, within: float = 60.0) -> float:
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < within
        time.sleep(0.02)
    return time.monotonic() - began


def keep(embedded: Embedded, value: int) -> None:
    with psycopg.connect(embedded.conninfo(supervisor.OWNER)) as connection:
        connection.execute("create table if not exists kept (value int)")
        connection.execute("insert into kept values (%s)", [value])


def kept(embedded: Embedded) -> list[int]:
    with psycopg.connect(embedded.conninfo(supervisor.OWNER)) as connection:
        return [value for (value,) in connection.execute("select value from kept").fetchall()]


def test_it_listens_on_a_socket_in_a_closed_directory_and_nowhere_else(attach, place):
    embedded = attach()
    with psycopg.connect(embedded.conninfo()) as connection:
        assert connection.execute("show listen_addresses").fetchone() == ("",)
        assert connection.execute("show unix_socket_permissions").fetchone() == ("0700",)
        assert connection.execute("select current_user").fetchone() == ("micgate_app",)
    assert stat.S_IMODE(place.stat().st_mode) == 0o700
    assert stat.S_IMODE((place / "data").stat().st_mode) == 0o700


def test_what_was_committed_survives_a_killed_database(attach):
    embedded = attach()
    keep(embedded, 1)
    os.kill(embedded.cluster.parent(), signal.SIGKILL)
    until(embedded.ensure)
    assert kept(embedded) == [1]


def test_a_stopped_database_is_killed_and_started_again(attach, monkeypatch):
    monkeypatch.setattr(supervisor, "HUNG_SECONDS", 0.5)
    embedded = attach()
    keep(embedded, 1)
    before = embedded.cluster.parent()
    os.kill(before, signal.SIGSTOP)
    until(embedded.ensure)
    assert embedded.cluster.parent() != before
    assert kept(embedded) == [1]


def test_two_at_once_make_one_database(guest, attach):
    first, second = guest(), guest()
    assert said_in(first)
    assert said_in(second)
    embedded = attach()
    keep(embedded, 1)
    parent = embedded.cluster.parent()
    for process in (first, second):
        process.communicate()
        assert process.returncode == 0
    assert embedded.cluster.parent() == parent
    assert kept(embedded) == [1]


def test_the_last_one_out_stops_it(place, guest):
    embedded = Embedded.attach(place)
    process = guest()
    assert said_in(process)
    embedded.detach()
    assert embedded.cluster.answers()
    process.communicate()
    assert embedded.cluster.gone()


def test_a_killed_micgate_leaves_the_database_to_the_next(guest, attach):
    process = guest()
    assert said_in(process)
    process.kill()
    process.wait()
    embedded = attach()
    assert not embedded.cluster.child_died()
    keep(embedded, 1)
    embedded.cluster.stop(patience=10)
    assert embedded.ensure()
    assert kept(embedded) == [1]


def test_a_guest_starts_it_again_although_another_had_started_it(guest, attach):
    process = guest()
    assert said_in(process)
    embedded = attach()
    os.kill(embedded.cluster.parent(), signal.SIGKILL)
    until(embedded.ensure)
    assert embedded.cluster.answers()


def test_a_process_id_that_belongs_to_somebody_else_now_stops_nobody(attach, place):
    embedded = attach()
    embedded.cluster.kill()
    pid_file = place / "data" / "postmaster.pid"
    lines = pid_file.read_text().splitlines()
    pid_file.write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")
    assert embedded.ensure()


def test_half_of_a_database_is_made_anew(attach, place):
    shutil.rmtree(place / "data")
    (place / "data.new").mkdir()
    (place / "data.new" / "PG_VERSION").write_text("18\n")
    assert attach().cluster.answers()


def test_data_of_another_version_is_left_alone(place):
    (place / "data" / "PG_VERSION").write_text("15\n")
    with pytest.raises(EmbeddedFailed, match=r"PostgreSQL 15.*db backup.*db restore"):
        Embedded.attach(place)


def test_its_processes_know_nothing_of_our_environment(place, monkeypatch):
    monkeypatch.setenv("GENESYS_CLIENT_SECRET", "abracadabra")
    embedded = Embedded.attach(place)
    try:
        environ = Path(f"/proc/{embedded.cluster.parent()}/environ").read_bytes()
    finally:
        embedded.detach()
    assert b"abracadabra" not in environ


def test_a_long_path_has_its_socket_elsewhere_also_closed(place):
    deep = place.parent / ("d" * 60) / ("e" * 60)
    deep.parent.mkdir()
    embedded = Embedded.attach(place.rename(deep))
    try:
        socket = embedded.cluster.socket
        assert embedded.cluster.answers()
        assert deep not in (socket, *socket.parents)
        assert stat.S_IMODE(socket.stat().st_mode) == 0o700
    finally:
        embedded.detach()
    assert not socket.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs the database as somebody else")
def test_root_runs_it_as_the_account_of_its_choice(monkeypatch):
    with held_folder() as folder:
        embedded = Embedded.attach(folder / "database", user="nobody")
        try:
            owner = Path(f"/proc/{embedded.cluster.parent()}").stat().st_uid
        finally:
            embedded.detach()
        assert owner == account("nobody").uid


@pytest.mark.skipif(os.geteuid() != 0, reason="everybody else reaches their own binaries")
def test_binaries_that_its_account_cannot_reach_are_copied(tmp_path, place):
    package = installed().parents[1]
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    (closed / package.name).mkdir()
    subprocess.run(["cp", "-r", package / "pginstall18", closed / package.name], check=True)
    subprocess.run(["cp", "-r", f"{package}.libs", closed], check=True)
    embedded = Embedded.attach(place, folder=closed / package.name / "pginstall18" / "bin")
    try:
        assert embedded.cluster.answers()
        assert place in embedded.cluster.binaries.folder.parents
    finally:
        embedded.detach()


@pytest.mark.skipif(os.geteuid() != 0, reason="everybody else reaches their own directories")
def test_a_directory_that_its_account_cannot_reach_is_named(tmp_path):
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    with pytest.raises(EmbeddedFailed, match="cannot reach"):
        Embedded.attach(closed / "database")


def test_an_account_that_does_not_exist_is_named(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    with pytest.raises(EmbeddedFailed, match=r"nosuchaccount.*MICGATE_DB_USER"):
        account("nosuchaccount")


def test_a_machine_without_the_wheel_is_told_what_to_do(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(EmbeddedFailed, match="MICGATE_DATABASE_URL"):
        installed()
