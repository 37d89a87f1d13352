"""A record: what is hashed of an entry at its place in the chain. Pure."""

import msgspec

from micgate.audit.canonical import Plain
from micgate.audit.privacy import Private

FORM = 1
NOTHING_BEFORE = "0" * 64
"""What the first record of an org holds as the hash before it."""


class Record(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One sealed entry, without anything about persons: `private` is the digest of that.

    `seq` counts from 1 within the org and has no gaps; `previous` is the hash of the record before:
    SHA-256 of its canonical form, in hexadecimal.
    """

    v: int
    org: str
    seq: int
    previous: str
    at: str
    actor: str
    action: str
    target: str
    facts: dict[str, Plain]
    mute_id: str | None = None
    command_id: str | None = None
    private: str | None = None


class SealedRecord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A record with its hash. `private` is absent when it is erased, or not for this reader."""

    hash: str
    record: Record
    private: Private | None = None
