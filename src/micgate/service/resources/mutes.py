"""`/v1/mutes`: place, look, extend, release."""

from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Request, Response, delete, get, patch, post
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, HeaderParameter, JSONBody, QueryParameter

from micgate.control.mute import End, Mute
from micgate.control.placing import extended
from micgate.control.policy import ceiling
from micgate.service.http.errors import Malformed, NotPermitted, NotThere, Over
from micgate.service.principals import permission
from micgate.service.principals.principal import Principal, Scope
from micgate.service.request import patience, place, record, surroundings, views
from micgate.service.request.access import Caller, Shared, opened_by
from micgate.service.request.idempotent import IdempotencyKey, answered, key_of
from micgate.service.request.parts import Parts
from micgate.service.request.place import NewMute, Plan, RehearsalView, Text
from micgate.service.request.whom import whom
from micgate.store.idempotency import Answer
from micgate.store.verbs import Extend, Placed, Release

MOST = 1000
JSON = "application/json"
_REPLAYED = {"Idempotency-Replayed": "true"}

AnyRequest = Request[Any, Any, Any]
Once = Annotated[
    str | None,
    HeaderParameter(
        name="Idempotency-Key",
        description="The same key and body are one request, for a day.",
        min_length=1,
        max_length=255,
        pattern="^[ -~]+$",
    ),
]
Prefer = Annotated[
    str | None, HeaderParameter(name="Prefer", description="wait=2: wait so many seconds for the outcome.")
]


class Extension(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"for_": "for"}
):
    """A later (or earlier) end, counted from now, and why."""

    reason: Text
    for_: str | float | None = None
    until: Text | None = None


class MuteList(msgspec.Struct, frozen=True, kw_only=True):
    """`next` is what to give as `after` for the following page; null on the last."""

    mutes: list[views.MuteView]
    next: str | None = None


@post(
    "/v1/mutes",
    opt=opened_by(Scope.MUTE),
    responses={200: ResponseSpec(RehearsalView, description="A dry run: nothing was placed.")},
)
async def place_mute(
    *,
    request: AnyRequest,
    data: JSONBody[NewMute],
    parts: Shared,
    principal: Caller,
    idempotency_key: Once = None,
    prefer: Prefer = None,
) -> Response[views.MuteView]:
    """Silence an agent for a while. The answer says `pending`: it waits for the platform only if asked to.

    Repeated with its Idempotency-Key it gets the first answer again, with Prefer the mute as it is now.
    """
    key = key_of(parts, principal, idempotency_key, address="POST mutes", body=await request.body())
    if before := await answered(parts, key):
        return await _placed_before(parts, before, prefer)
    parts.keys.count(principal)
    agent = await parts.directory.agent(data.agent)
    if data.dry_run:
        planned = await place.plan(parts, principal, data, agent)
        return _plain(msgspec.json.encode(await place.rehearse(parts, principal, planned)), 200)
    planned, placed = await place.check_and_place(parts, principal, data, agent, key=key)
    if placed.replayed:
        return await _placed_before(parts, placed.replayed, prefer)
    return await _placed(parts, planned, prefer)


@get("/v1/mutes", opt=opened_by())
async def list_mutes(
    *,
    parts: Shared,
    principal: Caller,
    agent: Annotated[
        str | None, QueryParameter(description="User id, e-mail address or unique name.")
    ] = None,
    standing: Annotated[bool, QueryParameter(description="false: also those that have ended.")] = True,
    limit: Annotated[int, QueryParameter(ge=1, le=MOST)] = 100,
    after: Annotated[UUID | None, QueryParameter(description="The `next` of the page before.")] = None,
) -> MuteList:
    """Mutes, oldest first."""
    found = await _found(parts, principal, agent, standing=standing)
    seen = await surroundings.mutes_seen(parts, principal, found)
    left = [one for one in seen if after is None or one.id > str(after)]
    page = tuple(left[:limit])
    return MuteList(mutes=await patience.show(parts, page), next=page[-1].id if len(left) > limit else None)


@get("/v1/mutes/{mute_id:uuid}", opt=opened_by())
async def get_mute(
    mute_id: FromPath[UUID],
    parts: Shared,
    principal: Caller,
    prefer: Prefer = None,
) -> views.MuteView:
    """One mute. With `Prefer: wait=2` as soon as it is neither pending nor releasing."""
    mute = await visible(parts, principal, mute_id)
    shown = await patience.settled(parts, mute, seconds=patience.wanted(prefer))
    if mute.note_ref and (mute.owner == principal.owner or principal.has(Scope.AUDIT)):
        return msgspec.structs.replace(shown, note=await parts.store.mutes.note(mute.note_ref))
    return shown


@patch("/v1/mutes/{mute_id:uuid}", opt=opened_by(Scope.MUTE))
async def extend_mute(
    *,
    request: AnyRequest,
    mute_id: FromPath[UUID],
    data: JSONBody[Extension],
    parts: Shared,
    principal: Caller,
    idempotency_key: Once = None,
) -> Response[views.MuteView]:
    """Extend (or shorten) a mute of one's own, within its ceiling."""
    address = f"PATCH mutes {mute_id}"
    key = key_of(parts, principal, idempotency_key, address=address, body=await request.body())
    if before := await answered(parts, key):
        return _again(before)
    mute = await own(parts, principal, mute_id)
    parts.keys.count(principal)
    marked = await parts.directory.protected()
    permission.check_protected(protected=("agent", mute.user_id) in marked)
    wanted = _extended(parts, principal, mute, data)
    said = await parts.forecast.said(wanted.release_at, before=mute.release_at)
    placed = await _commit_extension(parts, principal, mute, wanted, wish=data, said=said, key=key)
    if placed.replayed:
        return _again(placed.replayed)
    if not placed.mutes:
        raise over((await visible(parts, principal, mute_id)).end)
    (shown,) = await patience.show(parts, placed.mutes)
    return Response(msgspec.structs.replace(shown, said=said))


@delete("/v1/mutes/{mute_id:uuid}", status_code=200, opt=opened_by())
async def release_mute(
    mute_id: FromPath[UUID],
    parts: Shared,
    principal: Caller,
    prefer: Prefer = None,
) -> views.MuteView:
    """End a mute. The microphone opens if no other stands and it was open before. Again is the same."""
    mute = await visible(parts, principal, mute_id)
    own = mute.owner == principal.owner
    permission.demand(principal, Scope.MUTE if own else Scope.RELEASE_ANY)
    agents = await parts.directory.known({mute.user_id})
    await place.commit(
        parts,
        Release(
            org=parts.org,
            mute_ids=(mute.id,),
            by=principal.actor.spelled,
            end=End.RELEASED if own else End.CANCELLED,
            tell=record.ended(principal.actor, agents, at=parts.now()),
        ),
    )
    return await patience.settled(parts, mute, seconds=patience.wanted(prefer))


async def visible(parts: Parts, principal: Principal, mute_id: UUID) -> Mute:
    """A mute that this principal may see. Raises `NotThere`."""
    found = await parts.store.mutes.get(parts.org, [str(mute_id)])
    seen = await surroundings.mutes_seen(parts, principal, found)
    if not seen:
        raise NotThere("There is no such mute.", remedy="List them: GET /v1/mutes.")
    return seen[0]


async def own(parts: Parts, principal: Principal, mute_id: UUID) -> Mute:
    """A mute that this principal placed."""
    mute = await visible(parts, principal, mute_id)
    if mute.owner != principal.owner:
        raise NotPermitted(
            "Only the owner of a mute extends or renews it.",
            remedy="Place one of your own beside it.",
            rule="owner",
        )
    return mute


def over(end: End | None) -> Over:
    return Over("The mute has ended meanwhile.", remedy="Place a new one.", end=end)


async def _placed(parts: Parts, planned: Plan, prefer: str | None) -> Response[views.MuteView]:
    shown, headers = planned.view(), {"Location": f"/v1/mutes/{planned.mute.id}"}
    if seconds := patience.wanted(prefer):
        found = await patience.settled(parts, planned.mute, seconds=seconds)
        shown = msgspec.structs.replace(found, note=planned.note, said=planned.said)
        headers["Preference-Applied"] = f"wait={seconds:g}"
    return Response(shown, status_code=place.CREATED, headers=headers)


async def _placed_before(parts: Parts, answer: Answer, prefer: str | None) -> Response[views.MuteView]:
    """Word for word, or, to whoever prefers to wait for the outcome, the same mute as it is now."""
    seconds = patience.wanted(prefer)
    before = msgspec.json.decode(answer.response, type=views.MuteView)
    found = await parts.store.mutes.get(parts.org, [before.id]) if seconds else ()
    if not found:
        return _again(answer)
    now = await patience.settled(parts, found[0], seconds=seconds)
    shown = msgspec.structs.replace(now, note=before.note, said=before.said)
    headers = {**_REPLAYED, "Preference-Applied": f"wait={seconds:g}"}
    return Response(shown, status_code=answer.status, headers=headers)


async def _found(parts: Parts, principal: Principal, ref: str | None, *, standing: bool) -> tuple[Mute, ...]:
    if ref is None:
        if not standing:
            raise Malformed("Mutes that have ended are listed by agent.", remedy="Name one: ?agent=")
        return await parts.store.mutes.standing(parts.org)
    agent = await whom(parts, principal, ref)
    permission.check_agent(principal, agent.user_id)
    found = await parts.store.mutes.of_agent(parts.org, agent.user_id, limit=MOST)
    return tuple(sorted((one for one in found if one.stands or not standing), key=lambda one: one.id))


def _extended(parts: Parts, principal: Principal, mute: Mute, wish: Extension) -> Mute:
    now, covers_agent = parts.now(), mute.conversation_id is None
    if not mute.stands:
        raise over(mute.end)
    if wish.for_ is None and wish.until is None:
        # The usual length would cut short a mute that is to last longer.
        raise Malformed("The new end is not said.", remedy="Give `for`, counted from now, or `until`.")
    seconds = place.seconds_asked(
        wish.for_, wish.until, principal=principal, covers_agent=covers_agent, now=now
    )
    permission.check_longest(principal, seconds)
    most = min(ceiling(principal.placer, covers_agent=covers_agent), principal.limits.longest)
    return extended(mute, seconds=seconds, reason=wish.reason, now=now, ceiling=most)


async def _commit_extension(
    parts: Parts,
    principal: Principal,
    mute: Mute,
    wanted: Mute,
    *,
    wish: Extension,
    said: str | None,
    key: IdempotencyKey | None,
) -> Placed:
    now = parts.now()
    agents = await parts.directory.known({mute.user_id})
    agent = agents.get(mute.user_id) or await parts.directory.agent(mute.user_id)
    names = {principal.id: principal.name}
    answer = Answer(200, msgspec.json.encode(views.mute(wanted, agents=agents, names=names, said=said)))
    told = record.extended(
        principal, agent, at=now, before=mute.release_at, reason=record.words(wish.reason, parts.reasons)
    )
    return await place.commit(
        parts,
        Extend(
            org=parts.org,
            mute_ids=(mute.id,),
            release_at=wanted.release_at,
            rate=principal.limits.rate,
            within=place.together(principal, covers_agent=mute.conversation_id is None),
            tell=told,
            claim=key.claim(answer, now=now) if key else None,
        ),
    )


def _again(answer: Answer) -> Response[views.MuteView]:
    return _plain(answer.response, answer.status, **_REPLAYED)


def _plain(content: bytes, status: int, **headers: str) -> Response[views.MuteView]:
    """Encoded before: Litestar passes bytes on as they are."""
    return Response(content, status_code=status, media_type=JSON, headers=headers)  # type: ignore[arg-type]  # as above
