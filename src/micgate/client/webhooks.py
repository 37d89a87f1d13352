"""Webhooks: one function per operation of the service, and what its answers are read as. Pure."""

from datetime import datetime
from typing import Literal, TypeAlias
from urllib.parse import quote

import msgspec

from micgate.client.messages import TIMEOUT_SECONDS, Ask, Request

State: TypeAlias = Literal["waiting", "done", "dead"]
_TEST_SECONDS = 15.0
"""The service gives a receiver 10."""


class Webhook(msgspec.Struct, frozen=True, kw_only=True):
    """`waiting`: deliveries still to be made; `dead`: given up; `behind`: records not looked at yet."""

    id: str
    name: str
    url: str
    events: tuple[str, ...]
    made_at: datetime
    former_secret_until: datetime | None = None
    position: int = 0
    waiting: int = 0
    dead: int = 0
    behind: int = 0


class NewWebhook(msgspec.Struct, frozen=True, kw_only=True):
    """`secret` is in this answer and in no other."""

    secret: str
    webhook: Webhook

    def __repr__(self) -> str:
        return f"NewWebhook({self.webhook.name})"


class Tested(msgspec.Struct, frozen=True, kw_only=True):
    """`status` None: there was no answer. `says` is what went wrong."""

    delivered: bool
    status: int | None
    ms: int
    says: str | None = None
    remedy: str | None = None


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """`seq` is the record's number; `status` and `says` are of the last try."""

    seq: int
    state: str
    tries: int
    made_at: datetime
    tried_at: datetime | None = None
    next_at: datetime | None = None
    ended_at: datetime | None = None
    status: int | None = None
    says: str | None = None


class DeliveryPage(msgspec.Struct, frozen=True, kw_only=True):
    """`next` leads to the following page."""

    deliveries: tuple[Delivery, ...]
    next: int | None = None


class Replayed(msgspec.Struct, frozen=True, kw_only=True):
    """`deliveries` None: as many as there are."""

    deliveries: int | None


class Removed(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    name: str


class _List(msgspec.Struct, frozen=True, kw_only=True):
    webhooks: tuple[Webhook, ...]


_new = msgspec.json.Decoder(NewWebhook)
_list = msgspec.json.Decoder(_List)
_removed = msgspec.json.Decoder(Removed)
_tested = msgspec.json.Decoder(Tested)
_replayed = msgspec.json.Decoder(Replayed)
_deliveries = msgspec.json.Decoder(DeliveryPage)


def add(name: str, url: str, events: tuple[str, ...]) -> Ask[NewWebhook]:
    """Not to be sent again when the answer is lost: the secret is in that answer alone."""
    wish = {"name": name, "url": url} | ({"events": list(events)} if events else {})
    return Ask(request=_post("/v1/webhooks", wish), answer=_new)


def every() -> Ask[_List]:
    return Ask(request=Request(method="GET", path="/v1/webhooks"), answer=_list)


def remove(ref: str) -> Ask[Removed]:
    return Ask(request=Request(method="DELETE", path=_at(ref)), answer=_removed)


def rotate(ref: str, *, overlap: str | float) -> Ask[NewWebhook]:
    """As `add`: not to be sent again."""
    return Ask(request=_post(f"{_at(ref)}/rotate", {"overlap": overlap}), answer=_new)


def test(ref: str) -> Ask[Tested]:
    request = Request(method="POST", path=f"{_at(ref)}/test", timeout=_TEST_SECONDS)
    return Ask(request=request, answer=_tested)


def replay(ref: str, *, seq: int | None, from_seq: int | None, dead: bool) -> Ask[Replayed]:
    """One of them."""
    wish = {name: value for name, value in (("seq", seq), ("from", from_seq)) if value is not None}
    return Ask(request=_post(f"{_at(ref)}/replay", wish | ({"dead": True} if dead else {})), answer=_replayed)


def deliveries(ref: str, *, state: State | None, after: int, limit: int) -> Ask[DeliveryPage]:
    query = (("after", str(after)), ("limit", str(limit)), *((("state", state),) if state else ()))
    return Ask(request=Request(method="GET", path=f"{_at(ref)}/deliveries", query=query), answer=_deliveries)


def _at(ref: str) -> str:
    return f"/v1/webhooks/{quote(ref, safe='')}"


def _post(path: str, body: object) -> Request:
    return Request(
        method="POST",
        path=path,
        body=msgspec.json.encode(body),
        headers={"Content-Type": "application/json"},
        timeout=TIMEOUT_SECONDS,
    )
