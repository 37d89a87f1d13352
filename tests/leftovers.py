"""Folders of tests, and what killed runs left: folders that nobody holds, with processes that live on."""

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

PREFIX = "micgate-test-"
PLACE = Path("/tmp")
_HELD = ".held"
_YOUNG = 60.0
"""Seconds for which a folder may just be coming into being."""


@contextmanager
def held_folder() -> Iterator[Path]:
    """A folder that every account may enter, as PostgreSQL does not run as root. Held until this process
    ends, however it ends.
    """
    with tempfile.TemporaryDirectory(prefix=PREFIX, dir=PLACE, ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)
        hold = os.open(folder / f"{_HELD}.new", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(hold, fcntl.LOCK_EX)
        (folder / f"{_HELD}.new").rename(folder / _HELD)
        try:
            yield folder
        finally:
            os.close(hold)


def clear(*, young: float = _YOUNG, place: Path = PLACE) -> list[Path]:
    """Remove what nobody holds, processes first. What was removed."""
    left = [folder for folder in place.glob(f"{PREFIX}*") if _is_left(folder, young=young)]
    for folder in left:
        _end_those_in(folder)
        shutil.rmtree(folder, ignore_errors=True)
    return left


def _is_left(folder: Path, *, young: float) -> bool:
    try:
        if time.time() - (folder / _HELD).stat().st_mtime < young:
            return False
        hold = os.open(folder / _HELD, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(hold, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(hold)
    return True


def _end_those_in(folder: Path) -> None:
    """Services, simulators and databases that were told of this folder, and of no other of that name."""
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            said = [*process.cmdline(), *process.environ().values()]
            if any(str(folder) in word for word in said):
                process.kill()
