"""The network between one simulated process and the simulated platform: travel takes time, and goes wrong."""

import asyncio
import random
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, field

from micgate.genesys import failures
from micgate.genesys.errors import Away
from micgate.genesys.messages import Headers, Kind, Request, Response
from micgate.genesys.network import target
from micgate.platform.port import Errand
from micgate.twin.channels import Channels
from micgate.twin.exchange import Answer, Query
from micgate.twin.faults import match
from micgate.twin.surface import Call, answer_api, answer_token
from micgate.twin.world import World
from simulation.weather import Trouble, Weather

WHERE = "the simulated platform"
ERRAND: ContextVar[Errand | None] = ContextVar("errand", default=None)
"""What the request that is being sent is for."""

_SLOWEST = 9.0
_FAULTS = {
    Trouble.FORGOTTEN: {"kind": "accept_then_forget"},
    Trouble.FAILED: {"kind": "status", "status": 503},
    Trouble.HALF_DONE: {"kind": "apply_then_status"},
    Trouble.GATEWAY: {"kind": "html"},
    Trouble.LIMITED: {"kind": "rate_storm"},
    Trouble.REVOKED: {"kind": "token_revoked"},
    Trouble.FORBIDDEN: {"kind": "status", "status": 403},
    Trouble.NOT_FOUND: {"kind": "status", "status": 404},
}


@dataclass(slots=True)
class Platform:
    """The simulated platform as its surface wants it. `arrived` is told what every request was for."""

    world: World
    rng: random.Random
    arrived: Callable[[Errand | None, Request, str, Answer], None] = lambda *_: None
    channels: Channels = field(init=False)
    _requests: int = 0

    def __post_init__(self) -> None:
        self.channels = Channels(self.world)

    def settle(self) -> None:
        self.world.advance(self.world.now)

    def answer(
        self, request: Request, headers: dict[str, str], trouble: Trouble | None, errand: Errand | None
    ) -> Answer:
        """Everything the surface does, now."""
        self._requests += 1
        call = Call(
            method=request.method,
            path=request.path,
            query=Query(target(request).partition("?")[2]),
            headers=headers,
            body=request.body or b"",
            host="platform",
            correlation_id=f"r-{self._requests}",
        )
        if trouble in _FAULTS:
            seconds = self.rng.uniform(1, 8) if trouble is Trouble.LIMITED else None
            about = {"fault_id": "now", "match": match(), "times": 1, "seconds": seconds}
            self.world.faults.add(**about, **_FAULTS[trouble])
        answering = (answer_token if request.kind is Kind.TOKEN else answer_api)(self, call)
        answer = _at_once(answering)
        self.world.faults.remove()
        self.arrived(errand, request, call.correlation_id, answer)
        return answer


@dataclass(slots=True)
class Wire:
    """See `micgate.genesys.io.Wire`. `guard` is asked before a state change leaves, as in the real ones."""

    platform: Platform
    weather: Weather
    replica: int
    rng: random.Random
    guard: Callable[[], bool]
    left: Callable[[Errand], None]

    async def send(self, request: Request, headers: dict[str, str]) -> Response:
        loop = asyncio.get_running_loop()
        started = loop.time()
        trouble = self.weather.request(self.replica)
        await asyncio.sleep(self._leg())
        if trouble is Trouble.UNREACHABLE:
            raise failures.refused(WHERE, None)
        errand = ERRAND.get() if request.kind is Kind.CHANGE else None
        if request.kind is Kind.CHANGE and not self.guard():
            raise failures.held_back()
        if errand is not None:
            self.left(errand)
        try:
            async with asyncio.timeout(request.timeout):
                answer = await self._exchange(request, headers, trouble, errand)
        except TimeoutError:
            raise failures.silent(WHERE, request) from None
        seconds = loop.time() - started
        return Response(status=answer.status, headers=_headers(answer), body=answer.body, elapsed=seconds)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def lock(self) -> asyncio.Lock:
        return asyncio.Lock()

    async def finish(self, work):
        task = asyncio.ensure_future(work)
        task.add_done_callback(lambda done: done.cancelled() or done.exception())
        return await asyncio.shield(task)

    async def close(self) -> None:
        """There is nothing to close."""

    async def _exchange(
        self, request: Request, headers: dict[str, str], trouble: Trouble | None, errand: Errand | None
    ) -> Answer:
        """What travels is out of the sender's hands: it arrives even if the sender is gone by then."""
        answered = asyncio.get_running_loop().create_future()
        world = self.platform.world

        def arrive() -> None:
            answer: Answer | Away = self.platform.answer(request, headers, trouble, errand)
            if trouble is Trouble.CUT_AFTER:
                answer = failures.cut(WHERE, request)
            if trouble is not Trouble.HANGS:
                world.later(self._leg(), lambda: _settle(answered, answer))

        if trouble is Trouble.CUT_BEFORE:
            world.later(self._leg(), lambda: _settle(answered, failures.cut(WHERE, request)))
        elif trouble is not Trouble.LOST:
            slow = self.rng.uniform(1, _SLOWEST) if trouble is Trouble.SLOW else 0.0
            world.later(self._leg() + slow, arrive)
        return await answered

    def _leg(self) -> float:
        return self.rng.uniform(0.002, 0.02)


def _settle(answered: asyncio.Future, answer: Answer | Away) -> None:
    """The sender's loop hears of it when it next runs."""
    if answered.done():
        return
    if isinstance(answer, Away):
        answered.set_exception(answer)
    else:
        answered.set_result(answer)


def _headers(answer: Answer) -> Headers:
    about = {"Content-Type": answer.media} if answer.media else {}
    return Headers({**answer.headers, **about})


def _at_once(answering) -> Answer:
    """The surface waits for nothing when no fault makes it wait."""
    try:
        answering.send(None)
    except StopIteration as done:
        return done.value
    raise AssertionError("the surface waits")
