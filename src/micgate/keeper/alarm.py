"""What ends the wait of a keeper's loop: a time, a nudge, or something due that needs no looking for."""

import asyncio
import math

from micgate.keeper.clock import ServiceClock
from micgate.store.target import Target
from micgate.store.verbs import Due

LONGEST = 1.0
"""A hint may get lost: look at least this often, in seconds."""
_NEVER = math.inf


class Alarm:
    """Times are service time. `waits`: the loop has nothing else to do now. `looks_at`: when it is to look,
    whatever it was handed.
    """

    def __init__(self, clock: ServiceClock) -> None:
        self.waits = False
        self.looks_at = -_NEVER
        self._clock = clock
        self._stirred = asyncio.Event()
        self._expected = _NEVER
        self._handed = dict[Target, Due]()

    def nudge(self) -> None:
        """Something may be due now."""
        self.expect(-_NEVER)

    def expect(self, at: float) -> None:
        """Something may be due then."""
        self._expected = min(self._expected, at)
        self._stirred.set()

    def hand(self, due: Due) -> None:
        """This is due now."""
        self._handed[due.target] = due
        self._stirred.set()

    async def wait(self, until: float) -> None:
        """Until then, an expected time, a nudge, something that is handed over, or a second."""
        latest = min(until, self._clock.now() + LONGEST)
        self.waits = True
        try:
            while not self._handed and (seconds := min(latest, self._expected) - self._clock.now()) > 0:
                self._stirred.clear()
                await self._clock.boot.wait(self._stirred, seconds)
        finally:
            self.waits = False
        self.looks_at, self._expected = min(latest, self._expected), _NEVER

    def take(self, now: float) -> tuple[Due, ...]:
        """What was handed over; nothing when it is time to look, as that will be found too."""
        handed, self._handed = tuple(self._handed.values()), {}
        return handed if now < self.looks_at else ()
