"""Verification, offline: an export, the public key, and, where there are some, checkpoints kept elsewhere.

What a checkpoint vouches for has not been changed since it was signed; and one that was kept off the machine
cannot have been signed again. Pure, one pass, some 40 bytes of memory for each record.
"""

from collections.abc import Iterable, Iterator
from typing import Literal

import msgspec

from micgate.audit.checkpoint import Checkpoint
from micgate.audit.signing import PublicKey
from micgate.audit.walk import Bad, Walk
from micgate.audit.witness import Witnesses, contradictions, vouched


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """`intact`: all of it fits, and a checkpoint vouches for records up to `vouched_seq`; up to `outside_seq`
    one that was kept off the machine does. `unwitnessed`: it fits, but nothing signed vouches for it.
    `altered`: `bad` is the first record that is not as it was sealed.

    `withheld` counts records whose part about persons is erased or was not exported.
    """

    word: Literal["intact", "unwitnessed", "altered"]
    org: str
    records: int
    first_seq: int
    last_seq: int
    vouched_seq: int
    outside_seq: int
    withheld: int
    bad: Bad | None = None
    notes: tuple[str, ...] = ()


def verify(
    lines: Iterable[bytes],
    *,
    keys: Iterable[PublicKey],
    outside: Iterable[Checkpoint] = (),
    whole: bool = True,
) -> Verdict:
    """Verify an export. `outside` are checkpoints that were kept off the machine.

    `whole`: the export begins where the record does and goes on to the newest checkpoint; then a beginning
    and an end that are missing show. Raises `NotAnExport`.
    """
    walk = Walk(lines)
    kept = {each for each in outside if each.org == walk.org}
    inside = {each for each in walk.checkpoints if each.org == walk.org}
    witnesses = Witnesses(inside | kept, keys)
    vouched_seq = vouched(walk, witnesses.good)
    outside_seq = vouched(walk, (each for each in witnesses.good if each in kept))
    bad = _first(walk, witnesses, vouched_seq, outside_seq, whole=whole)
    sound = bad.seq - 1 if bad else walk.last
    return Verdict(
        word="altered" if bad else "intact" if vouched_seq else "unwitnessed",
        org=walk.org,
        records=walk.last - walk.first + 1 if walk.first else 0,
        first_seq=walk.first,
        last_seq=walk.last,
        vouched_seq=min(vouched_seq, sound),
        outside_seq=min(outside_seq, sound),
        withheld=walk.withheld,
        bad=bad,
        notes=tuple(_notes(walk, witnesses, vouched_seq, outside=bool(kept))),
    )


def _first(
    walk: Walk, witnesses: Witnesses, vouched_seq: int, outside_seq: int, *, whole: bool
) -> Bad | None:
    found = [
        *([_culprit(walk.bad, vouched_seq)] if walk.bad else []),
        *([_headless(walk)] if whole and walk.first > _cut_through(walk, vouched_seq) + 1 else []),
        *witnesses.bad,
        *contradictions(walk, witnesses.good, proven=outside_seq, whole=whole),
    ]
    return min(found, key=lambda bad: bad.seq, default=None)


def _cut_through(walk: Walk, vouched_seq: int) -> int:
    """What nothing vouches for, anybody can have written behind the rest."""
    told = (through for seq, through in walk.cuts if seq <= vouched_seq or not vouched_seq)
    return max(told, default=0)


def _headless(walk: Walk) -> Bad:
    says = (
        f"The file begins with record {walk.first}, and nothing in it says that those before were cut off "
        "because of their age. If only a part was exported (--after), verify it as one: --part."
    )
    return Bad(seq=1, word="missing", says=says)


def _culprit(bad: Bad, vouched_seq: int) -> Bad:
    """Of two records that do not fit each other it is the first, unless something vouches for that one."""
    if bad.word != "link" or vouched_seq < bad.seq:
        return bad
    says = f"It was sealed after another record {bad.seq} than the one that a checkpoint vouches for."
    return Bad(seq=bad.seq + 1, word="link", says=says, line=bad.line)


def _notes(walk: Walk, witnesses: Witnesses, vouched_seq: int, *, outside: bool) -> Iterator[str]:
    if walk.first > 1:
        yield f"The file begins with record {walk.first}."
    if vouched_seq < walk.last:
        first = max(vouched_seq + 1, walk.first)
        yield f"No checkpoint vouches for the records from {first} to {walk.last}."
    if not outside:
        yield "No checkpoint from outside the file: who holds the signing key could have made all of it anew."
    if witnesses.strangers:
        yield f"Checkpoints of other keys were passed over: {', '.join(sorted(witnesses.strangers))}."
