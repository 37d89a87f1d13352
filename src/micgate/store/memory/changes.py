"""What somebody asks to be changed: whether it may be, and what it comes to, in memory."""

import math
from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from micgate.control.mute import Mute
from micgate.control.placing import check_spent, spent
from micgate.control.policy import CAP_SECONDS
from micgate.store import paces
from micgate.store.database import invariant_broken
from micgate.store.idempotency import Answer, Claim, key_reused
from micgate.store.memory.contents import Contents
from micgate.store.mutes import Ending, too_many
from micgate.store.orgs import Brake, frozen
from micgate.store.place import overtaken
from micgate.store.verbs import Change, Extend, Freeze, Place, Release, Unfreeze


def replayed(contents: Contents, claim: Claim, now: float) -> Answer | None:
    """What the same request was answered before."""
    before = contents.claims.get((claim.principal, claim.key))
    if before is None or before.expires_at <= now:
        return None
    if before.body_digest != claim.body_digest:
        raise key_reused()
    return Answer(before.status, before.response)


def changed(contents: Contents, change: Change, now: float) -> tuple[Mute, ...]:
    """The mutes as they are to be. Raises as `Verbs.place` does; nothing is written yet."""
    org = change.org
    match change:
        case Place():
            return _placed(contents, change, now)
        case Release() | Freeze():
            found = contents.standing_of(org)
            if isinstance(change, Release):
                found = [mute for mute in found if mute.id in change.mute_ids]
            return contents.ended(
                [Ending(mute_id=mute.id, at=now, end=change.end, by=change.by) for mute in found]
            )
        case Extend():
            found = [mute for mute in contents.standing_of(org) if mute.id in change.mute_ids]
            longer = tuple(_extended(mute, change) for mute in found)
            _check_chains(contents, org, longer, within=change.within)
            _check_pace(contents, change, longer, now)
            return longer
        case Unfreeze():
            return ()


def keep(contents: Contents, change: Change, changed: Iterable[Mute], now: float) -> None:
    """Write it down."""
    contents.write(change.org, changed)
    if isinstance(change, Place | Extend) and change.rate is not None:
        for mute in changed:
            contents.paces.setdefault((change.org, mute.owner), []).append(now)
    if isinstance(change, Place):
        contents.notes |= {ref: body for ref, body in change.notes if ref not in contents.notes}
    elif isinstance(change, Freeze):
        contents.brakes.setdefault(change.org, Brake(now, change.by))
    elif isinstance(change, Unfreeze):
        contents.brakes.pop(change.org, None)


def _placed(contents: Contents, change: Place, now: float) -> tuple[Mute, ...]:
    if brake := contents.brakes.get(change.org):
        raise frozen(brake.by)
    new = [mute for mute in change.mutes if mute.id not in contents.mutes]
    _check_pace(contents, change, new, now)
    for mute in new:
        owned = [
            one for one in (*contents.standing_of(change.org), *new) if one.stands and one.owner == mute.owner
        ]
        if change.at_most is not None and len(owned) > change.at_most:
            raise too_many(change.at_most)
    _check_beside(contents, change, new)
    _check_chains(contents, change.org, new, within=change.within)
    for mute in new:
        _check(mute)
    return tuple(sorted(new, key=lambda mute: mute.id))


def _check_pace(contents: Contents, change: Place | Extend, mutes: Sequence[Mute], now: float) -> None:
    if change.rate is None:
        return
    for mute in mutes:
        made = contents.paces.get((change.org, mute.owner), [])
        counting = [at for at in made if math.floor(at) >= math.floor(now) - paces.MINUTE]
        together = len(counting) + sum(one.owner == mute.owner for one in mutes)
        if together > change.rate:
            raise paces.too_often(change.rate, since=math.floor(min(counting, default=now)), now=now)


def _check_beside(contents: Contents, change: Place, new: Sequence[Mute]) -> None:
    owners = {mute.owner for mute in new}
    for one in contents.standing_of(change.org):
        if change.beside is not None and one.owner in owners and one.id not in change.beside:
            raise overtaken()


def _check_chains(contents: Contents, org: str, new: Sequence[Mute], *, within: float | None) -> None:
    """Of the new ones, together with all others."""
    if within is not None:
        changed = {mute.id for mute in new}
        others = [*new, *(mute for mute in contents.mutes_of(org) if mute.id not in changed)]
        for mute in new:
            check_spent(mute, spent=spent(mute, others), within=within)


def _extended(mute: Mute, change: Extend) -> Mute:
    release_at = mute.release_at if change.release_at is None else change.release_at
    renew_by = mute.renew_by if change.renew_by is None else change.renew_by
    longer = replace(mute, release_at=release_at, renew_by=renew_by)
    _check(longer)
    return longer


def _check(mute: Mute) -> None:
    if not mute.placed_at <= mute.release_at <= mute.placed_at + CAP_SECONDS:
        raise invariant_broken("mutes_end")
