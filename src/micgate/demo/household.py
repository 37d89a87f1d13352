"""What the demo starts, below one folder. However the demo ends, nothing of it stays."""

import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from tempfile import gettempdir, mkdtemp
from typing import Self

from micgate.demo.caretaker import DATABASE, END_SECONDS, MARK

Process = subprocess.Popen[bytes]

_OURS = ("GENESYS_", "MICGATE_", "AGENT_USER_ID", "CONTROL_ACTION", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
_KEPT = frozenset({"MICGATE_DB_USER"})
"""It says nothing of where to go, and root may need it."""


class Household:
    """Processes, and a folder for their state. Nothing here reads or hands on a `GENESYS_*` variable."""

    def __init__(self, folder: Path, caretaker: Process) -> None:
        self.folder = folder
        self._caretaker = caretaker
        self._running: list[Process] = []

    @classmethod
    @contextmanager
    def opened(cls) -> Iterator[Self]:
        """At the block's end all processes end, the latest first; a caretaker sees to what is left."""
        folder = _folder()
        with _caretaker(folder) as caretaker:
            household = cls(folder, caretaker)
            try:
                yield household
            finally:
                household._end_all()

    def start(self, *words: str, environ: Mapping[str, str] | None = None, log: str | None = None) -> Process:
        """Run `micgate WORDS`, deaf to the terminal's Ctrl-C. Its stderr is ours, or goes to a file `log`."""
        with (self.folder / log).open("ab") if log else nullcontext() as stderr:
            process = subprocess.Popen(  # noqa: S603 -- our own command
                [sys.executable, "-m", "micgate", *words],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=stderr,
                env=self.environment() | dict(environ or {}),
                cwd=self.folder,
                process_group=0,
            )
        self._running.append(process)
        self._tell(f"+{process.pid}")
        return process

    def end(self, process: Process, *, kill: bool = False) -> int:
        """Its exit code, as `Popen` has it."""
        process.send_signal(signal.SIGKILL if kill else signal.SIGTERM)
        try:
            code = process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            code = process.wait()
        self.forget(process)
        return code

    def run(self, *words: str, environ: Mapping[str, str] | None = None) -> tuple[int, bytes]:
        """Run a command to its end: exit code and stdout."""
        process = self.start(*words, environ=environ, log="commands.log")
        said, _ = process.communicate()
        self.forget(process)
        return process.returncode, said

    def forget(self, process: Process) -> None:
        """It has ended."""
        self._running.remove(process)
        if process.stdout:
            process.stdout.close()
        self._tell(f"-{process.pid}")

    def environment(self) -> dict[str, str]:
        """This process's, without anything that could lead away from this machine or out of the folder."""
        return _plain_environment() | {
            MARK: str(self.folder),
            "XDG_STATE_HOME": str(self.folder / "state"),
            "XDG_CONFIG_HOME": str(self.folder / "config"),
            "XDG_RUNTIME_DIR": str(self.folder / "run"),
            "MICGATE_DATABASE_DIR": str(self.folder / DATABASE),
        }

    def _end_all(self) -> None:
        for process in reversed(self._running.copy()):
            self.end(process)

    def _tell(self, line: str) -> None:
        assert self._caretaker.stdin is not None  # noqa: S101 -- asked for
        with suppress(BrokenPipeError):  # somebody ended it: then we are the only one to tidy up
            self._caretaker.stdin.write(f"{line}\n".encode())
            self._caretaker.stdin.flush()


def _plain_environment() -> dict[str, str]:
    return {
        name: value
        for name, value in os.environ.items()
        if name in _KEPT or not name.upper().startswith(_OURS)
    }


def _folder() -> Path:
    """The account that root's database runs as must be able to pass through it; what is in it is private."""
    folder = Path(mkdtemp(prefix="micgate-demo-", dir=_place())).resolve()
    folder.chmod(0o711)
    for name in ("state", "config", "run"):
        (folder / name).mkdir(mode=0o700)
    return folder


def _place() -> Path:
    """The folder for temporary files; root's own may be closed to the account that its database runs as."""
    usual = Path(gettempdir()).resolve()
    places = [usual] if os.geteuid() else [usual, Path("/tmp"), Path("/var/tmp")]  # noqa: S108 -- made with mkdtemp
    return next(filter(_is_open, places), usual)


def _is_open(folder: Path) -> bool:
    return all(each.stat().st_mode & stat.S_IXOTH for each in (folder, *folder.parents))


@contextmanager
def _caretaker(folder: Path) -> Iterator[Process]:
    """Waits, at the end, until it has tidied up."""
    process = subprocess.Popen(  # noqa: S603 -- our own command
        [sys.executable, "-m", "micgate.demo.caretaker", str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=_plain_environment(),
        start_new_session=True,
    )
    try:
        yield process
    finally:
        process.communicate()
