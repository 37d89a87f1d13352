"""`python -m micgate.demo.caretaker FOLDER`: ends and removes what a demo leaves, also after `kill -9`.

Its stdin is a pipe from the demo, which tells it of its processes: `+123` started, `-123` gone. End of file
means that the demo has ended, in whatever way.
"""

import os
import shutil
import signal
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

MARK = "MICGATE_DEMO"
"""A variable with the folder's name, in the environment of all that the demo starts and they start."""
DATABASE = "database"
"""Below the folder. The database's processes are told nothing of ours, so they are known by its lock file."""

END_SECONDS = 12.0
_POLL = 0.05


def main() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    folder = Path(sys.argv[1])
    _end(_left(sys.stdin), folder)
    shutil.rmtree(folder, ignore_errors=True)


def _left(lines: Iterable[str]) -> set[int]:
    """Which processes still ran when the demo ended."""
    left: set[int] = set()
    for line in lines:
        if line.endswith("\n"):  # the last one may be cut off
            (left.add if line[0] == "+" else left.discard)(int(line[1:]))
    return left


def _end(told: set[int], folder: Path) -> None:
    """First those that can end well; what they started and left has nothing to protect any more."""
    _signal(told, signal.SIGTERM)
    if not _gone(told, seconds=END_SECONDS):
        _signal(told, signal.SIGKILL)
    _signal(_marked(folder), signal.SIGKILL)
    database = set(_database(folder))
    _signal(database, signal.SIGQUIT)
    if not _gone(database, seconds=END_SECONDS):
        _signal(database, signal.SIGKILL)


def _signal(processes: Iterable[int], number: signal.Signals) -> None:
    for pid in processes:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)


def _gone(processes: Iterable[int], *, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while any(map(_lives, processes)):
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL)
    return True


def _lives(pid: int) -> bool:
    """A zombie does not: nobody may be there to reap it."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, PermissionError):
        return False
    return not Path("/proc/self").exists()


def _marked(folder: Path) -> Iterator[int]:
    """Where /proc shows environments: guardians, for one, which the demo knows nothing of."""
    wanted = os.fsencode(f"{MARK}={folder}")
    for path in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):
            if wanted in path.read_bytes().split(b"\0"):
                yield int(path.parent.name)


def _database(folder: Path) -> Iterator[int]:
    with suppress(OSError, ValueError, IndexError):
        yield int((folder / DATABASE / "data" / "postmaster.pid").read_text().splitlines()[0])


if __name__ == "__main__":
    main()
