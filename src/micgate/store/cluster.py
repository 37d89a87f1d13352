"""One PostgreSQL data directory: made, configured, started, asked, stopped. No locks: `embedded` has them."""

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psycopg

from micgate.store.account import Account
from micgate.store.binaries import Binaries
from micgate.store.errors import EmbeddedFailed
from micgate.store.filelock import FileLock

SUPERUSER = "micgate"
_SOCKET = ".s.PGSQL.5432"
_LONGEST_SOCKET_PATH = 103  # macOS; Linux allows four more
_KILL_SECONDS = 5.0
_POLL = 0.02
_PROBE_SECONDS = 2

_SYNC = "syncfs" if sys.platform == "linux" else "fsync"
"""One call instead of one for each of a thousand files: measured 0.1 s instead of 1 to 4 s after a crash."""

_HBA = "local all all peer map=house\n"
_CONFIGURATION = """\
listen_addresses = ''
unix_socket_permissions = 0700
max_connections = 100
shared_buffers = 64MB
max_wal_size = 512MB
wal_level = minimal
max_wal_senders = 0
jit = off
timezone = 'UTC'
log_timezone = 'UTC'
log_destination = 'stderr'
log_line_prefix = '%m [%p] '
log_min_messages = warning
# Statements, values and details of failed rows may name people.
log_min_error_statement = panic
log_error_verbosity = terse
log_parameter_max_length = 0
log_parameter_max_length_on_error = 0
"""


class Cluster:
    """`directory` belongs to us; below it are the data, the socket and the log."""

    def __init__(self, directory: Path, *, account: Account, binaries: Binaries) -> None:
        self.directory = directory
        self.data = directory / "data"
        self.log = directory / "postgres.log"
        self.account = account
        self.binaries = binaries
        digest = hashlib.sha256(os.fsencode(directory)).hexdigest()[:12]
        self.name = f"micgate-{digest}"
        self.socket = self._socket_directory(digest)
        self._child: subprocess.Popen[bytes] | None = None

    def conninfo(self, *, role: str, database: str) -> str:
        return f"host='{self.socket}' user={role} dbname={database}"

    def make(self) -> None:
        """Make the data directory unless it is there. Made aside: half of one is never taken for one."""
        if self.data.exists():
            self._check_version()
            return
        new = self.directory / "data.new"
        shutil.rmtree(new, ignore_errors=True)
        made = self.account.run(
            [
                self.binaries.path("initdb"),
                *("-D", str(new), "-U", SUPERUSER, "--encoding=UTF8", "--locale=C"),
                *("--auth=peer", "--no-instructions"),
                f"--sync-method={_SYNC}",
            ]
        )
        if made.returncode:
            raise EmbeddedFailed(
                f"The embedded database cannot be made: {_last_line(made.stderr)}",
                remedy=f"See that {self.directory} is writable and has 100 MB.",
            )
        new.rename(self.data)

    def start(self, *, patience: float, leaving: threading.Event | None = None) -> None:
        """Start and wait until it answers. Every process of the database keeps the life lock open.

        `leaving`: set when nobody wants that any more; then it is ended, as when it does not start.
        """
        life = self._life()
        try:
            if not life.try_alone():
                raise self._failed("Processes of it are still alive.")
            self._configure()
            self._forget_the_dead()
            self.leave()
            self._child = self.account.start(
                [self.binaries.path("postgres"), "-D", str(self.data)], log=self.log, keep=(life.fd,)
            )
        finally:
            life.close()
        self._wait_until_ready(patience, leaving or threading.Event())

    def answers(self) -> bool:
        """Whether a connection can be made now."""
        try:
            psycopg.connect(
                self.conninfo(role=SUPERUSER, database="postgres"), connect_timeout=_PROBE_SECONDS
            ).close()
        except psycopg.OperationalError:
            return False
        return True

    def stop(self, *, patience: float) -> None:
        """Let it finish what it writes; kill it when that takes too long."""
        if parent := self.parent():
            _signal(parent, signal.SIGINT)
        if not self._gone_within(patience):
            self.kill()
        if self.socket != self.directory:
            shutil.rmtree(self.socket, ignore_errors=True)

    def kill(self) -> None:
        """End every process of it, also the stopped ones. What was committed is safe."""
        for pid in self.processes():
            _signal(pid, signal.SIGKILL)
        if not self._gone_within(_KILL_SECONDS):
            raise self._failed("Processes of it cannot be killed.")

    def gone(self) -> bool:
        """Whether no process of it lives, in whatever container."""
        self.child_died()
        life = self._life()
        try:
            return life.try_alone()
        finally:
            life.close()

    def leave(self) -> None:
        """Leave it to others: as far as Python is concerned, it is no child of ours any more."""
        if self._child is not None and self._child.poll() is None:
            self._child.returncode = 0
        self._child = None

    def child_died(self) -> bool:
        """Whether the database was our child and is gone. Reaps it."""
        return self._child is not None and self._child.poll() is not None

    def processes(self) -> tuple[int, ...]:
        """Its processes, as far as this machine shows them."""
        return tuple(pid for pid, words in _commands() if self._is_ours(words))

    def parent(self) -> int | None:
        return next((pid for pid, words in _commands() if self._starts(words)), None)

    def _is_ours(self, words: list[str]) -> bool:
        return self._starts(words) or words[0].startswith(f"postgres: {self.name}: ")

    def _starts(self, words: list[str]) -> bool:
        return words[1:3] == ["-D", str(self.data)]

    def _life(self) -> FileLock:
        return FileLock(self.directory / "life.lock", self.account)

    def _gone_within(self, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while not self.gone():
            if time.monotonic() > deadline:
                return False
            time.sleep(_POLL)
        return True

    def _wait_until_ready(self, patience: float, leaving: threading.Event) -> None:
        deadline = time.monotonic() + patience
        while not self.answers():
            if self.child_died() or time.monotonic() > deadline or leaving.is_set():
                self.kill()
                raise self._failed(_last_line(self.log.read_text(errors="replace")))
            time.sleep(_POLL)

    def _failed(self, why: str) -> EmbeddedFailed:
        return EmbeddedFailed(
            f"The embedded database does not start: {why}", remedy=f"Its log is {self.log}."
        )

    def _check_version(self) -> None:
        try:
            major = (self.data / "PG_VERSION").read_text().strip()
        except OSError as error:
            raise EmbeddedFailed(
                f"{self.data} is no database: {error.strerror}.", remedy="Move it away and restore a backup."
            ) from None
        if major != self.binaries.major:
            raise EmbeddedFailed(
                f"{self.data} is of PostgreSQL {major}, this micgate brings {self.binaries.major}.",
                remedy="With the micgate that wrote it: micgate db backup. Then move the directory away and, "
                "with this one: micgate db restore.",
            )

    def _configure(self) -> None:
        accounts = dict.fromkeys(("root", self.account.name))
        texts = {
            "pg_hba.conf": _HBA,
            "pg_ident.conf": "".join(f'house "{name}" all\n' for name in accounts),
            "postgresql.conf": f"{_CONFIGURATION}cluster_name = '{self.name}'\n"
            f"unix_socket_directories = '{self.socket}'\n"
            f"recovery_init_sync_method = {_SYNC}\n",
        }
        for name, text in texts.items():
            path = self.data / name
            path.write_text(text)
            path.chmod(0o600)
            self.account.owns(path)

    def _forget_the_dead(self) -> None:
        """PostgreSQL would believe in process ids that are a zombie's or somebody else's by now."""
        for path in (self.data / "postmaster.pid", self.socket / _SOCKET, self.socket / f"{_SOCKET}.lock"):
            path.unlink(missing_ok=True)

    def _socket_directory(self, digest: str) -> Path:
        if len(os.fsencode(self.directory / _SOCKET)) <= _LONGEST_SOCKET_PATH:
            return self.directory
        return Path("/tmp") / f"micgate-{digest}"  # noqa: S108 -- made by us, 0700, its owner checked


def _signal(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1] if lines else "it says nothing."


def _commands() -> Iterator[tuple[int, list[str]]]:
    """Every process that shows its command. PostgreSQL writes its titles there."""
    if not Path("/proc/self").exists():
        yield from _commands_of_ps()
        return
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with suppress(OSError):
                words = (folder / "cmdline").read_bytes().rstrip(b"\0").decode(errors="replace").split("\0")
                if words != [""]:  # a zombie has no command any more
                    yield int(folder.name), words


def _commands_of_ps() -> Iterator[tuple[int, list[str]]]:
    listing = subprocess.run(["/bin/ps", "-axo", "pid=,command="], capture_output=True, text=True, check=True)
    for line in listing.stdout.splitlines():
        pid, _, command = line.strip().partition(" ")
        yield int(pid), [command] if command.startswith("postgres: ") else command.split(" ")
