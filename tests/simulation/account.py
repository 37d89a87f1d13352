"""In the end: the record verifies, and says of every command and of every end what the store says."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING

import msgspec

from micgate.audit import signing
from micgate.audit.chain import sealed_records
from micgate.audit.checkpoint import sign
from micgate.audit.export import checkpoint_line, json_line
from micgate.audit.verify import verify
from micgate.store.fold import KEEPER
from micgate.store.memory.contents import Contents
from simulation.broken import Broken

if TYPE_CHECKING:
    from micgate.store.entries import Entry

_KEY = signing.new()


def verified(contents: Contents, org: str, *, now: float) -> None:
    """As an export would be, by whoever has the public key."""
    if contents.unsealed.get(org):
        raise Broken(6, f"{len(contents.unsealed[org])} entries were never sealed")
    sealed = contents.seals.get(org, [])
    if len(sealed) != len(contents.entries):
        raise Broken(6, f"{len(contents.entries)} entries, {len(sealed)} of them sealed")
    if not sealed:
        return
    head = sign(_KEY, org=org, seq=len(sealed), hashes=[one.hash for one in sealed], at=now)
    verdict = verify([*_lines(contents, org), checkpoint_line(head)], keys=[_KEY.public])
    if verdict.word != "intact" or verdict.records != len(sealed):
        raise Broken(6, f"the record is {verdict.word}: {verdict.bad}")


def told(contents: Contents) -> None:
    """Every command has one intent and one closing word in the record, every end by the keeper one entry."""
    of_command: dict[str, list[Entry]] = defaultdict(list)
    ends: Counter[str | None] = Counter()
    for entry in contents.entries:
        if entry.command_id is not None and entry.action != "command.late":
            of_command[entry.command_id].append(entry)
        if entry.action == "mute.ended":
            ends[entry.mute_id] += 1
    for command_id, issued in contents.commands.items():
        said = [entry.action for entry in of_command.pop(command_id, [])]
        closed = ["command.concluded"] if issued.outcome else []
        if said != ["command.intended", *closed]:
            raise Broken(6, f"the record says of {command_id} only {said}")
    if of_command:
        raise Broken(6, f"the record tells of commands that nobody knows: {sorted(of_command)}")
    for mute_id, (_, mute) in contents.mutes.items():
        if ends[mute_id] != (mute.ended_by == KEEPER):
            raise Broken(6, f"the record tells {ends[mute_id]} ends of {mute_id}")


def _lines(contents: Contents, org: str) -> Iterator[bytes]:
    bodies = contents.private
    sealed = (msgspec.structs.replace(one, body=bodies.get(one.entry.id)) for one in contents.seals[org])
    return (json_line(one) for one in sealed_records(b"", sealed))
