"""The nightly dump of the embedded database: one file a night, the last few are kept."""

import asyncio
import fcntl
import os
import re
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from micgate.log import Log
from micgate.service.resources.health import Check
from micgate.store.backup import backup
from micgate.store.errors import BackupFailed

HOUR = 3
"""Of this host's own time."""
LOOK = 60.0
FIRST = 5.0
"""Seconds after the start: a night that was missed is made up for."""
_NAME = re.compile(r"micgate-(\d{4}-\d{2}-\d{2})\.dump")


def night(now: float) -> str:
    """The night that a dump made now is of: from one HOUR to the next."""
    return time.strftime("%Y-%m-%d", time.localtime(now - HOUR * 3600))


def too_many(names: Iterable[str], *, keep: int) -> tuple[str, ...]:
    """Those of our own dumps that may go, the oldest first. Other files are somebody else's."""
    ours = sorted(name for name in names if _NAME.fullmatch(name))
    return tuple(ours[: max(0, len(ours) - keep)])


@dataclass(slots=True, kw_only=True)
class Nightly:
    """`owner` is the database as its owner, `tools` where its pg_dump is, `keep` how many are kept."""

    owner: str
    tools: Path | None
    folder: Path
    keep: int
    log: Log
    now: Callable[[], float] = time.time
    _failed: str | None = field(default=None, init=False)

    async def run(self, *, done: Callable[[], None]) -> None:
        """Until cancelled. What fails is said, and tried again a minute later."""
        await asyncio.sleep(FIRST)
        while True:
            try:
                await asyncio.to_thread(self.look)
            except (BackupFailed, OSError) as error:
                self._failed = _why(error)
                self.log.failed("backup.undone", why=self._failed)
            else:
                self._failed = None
                self.log.recovered("backup.undone")
                done()
            await asyncio.sleep(LOOK)

    def look(self) -> None:
        """Dump unless this night has one, then drop the oldest."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _alone(self.folder) as alone:
            if alone:
                self._look()

    def _look(self) -> None:
        file = self.folder / f"micgate-{night(self.now())}.dump"
        if file.exists():
            return
        backup(self.owner, file, tools=self.tools)
        self.log.write("backup.written", bytes=file.stat().st_size)
        for name in too_many((one.name for one in self.folder.iterdir()), keep=self.keep):
            (self.folder / name).unlink(missing_ok=True)

    def check(self) -> Check | None:
        if self._failed is None:
            return None
        return Check(
            name="backup",
            ok=False,
            warns=True,
            says=f"The nightly dump fails: {self._failed}",
            remedy="See MICGATE_BACKUP_DIR and the room on its disk; by hand: micgate db backup FILE.",
        )


@contextmanager
def _alone(folder: Path) -> Iterator[bool]:
    """Whether no other replica on this database is at it."""
    fd = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        yield False
    else:
        yield True
    finally:
        os.close(fd)


def _why(error: BackupFailed | OSError) -> str:
    return error.what if isinstance(error, BackupFailed) else f"{error.strerror}."
