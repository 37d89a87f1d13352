"""One function per operation of the service. Pure: what is asked, and what the answer is read as."""

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, TypeAlias
from urllib.parse import quote

import msgspec

from micgate.client.errors import Invalid
from micgate.client.messages import TIMEOUT_SECONDS, Ask, Request
from micgate.client.models import (
    Brake,
    Budget,
    Explanation,
    Me,
    MicrophonePage,
    Mute,
    MutePage,
    Readiness,
    RecordPage,
    Rehearsal,
)

Length: TypeAlias = str | float
"""`"90s"`, `"2m"`, `"1m30s"`, or seconds."""

LONGEST_WAIT = 30.0
"""Seconds for which the service holds one answer back."""
LONGEST_KEY = 255
_PAGE = 1000

_mute = msgspec.json.Decoder(Mute)
_mutes = msgspec.json.Decoder(MutePage)
_rehearsal = msgspec.json.Decoder(Rehearsal)
_microphones = msgspec.json.Decoder(MicrophonePage)
_explanation = msgspec.json.Decoder(Explanation)
_brake = msgspec.json.Decoder(Brake)
_me = msgspec.json.Decoder(Me)
_budget = msgspec.json.Decoder(Budget)
_records = msgspec.json.Decoder(RecordPage)
_readiness = msgspec.json.Decoder(Readiness)


class OnlyIf(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Conditions for a mute, all of which have to be known to hold. A list is met by any of its words."""

    connected: bool = False
    not_held: bool = False
    queue: Sequence[str] = ()
    presence: Sequence[str] = ()
    routing_status: Sequence[str] = ()


class Wish(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename={"for_": "for"}):
    """A mute as it is asked for. `for_` or `until`, else 2 minutes.

    `presence`: it has to be renewed every so many seconds (2 to 300).
    """

    agent: str
    for_: Length | None = None
    until: datetime | None = None
    reason: str | None = None
    note: str | None = None
    covers: str | None = None
    conversation: str | None = None
    on_override: str | None = None
    open_policy: str | None = None
    only_if: OnlyIf | None = None
    presence: float | None = None
    dry_run: bool = False


def place(wish: Wish, *, key: str, wait: float = 0.0) -> Ask[Mute]:
    """`key` makes it one mute however often it is sent; `wait` is in seconds, for the platform to show it."""
    headers = {**_JSON, **_once(key), **_preferring(wait)}
    return Ask(request=_request("POST", "/v1/mutes", wish, headers, wait=wait), answer=_mute)


def rehearse(wish: Wish) -> Ask[Rehearsal]:
    dry = msgspec.structs.replace(wish, dry_run=True)
    return Ask(request=_request("POST", "/v1/mutes", dry, _JSON), answer=_rehearsal)


def mutes(*, agent: str | None = None, standing: bool = True, after: str | None = None) -> Ask[MutePage]:
    """Those that have ended are listed for one agent only."""
    query = _query(agent=agent, standing=None if standing else "false", limit=str(_PAGE), after=after)
    return Ask(request=Request(method="GET", path="/v1/mutes", query=query), answer=_mutes)


def mute(mute_id: str, *, wait: float = 0.0) -> Ask[Mute]:
    """With `wait` as soon as it is neither pending nor releasing, or when these seconds are over."""
    return Ask(request=_request("GET", _at(mute_id), None, _preferring(wait), wait=wait), answer=_mute)


def extend(mute_id: str, *, reason: str, for_: Length | None, until: datetime | None, key: str) -> Ask[Mute]:
    """`for_` counts from now."""
    body = {"reason": reason, **_given(until=until), **({} if for_ is None else {"for": for_})}
    headers = {**_JSON, **_once(key)}
    return Ask(request=_request("PATCH", _at(mute_id), body, headers), answer=_mute)


def renew(mute_id: str, *, presence: float) -> Ask[Mute]:
    """The owner is there, and will say so again within `presence` seconds."""
    path = f"{_at(mute_id)}/renewal"
    return Ask(request=_request("POST", path, {"presence": presence}, _JSON), answer=_mute)


def release(mute_id: str, *, wait: float = 0.0) -> Ask[Mute]:
    return Ask(request=_request("DELETE", _at(mute_id), None, _preferring(wait), wait=wait), answer=_mute)


def microphones(*, live: bool = True, after: str | None = None) -> Ask[MicrophonePage]:
    query = _query(live=None if live else "false", limit=str(_PAGE), after=after)
    return Ask(request=Request(method="GET", path="/v1/microphones", query=query), answer=_microphones)


def explain(agent: str) -> Ask[Explanation]:
    path = f"/v1/agents/{quote(agent, safe='@')}"
    return Ask(request=Request(method="GET", path=path), answer=_explanation)


def me(*, agent: str | None = None, conversation: str | None = None) -> Ask[Me]:
    query = _query(agent=agent, conversation=conversation)
    return Ask(request=Request(method="GET", path="/v1/me", query=query), answer=_me)


def budget(org: str) -> Ask[Budget]:
    path = f"/v1/orgs/{quote(org, safe='')}/budget"
    return Ask(request=Request(method="GET", path=path), answer=_budget)


def readiness() -> Ask[Readiness]:
    """Answered with 503 when something does not work."""
    return Ask(request=Request(method="GET", path="/readyz"), answer=_readiness)


def brake() -> Ask[Brake]:
    return Ask(request=Request(method="GET", path="/v1/freeze"), answer=_brake)


def freeze() -> Ask[Brake]:
    return Ask(request=Request(method="POST", path="/v1/freeze"), answer=_brake)


def unfreeze() -> Ask[Brake]:
    return Ask(request=Request(method="POST", path="/v1/unfreeze"), answer=_brake)


def audit(*, after: int = 0, limit: int = 100, agent: str | None = None) -> Ask[RecordPage]:
    """Records behind number `after`, oldest first; of one agent the latest, latest first."""
    query = _query(after=str(after), limit=str(limit), agent=agent)
    return Ask(request=Request(method="GET", path="/v1/audit", query=query), answer=_records)


def export(*, form: str, after: int = 0, private: bool = True) -> Request:
    """A stream: `jsonl`, which can be verified, or `csv`."""
    query = _query(format=form, after=str(after), private=None if private else "false")
    return Request(method="GET", path="/v1/audit/export", query=query)


def events(*, after: int | None = None) -> Request:
    """A stream of server-sent events; `after` is the number of the last record that is known."""
    resumed = {} if after is None else {"Last-Event-ID": str(after)}
    return Request(method="GET", path="/v1/events", headers={"Accept": "text/event-stream", **resumed})


_JSON = {"Content-Type": "application/json"}


def _request(
    method: str, path: str, body: object, headers: Mapping[str, str], *, wait: float = 0.0
) -> Request:
    if math.isnan(wait):
        raise _invalid("wait is no number of seconds.", remedy="Give one, or 0 to wait for nothing.")
    return Request(
        method=method,
        path=path,
        body=None if body is None else _encoded(body),
        headers=headers,
        timeout=TIMEOUT_SECONDS + min(wait, LONGEST_WAIT),
    )


def _encoded(body: object) -> bytes:
    """JSON has no word for what is not finite. Null would be the usual length, or no presence."""
    for name, value in msgspec.to_builtins(body).items():
        if isinstance(value, float) and not math.isfinite(value):
            raise _invalid(f"{name}: {value} is no number of seconds.", remedy="Give a finite one.")
    try:
        return msgspec.json.encode(body)
    except UnicodeEncodeError:
        raise _invalid("A text holds half a character.", remedy="Give whole ones.") from None


def _once(key: str) -> dict[str, str]:
    if not (key.isascii() and key.isprintable() and 0 < len(key) <= LONGEST_KEY):
        raise _invalid(
            "The idempotency key cannot be used.", remedy=f"Give 1 to {LONGEST_KEY} characters of ASCII."
        )
    return {"Idempotency-Key": key}


def _invalid(what: str, *, remedy: str) -> Invalid:
    """As the service would say it; nothing is sent."""
    return Invalid(what, remedy=remedy, word="malformed_request", status=400)


def _at(mute_id: str) -> str:
    return f"/v1/mutes/{quote(mute_id, safe='')}"


def _preferring(wait: float) -> dict[str, str]:
    """RFC 7240 knows whole seconds only."""
    return {"Prefer": f"wait={math.ceil(min(wait, LONGEST_WAIT))}"} if wait > 0 else {}


def _query(**values: str | None) -> tuple[tuple[str, str], ...]:
    return tuple((name, value) for name, value in values.items() if value is not None)


def _given(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
