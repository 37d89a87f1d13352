"""`/v1/keys`: API keys are made, listed, rotated and revoked."""

from typing import Annotated

import msgspec
from litestar import delete, get, post
from litestar.params import FromPath, JSONBody

from micgate.audit.canonical import stamp
from micgate.audit.entry import ActorKind
from micgate.control.policy import parse
from micgate.service.http.errors import NotPermitted
from micgate.service.principals.keyring import DAY, EXPIRES_SECONDS, NAME_CHARACTERS, NewKey, issue, limits
from micgate.service.principals.principal import Limits, Principal, Scope
from micgate.service.request.access import Caller, Shared, opened_by
from micgate.service.request.parts import Parts
from micgate.store.keys import StoredKey


class KeyWish(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`expires_in_days` defaults to 90. Agents among the limits may be e-mail addresses."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=NAME_CHARACTERS)]
    scopes: Annotated[tuple[Scope, ...], msgspec.Meta(min_length=1, max_length=len(Scope))]
    limits: Limits = Limits()
    expires_in_days: Annotated[float, msgspec.Meta(gt=0, le=366)] = EXPIRES_SECONDS / DAY


class Rotation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """For how long the old key goes on working: "24h"."""

    overlap: str | float = "24h"


class KeyView(msgspec.Struct, frozen=True, kw_only=True):
    """A key, without what opens anything."""

    id: str
    prefix: str
    name: str
    scopes: list[str]
    limits: Limits
    made_at: str
    expires_at: str
    last_used_at: str | None
    revoked_at: str | None
    good: bool


class NewKeyView(msgspec.Struct, frozen=True, kw_only=True):
    """`secret` is shown this once."""

    secret: str
    key: KeyView


class KeyList(msgspec.Struct, frozen=True, kw_only=True):
    keys: list[KeyView]


@post("/v1/keys", opt=opened_by(Scope.ADMIN))
async def add_key(*, data: JSONBody[KeyWish], parts: Shared, principal: Caller) -> NewKeyView:
    """Make a key. It can be given nothing that the asking key has not."""
    resolved = msgspec.structs.replace(data.limits, agents=await _resolved(parts, data.limits.agents))
    _check_within(principal, data.scopes, resolved)
    new = issue(
        parts.org,
        name=data.name,
        scopes=data.scopes,
        limits=resolved,
        now=parts.now(),
        seconds=data.expires_in_days * DAY,
    )
    await parts.keys.add(new, by=principal.actor)
    return _new(new, now=parts.now())


@get("/v1/keys", opt=opened_by(Scope.ADMIN))
async def list_keys(*, parts: Shared) -> KeyList:
    """All keys, also those that have ended."""
    return KeyList(keys=[view(key, now=parts.now()) for key in await parts.keys.all()])


@post("/v1/keys/{ref:str}/rotate", opt=opened_by(Scope.ADMIN))
async def rotate_key(
    *,
    ref: FromPath[str],
    data: JSONBody[Rotation],
    parts: Shared,
    principal: Caller,
) -> NewKeyView:
    """A new key like this one; both work during the overlap."""
    old = await parts.keys.find(ref)
    _check_within(principal, tuple(Scope(scope) for scope in old.scopes), limits(old))
    new = await parts.keys.rotate(ref, by=principal.actor, overlap=parse(data.overlap))
    return _new(new, now=parts.now())


@delete("/v1/keys/{ref:str}", status_code=200, opt=opened_by(Scope.ADMIN))
async def revoke_key(*, ref: FromPath[str], parts: Shared, principal: Caller) -> KeyView:
    """End a key. Its mutes go on to their ends."""
    return view(await parts.keys.revoke(ref, by=principal.actor), now=parts.now())


def view(key: StoredKey, *, now: float) -> KeyView:
    return KeyView(
        id=key.id,
        prefix=key.prefix,
        name=key.name,
        scopes=list(key.scopes),
        limits=limits(key),
        made_at=stamp(key.made_at),
        expires_at=stamp(key.expires_at),
        last_used_at=None if key.last_used_at is None else stamp(key.last_used_at),
        revoked_at=None if key.revoked_at is None else stamp(key.revoked_at),
        good=key.good(now=now),
    )


def _new(new: NewKey, *, now: float) -> NewKeyView:
    return NewKeyView(secret=new.secret, key=view(new.key, now=now))


async def _resolved(parts: Parts, agents: tuple[str, ...] | None) -> tuple[str, ...] | None:
    if agents is None:
        return None
    found = [await parts.directory.agent(ref) for ref in agents]
    return tuple(agent.user_id for agent in found)


def _check_within(principal: Principal, scopes: tuple[Scope, ...], wanted: Limits) -> None:
    """A key that may make keys must not make a stronger one than itself."""
    remedy = "Make this one on the host: micgate keys add."
    if not set(scopes) <= principal.scopes:
        raise NotPermitted("A key gives only scopes that it has.", remedy=remedy, rule="scopes")
    if principal.kind is not ActorKind.HOST and not wanted.within(principal.limits):
        raise NotPermitted("A key gives no wider limits than its own.", remedy=remedy, rule="limits")
