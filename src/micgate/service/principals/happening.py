"""A record as those see it who are no auditors: no names, no notes, no ids of legs."""

import msgspec

from micgate.audit.canonical import Plain, stamp
from micgate.store.entries import Sealed

_OPEN = ("mute.", "microphone.", "recording.", "brake.")
"""Actions that whoever sees the microphones may see too; the others are for auditors."""


class Happening(msgspec.Struct, frozen=True, kw_only=True):
    """`target` is the pseudonym of an agent, or the id of what was acted on."""

    seq: int
    at: str
    action: str
    actor: str
    target: str
    mute_id: str | None
    facts: dict[str, Plain]


def happening(sealed: Sealed) -> Happening:
    entry = sealed.entry
    return Happening(
        seq=sealed.seq,
        at=stamp(entry.at),
        action=entry.action,
        actor=entry.actor,
        target=entry.target,
        mute_id=entry.mute_id,
        facts=_facts(entry.public),
    )


def is_open(action: str) -> bool:
    return action.startswith(_OPEN)


_facts = msgspec.json.Decoder(dict[str, Plain]).decode
