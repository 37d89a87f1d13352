"""`/v1/freeze`, `/v1/unfreeze`: end all mutes and take no new ones, until somebody takes the brake off."""

import msgspec
from litestar import get, post

from micgate.audit.canonical import stamp
from micgate.audit.entry import Actor
from micgate.keeper import brake
from micgate.service.principals import permission
from micgate.service.principals.keyring import salt
from micgate.service.principals.principal import Scope
from micgate.service.request import record
from micgate.service.request.access import Caller, Shared, opened_by
from micgate.store.agents import Agent
from micgate.store.postgres import PostgresStore


class BrakeView(msgspec.Struct, frozen=True, kw_only=True):
    """`released` are the mutes that this request ended."""

    frozen: bool
    since: str | None = None
    by: str | None = None
    released: int = 0


@post("/v1/freeze", status_code=200, opt=opened_by(Scope.RELEASE_ANY))
async def freeze_all(*, parts: Shared, principal: Caller) -> BrakeView:
    """Release every mute and refuse new ones. Not with a key that is for some agents or queues only."""
    permission.check_brake(principal)
    return await freeze(parts.store, parts.org, principal.actor, now=parts.now())


@post("/v1/unfreeze", status_code=200, opt=opened_by(Scope.ADMIN))
async def unfreeze_all(*, parts: Shared, principal: Caller) -> BrakeView:
    """Take mutes again. Those that were released stay so."""
    permission.check_brake(principal)
    return await unfreeze(parts.store, parts.org, principal.actor, now=parts.now())


@get("/v1/freeze", opt=opened_by())
async def show_brake(*, parts: Shared) -> BrakeView:
    """Whether the brake is on."""
    return await shown(parts.store, parts.org)


async def freeze(store: PostgresStore, org: str, actor: Actor, *, now: float) -> BrakeView:
    """Pull the brake; also from the host, without an API. Again is the same."""
    released = 0
    if await store.orgs.brake(org) is None:
        standing = await store.mutes.standing(org)
        agents = await _agents(store, org, {mute.user_id for mute in standing})
        tell = record.ended(actor, agents, at=now)
        released = await brake.freeze(store, org, actor=actor, tell=tell, salt=salt, now=now)
    return msgspec.structs.replace(await shown(store, org), released=released)


async def unfreeze(store: PostgresStore, org: str, actor: Actor, *, now: float) -> BrakeView:
    """Loose the brake; again is the same."""
    if await store.orgs.brake(org) is not None:
        await brake.unfreeze(store, org, actor=actor, salt=salt, now=now)
    return await shown(store, org)


async def shown(store: PostgresStore, org: str) -> BrakeView:
    pulled = await store.orgs.brake(org)
    if pulled is None:
        return BrakeView(frozen=False)
    return BrakeView(frozen=True, since=stamp(pulled.at), by=pulled.by)


async def _agents(store: PostgresStore, org: str, users: set[str]) -> dict[str, Agent]:
    return {agent.user_id: agent for agent in await store.agents.get(org, sorted(users))} if users else {}
