"""`/v1/webhooks`: where records are posted to. Added, listed, tested, given new secrets, delivered again."""

from typing import Annotated

import msgspec
from litestar import delete, get, post
from litestar.params import FromPath, JSONBody, QueryParameter

from micgate.audit.canonical import stamp
from micgate.control.policy import parse
from micgate.service.http.errors import Malformed, NotPermitted
from micgate.service.principals.principal import Principal, Scope
from micgate.service.request.access import Caller, Shared, opened_by
from micgate.service.request.parts import Parts
from micgate.store.deliveries import Delivery, Figures, State
from micgate.store.webhooks import StoredWebhook
from micgate.webhooks.book import DEFAULT, Book, NewWebhook

MOST = 1000
LONGEST_OVERLAP = 30 * 86_400.0


class WebhookWish(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`events`: actions of the record, `mute.*` for all of a kind, `*` for all."""

    name: Annotated[str, msgspec.Meta(max_length=64)]
    url: Annotated[str, msgspec.Meta(max_length=2000)]
    events: Annotated[tuple[str, ...], msgspec.Meta(max_length=100)] = DEFAULT


class SecretRotation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """For how long the old secret goes on signing beside the new one: "24h"."""

    overlap: str | float = "24h"


class Replay(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"from_": "from"}):
    """One of them: one record by its number, all from a number on, or all dead letters."""

    seq: Annotated[int, msgspec.Meta(ge=1, le=2**53)] | None = None
    from_: Annotated[int, msgspec.Meta(ge=1, le=2**53)] | None = None
    dead: bool = False


class WebhookView(msgspec.Struct, frozen=True, kw_only=True):
    """`waiting`: deliveries still to be made; `dead`: given up; `behind`: records not looked at yet."""

    id: str
    name: str
    url: str
    events: list[str]
    made_at: str
    former_secret_until: str | None
    position: int
    waiting: int
    dead: int
    behind: int


class NewWebhookView(msgspec.Struct, frozen=True, kw_only=True):
    """`secret` is shown this once."""

    secret: str
    webhook: WebhookView


class WebhookList(msgspec.Struct, frozen=True, kw_only=True):
    webhooks: list[WebhookView]


class Tested(msgspec.Struct, frozen=True, kw_only=True):
    """`status` null: there was no answer. `says` and `remedy` are there when it was not taken."""

    delivered: bool
    status: int | None
    ms: int
    says: str | None = None
    remedy: str | None = None


class DeliveryView(msgspec.Struct, frozen=True, kw_only=True):
    """`state`: waiting, done or dead. `status` and `says` are of the last try."""

    seq: int
    state: State
    tries: int
    made_at: str
    tried_at: str | None
    next_at: str | None
    ended_at: str | None
    status: int | None
    says: str | None


class DeliveryList(msgspec.Struct, frozen=True, kw_only=True):
    """`next` is the following page's `after`, null on the last."""

    deliveries: list[DeliveryView]
    next: int | None = None


class Replayed(msgspec.Struct, frozen=True, kw_only=True):
    """`deliveries` null: as many as there are."""

    deliveries: int | None


@post("/v1/webhooks", opt=opened_by(Scope.ADMIN))
async def add_webhook(*, data: JSONBody[WebhookWish], parts: Shared, principal: Caller) -> NewWebhookView:
    """Post what is sealed from now on to this URL, signed."""
    _check_unbounded(principal)
    new = await _book(parts).add(data.name, data.url, data.events, by=principal.actor)
    return _new(new)


@get("/v1/webhooks", opt=opened_by(Scope.ADMIN))
async def list_webhooks(*, parts: Shared) -> WebhookList:
    """All of them, with what waits and what was given up."""
    book = _book(parts)
    figures = await book.figures()
    return WebhookList(webhooks=[_view(one, figures.get(one.id)) for one in await book.all()])


@delete("/v1/webhooks/{ref:str}", status_code=200, opt=opened_by(Scope.ADMIN))
async def remove_webhook(*, ref: FromPath[str], parts: Shared, principal: Caller) -> WebhookView:
    """Post nothing there any more. What was still to be delivered is forgotten."""
    _check_unbounded(principal)
    return _view(await _book(parts).remove(ref, by=principal.actor))


@post("/v1/webhooks/{ref:str}/rotate", opt=opened_by(Scope.ADMIN))
async def rotate_webhook(
    *, ref: FromPath[str], data: JSONBody[SecretRotation], parts: Shared, principal: Caller
) -> NewWebhookView:
    """A new secret; the old one signs beside it during the overlap."""
    _check_unbounded(principal)
    overlap = parse(data.overlap)
    if not 0 <= overlap <= LONGEST_OVERLAP:
        raise Malformed(
            "Two secrets sign beside each other from 0 seconds to 30 days.", remedy="Give such a time: 24h."
        )
    return _new(await _book(parts).rotate(ref, overlap=overlap, by=principal.actor))


@post("/v1/webhooks/{ref:str}/test", status_code=200, opt=opened_by(Scope.ADMIN))
async def test_webhook(*, ref: FromPath[str], parts: Shared) -> Tested:
    """Post an event that tells of nothing, once, and say what came back."""
    result = await _book(parts).test(ref)
    return Tested(
        delivered=result.ok,
        status=result.status,
        ms=result.ms,
        says=result.says,
        remedy=result.remedy or None,
    )


@post("/v1/webhooks/{ref:str}/replay", status_code=202, opt=opened_by(Scope.ADMIN))
async def replay_webhook(
    *, ref: FromPath[str], data: JSONBody[Replay], parts: Shared, principal: Caller
) -> Replayed:
    """Deliver again: one record, all from one on, or all dead letters."""
    _check_unbounded(principal)
    book, by = _book(parts), principal.actor
    if sum((data.seq is not None, data.from_ is not None, data.dead)) != 1:
        raise Malformed("What to deliver again is not clear.", remedy="Give one of seq, from and dead.")
    if data.dead:
        return Replayed(deliveries=await book.replay_dead(ref, by=by))
    if data.from_ is not None:
        await book.replay_from(ref, data.from_, by=by)
        return Replayed(deliveries=None)
    await book.replay(ref, data.seq or 0, by=by)
    return Replayed(deliveries=1)


@get("/v1/webhooks/{ref:str}/deliveries", opt=opened_by(Scope.ADMIN))
async def list_deliveries(
    *,
    ref: FromPath[str],
    parts: Shared,
    which: Annotated[State | None, QueryParameter(name="state", description="waiting, done or dead.")] = None,
    after: Annotated[int, QueryParameter(ge=0, le=2**53, description="Only behind this number.")] = 0,
    limit: Annotated[int, QueryParameter(ge=1, le=MOST)] = 100,
) -> DeliveryList:
    """What is to be posted there, was posted, or was given up: dead letters stay until they are replayed."""
    found = await _book(parts).deliveries(ref, state=which, after=after, limit=limit)
    following = found[-1].seq if len(found) == limit else None
    return DeliveryList(deliveries=[_delivery(one) for one in found], next=following)


def _book(parts: Parts) -> Book:
    return Book(parts.store, parts.org, sender=parts.sender, now=parts.now)


def _check_unbounded(principal: Principal) -> None:
    bounded = (("agents", principal.limits.agents), ("queues", principal.limits.queues))
    for rule in (name for name, limit in bounded if limit is not None):
        raise NotPermitted(
            f"This key is for certain {rule}, and a webhook is told about all.",
            remedy="Use one without that limit.",
            rule=rule,
        )


def _new(new: NewWebhook) -> NewWebhookView:
    return NewWebhookView(secret=new.secret, webhook=_view(new.webhook))


def _view(webhook: StoredWebhook, figures: Figures | None = None) -> WebhookView:
    found = figures or Figures(waiting=0, dead=0, behind=0)
    return WebhookView(
        id=webhook.id,
        name=webhook.name,
        url=webhook.url,
        events=list(webhook.actions),
        made_at=stamp(webhook.made_at),
        former_secret_until=_stamped(webhook.former_until),
        position=webhook.position,
        waiting=found.waiting,
        dead=found.dead,
        behind=found.behind,
    )


def _delivery(one: Delivery) -> DeliveryView:
    return DeliveryView(
        seq=one.seq,
        state=one.state,
        tries=one.tries,
        made_at=stamp(one.made_at),
        tried_at=_stamped(one.tried_at),
        next_at=stamp(one.due_at) if one.state == "waiting" else None,
        ended_at=_stamped(one.done_at or one.dead_at),
        status=one.status,
        says=one.says,
    )


def _stamped(at: float | None) -> str | None:
    return None if at is None else stamp(at)
