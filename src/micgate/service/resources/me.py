"""`/v1/me`: who asks, what they may do, and what of it on this agent or this call."""

from typing import Annotated

import msgspec
from litestar import get
from litestar.params import QueryParameter

from micgate.audit.canonical import stamp
from micgate.audit.entry import ActorKind
from micgate.control.errors import WishError
from micgate.genesys.errors import GenesysError
from micgate.service.http import problems
from micgate.service.http.errors import NotThere, ServiceError
from micgate.service.http.problems import Problem
from micgate.service.principals import permission
from micgate.service.principals.principal import Limits, Principal, Scope
from micgate.service.request import place, surroundings, views
from micgate.service.request.access import Caller, Shared, opened_by
from micgate.service.request.parts import Parts
from micgate.service.request.place import NewMute, Text
from micgate.service.request.whom import whom
from micgate.store.agents import Agent
from micgate.store.errors import Refused

_SHORTEST = 1.0


class MayView(msgspec.Struct, frozen=True, kw_only=True):
    """What the key may do to one agent now. `longest`: seconds for which it may mute. `refused`: why not."""

    agent: views.Person
    conversation_id: str | None
    mute: bool
    longest: float
    reassert: bool
    refused: Problem | None = None


class MeView(msgspec.Struct, frozen=True, kw_only=True):
    """What this key is and may do. `may` is null unless an agent or a conversation was named.

    `standing`: mutes of this key that stand now, which `limits` may bound.
    """

    kind: ActorKind
    id: str
    name: str
    org: str
    scopes: list[Scope]
    limits: Limits
    expires_at: str | None
    standing: int
    may: list[MayView] | None = None


@get("/v1/me", opt=opened_by())
async def show_me(
    *,
    parts: Shared,
    principal: Caller,
    agent: Annotated[
        Text | None, QueryParameter(description="User id, e-mail address or unique name.")
    ] = None,
    conversation: Annotated[Text | None, QueryParameter(description="The agents on this call.")] = None,
) -> MeView:
    """The key that asks: its scopes and limits, and whether it may mute that agent or those on that call."""
    asked = agent is not None or conversation is not None
    agents = await _agents(parts, principal, agent, conversation) if asked else ()
    return MeView(
        kind=principal.kind,
        id=principal.id,
        name=principal.name,
        org=parts.org,
        scopes=sorted(principal.scopes),
        limits=principal.limits,
        expires_at=None if principal.ends_at is None else stamp(principal.ends_at),
        standing=len(await parts.store.mutes.of_owner(parts.org, principal.owner)),
        may=[await _may(parts, principal, one, conversation) for one in agents] if asked else None,
    )


async def _agents(
    parts: Parts, principal: Principal, ref: str | None, conversation: str | None
) -> tuple[Agent, ...]:
    """Those meant, as far as this key may see them."""
    if ref is not None:
        agent = await whom(parts, principal, ref)
        permission.check_agent(principal, agent.user_id)
        return (agent,)
    if not (conversation or "").isprintable():
        raise NotThere("There is no such call.", remedy="Give the id of a conversation.")
    rows = await parts.store.microphones.of_call(parts.org, conversation or "")
    users = {row.target.user_id for row in await surroundings.rows_seen(parts, principal, rows)}
    return tuple([await parts.directory.agent(user) for user in sorted(users)])


async def _may(parts: Parts, principal: Principal, agent: Agent, conversation: str | None) -> MayView:
    person = views.person(agent.user_id, {agent.user_id: agent})
    wish = NewMute(agent=agent.user_id, for_=_SHORTEST, conversation=conversation, dry_run=True)
    try:
        planned = await place.plan(parts, principal, wish, agent)
        rehearsed = await place.rehearse(parts, principal, planned)
    except (ServiceError, WishError, GenesysError, Refused) as error:
        refused = problems.of(error)
        return MayView(
            agent=person,
            conversation_id=conversation,
            mute=False,
            longest=0.0,
            reassert=False,
            refused=refused,
        )
    return MayView(
        agent=person,
        conversation_id=rehearsed.conversation_id,
        mute=True,
        longest=await place.longest(parts, principal, planned),
        reassert=principal.has(Scope.REASSERT),
    )
