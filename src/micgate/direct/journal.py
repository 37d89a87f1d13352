"""What direct commands did: JSON Lines, one per state change, written before the request and after it."""

import errno
import os
import pwd
import stat
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec

from micgate.direct.errors import JournalUnwritable
from micgate.genesys.flows import Command, Outcome

Phase = Literal[
    "intended", "accepted", "refused", "not_sent", "unknown",  # one command
    "confirmed", "released", "kept", "left_closed", "overridden", "call_ended", "stuck",  # the microphone
]  # fmt: skip
MEMORY_SECONDS = 24 * 3600.0
"""How far back `standing` looks: no call of an agent lasts longer."""


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One line. `event` is `<command>.<phase>`, `timestamp` is UTC, `status` is HTTP's, `actor` the OS user.

    Phases of a command: intended, then accepted, refused, not_sent or unknown. Phases of the microphone:
    confirmed (as wanted), released (given back), kept (it was closed before and stays so), left_closed (on
    purpose), overridden, call_ended, stuck (could not be given back).
    """

    event: str
    conversation_id: str
    participant_id: str | None
    action: str
    phase: Phase
    latency_ms: float | None = None
    timestamp: str
    status: int | None = None
    actor: str
    reason: str | None = None
    correlation_id: str | None = None
    user_id: str | None = None
    agent: str | None = None
    note: str | None = None
    mute_id: str | None = None
    command_id: str | None = None
    api: str | None = None
    """The API host: ids of one organization mean nothing in another."""
    until: str | None = None
    """When a mute is due to end."""


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """A microphone that this OS user closed and that was not given back, as far as the journal shows.

    `deliberate`: it is closed on purpose (`micgate set --muted`, or left closed and said so); otherwise by a
    mute that runs now, or by one that nobody could give back: the lock tells which.
    """

    conversation_id: str
    participant_id: str | None
    user_id: str | None
    agent: str | None
    since: str
    deliberate: bool
    reason: str | None
    api: str | None
    until: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What every entry of one command says beside what happened. `command` is `mute`, `set` or `unmute`."""

    command: str
    user_id: str | None = None
    agent: str | None = None
    reason: str | None = None
    note: str | None = None
    mute_id: str | None = None
    api: str | None = None
    until: str | None = None


class Journal:
    """The file. Its first line makes it: 0600, in a folder 0700.

    `missed` is why an entry is not there although what it tells of happened.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.missed: JournalUnwritable | None = None
        self._actor = _os_user()

    def write(
        self,
        about: About,
        *,
        phase: Phase,
        action: str,
        conversation_id: str,
        participant_id: str | None,
        latency_ms: float | None = None,
        status: int | None = None,
        correlation_id: str | None = None,
        command_id: str | None = None,
        sync: bool = False,
    ) -> None:
        """Append one entry, on the disk before this returns when `sync`. Raises `JournalUnwritable`."""
        entry = Entry(
            event=f"{about.command}.{phase}",
            conversation_id=conversation_id,
            participant_id=participant_id,
            action=action,
            phase=phase,
            latency_ms=None if latency_ms is None else round(latency_ms, 1),
            timestamp=stamp(time.time()),
            status=status,
            actor=self._actor,
            reason=about.reason,
            correlation_id=correlation_id,
            user_id=about.user_id,
            agent=about.agent,
            note=about.note,
            mute_id=about.mute_id,
            command_id=command_id,
            api=about.api,
            until=about.until,
        )
        try:
            _append(self.path, msgspec.json.encode(entry) + b"\n", sync=sync)
        except OSError as error:
            raise JournalUnwritable(f"The journal {self.path} cannot be written", error) from None

    def entries(self) -> list[Entry]:
        """The entries of the last day, oldest first. Lines that are no entries are passed over."""
        earliest = stamp(time.time() - MEMORY_SECONDS)
        recent = []
        for line in _lines_backwards(self.path):
            entry = _entry(line)
            if entry and entry.timestamp < earliest:
                break
            if entry:
                recent.append(entry)
        return recent[::-1]

    def standing(self) -> tuple[Standing, ...]:
        """Every microphone closed from here and not given back, oldest first."""
        microphones: dict[tuple[str, str | None], _Closings] = {}
        for entry in self.entries():
            microphone = (entry.conversation_id, entry.user_id or entry.participant_id)
            microphones.setdefault(microphone, _Closings()).take(entry)
        found = (closings.standing() for closings in microphones.values())
        return tuple(each for each in found if each)

    def closed_here(self, *, conversation_id: str, participant_id: str) -> bool:
        """Whether the journal shows that this OS user closed this very leg and did not give it back."""
        leg = (conversation_id, participant_id)
        return any((each.conversation_id, each.participant_id) == leg for each in self.standing())


def stamp(moment: float) -> str:
    """A time as the journal writes it; `moment` is in seconds since 1970."""
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(moment))}.{int(moment * 1000) % 1000:03d}Z"


class JournalWitness:
    """Writes the commands of one direct command down, and what was seen of the microphone.

    A mute that cannot be written is not sent. All else happens all the same, and is `Journal.missed`.
    """

    def __init__(self, journal: Journal, about: About) -> None:
        self._journal = journal
        self._about = about

    def intended(self, command: Command) -> None:
        try:
            self._journal.write(
                self._about,
                phase="intended",
                action=command.action,
                conversation_id=command.conversation_id,
                participant_id=command.participant_id,
                command_id=command.id,
                sync=True,
            )
        except JournalUnwritable as error:
            if command.muted:
                raise
            self._journal.missed = error

    def concluded(self, command: Command, outcome: Outcome) -> None:
        try:
            self._journal.write(
                self._about,
                phase=outcome.kind,
                action=command.action,
                conversation_id=command.conversation_id,
                participant_id=command.participant_id,
                latency_ms=outcome.http_ms,
                status=outcome.status,
                correlation_id=outcome.correlation_id,
                command_id=command.id,
            )
        except JournalUnwritable as error:
            self._journal.missed = error

    def noted(
        self,
        phase: Phase,
        *,
        muted: bool,
        conversation_id: str,
        participant_id: str,
        latency_ms: float | None = None,
    ) -> None:
        """What became of the microphone; `muted` says which wish this is about."""
        try:
            self._journal.write(
                self._about,
                phase=phase,
                action="mute" if muted else "unmute",
                conversation_id=conversation_id,
                participant_id=participant_id,
                latency_ms=latency_ms,
            )
        except JournalUnwritable as error:
            self._journal.missed = error


class Unrecorded:
    """Writes nothing down: the library without a journal."""

    def intended(self, command: Command) -> None: ...

    def concluded(self, command: Command, outcome: Outcome) -> None: ...

    def noted(
        self,
        phase: Phase,
        *,
        muted: bool,
        conversation_id: str,
        participant_id: str,
        latency_ms: float | None = None,
    ) -> None: ...


_OPENED = frozenset({"released", "overridden", "call_ended"})
_NEVER_ARRIVED = frozenset({"refused", "not_sent"})


class _Closings:
    """The closings of one microphone that nothing has undone, by command."""

    def __init__(self) -> None:
        self._by_command: dict[str | None, Entry] = {}
        self._left = False

    def take(self, entry: Entry) -> None:
        if entry.phase in _OPENED or (entry.action, entry.phase) == ("unmute", "confirmed"):
            self._by_command.clear()
        elif entry.phase == "kept":
            self._forget(entry.mute_id)
        elif entry.action == "mute" and entry.phase == "intended":
            self._by_command[entry.command_id] = entry
            self._left = False
        elif entry.action == "mute" and entry.phase in _NEVER_ARRIVED:
            self._by_command.pop(entry.command_id, None)
        elif entry.phase == "left_closed":
            self._left = True

    def _forget(self, mute_id: str | None) -> None:
        """What was found closed by a mute may be what another closed and could not give back."""
        self._by_command = {
            command: entry for command, entry in self._by_command.items() if entry.mute_id != mute_id
        }

    def standing(self) -> Standing | None:
        if not self._by_command:
            return None
        closings = list(self._by_command.values())
        last = closings[-1]
        return Standing(
            conversation_id=last.conversation_id,
            participant_id=last.participant_id,
            user_id=last.user_id,
            agent=last.agent,
            since=closings[0].timestamp,
            deliberate=self._left or last.event.startswith("set."),
            reason=last.reason,
            api=last.api,
            until=last.until,
        )


def _append(path: Path, line: bytes, *, sync: bool) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    journal = _open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT)
    try:
        found = os.fstat(journal)
        if stat.S_IMODE(found.st_mode) != _MODE:
            os.fchmod(journal, _MODE)
        size = found.st_size
        torn = size > 0 and os.pread(journal, 1, size - 1) != b"\n"
        written = b"\n" + line if torn else line
        if os.write(journal, written) != len(written):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        if sync:
            os.fsync(journal)
    finally:
        os.close(journal)


def _open(path: Path, flags: int) -> int:
    """Only a real file: no link is followed, and no pipe waited for."""
    descriptor = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK, _MODE)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "it is no file")
    return descriptor


def _lines_backwards(path: Path) -> Iterator[bytes]:
    """The lines, last first. A journal that cannot be read has none."""
    try:
        descriptor = _open(path, os.O_RDONLY)
    except OSError:
        return
    with os.fdopen(descriptor, "rb") as journal:
        position = journal.seek(0, os.SEEK_END)
        rest = b""
        while position > 0:
            size = min(_BLOCK, position)
            position -= size
            journal.seek(position)
            rest, *lines = (journal.read(size) + rest).split(b"\n")
            yield from reversed(lines)
        yield rest


_BLOCK = 65536
_MODE = 0o600


def _entry(line: bytes) -> Entry | None:
    try:
        return msgspec.json.decode(line, type=Entry)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def _os_user() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid {os.getuid()}"
