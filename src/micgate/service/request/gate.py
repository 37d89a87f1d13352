"""Around every request: how long it may take to arrive and to be taken, and what is counted of it."""

import asyncio
import time
from typing import Any

from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send

from micgate.service.http.errors import Malformed, TooSlow
from micgate.service.telemetry.metrics import Metrics
from micgate.service.telemetry.traced import Requests, no_request

BODY_BYTES = 65_536
ARRIVES_WITHIN = 10.0
"""Seconds for a whole body."""
TAKEN_WITHIN = 30.0
"""Seconds for a reader to take what is sent."""
ENDLESS = frozenset({"/v1/events", "/v1/audit/export"})
"""Streams: of these there is no HEAD."""
_ALWAYS = ((b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff"))
"""Answers name people, and what they said is nobody's page."""
_UNKNOWN = "other"


class Gate:
    """The outermost layer. Whoever is too slow is cut off; no answer reaches such a one anyway."""

    def __init__(self, app: ASGIApp, metrics: Metrics, *, traced: Requests = no_request) -> None:
        self._app = app
        self._metrics = metrics
        self._traced = traced

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        scope = {**scope, "method": _method(scope)}
        passage = _Passage(receive, send, has_body=_has_body(scope))
        with self._traced(scope) as answered:
            try:
                await self._app(scope, passage.receive, passage.send)
            finally:
                status, pattern = passage.status or 0, route(scope)
                method = str(scope.get("method") or _UNKNOWN)
                self._metrics.answered(method=method, route=pattern, status=status, seconds=passage.seconds)
                if answered:
                    answered(route=pattern, status=status)


def _method(scope: HTTPScope) -> Any:
    """HEAD is GET, of which the server leaves the body out. OPTIONS is a method that nothing here takes."""
    if scope["method"] == "HEAD" and scope["path"] not in ENDLESS:
        return "GET"
    return "TRACE" if scope["method"] == "OPTIONS" else scope["method"]


def _has_body(scope: HTTPScope) -> bool:
    """By its own account."""
    told = {value for name, value in scope["headers"] if name in {b"content-length", b"transfer-encoding"}}
    return bool(told - {b"0"})


class _Passage:
    """One request and its answer."""

    def __init__(self, receive: Receive, send: Send, *, has_body: bool) -> None:
        self._receive = receive
        self._send = send
        self._has_body = has_body
        self._began = time.monotonic()
        self._arrived = False
        self.status: int | None = None
        self.seconds = 0.0

    async def receive(self) -> Any:
        if self._arrived:
            return await self._receive()
        left = self._began + ARRIVES_WITHIN - time.monotonic()
        try:
            async with asyncio.timeout(left):
                message = await self._receive()
        except TimeoutError:
            raise TooSlow("The request did not arrive in time.", remedy="Send it again, whole.") from None
        if message["type"] == "http.disconnect" and self._has_body:
            # Litestar takes it for a mistake of ours.
            raise Malformed("The client left in the middle of its request.", remedy="Send it again, whole.")
        self._arrived = message["type"] != "http.request" or not message.get("more_body", False)
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.seconds = time.monotonic() - self._began
            told = {name.lower() for name, _ in message["headers"]}
            missing = [(name, value) for name, value in _ALWAYS if name not in told]
            message = {**message, "headers": [*message["headers"], *missing]}
        async with asyncio.timeout(TAKEN_WITHIN):
            await self._send(message)


def route(scope: Scope) -> str:
    """The address as a pattern: what is in its place may be a person's id."""
    return str(scope.get("path_template") or _UNKNOWN)
