"""The embedded database: started by the first micgate that needs it, stopped by the last one.

Three locks, all let go by the kernel when their holder dies: `door.lock`, alone, by whoever starts or stops
the database; `guests.lock`, together, by every micgate that uses it; `life.lock`, by the processes of the
database itself. Whether it runs is asked by connecting, never by a process id.
"""

import asyncio
import os
import stat
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psycopg

from micgate.store.account import Account, account
from micgate.store.binaries import binaries
from micgate.store.cluster import SUPERUSER, Cluster
from micgate.store.errors import EmbeddedFailed
from micgate.store.filelock import FileLock

DATABASE = "micgate"
OWNER = "micgate_owner"
APPLICATION = "micgate_app"

START_SECONDS = 60.0
"""Also the time for a recovery after a crash."""
STOP_SECONDS = 2.0
"""For its own end; then it is killed, which costs the next start a recovery and nobody any data."""
LEAVE_SECONDS = 2.0
"""Whoever starts or stops it for longer is left to it."""
HUNG_SECONDS = 8.0
"""A database that lives but answers nobody for this long is killed and started again."""
_EVERY = 0.5
_ROOTS_PLACE = Path("/var/lib/micgate/database")


def default_directory(state_dir: Path) -> Path:
    """Where the embedded database is kept: root's own folders are closed to the account it runs as."""
    return _ROOTS_PLACE if os.geteuid() == 0 else state_dir / "database"


class Embedded:
    """One micgate's use of the embedded database in a directory. Made by `attach`."""

    def __init__(
        self, cluster: Cluster, *, door: FileLock, guests: FileLock, leaving: threading.Event
    ) -> None:
        self.cluster = cluster
        self._leaving = leaving
        self._door = door
        self._guests = guests
        self._silent_since: float | None = None
        self.fault: EmbeddedFailed | None = None

    @classmethod
    def attach(
        cls,
        directory: Path,
        *,
        user: str | None = None,
        folder: Path | None = None,
        leaving: threading.Event | None = None,
    ) -> "Embedded":
        """Use the database in this directory, starting or even making it if need be. Blocks.

        `user`: the account to run as when we are root. `folder`: other PostgreSQL binaries. `leaving`: set by
        another thread that does not want it any more; then `EmbeddedFailed` is raised soon.
        """
        who = account(user)
        directory = _own(directory.absolute(), who)
        cluster = Cluster(directory, account=who, binaries=binaries(who, copies=directory, folder=folder))
        door = FileLock(directory / "door.lock", who)
        guests = FileLock(directory / "guests.lock", who)
        with door.alone(patience=START_SECONDS):
            guests.try_together()  # whoever has it alone has the door too
            embedded = cls(cluster, door=door, guests=guests, leaving=leaving or threading.Event())
            embedded._start()
        return embedded

    def conninfo(self, role: str = APPLICATION, *, database: str = DATABASE) -> str:
        return self.cluster.conninfo(role=role, database=database)

    def ensure(self) -> bool:
        """Start the database again if it is gone, or lives and has long been silent. True when it was."""
        if not self.cluster.child_died() and self.cluster.answers():
            self._silent_since = None
            return False
        with self._door.alone(patience=START_SECONDS):
            return self._start()

    def detach(self) -> None:
        """Stop using it; the last one out stops the database. Takes a few seconds at most."""
        self._leaving.set()
        with suppress(EmbeddedFailed), self._door.alone(patience=LEAVE_SECONDS):
            self._guests.let_go()
            if self._guests.try_alone():
                self.cluster.stop(patience=STOP_SECONDS)
        self.cluster.leave()
        self._guests.close()
        self._door.close()

    async def watch(
        self, restarted: Callable[[], None], *, looked: Callable[[], None] = lambda: None
    ) -> None:
        """Until cancelled, see that the database runs: `looked`. `restarted`: it had to be started. Where it
        does not start, `fault` says why, and it is tried again for ever.
        """
        while True:
            try:
                if await asyncio.to_thread(self.ensure):
                    restarted()
                self.fault = None
                looked()
            except EmbeddedFailed as error:
                self.fault = error
            await asyncio.sleep(_EVERY)

    def _start(self) -> bool:
        """With the door locked. False when it answers, or may yet."""
        if self.cluster.answers():
            self._silent_since = None
            return False
        if not self.cluster.gone():
            if not self._hung():
                return False
            self.cluster.kill()
        self._silent_since = None
        self.cluster.make()
        _make_socket_directory(self.cluster)
        self.cluster.start(patience=START_SECONDS, leaving=self._leaving)
        _make_roles(self.conninfo(SUPERUSER, database="postgres"))
        return True

    def _hung(self) -> bool:
        now = time.monotonic()
        if self._silent_since is None:
            self._silent_since = now
        return now - self._silent_since >= HUNG_SECONDS


def _own(directory: Path, who: Account) -> Path:
    """The directory, 0700 and the account's."""
    try:
        directory.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        directory.mkdir(mode=0o700, exist_ok=True)
        if directory.stat().st_uid != who.uid:
            who.owns(directory)
        directory.chmod(0o700)
    except OSError as error:
        raise EmbeddedFailed(
            f"{directory} cannot be used for the database: {error.strerror}.",
            remedy=f"Give it to {who.name}, or name another one.",
        ) from None
    if not who.can("-w", directory):
        raise EmbeddedFailed(
            f"The account {who.name} cannot reach {directory}.",
            remedy="Choose a directory below one that everybody may enter, or set MICGATE_DB_USER.",
        )
    return directory


def _make_socket_directory(cluster: Cluster) -> None:
    """Only needed where the path of the database's own directory is too long for a socket."""
    if cluster.socket == cluster.directory:
        return
    cluster.socket.mkdir(mode=0o700, exist_ok=True)
    found = cluster.socket.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in {cluster.account.uid, os.geteuid()}:
        raise EmbeddedFailed(
            f"{cluster.socket} is in the way: it is somebody else's.",
            remedy="Remove it, or choose a database directory with a shorter path.",
        )
    cluster.account.owns(cluster.socket)
    cluster.socket.chmod(0o700)


def _make_roles(conninfo: str) -> None:
    """The owner changes the schema, the application only rows."""
    with psycopg.connect(conninfo, autocommit=True) as connection:
        found = {name for (name,) in connection.execute("select rolname from pg_roles").fetchall()}
        for role in (OWNER, APPLICATION):
            if role not in found:
                connection.execute(f"create role {role} login".encode())
        if not connection.execute("select 1 from pg_database where datname = %s", [DATABASE]).fetchone():
            connection.execute(f"create database {DATABASE} owner {OWNER}".encode())
