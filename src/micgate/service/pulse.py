"""Something has changed: one listener on the database, many who wait."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress

from micgate.log import Log
from micgate.store.database import Database
from micgate.store.errors import StoreError

_AGAIN_SECONDS = 1.0


class Pulse:
    """Hints may be lost: whoever waits also looks by itself now and then."""

    def __init__(self) -> None:
        self._beat = asyncio.Event()

    async def listen(self, database: Database, log: Log, *, heard: Callable[[], None] = lambda: None) -> None:
        """Until cancelled. `heard`: there was a hint."""
        while True:
            try:
                async for _org in database.hints():
                    heard()
                    self.beat()
                    log.recovered("hints.lost")
            except StoreError as error:
                log.failed("hints.lost", word=error.word)
            await asyncio.sleep(_AGAIN_SECONDS)

    def beat(self) -> None:
        waiting, self._beat = self._beat, asyncio.Event()
        waiting.set()

    async def wait(self, seconds: float) -> None:
        """For the next beat, at most so long."""
        beat = self._beat
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await beat.wait()

    async def beats(self, *, at_least_every: float) -> AsyncIterator[None]:
        while True:
            await self.wait(at_least_every)
            yield
