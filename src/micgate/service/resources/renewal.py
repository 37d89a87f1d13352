"""`/v1/mutes/{id}/renewal`: the owner of a mute says that it is still there."""

from typing import Annotated
from uuid import UUID

import msgspec
from litestar import post
from litestar.params import FromPath, JSONBody

from micgate.control.mute import Mute
from micgate.service.http.errors import NoPresence
from micgate.service.principals.principal import Scope
from micgate.service.request import patience, place, views
from micgate.service.request.access import Caller, Shared, opened_by
from micgate.service.request.place import Presence
from micgate.service.resources import mutes
from micgate.store.verbs import Extend

USUAL = 30.0


class Renewal(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The owner will say so again within `presence` seconds."""

    presence: Annotated[Presence, msgspec.Meta(description="Seconds from now.")] = USUAL


@post("/v1/mutes/{mute_id:uuid}/renewal", status_code=200, opt=opened_by(Scope.MUTE))
async def renew_mute(
    *, mute_id: FromPath[UUID], data: JSONBody[Renewal], parts: Shared, principal: Caller
) -> views.MuteView:
    """Keep a mute that was placed with `presence`. Its end stays; only its owner may; again is the same."""
    mute = await mutes.own(parts, principal, mute_id)
    _check(mute)
    change = Extend(org=parts.org, mute_ids=(mute.id,), renew_by=parts.now() + data.presence)
    placed = await place.commit(parts, change)
    if not placed.mutes:
        raise mutes.over((await mutes.visible(parts, principal, mute_id)).end)
    return (await patience.show(parts, placed.mutes))[0]


def _check(mute: Mute) -> None:
    if not mute.stands:
        raise mutes.over(mute.end)
    if mute.renew_by is None:
        raise NoPresence(
            "This mute does not depend on its owner's presence.",
            remedy="It stands until its end; to have it depend, place it with `presence`.",
        )
