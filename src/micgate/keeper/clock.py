"""Service time: the database's clock, once, then advanced by this machine's boot clock.

So no deadline moves when somebody sets a clock, and a machine that slept knows how long.
"""

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

STEP = 2.0
"""Seconds by which two clocks may differ before it is called a step."""


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
