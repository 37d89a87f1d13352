"""The vendor's surface: who asks, is it allowed, what goes wrong today, and the vendor's headers."""

import asyncio
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import msgspec

from micgate.twin import (
    analytics,
    authorization,
    conversations,
    directory,
    notifications,
    oauth,
    records,
    users,
)
from micgate.twin.access import Caller
from micgate.twin.channels import Channels
from micgate.twin.exchange import HTML, Answer, Query, refused
from micgate.twin.faults import Fault
from micgate.twin.ledger import Json
from micgate.twin.refusals import Refusal, bad_token, no_token
from micgate.twin.routes import Ask, Routes
from micgate.twin.tokens import Rate, Token
from micgate.twin.world import World

ROUTES = Routes(
    route
    for area in (conversations, users, directory, authorization, analytics, records, notifications)
    for route in area.ROUTES
)
COMMON = {
    "Cache-Control": "no-cache, no-store, must-revalidate",
    "Strict-Transport-Security": "max-age=600; includeSubDomains",
}
EXPOSED = (
    "inin-correlation-id, inin-ratelimit-count, inin-ratelimit-allowed, inin-ratelimit-reset, retry-after"
)
CODES = {
    400: "bad.request", 401: "bad.credentials", 403: "not.authorized", 404: "not.found", 409: "conflict",
    415: "unsupported.media.type", 429: "too.many.requests.retry.after", 500: "internal.server.error",
    503: "service.unavailable", 504: "request.timeout",
}  # fmt: skip
GATEWAY_PAGE = (
    b"<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"
)
NOTED_CHARACTERS = 2_000

_decode = msgspec.json.Decoder().decode


class Cut(Exception):
    """Break the connection without an answer."""


class Twin(Protocol):
    world: World
    channels: Channels

    def settle(self) -> None:
        """Let everything due by now happen, and publish what came of it."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What came in on the wire."""

    method: str
    path: str
    query: Query
    headers: Mapping[str, str]
    body: bytes
    host: str
    correlation_id: str = field(default_factory=lambda: str(uuid.uuid4()))

    @property
    def media(self) -> str:
        return self.headers.get("Content-Type", "")

    @property
    def authorization(self) -> str:
        return self.headers.get("Authorization", "")


async def answer_api(twin: Twin, call: Call) -> Answer:
    """/api/...: entered in the ledger, then answered. Raises Cut."""
    world = twin.world
    token = _token(world, call)
    entry = world.ledger.request(
        at=world.now,
        method=call.method,
        path=call.path,
        query=call.query.raw,
        client=None if token is None else token.client.id,
        user=None if token is None or token.user is None else token.user.id,
        body=_readable(call.body),
        correlation_id=call.correlation_id,
    )
    answer = await _ApiExchange(twin=twin, call=call, token=token).answer()
    entry.status = answer.status
    return answer


async def answer_token(twin: Twin, call: Call) -> Answer:
    """/oauth/token: entered in the ledger with the form redacted, then answered. Raises Cut."""
    world = twin.world
    form = oauth.read_form(call.body, media=call.media)
    entry = world.ledger.request(
        at=world.now,
        method=call.method,
        path=call.path,
        client=oauth.client_id_of(form, call.authorization),
        body=dict(form.redacted()),
        correlation_id=call.correlation_id,
    )
    answer = await _TokenExchange(twin=twin, call=call, form=form).answer()
    entry.status = answer.status
    return answer


def answer_unknown(call: Call) -> Answer:
    """No path of the platform's."""
    return _Exchange.finished(call, refused(no_resource(), correlation_id=call.correlation_id), rate=None)


def allow_browsers(headers: Mapping[str, str]) -> Answer:
    """The answer to a preflight: browser SDKs call from any origin."""
    return Answer(
        headers={
            "ININ-Correlation-Id": str(uuid.uuid4()),
            "Access-Control-Allow-Origin": headers.get("Origin", "*"),
            "Access-Control-Allow-Methods": "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS",
            "Access-Control-Allow-Headers": headers.get("Access-Control-Request-Headers", "*"),
            "Access-Control-Max-Age": "600",
            "Vary": "Origin",
        }
    )


def no_resource() -> Refusal:
    return Refusal(404, "not.found", "The requested resource was not found.")


@dataclass(slots=True, kw_only=True)
class _Exchange:
    """One request, and what a fault makes of its answer."""

    twin: Twin
    call: Call
    rate: Rate | None = None

    def usual(self, *, forget: bool = False) -> Answer:
        raise NotImplementedError

    def agents(self) -> Iterable[str]:
        return ()

    def counted(self) -> Answer | None:
        """Count the request where a rate limit applies; the refusal when it is one too many."""
        return None

    async def answer(self) -> Answer:
        made = self.counted()
        if made is None:
            fault = self._fault()
            made = self.usual() if fault is None else await self._bent(fault)
        return self.finished(self.call, made, rate=self.rate)

    def _fault(self) -> Fault | None:
        world, call = self.twin.world, self.call
        if not world.faults.all():
            return None
        fault = world.faults.for_request(method=call.method, path=call.path, agents=self.agents())
        if fault is not None:
            world.ledger.fault(
                at=world.now,
                fault=fault.id,
                fault_kind=fault.kind,
                method=call.method,
                path=call.path,
                correlation_id=call.correlation_id,
            )
        return fault

    async def _bent(self, fault: Fault) -> Answer:
        if fault.answers_after:
            await asyncio.sleep(fault.answers_after)
            self.twin.settle()
        if fault.kind in {"hang", "reset"}:
            raise Cut
        if fault.kind in {"status", "html"}:
            return self._broken(fault)
        if fault.kind == "rate_storm":
            return self.stormed(fault)
        if fault.kind == "token_revoked":
            return self.revoked()
        made = self.usual(forget=fault.kind == "accept_then_forget")
        if fault.kind == "apply_then_reset":
            raise Cut
        return self._broken(fault) if fault.kind == "apply_then_status" else made

    def stormed(self, fault: Fault) -> Answer:
        return self.too_many(max(1, min(61, round(fault.wait))))

    def revoked(self) -> Answer:
        return self.usual()

    def too_many(self, seconds: int) -> Answer:
        text = f"Rate limit exceeded the maximum. Retry the request in [{seconds}] seconds"
        refusal = Refusal(429, "too.many.requests.retry.after", text)
        return refused(
            refusal, correlation_id=self.call.correlation_id, headers={"Retry-After": str(seconds)}
        )

    def _broken(self, fault: Fault) -> Answer:
        status = fault.answer_status
        if fault.kind == "html":
            return Answer(status=status, body=GATEWAY_PAGE, media=HTML)
        if not fault.vendor_body:
            return Answer(status=status)
        if status == 429:  # noqa: PLR2004 -- HTTP's
            return self.stormed(fault)
        refusal = Refusal(
            status, CODES.get(status, "internal.server.error"), "The request could not be completed."
        )
        return refused(refusal, correlation_id=self.call.correlation_id)

    @staticmethod
    def finished(call: Call, answer: Answer, *, rate: Rate | None) -> Answer:
        """With the headers that every answer of the platform has; the rate only for a valid token."""
        headers = {**COMMON, **answer.headers, "ININ-Correlation-Id": call.correlation_id}
        if rate is not None and answer.status != 401:  # noqa: PLR2004 -- HTTP's
            headers["inin-ratelimit-count"] = str(rate.count)
            headers["inin-ratelimit-allowed"] = str(rate.allowed)
            headers["inin-ratelimit-reset"] = str(rate.reset)
        origin = call.headers.get("Origin")
        if origin is not None:
            headers["Access-Control-Allow-Origin"] = origin
            headers["Access-Control-Expose-Headers"] = EXPOSED
            headers["Vary"] = "Origin"
        return Answer(status=answer.status, body=answer.body, media=answer.media, headers=headers)


@dataclass(slots=True, kw_only=True)
class _ApiExchange(_Exchange):
    token: Token | None

    def counted(self) -> Answer | None:
        if self.token is None:
            return None
        self.rate = self.twin.world.tokens.count(self.token)
        return self.too_many(self.rate.reset) if self.rate.exceeded else None

    def usual(self, *, forget: bool = False) -> Answer:
        try:
            return self._answered(forget=forget)
        except Refusal as refusal:
            return refused(refusal, correlation_id=self.call.correlation_id)

    def _answered(self, *, forget: bool) -> Answer:
        call = self.call
        found = ROUTES.find(call.method, call.path)
        if found is None:
            raise no_resource()
        if self.token is None:
            raise no_token() if not call.authorization else bad_token()
        route, params = found
        caller = Caller(self.token, scoped=self.twin.world.behaviour.scope_areas == "on")
        if route.area is not None:
            caller.needs_scope(route.area, change=route.changes)
        if route.any_of:
            caller.needs_any(*route.any_of)
        return route.do(self._ask(caller, params, forget=forget))

    def _ask(self, caller: Caller, params: tuple[str, ...], *, forget: bool) -> Ask:
        call = self.call
        return Ask(
            world=self.twin.world,
            channels=self.twin.channels,
            caller=caller,
            params=params,
            path=call.path,
            query=call.query,
            body=call.body,
            media=call.media,
            correlation_id=call.correlation_id,
            host=call.host,
            forget=forget,
        )

    def agents(self) -> Iterable[str]:
        """Users the request is about: named in the path, in the conversation of the path, or the caller."""
        named = set(self.call.path.split("/"))
        for segment in self.call.path.split("/"):
            known = self.twin.world.calls.get(segment)
            if known is not None:
                named.update(known.user_ids)
        if self.token is not None and self.token.user is not None:
            named.add(self.token.user.id)
        return named

    def stormed(self, fault: Fault) -> Answer:
        if self.token is None:
            return self.usual()
        self.rate = self.twin.world.tokens.storm(self.token, fault.wait)
        return self.too_many(self.rate.reset)

    def revoked(self) -> Answer:
        if self.token is not None:
            self.twin.world.tokens.revoke(self.token)
        return refused(bad_token(), correlation_id=self.call.correlation_id)


@dataclass(slots=True, kw_only=True)
class _TokenExchange(_Exchange):
    form: oauth.Form

    def usual(self, *, forget: bool = False) -> Answer:  # noqa: ARG002 -- a token is not a change
        return oauth.grant(self.twin.world, self.form, self.call.authorization)


def _token(world: World, call: Call) -> Token | None:
    scheme, _, value = call.authorization.partition(" ")
    return world.tokens.find(value.strip()) if scheme.lower() == "bearer" else None


def _readable(body: bytes) -> Json:
    """The parsed body; what is no JSON, as the beginning of its text."""
    if not body:
        return None
    try:
        parsed: Json = _decode(body)
    except msgspec.DecodeError:
        return body[:NOTED_CHARACTERS].decode("utf-8", "replace")
    return parsed
