"""Who answers while the database is not reached for the first time: alive, not ready, and why."""

import asyncio
import socket
from types import TracebackType
from typing import Self

import msgspec
from litestar.types import Receive, Scope, Send

from micgate.service.http import listen, problems
from micgate.service.http.listen import Address
from micgate.service.resources.health import Alive, Check, Readiness
from micgate.store.errors import StoreError

_OK, _UNAVAILABLE = 200, 503
_JSON = "application/json"


class Doorman:
    """Use with `async with`. Answers from the first `tell` on, on the socket that the service will have."""

    def __init__(self, listening: socket.socket, address: Address) -> None:
        self._listening = listening
        self._server = listen.server(self, address)
        self._serving: asyncio.Task[None] | None = None
        self._fault: StoreError | None = None

    def tell(self, fault: StoreError) -> None:
        """Why there is no database yet."""
        self._fault = fault
        if self._serving is None:
            own = self._listening.dup()  # it is closed when the server ends
            self._serving = asyncio.create_task(self._server.serve(sockets=[own]), name="doorman")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._serving is not None:
            self._server.should_exit = True
            await self._serving

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        assert self._fault is not None  # noqa: S101 -- nobody is served before
        status, kind, body = _answer(scope["path"], self._fault)
        told = {"Content-Type": kind, **problems.headers(self._fault)}
        headers = [(name.lower().encode(), value.encode()) for name, value in told.items()]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body, "more_body": False})


def _answer(path: str, fault: StoreError) -> tuple[int, str, bytes]:
    if path == "/healthz":
        return _OK, _JSON, msgspec.json.encode(Alive())
    if path == "/readyz":
        away = Check(name="database", ok=False, says=fault.what, remedy=fault.remedy)
        return _UNAVAILABLE, _JSON, msgspec.json.encode(Readiness(ready=False, checks=[away]))
    problem = problems.of(fault)
    return problem.status, problems.MEDIA_TYPE, msgspec.json.encode(problem)
