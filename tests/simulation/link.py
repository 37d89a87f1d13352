"""The way from one simulated process to the store: commits take time, fail, or are done and not told."""

import asyncio
import random
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Literal

from micgate.store.errors import Busy, StoreError, Unavailable
from micgate.store.memory.store import MemoryStore
from micgate.store.verbs import Decided
from micgate.twin.world import World
from simulation.weather import Trouble, Weather

Moment = tuple[str, Literal["before", "after"]]
"""Of the next transaction of a kind; `command` is an intent with a command in it."""
Committed = Callable[[int, str, tuple[Any, ...], object, float], None]
_TOO_SILENT = 8.0
_IDLE = frozenset({"read", "beat", "load_due", "seal", "open", "time"})
"""What is asked all the time: in good weather it costs no time."""


@dataclass(slots=True)
class Link:
    """`interrupted` is called once, at the moment `stop_at`; `committed` after every transaction, with its
    name, arguments, result, and when it left; `leaving` before, and says how much longer it takes.
    """

    world: World
    store: MemoryStore
    weather: Weather
    replica: int
    rng: random.Random
    committed: Committed
    leaving: Callable[[str, tuple[Any, ...]], float]
    interrupted: Callable[[], None]
    dead: bool = False
    stop_at: Moment | None = None

    async def go(
        self, name: str, act: Callable[..., Coroutine[Any, Any, Any]], *args: Any, **about: Any
    ) -> Any:
        """One transaction. It is out of the process' hands once it has left."""
        told = asyncio.get_running_loop().create_future()
        if self.dead:
            return await told
        trouble = self.weather.store(self.replica)
        if trouble is None and name in _IDLE and self.stop_at is None:
            result = _result(lambda: act(*args, **about))
            self.committed(self.replica, name, args, result, self.world.now)
            if isinstance(result, StoreError):
                raise result
            return result
        wait = self.rng.uniform(0.0005, 0.003)
        if trouble is Trouble.STORE_SLOW:
            wait = self.rng.uniform(0.1, 1.5)
        transaction = _Transaction(name, lambda: act(*args, **about), args, told, trouble, self.world.now)
        wait += self.leaving(name, args)
        self.world.later(wait, lambda: self._arrive(transaction))
        return await told

    def _arrive(self, one: "_Transaction") -> None:
        trouble = one.trouble
        lost = trouble is Trouble.STORE_CUT and self.rng.random() < 0.5
        if lost or trouble in {Trouble.STORE_AWAY, Trouble.STORE_BUSY}:
            self._tell(one.told, _BUSY if trouble is Trouble.STORE_BUSY else _away(perhaps_done=lost))
            return
        if self._interrupt(one, "before") and self.dead:
            return
        result = _result(one.act)
        self.committed(self.replica, one.name, one.args, result, one.left_at)
        self._interrupt(one, "after")
        if trouble is None:
            _settle(one.told, result)
        elif trouble is Trouble.STORE_CUT:
            self._tell(one.told, _away(perhaps_done=True))
        elif trouble is Trouble.STORE_SILENT:
            self._tell(one.told, _away(perhaps_done=True), after=_TOO_SILENT)
        else:
            self._tell(one.told, result)

    def _interrupt(self, one: "_Transaction", moment: Literal["before", "after"]) -> bool:
        if self.dead or self.stop_at is None:
            return False
        kind, when = self.stop_at
        if when != moment or not (kind == one.name or (kind == "command" and commands(one.name, one.args))):
            return False
        self.stop_at = None
        self.interrupted()
        return True

    def _tell(self, told: asyncio.Future, result: object, *, after: float = 0.0) -> None:
        self.world.later(after + self.rng.uniform(0.0002, 0.001), lambda: _settle(told, result))


@dataclass(frozen=True, slots=True)
class _Transaction:
    name: str
    act: Callable[[], Coroutine[Any, Any, Any]]
    args: tuple[Any, ...]
    told: asyncio.Future
    trouble: Trouble | None
    left_at: float


def commands(name: str, args: tuple[Any, ...]) -> list[Decided]:
    """The decisions of an intent that have a command."""
    return [each for each in args[1] if each.decision.command] if name == "intend" else []


def _result(act: Callable[[], Coroutine[Any, Any, Any]]) -> object:
    try:
        return at_once(act())
    except StoreError as error:
        return error


def at_once(verb: Coroutine[Any, Any, Any]) -> Any:
    """A verb of the store in memory waits for nothing."""
    try:
        verb.send(None)
    except StopIteration as done:
        return done.value
    raise AssertionError("the store in memory waits")


_BUSY = Busy("A statement took too long.", remedy="Wait.")


def _away(*, perhaps_done: bool) -> Unavailable:
    return Unavailable("The database went away.", remedy="Wait.", perhaps_done=perhaps_done)


def _settle(told: asyncio.Future, result: object) -> None:
    if told.done():
        return
    if isinstance(result, BaseException):
        told.set_exception(result)
    else:
        told.set_result(result)


class LinkedStore:
    """The six verbs, over a link."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._store = link.store

    async def place(self, change, *, now):
        return await self._link.go("place", self._store.place, change, now=now)

    async def load_due(self, term, **about):
        return await self._link.go("load_due", self._store.load_due, term, **about)

    async def observe(self, term, sightings, *, now):
        return await self._link.go("observe", self._store.observe, term, sightings, now=now)

    async def intend(self, term, decided, lapses=(), *, now):
        return await self._link.go("intend", self._store.intend, term, decided, lapses, now=now)

    async def conclude(self, term, closings, *, now):
        return await self._link.go("conclude", self._store.conclude, term, closings, now=now)

    async def seal(self, term, *, limit=1000):
        return await self._link.go("seal", self._store.seal, term, limit=limit)


class LinkedLeases:
    """The lease, over a link."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._leases = link.store.leases

    async def read(self, name):
        return await self._link.go("read", self._leases.read, name)

    async def take(self, name, **about):
        return await self._link.go("take", self._leases.take, name, **about)

    async def beat(self, term, **about):
        return await self._link.go("beat", self._leases.beat, term, **about)

    async def resign(self, term):
        return await self._link.go("resign", self._leases.resign, term)
