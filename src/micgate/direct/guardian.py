"""`python -m micgate.direct.guardian`: gives a microphone back when the command that closed it has died.

Its stdin is a socket to the command. End of file without a `done`, or silence until 5 s after the release
time, and it takes over: it opens the microphone by the same rules, insists, and watches for late effects. It
keeps the lock's file open, so that the next command on this microphone waits for it.
"""

import select
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import msgspec

from micgate.direct.charge import GRACE_SECONDS, READY, Charge, Note, borrowed
from micgate.direct.connect import Connection
from micgate.direct.journal import Journal, JournalWitness
from micgate.direct.lock import MicrophoneLock
from micgate.direct.memory import Memory
from micgate.direct.mute import INSIST_SECONDS, Mute
from micgate.genesys.bearer import SystemClock
from micgate.genesys.io import Wire, drive
from micgate.genesys.session import Session

_SURVIVED = (signal.SIGINT, signal.SIGHUP, signal.SIGTERM, signal.SIGQUIT, signal.SIGPIPE, signal.SIGTSTP)
_LARGEST = 1 << 16


def main() -> None:
    for number in _SURVIVED:
        signal.signal(number, signal.SIG_IGN)
    line = Line(socket.socket(fileno=0))
    charge = line.charge()
    if charge is None:
        return
    Watch(charge, line).run()


class Line:
    """The socket to the command, read line by line."""

    def __init__(self, line: socket.socket) -> None:
        self._line = line
        self._rest = b""
        self.lock_fd = -1

    def charge(self) -> Charge | None:
        """The first line, with the lock's file; None when the command ended before it was whole."""
        while b"\n" not in self._rest:
            data, fds, _flags, _address = socket.recv_fds(self._line, _LARGEST, 1)
            self.lock_fd = fds[0] if fds else self.lock_fd
            if not data:
                return None
            self._rest += data
        first, self._rest = self._rest.split(b"\n", 1)
        charge = msgspec.json.decode(first, type=Charge)
        self._line.sendall(READY)
        return charge

    def notes(self, *, silent_at: "Silence") -> Iterator[Note]:
        """Every note until the command's end, or until it has been silent for too long."""
        while True:
            *lines, self._rest = self._rest.split(b"\n")
            for line in lines:
                yield msgspec.json.decode(line, type=Note)
            ready, _, _ = select.select([self._line], [], [], silent_at.seconds())
            data = self._line.recv(_LARGEST) if ready else b""
            if not data:
                return
            self._rest += data


class Silence:
    """When a command that says nothing counts as stopped: after its release time; later while it insists."""

    def __init__(self, release_at: float) -> None:
        self._clock = SystemClock()
        self._until = release_at + GRACE_SECONDS

    def broken(self, memory: Memory | None) -> None:
        if memory and memory.began_late is not None:
            self._until = self._clock.monotonic() + INSIST_SECONDS + GRACE_SECONDS

    def seconds(self) -> float:
        return max(0.0, self._until - self._clock.monotonic())


class Watch:
    """One charge, from the handshake to the end."""

    def __init__(self, charge: Charge, line: Line) -> None:
        self._charge = charge
        self._line = line
        self._memory = Memory(call=charge.plan.call)
        self._token = charge.token
        self._lock = MicrophoneLock(Path(charge.lock), line.lock_fd)
        self._connection = charge.connection()
        self._wire = _wire(self._connection)

    def run(self) -> None:
        last = self._last_note()
        if last.done and not last.settle:
            return
        self._lock.sign(guardian=True)
        mute, io = self._mute(), self._session()
        if not last.settle:
            drive(mute.give_back(io, whatever=True))
        drive(mute.settle(io))
        self._lock.release()

    def _last_note(self) -> Note:
        """Follow the command until it is done, dead or stopped."""
        silence = Silence(self._charge.plan.release_at)
        note = Note()
        for note in self._line.notes(silent_at=silence):
            self._memory = note.memory or self._memory
            self._token = note.token or self._token
            silence.broken(note.memory)
            if note.done:
                break
        return note

    def _mute(self) -> Mute:
        return Mute(
            self._charge.plan,
            record=JournalWitness(Journal(Path(self._charge.journal)), self._charge.about),
            new_id=lambda: str(uuid4()),
            memory=self._memory,
        )

    def _session(self) -> Session:
        has_user, now = self._charge.plan.has_user, SystemClock().monotonic()
        return self._connection.session(self._wire, token=borrowed(self._token, has_user=has_user, now=now))


def _wire(connection: Connection) -> Wire:
    """The library is loaded after the handshake, while the command sends its request."""
    from micgate.genesys.transport_urllib3 import Urllib3Wire  # noqa: PLC0415 -- see above

    return Urllib3Wire(connection.region, connection.network)


if __name__ == "__main__":
    main()
