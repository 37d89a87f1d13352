"""One pass over an export: does each record fit its hash, and the record before? Pure."""

from collections.abc import Iterable
from hashlib import sha256
from typing import Literal, TypeAlias

import msgspec

from micgate.audit.checkpoint import Checkpoint
from micgate.audit.errors import NotAnExport
from micgate.audit.export import CHECKPOINT
from micgate.audit.facts import AuditCut
from micgate.audit.privacy import Private, digest
from micgate.audit.record import FORM, NOTHING_BEFORE, Record

Word: TypeAlias = Literal[
    "unreadable",  # no record at all, or of a newer form
    "altered",  # it does not fit its own hash
    "link",  # it does not fit the record after it
    "missing",  # it is not there, or something else stands in its place
    "private",  # what it says about persons does not fit
    "witness",  # a checkpoint vouches for another record
    "checkpoint",  # the signature of a checkpoint does not fit
]


class Bad(msgspec.Struct, frozen=True, kw_only=True):
    """The first record that is not as it was sealed. `line` counts from 1, where one of the file shows it."""

    seq: int
    word: Word
    says: str
    line: int | None = None


class Walk:
    """What one pass found. The records from `first` to `last` fit each other; then came the end, or `bad`.

    `cuts`: which of them says that records were deleted because of their age, and up to which.
    """

    def __init__(self, lines: Iterable[bytes]) -> None:
        self.org = ""
        self.first = 0
        self.last = 0
        self.before = NOTHING_BEFORE
        self.bad: Bad | None = None
        self.withheld = 0
        self.cuts: list[tuple[int, int]] = []
        self.checkpoints: list[Checkpoint] = []
        self._hashes = bytearray()
        self._head = NOTHING_BEFORE
        for number, line in enumerate(lines, start=1):
            self._take(number, line.rstrip(b"\r\n"))
        if not self.first and not self.bad:
            raise NotAnExport("The file holds no record.", remedy="Give an export: micgate audit export")

    def hash(self, seq: int) -> bytes:
        """Of a record from `first` to `last`."""
        at = (seq - self.first) * _SIZE
        return bytes(self._hashes[at : at + _SIZE])

    def _take(self, number: int, line: bytes) -> None:
        if line.startswith(CHECKPOINT):
            self._take_checkpoint(number, line)
        elif line and self.bad is None:
            self._take_record(number, line)

    def _take_record(self, number: int, line: bytes) -> None:
        try:
            found = _read(line)
            self._fit(found)
        except _Broken as broken:
            if not self.first and not line.startswith(b"{"):
                raise NotAnExport(
                    "The file is no JSON Lines export.",
                    remedy="Make one: micgate audit export --format jsonl (a CSV file cannot be verified)",
                ) from None
            seq = self.last + 1 if self.first and broken.seq is None else broken.seq or 1
            self.bad = Bad(seq=seq, word=broken.word, says=broken.says, line=number)
        else:
            self._add(found)

    def _fit(self, found: "_Found") -> None:
        record = found.record
        if not self.first:
            if record.seq == 1 and record.previous != NOTHING_BEFORE:
                raise _Broken(
                    "altered", "It is the first of all, and claims that there was one before.", seq=1
                )
            return
        if record.org != self.org:
            raise _Broken("altered", f"It belongs to the org {record.org}, the others to {self.org}.")
        if record.seq != self.last + 1:
            raise _Broken("missing", f"In the place of record {self.last + 1} stands record {record.seq}.")
        if record.previous != self._head:
            says = f"Record {record.seq} was sealed after another record {self.last} than this."
            raise _Broken("link", says, seq=self.last)

    def _add(self, found: "_Found") -> None:
        record = found.record
        if not self.first:
            self.org, self.first, self.before = record.org, record.seq, record.previous
        self.last, self._head = record.seq, found.hash
        self._hashes += bytes.fromhex(found.hash)
        if record.action == _CUT:
            self._take_cut(record)
        self.withheld += found.withheld

    def _take_cut(self, record: Record) -> None:
        through = record.facts.get("through_seq")
        if isinstance(through, int):
            self.cuts.append((record.seq, through))

    def _take_checkpoint(self, number: int, line: bytes) -> None:
        try:
            self.checkpoints.append(_checkpoint(line).checkpoint)
        except (msgspec.DecodeError, UnicodeDecodeError):
            says = "A checkpoint after the record before it cannot be read."
            self.bad = self.bad or Bad(seq=self.last + 1, word="checkpoint", says=says, line=number)


_SIZE = 32
_CUT = AuditCut.__struct_config__.tag


class _Broken(Exception):
    """A finding. `seq` when it is about another record than the one that was expected on this line."""

    def __init__(self, word: Word, says: str, *, seq: int | None = None) -> None:
        super().__init__(says)
        self.word = word
        self.says = says
        self.seq = seq


class _Found(msgspec.Struct, frozen=True):
    record: Record
    hash: str
    withheld: bool


class _Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    hash: str
    record: msgspec.Raw
    private: msgspec.Raw = msgspec.Raw()


class _CheckpointLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    checkpoint: Checkpoint


def _read(line: bytes) -> _Found:
    """A record that fits its own hash and its private part."""
    try:
        parts = _line(line)
        raw = bytes(parts.record)
        record = _record(raw)
        private = _private(parts.private) if parts.private else None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _Broken("unreadable", f"It cannot be read: {_without_values(error)}.") from None
    if record.v != FORM:
        raise _Broken("unreadable", f"It is of form {record.v}; this micgate reads form {FORM}.")
    if sha256(raw).hexdigest() != parts.hash:
        raise _Broken("altered", "It does not fit its own hash.")
    if private is not None and digest(private) != record.private:
        raise _Broken("private", "What it holds about persons is not what was sealed.")
    if _rendered(parts.hash, record, private) != line:
        raise _Broken("altered", "It holds something beside what was sealed, or in another form.")
    return _Found(record, parts.hash, private is None and record.private is not None)


def _rendered(sealed: str, record: Record, private: Private | None) -> bytes:
    """The line as it has to be: nothing twice, nothing beside."""
    told = b',"private":%b' % _encode(private) if private is not None else b""
    return b'{"hash":"%b"%b,"record":%b}' % (sealed.encode(), told, _encode(record))


def _without_values(error: Exception) -> str:
    return str(error).split(" - at ", maxsplit=1)[0] if isinstance(error, msgspec.DecodeError) else "no UTF-8"


_line = msgspec.json.Decoder(_Line).decode
_record = msgspec.json.Decoder(Record).decode
_private = msgspec.json.Decoder(Private).decode
_checkpoint = msgspec.json.Decoder(_CheckpointLine).decode
_encode = msgspec.json.Encoder(order="sorted").encode
