"""Signed heads. A checkpoint that is kept off the machine shows every later change of what is before it.

The signature covers the head, so all records up to it. The trail holds the beginning of each record's hash
since the checkpoint before: with it, a chain that was rebuilt from somewhere on betrays the very record.
"""

from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from micgate.audit.canonical import canonical, stamp
from micgate.audit.record import FORM
from micgate.audit.signing import PublicKey, SigningKey

MOST_RECORDS = 1000
LONGEST_SECONDS = 60.0
TRAIL_BYTES = 16
"""Of each hash. 128 bits: nobody finds another record with the same."""


class Unsigned(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`trail` is base64, for the records after `since` up to and with `seq`.

    `next_key`: from here on this public key signs, and `key_id` no longer does.
    """

    v: int
    org: str
    seq: int
    hash: str
    at: str
    since: int
    trail: str
    key_id: str
    next_key: str | None = None


class Checkpoint(Unsigned, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """`signature` is base64, over the canonical form of all the rest, after `PURPOSE`."""

    signature: str


PURPOSE = b"micgate audit checkpoint\n"


def is_due(*, unsigned: int, last_at: float, now: float, longest: float = LONGEST_SECONDS) -> bool:
    """Whether to sign again: `unsigned` records were sealed after the last checkpoint, made at `last_at`."""
    return unsigned >= MOST_RECORDS or (unsigned > 0 and now - last_at >= longest)


def sign(
    key: SigningKey,
    *,
    org: str,
    seq: int,
    hashes: Sequence[bytes],
    at: float,
    next_key: PublicKey | None = None,
) -> Checkpoint:
    """Vouch for an org's chain up to `seq`. `hashes` are those of the seals after the checkpoint before, up
    to and with this one; there is at least one.
    """
    unsigned = Unsigned(
        v=FORM,
        org=org,
        seq=seq,
        hash=hashes[-1].hex(),
        at=stamp(at),
        since=seq - len(hashes),
        trail=b64encode(b"".join(each[:TRAIL_BYTES] for each in hashes)).decode(),
        key_id=key.id,
        next_key=next_key.raw if next_key else None,
    )
    signature = b64encode(key.sign(PURPOSE + canonical(unsigned))).decode()
    return Checkpoint(**msgspec.structs.asdict(unsigned), signature=signature)


def is_signed(checkpoint: Checkpoint, key: PublicKey) -> bool:
    fields = msgspec.structs.asdict(checkpoint)
    signature = _bytes(fields.pop("signature"))
    return key.signed(PURPOSE + canonical(Unsigned(**fields)), signature)


def trail(checkpoint: Checkpoint) -> bytes:
    return _bytes(checkpoint.trail)


def signature(checkpoint: Checkpoint) -> bytes:
    return _bytes(checkpoint.signature)


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What a file of checkpoints holds, and which of its lines hold none."""

    checkpoints: tuple[Checkpoint, ...]
    unreadable: tuple[int, ...]


def read(lines: Iterable[bytes]) -> Found:
    """Checkpoints, one a line. A line that was cut short by a crash is named, and does not hide the rest."""
    checkpoints: list[Checkpoint] = []
    unreadable: list[int] = []
    for number, line in _numbered(lines):
        try:
            checkpoints.append(decoded(line))
        except (msgspec.DecodeError, UnicodeDecodeError):
            unreadable.append(number)
    return Found(checkpoints=tuple(checkpoints), unreadable=tuple(unreadable))


def _numbered(lines: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    return ((number, line) for number, line in enumerate(lines, start=1) if line.strip())


decoded = msgspec.json.Decoder(Checkpoint).decode


def _bytes(text: str) -> bytes:
    """What is no base64 counts as nothing, which no signature fits."""
    try:
        return b64decode(text, validate=True)
    except (NotBase64, ValueError):
        return b""
