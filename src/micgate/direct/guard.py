"""A guardian as its command sees it: start it early, charge it before the first request, keep it told."""

import os
import signal
import socket
import sys
import time
from contextlib import suppress

import msgspec

from micgate.direct.charge import READY, Charge, Lent, Note
from micgate.direct.errors import NoGuardian
from micgate.direct.memory import Memory
from micgate.settings import SETTINGS

READY_SECONDS = 10.0
_COMMAND = ("-P", "-m", "micgate.direct.guardian")


class Guard:
    """A running guardian. When this process ends without `dismiss`, it gives the microphone back.

    It has a session of its own, and nothing of ours but the socket that is its stdin: the secrets travel over
    that, never as arguments or in its environment.
    """

    def __init__(self, pid: int, line: socket.socket) -> None:
        self.pid = pid
        self._line = line
        self._lent: Lent | None = None
        self._charged = False
        self._deaf = False

    @classmethod
    def start(cls) -> "Guard":
        """Returns at once; the guardian loads while the call is looked up. Raises `NoGuardian`."""
        ours, its = socket.socketpair()
        with its:
            try:
                pid = _spawn(its.fileno())
            except (OSError, NotImplementedError) as error:
                ours.close()
                raise _none(str(error)) from None
        return cls(pid, ours)

    def charge(self, charge: Charge, *, lock_fd: int) -> None:
        """Hand over what it needs and wait until it has it. Raises `NoGuardian`."""
        self._lent = charge.token
        data = msgspec.json.encode(charge) + b"\n"
        self._line.settimeout(READY_SECONDS)
        try:
            sent = socket.send_fds(self._line, [data], [lock_fd])
            self._line.sendall(data[sent:])
            answer = self._line.recv(len(READY))
        except OSError as error:
            raise _none(error.strerror or "it did not answer") from None
        if answer != READY:
            raise _none("it ended at once")
        self._line.settimeout(_TELL_SECONDS)
        self._charged = True

    def remember(self, memory: Memory) -> None:
        """A guardian that is gone is no reason to stop: this process still gives the microphone back."""
        self._tell(Note(memory=memory))

    def lend(self, token: Lent | None) -> None:
        """Pass on a token that was renewed."""
        if token and (self._lent is None or token.value != self._lent.value):
            self._lent = token
            self._tell(Note(token=token))

    def dismiss(self, *, settle: bool = False) -> None:
        """All is given back. With `settle` it stays to undo late effects, 15 s at most."""
        if not self._charged:
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
        self._tell(Note(done=True, settle=settle))
        self._line.close()
        if not settle:
            self._reap()

    def abandon(self) -> None:
        """Leave the rest to the guardian, as if this process had died."""
        self._line.close()

    def _reap(self) -> None:
        """A finished command leaves no process behind."""
        limit = time.monotonic() + _END_SECONDS
        with suppress(ChildProcessError):
            while time.monotonic() < limit and os.waitpid(self.pid, os.WNOHANG) == (0, 0):
                time.sleep(_POLL)

    def _tell(self, note: Note) -> None:
        """Nothing after a note that went only in part: the guardian then judges by what it reads."""
        if self._deaf or not self._charged:
            return
        try:
            self._line.sendall(msgspec.json.encode(note) + b"\n")
        except OSError:
            self._deaf = True


_TELL_SECONDS = 1.0
_END_SECONDS = 0.5
_POLL = 0.005


def _spawn(stdin: int) -> int:
    """Its own session, so that neither Ctrl-C nor a closed terminal reaches it."""
    argv = [sys.executable, *_COMMAND]
    files = [
        (os.POSIX_SPAWN_DUP2, stdin, 0),
        (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
        (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
    ]
    secrets = {name for setting in SETTINGS if setting.secret for name in setting.names}
    environ = {name: value for name, value in os.environ.items() if name not in secrets}
    return os.posix_spawn(sys.executable, argv, environ, file_actions=files, setsid=True)


def _none(why: str) -> NoGuardian:
    return NoGuardian(
        f"The guardian, which gives the microphone back if this command is killed, is not there: {why}.",
        remedy="Nothing was muted. Check the limits on processes and memory, and try again.",
    )
