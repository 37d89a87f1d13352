"""What checkpoints say about a chain: how far it is vouched for, and which record is another. Pure."""

from collections.abc import Iterable

from micgate.audit.checkpoint import TRAIL_BYTES, Checkpoint, is_signed, trail
from micgate.audit.record import FORM
from micgate.audit.signing import PublicKey, from_raw
from micgate.audit.walk import Bad, Walk


class Witnesses:
    """Checkpoints whose signature is good. `strangers` are the ids of keys that nobody gave us."""

    def __init__(self, checkpoints: Iterable[Checkpoint], keys: Iterable[PublicKey]) -> None:
        self.good: list[Checkpoint] = []
        self.bad: list[Bad] = []
        self.strangers: set[str] = set()
        self._keys = {key.id: key for key in keys}
        self._ended: dict[str, int] = {}
        for checkpoint in sorted(checkpoints, key=_handing_over_first):
            self._take(checkpoint)

    def _take(self, checkpoint: Checkpoint) -> None:
        key = self._keys.get(checkpoint.key_id)
        if key is None:
            self.strangers.add(checkpoint.key_id)
        elif checkpoint.v != FORM or not is_signed(checkpoint, key):
            self._refuse(checkpoint, f"It does not carry the signature of key {key.id}.")
        elif checkpoint.seq > self._ended.get(key.id, checkpoint.seq):
            self._refuse(checkpoint, f"Key {key.id} was given up at record {self._ended[key.id]}.")
        else:
            self.good.append(checkpoint)
            self._hand_over(checkpoint)

    def _refuse(self, checkpoint: Checkpoint, why: str) -> None:
        says = f"A checkpoint of record {checkpoint.seq} is forged or damaged. {why}"
        self.bad.append(Bad(seq=checkpoint.seq, word="checkpoint", says=says))

    def _hand_over(self, checkpoint: Checkpoint) -> None:
        following = from_raw(checkpoint.next_key) if checkpoint.next_key else None
        if following:
            self._keys[following.id] = following
            self._ended[checkpoint.key_id] = checkpoint.seq


def vouched(walk: Walk, checkpoints: Iterable[Checkpoint]) -> int:
    """The last record up to which these checkpoints vouch for all of the walk; 0 when for none."""
    return max((_vouched(walk, each) for each in checkpoints), default=0)


def contradictions(walk: Walk, checkpoints: Iterable[Checkpoint], *, proven: int, whole: bool) -> list[Bad]:
    """What the checkpoints know otherwise. `whole`: the file goes on to the last of them.

    `proven` is the last record that one from outside vouches for: those inside may have been signed anew.
    """
    told = list(checkpoints)
    found = [bad for each in told if (bad := _contradiction(walk, each, proven))]
    newest = max((each.seq for each in told), default=0)
    if whole and walk.bad is None and newest > walk.last:
        says = (
            f"The file ends with record {walk.last}; a checkpoint vouches for {newest}. Records were taken"
            " away, or the checkpoint is younger than the export: take those from before it, or say --part."
        )
        found.append(Bad(seq=walk.last + 1, word="missing", says=says))
    return found


def _vouched(walk: Walk, checkpoint: Checkpoint) -> int:
    """All before a record that is as vouched for is so too: its hash covers theirs."""
    if walk.first <= checkpoint.seq <= walk.last:
        return checkpoint.seq if walk.hash(checkpoint.seq).hex() == checkpoint.hash else 0
    seqs = _overlap(walk, checkpoint)
    return seqs[-1] if seqs and _differs(walk, checkpoint, seqs) is None else 0


def _contradiction(walk: Walk, checkpoint: Checkpoint, proven: int) -> Bad | None:
    if checkpoint.seq == walk.first - 1 and checkpoint.hash != walk.before:
        return _other(walk.first, checkpoint, walk.first - 1)
    if _vouched(walk, checkpoint):
        return None
    seq = _differs(walk, checkpoint, _overlap(walk, checkpoint))
    if seq is None and walk.first <= checkpoint.seq <= walk.last:
        seq = checkpoint.seq
    return _other(seq, checkpoint, proven) if seq is not None else None


def _overlap(walk: Walk, checkpoint: Checkpoint) -> range:
    """The records of the walk that the checkpoint's trail names."""
    return range(max(checkpoint.since + 1, walk.first), min(checkpoint.seq, walk.last) + 1)


def _differs(walk: Walk, checkpoint: Checkpoint, seqs: range) -> int | None:
    """The first record that is another than the trail says."""
    known = trail(checkpoint)
    for seq in seqs:
        at = (seq - checkpoint.since - 1) * TRAIL_BYTES
        if walk.hash(seq)[:TRAIL_BYTES] != known[at : at + TRAIL_BYTES]:
            return seq
    return None


def _other(seq: int, checkpoint: Checkpoint, proven: int) -> Bad:
    says = f"It is not the record that the checkpoint of record {checkpoint.seq} vouches for."
    if seq == checkpoint.since + 1 and proven < checkpoint.since:
        says += f" No checkpoint from outside tells whether those from {proven + 1} on are."
    return Bad(seq=seq, word="witness", says=says)


def _handing_over_first(checkpoint: Checkpoint) -> tuple[int, bool]:
    return checkpoint.seq, checkpoint.next_key is None
