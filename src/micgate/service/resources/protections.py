"""`/v1/protections`: agents and queues that nobody mutes alone. Only administrators mark them."""

import re
from typing import Literal

import msgspec
from litestar import delete, get, put
from litestar.params import FromPath

from micgate.audit import facts
from micgate.audit.privacy import NOBODY
from micgate.service.http.errors import NotThere
from micgate.service.principals import permission
from micgate.service.principals.principal import Principal, Scope
from micgate.service.request import record
from micgate.service.request.access import Caller, Shared, opened_by
from micgate.service.request.parts import Parts

Kind = Literal["agent", "queue"]


class ProtectionView(msgspec.Struct, frozen=True, kw_only=True):
    kind: Kind
    id: str
    protected: bool


class ProtectionList(msgspec.Struct, frozen=True, kw_only=True):
    protections: list[ProtectionView]


@get("/v1/protections", opt=opened_by(Scope.ADMIN))
async def list_protections(*, parts: Shared) -> ProtectionList:
    """Everything that is marked."""
    marked = await parts.store.agents.protected(parts.org)
    return ProtectionList(
        protections=[
            ProtectionView(kind=msgspec.convert(kind, Kind), id=id_, protected=True)
            for kind, id_ in sorted(marked)
        ]
    )


@put("/v1/protections/{kind:str}/{ref:str}", opt=opened_by(Scope.ADMIN))
async def protect(
    *,
    kind: FromPath[Kind],
    ref: FromPath[str],
    parts: Shared,
    principal: Caller,
) -> ProtectionView:
    """Mark an agent (by any reference) or a queue (by id)."""
    return await _mark(parts, principal, kind, ref, protect=True)


@delete("/v1/protections/{kind:str}/{ref:str}", status_code=200, opt=opened_by(Scope.ADMIN))
async def unprotect(
    *,
    kind: FromPath[Kind],
    ref: FromPath[str],
    parts: Shared,
    principal: Caller,
) -> ProtectionView:
    """Take the mark off."""
    return await _mark(parts, principal, kind, ref, protect=False)


async def _mark(parts: Parts, principal: Principal, kind: Kind, ref: str, *, protect: bool) -> ProtectionView:
    id_ = target = ref
    people = NOBODY
    permission.check_marks(principal)
    if kind == "agent":
        agent = await parts.directory.agent(ref)
        id_, target, people = agent.user_id, agent.pseudonym, record.about_agent(agent)
    elif not _is_id(ref) or (protect and await parts.directory.is_queue(ref) is False):
        # Nobody would be protected by a mark on it. While nobody can say, it is marked.
        raise NotThere("There is no such queue.", remedy="Give the id of a queue.")
    now = parts.now()
    fact = facts.Protection(subject=kind, protected=protect)
    told = record.protected(principal.actor, target, fact, at=now, people=people)
    await parts.store.agents.protect(
        parts.org, kind, id_, protect=protect, at=now, by=principal.actor.spelled, entry=told
    )
    parts.directory.forget_protected()
    return ProtectionView(kind=kind, id=id_, protected=protect)


_is_id = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}").fullmatch
