"""The brake: everybody is released, and nobody is muted any more until it is taken off.

It needs the store only: from the host it works when sign-in, service and platform do not.
"""

from collections.abc import Callable

from micgate.audit import entry, facts
from micgate.audit.entry import Actor
from micgate.audit.privacy import People, Person, Salt
from micgate.control.mute import Mute
from micgate.store.entries import NewEntry
from micgate.store.verbs import Freeze, Unfreeze, Verbs

Tell = Callable[[Mute], tuple[NewEntry, ...]]


async def freeze(
    verbs: Verbs, org: str, *, actor: Actor, by: Person | None = None, tell: Tell, salt: Salt, now: float
) -> int:
    """End all mutes and refuse new ones. How many ended. `tell` writes the end of each."""
    pulled = entry.write(
        facts.Brake(frozen=True), at=now, actor=actor, target="brake", people=People(actor=by), salt=salt
    )
    change = Freeze(org=org, by=actor.spelled, entries=(pulled,), tell=tell)
    return len((await verbs.place(change, now=now)).mutes)


async def unfreeze(
    verbs: Verbs, org: str, *, actor: Actor, by: Person | None = None, salt: Salt, now: float
) -> None:
    """Mutes may be placed again; those that were ended stay ended."""
    loosed = entry.write(
        facts.Brake(frozen=False), at=now, actor=actor, target="brake", people=People(actor=by), salt=salt
    )
    await verbs.place(Unfreeze(org=org, entries=(loosed,)), now=now)
