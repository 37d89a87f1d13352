"""Placing mutes: whatever must be so for it and whatever follows from it, in one statement."""

from collections.abc import Mapping

import msgspec

from micgate.control.microphone import decode, encode
from micgate.control.mute import Mute
from micgate.control.placing import DAY, chained
from micgate.control.policy import CAP_SECONDS
from micgate.store import fold, paces
from micgate.store.database import Connection, Row, numbered_one
from micgate.store.entries import rows_of
from micgate.store.errors import Overtaken
from micgate.store.idempotency import Answer, key_reused
from micgate.store.microphones import BLANK, Remembered
from micgate.store.mutes import chain_of, owner_of, too_many
from micgate.store.orgs import frozen
from micgate.store.queries import numbered, queries
from micgate.store.target import Target, gate
from micgate.store.verbs import Place, Placed

_SQL = queries("place")
_PLACE = numbered(_SQL["place"])
_BLANK = {"phase": BLANK.phase, "memory": encode(BLANK).decode()}


async def place(connection: Connection, change: Place, *, now: float) -> Placed:
    """On a connection in pipeline mode: what is sent up to the answer is one transaction."""
    gates = _gates(change)
    if gates:
        await connection.execute(_SQL["gates"], {"gates": gates})
    return _placed(change, await numbered_one(connection, _PLACE, _values(change, now)), now)


def overtaken() -> Overtaken:
    return Overtaken("Another mute of this owner was placed at the same moment.", remedy="Try again.")


def _gates(change: Place) -> list[int]:
    """What nobody else may be looking at between our look and our commit."""
    org = change.org
    names = {("agent", user) for user in fold.everywhere(change.mutes)}
    for mute in change.mutes:
        if (change.at_most, change.rate, change.beside) != (None, None, None):
            names.add(("owner", owner_of(mute)))
        if change.within is not None:
            names.add(("chain", chain_of(mute)))
    if change.claim:
        names.add(("claim", f"{change.claim.principal}\0{change.claim.key}"))
    return sorted(gate(kind, org, name) for kind, name in names)


def _values(change: Place, now: float) -> Mapping[str, object]:
    claim = change.claim
    return {
        "org": change.org,
        "now": now,
        "cap": CAP_SECONDS,
        "day": DAY,
        "mutes": msgspec.json.encode(change.mutes).decode(),
        "notes": msgspec.json.encode(change.notes).decode(),
        "told": rows_of(
            (None, change.entries), *((mute.id, change.tell(mute)) for mute in _ordered(change.mutes))
        ),
        "at_most": change.at_most,
        "rate": change.rate,
        **paces.moment(now),
        "within": change.within,
        "beside": None if change.beside is None else list(change.beside),
        "principal": claim and claim.principal,
        "key": claim and claim.key,
        "body_digest": claim and claim.body_digest,
        "status": claim and claim.status,
        "response": claim and claim.response,
        "expires_at": claim and claim.expires_at,
        **_BLANK,
    }


def _ordered(mutes: tuple[Mute, ...]) -> tuple[Mute, ...]:
    return tuple(sorted(mutes, key=lambda mute: mute.id))


def _placed(change: Place, row: Row, now: float) -> Placed:
    match row["word"]:
        case "replayed":
            return Placed(replayed=_replayed(change, row))
        case "frozen":
            raise frozen(row["frozen_by"])
        case "too_fast":
            raise paces.too_often(change.rate or 0, since=row["since"], now=now)
        case "standing":
            raise too_many(change.at_most or 0)
        case "overtaken":
            raise overtaken()
        case "chained":
            raise chained(within=change.within or 0.0, spent=row["spent"])
    added = set(row["added"] or ())
    mutes = tuple(mute for mute in _ordered(change.mutes) if mute.id in added)
    return Placed(mutes=mutes, due=fold.placed_due(change, mutes, _woken(change, row)))


def _woken(change: Place, row: Row) -> Remembered | None:
    """The microphone of the only mute, if it is told."""
    if row["version"] is None:
        return None
    mute = change.mutes[0]
    target = Target(change.org, mute.conversation_id or "", mute.user_id)
    return Remembered(target=target, version=row["version"], memory=decode(row["memory"]))


def _replayed(change: Place, row: Row) -> Answer:
    if change.claim is None or row["body_digest"] != change.claim.body_digest:
        raise key_reused()
    return Answer(row["status"], row["response"])
