"""The chain: one record after the other, each holding the hash of the one before. Pure."""

from collections.abc import Iterable, Iterator

import msgspec

from micgate.audit.canonical import Plain, hashed, stamp
from micgate.audit.privacy import restored
from micgate.audit.record import FORM, NOTHING_BEFORE, Record, SealedRecord
from micgate.store.entries import Entry, Sealed


def link(previous: bytes, seq: int, entry: Entry) -> bytes:
    """The hash of an entry at its place, for the store's verb `seal`. `previous` is empty for the first."""
    return bytes.fromhex(hashed(record(entry, seq=seq, previous=previous)))


def record(entry: Entry, *, seq: int, previous: bytes) -> Record:
    """What is hashed of an entry, as the store gives it back."""
    return Record(
        v=FORM,
        org=entry.org,
        seq=seq,
        previous=previous.hex() or NOTHING_BEFORE,
        at=stamp(entry.at),
        actor=entry.actor,
        action=entry.action,
        target=entry.target,
        facts=_facts(entry.public),
        mute_id=entry.mute_id,
        command_id=entry.command_id,
        private=entry.private_digest.hex() if entry.private_digest else None,
    )


def sealed_records(
    previous: bytes, sealed: Iterable[Sealed], *, with_private: bool = True
) -> Iterator[SealedRecord]:
    """Records as they are exported, in the order of the chain. `previous` is the hash before the first."""
    for each in sealed:
        private = restored(each.body) if with_private and each.body is not None else None
        found = record(each.entry, seq=each.seq, previous=previous)
        yield SealedRecord(hash=each.hash.hex(), record=found, private=private)
        previous = each.hash


_facts = msgspec.json.Decoder(dict[str, Plain]).decode
