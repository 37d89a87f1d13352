"""Locks on files. The kernel lets go of them when the last process that has the file open is gone."""

import fcntl
import os
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from micgate.store.account import Account
from micgate.store.errors import EmbeddedFailed

_POLL = 0.02


class FileLock:
    """One open file that can be locked, alone or together with others. Locking again changes the kind."""

    def __init__(self, path: Path, account: Account) -> None:
        self.path = path
        self.fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        if os.fstat(self.fd).st_uid != account.uid:
            account.owns(path)

    def try_alone(self) -> bool:
        return self._try(fcntl.LOCK_EX)

    def try_together(self) -> bool:
        return self._try(fcntl.LOCK_SH)

    def alone(self, *, patience: float) -> Self:
        """Wait until nobody else has it. For use with `with`."""
        deadline = time.monotonic() + patience
        while not self.try_alone():
            if time.monotonic() > deadline:
                raise EmbeddedFailed(
                    f"Another micgate has had {self.path} for {patience:g} s.",
                    remedy="See whether one hangs: lsof on that file names it.",
                )
            time.sleep(_POLL)
        return self

    def let_go(self) -> None:
        fcntl.flock(self.fd, fcntl.LOCK_UN)

    def close(self) -> None:
        """Whoever inherited the file keeps the lock."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.let_go()

    def _try(self, kind: int) -> bool:
        try:
            fcntl.flock(self.fd, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
