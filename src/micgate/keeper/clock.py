"""Service time: the database's clock, once, then advanced by this machine's boot clock.

So no deadline moves when somebody sets a clock, and a machine that slept knows how long.
"""

import asyncio
import math
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

STEP = 2.0
"""Seconds by which two clocks may differ before it is called a step."""
FOLLOW = 2.0
"""Whoever may have to take over looks at the keeper's clock this often, in seconds."""
SETTLED = 8.0
"""A keeper that lives notes a step well within this."""


class Boot(Protocol):
    """The machine's own time: never set, counts while the machine sleeps. Only differences mean anything."""

    def boot(self) -> float: ...

    async def sleep(self, seconds: float) -> None: ...

    async def wait(self, event: asyncio.Event, seconds: float) -> None:
        """Until the event is set, or the time is over."""


class SystemBoot:
    """CLOCK_BOOTTIME; where there is none, the monotonic clock, which stands still while a machine sleeps."""

    _clock = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)

    def boot(self) -> float:
        return time.clock_gettime(self._clock)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def wait(self, event: asyncio.Event, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await event.wait()


@dataclass(slots=True)
class ServiceClock:
    """`anchor` is the service time at the moment `at` of the boot clock.

    `offset` is by how much service time differs from the database's clock, as last compared.
    """

    boot: Boot
    anchor: float
    at: float
    offset: float = 0.0

    def now(self) -> float:
        return self.anchor + (self.boot.boot() - self.at)

    def compare(self, database: float) -> float | None:
        """The step of the database's clock since the last comparison, in seconds; None: there was none."""
        offset = self.now() - database
        stepped = self.offset - offset
        if abs(stepped) <= STEP:
            return None
        self.offset = offset
        return stepped


def anchored(boot: Boot, *, database: float, offset: float) -> ServiceClock:
    """A clock that begins now. `offset` is what the keeper before had noted: a step that was not followed
    then is not followed now.
    """
    kept = offset if abs(offset) > STEP else 0.0
    return ServiceClock(boot, anchor=database + kept, at=boot.boot(), offset=kept)


@dataclass(slots=True)
class Follower:
    """Service time as a replica follows it that does not keep the org, by its own boot clock.

    A step of the database's clock that the keeper did not live to note moves nothing then. Where nobody
    followed, it cannot be told from time that has passed.
    """

    boot: Boot
    clock: ServiceClock | None = None
    _looked_at: float = -math.inf
    _differs_since: float | None = None

    def is_due(self) -> bool:
        return self.boot.boot() - self._looked_at >= FOLLOW

    def saw(self, database: float, offset: float) -> None:
        """The database's clock, and what the keeper has noted. What differs for long is the keeper's word."""
        now = self._looked_at = self.boot.boot()
        told = anchored(self.boot, database=database, offset=offset)
        since = now if self._differs_since is None else self._differs_since
        if self._agrees(told) or now - since >= SETTLED:
            self.clock, self._differs_since = told, None
        else:
            self._differs_since = since

    def take_over(self, database: float, offset: float) -> ServiceClock:
        told = anchored(self.boot, database=database, offset=offset)
        if self.clock is None or self._agrees(told):
            return told
        return ServiceClock(self.boot, anchor=self.clock.now(), at=self.boot.boot(), offset=told.offset)

    def _agrees(self, told: ServiceClock) -> bool:
        return self.clock is None or abs(told.now() - self.clock.now()) <= STEP
