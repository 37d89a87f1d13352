"""What a flow may ask for, and the few lines that run a flow without an event loop.

A flow is `async def flow(io, ...)`: the vendor's logic, written once. asyncio drives it over aiohttp; `drive`
runs it over urllib3, whose `io` blocks where asyncio's would suspend. Because both run the same coroutine,
`finally`, timeouts and Ctrl-C mean the same in both: a release runs under KeyboardInterrupt.
"""

from collections.abc import Coroutine
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol, TypeVar

from micgate.genesys.messages import Request, Response
from micgate.genesys.models import Participant

Answer = TypeVar("Answer")


class Wire(Protocol):
    """The innermost seam: one request out, one answer in, over one HTTP library.

    `send` puts exactly one request on the wire: the library's own retries, redirects and silent re-sends are
    off. It raises `Away` for everything that is not an HTTP answer and returns every status otherwise.
    """

    async def send(self, request: Request, headers: dict[str, str]) -> Response: ...

    async def sleep(self, seconds: float) -> None: ...

    def lock(self) -> AbstractAsyncContextManager[object]:
        """A new lock, held with `async with`, for what must happen once at a time."""
        ...

    async def finish(self, work: Coroutine[Any, Any, Answer]) -> Answer:
        """Run `work` to its end, even if whoever waits for it is cancelled."""
        ...

    async def close(self) -> None: ...


class Io(Protocol):
    """What a flow gets: authorised requests, time, and what a live channel reported."""

    async def send(self, request: Request) -> Response:
        """Send and return a 2xx answer; every other end is an error of the tree."""
        ...

    async def sleep(self, seconds: float) -> None: ...

    def monotonic(self) -> float:
        """Seconds, for durations only."""
        ...

    def now(self) -> float:
        """Seconds since 1970, for what people read."""
        ...

    async def observed(
        self, *, conversation_id: str, participant_id: str, seconds: float
    ) -> Participant | None:
        """The next change of this participant that an event tells within `seconds`, or told since this was
        last asked; with 0 seconds the latter only. None when the time is up, and at once when no channel
        watches.
        """
        ...


def drive(flow: Coroutine[Any, Any, Answer]) -> Answer:
    """Run a flow whose `io` blocks. No event loop, no threads."""
    try:
        flow.send(None)
    except StopIteration as finished:
        answer: Answer = finished.value
        return answer
    flow.close()
    raise RuntimeError("The flow awaited something other than its io.")
