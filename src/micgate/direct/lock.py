"""One direct command at a time on one microphone of this machine's user: a file lock.

The lock belongs to the open file, not to the process: a guardian that was given the file keeps it after the
command's death.
"""

import fcntl
import hashlib
import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from micgate.direct.errors import JournalUnwritable, MicrophoneBusy

PATIENCE = 10.0
_POLL = 0.05
_GUARDIAN = "guardian"


class MicrophoneLock:
    """Held from construction until `release`. `fd` may be given to the guardian.

    `changed_hands`: another command may have had it since the turn that was told, so what was read of the
    microphone before is old.
    """

    def __init__(self, path: Path, fd: int) -> None:
        self.path = path
        self.fd = fd
        self.changed_hands = True

    def sign(self, *, guardian: bool = False) -> None:
        """Say who has it, for the command that waits. A full disk keeps nobody from giving back."""
        with suppress(OSError):
            os.ftruncate(self.fd, 0)
            os.pwrite(self.fd, f"{os.getpid()} {_GUARDIAN if guardian else 'command'}\n".encode(), 0)

    def release(self) -> None:
        """Remove the file and let go."""
        with suppress(OSError):
            self.path.unlink()
        self.leave()

    def leave(self) -> None:
        """Let go here: whoever else was given the file keeps the lock."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1


def last_turn(folder: Path) -> int | None:
    """A number that is another one after any lock in this folder was had; None while one may be held.

    Ask it before the microphone is read, and tell it to `lock_microphone`.
    """
    locks = _locks(folder)
    try:
        # The clock of a file system is coarse, but nobody mutes, confirms and lets go within one tick of it.
        turn = locks.stat().st_mtime_ns
        return None if any(locks.iterdir()) else turn
    except FileNotFoundError:
        return 0
    except OSError:
        return None


def lock_microphone(
    folder: Path,
    *,
    conversation_id: str,
    user_id: str,
    since: int | None = None,
    patience: float = PATIENCE,
    sleep: Callable[[float], None] = time.sleep,
) -> MicrophoneLock:
    """Wait for the microphone, at most `patience` seconds. Raises `MicrophoneBusy` or `JournalUnwritable`.

    `since`: the `last_turn` before the microphone was read.
    """
    path = _path(folder, conversation_id=conversation_id, user_id=user_id)
    deadline = time.monotonic() + patience
    changed_hands = since is None or last_turn(folder) != since
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        while (lock := _try(path)) is None:
            if time.monotonic() >= deadline:
                raise _busy(*_signed_by(path))
            sleep(_POLL)
            changed_hands = True
    except OSError as error:
        raise JournalUnwritable(f"Journal and locks cannot be kept in {folder}", error) from None
    lock.changed_hands = changed_hands
    lock.sign()
    return lock


def is_free(folder: Path, *, conversation_id: str, user_id: str) -> bool:
    """Whether no direct command and no guardian has this microphone now."""
    path = _path(folder, conversation_id=conversation_id, user_id=user_id)
    if not path.exists():
        return True
    lock = _try(path)
    if lock is not None:
        lock.release()
    return lock is not None


def holder(folder: Path, *, conversation_id: str, user_id: str) -> int | None:
    """The process that signed for this microphone. Only of meaning while `is_free` is false."""
    return _signed_by(_path(folder, conversation_id=conversation_id, user_id=user_id))[0]


def _locks(folder: Path) -> Path:
    return folder / "locks"


def _path(folder: Path, *, conversation_id: str, user_id: str) -> Path:
    name = hashlib.sha256(f"{conversation_id} {user_id}".encode()).hexdigest()[:32]
    return _locks(folder) / f"{name}.lock"


def _try(path: Path) -> MicrophoneLock | None:
    """Lock the file that has this name. One that was removed in the meantime does not count."""
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(fd), path.stat()):
            return MicrophoneLock(path, fd)
    except (BlockingIOError, FileNotFoundError):
        pass
    os.close(fd)
    return None


def _signed_by(path: Path) -> tuple[int | None, str]:
    try:
        pid, what = path.read_text().split()
        return int(pid), what
    except (OSError, ValueError):
        return None, ""


def _busy(pid: int | None, what: str) -> MicrophoneBusy:
    process = "" if pid is None else f" (process {pid})"
    if what == _GUARDIAN:
        return MicrophoneBusy(
            f"The guardian of a killed micgate command{process} is giving this microphone back.",
            remedy="Try again in a few seconds.",
            pid=pid,
        )
    stop = "" if pid is None else f", or end it with: kill {pid}"
    return MicrophoneBusy(
        f"Another micgate command{process} has this microphone.",
        remedy=f"Wait until its mute has ended{stop}.",
        pid=pid,
    )
