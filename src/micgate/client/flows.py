"""What the blocking and the asyncio client do alike, written once: asyncio drives it, or `drive` does."""

import logging
from collections.abc import Callable, Coroutine
from dataclasses import replace
from itertools import count
from typing import Any, Protocol, TypeVar

import msgspec

from micgate.client import problems, requests
from micgate.client.errors import GateError
from micgate.client.messages import Answer, Ask, Request, is_ok
from micgate.client.models import Budget, Microphone, Mute, Readiness
from micgate.client.retry import retry_after

log = logging.getLogger("micgate.client")
Meant = TypeVar("Meant")
_NOT_READY = 503


class Wire(Protocol):
    """One request out, one answer in, over one HTTP library: without its retries and redirects.

    `send` raises `NotReached` or `NotTheService` when there was no answer, and returns every status
    otherwise.
    """

    async def send(self, request: Request) -> Answer: ...

    async def sleep(self, seconds: float) -> None: ...

    def monotonic(self) -> float: ...

    def jitter(self) -> float:
        """Between 0 and 1."""
        ...


async def asked(wire: Wire, ask: Ask[Meant], *, patience: float) -> Meant:
    """The answer, or an error of the tree. What passes is tried again for `patience` seconds."""
    began = wire.monotonic()
    for attempt in count():
        try:
            return read(ask, await wire.send(ask.request))
        except GateError as error:
            wait = retry_after(
                error,
                attempt,
                elapsed=wire.monotonic() - began,
                patience=patience,
                jitter=wire.jitter(),
            )
            if wait is None:
                raise
            log.info("%s Trying again.", error.what)
        await wire.sleep(wait)
    raise AssertionError("unreachable")  # pragma: no cover -- count() has no end


def read(ask: Ask[Meant], answer: Answer) -> Meant:
    if not is_ok(answer.status):
        raise problems.error_of(answer)
    try:
        return ask.answer.decode(answer.body)
    except msgspec.MsgspecError:
        raise problems.stranger(answer) from None


def drive(flow: Coroutine[Any, Any, Meant]) -> Meant:
    """Run a flow whose wire blocks. No event loop, no threads."""
    try:
        flow.send(None)
    except StopIteration as finished:
        meant: Meant = finished.value
        return meant
    flow.close()
    raise RuntimeError("The flow awaited something other than its wire.")


async def decided(wire: Wire, ask: Callable[[float], Ask[Mute]], *, wait: float, patience: float) -> Mute:
    """The mute that is asked for, as soon as it is neither pending nor releasing, or `wait` seconds later.

    `ask` makes the request that waits so long. The service waits for a while only: the rest is asked again.
    """
    until = wire.monotonic() + wait
    mute = await asked(wire, ask(wait), patience=patience)
    while mute.undecided and (left := until - wire.monotonic()) > 0:
        began = wire.monotonic()
        mute = await asked(wire, requests.mute(mute.id, wait=left), patience=patience)
        if mute.undecided and wire.monotonic() - began < _BRIEF:
            await wire.sleep(_BRIEF)
    return mute


_BRIEF = 0.2
"""An answer that did not wait is not asked for again at once."""


async def readiness(wire: Wire) -> Readiness:
    """Asked once: that it is not ready is an answer."""
    ask = requests.readiness()
    answer = await wire.send(ask.request)
    if answer.status == _NOT_READY:
        answer = replace(answer, status=200)
    return read(ask, answer)


async def budget(wire: Wire, *, patience: float) -> Budget:
    """Of the organization that this key is of."""
    org = (await asked(wire, requests.me(), patience=patience)).org
    return await asked(wire, requests.budget(org), patience=patience)


async def mutes(wire: Wire, *, agent: str | None, standing: bool, patience: float) -> tuple[Mute, ...]:
    """All pages."""
    found: list[Mute] = []
    after: str | None = None
    while True:
        page = await asked(
            wire, requests.mutes(agent=agent, standing=standing, after=after), patience=patience
        )
        found += page.mutes
        after = page.next
        if after is None:
            return tuple(found)


async def microphones(wire: Wire, *, live: bool, patience: float) -> tuple[Microphone, ...]:
    """All pages."""
    found: list[Microphone] = []
    after: str | None = None
    while True:
        page = await asked(wire, requests.microphones(live=live, after=after), patience=patience)
        found += page.microphones
        after = page.next
        if after is None:
            return tuple(found)
