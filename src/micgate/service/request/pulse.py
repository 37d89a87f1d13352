"""Something has changed: one listener on the database, many who wait."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

from micgate.log import Log
from micgate.store.database import Database, Hint
from micgate.store.errors import StoreError

_AGAIN_SECONDS = 1.0
_PAUSE = 0.05


class Pulse:
    """Hints may be lost: whoever waits also looks by itself now and then."""

    def __init__(self) -> None:
        self._beat = asyncio.Event()
        self.stopped = False

    async def listen(
        self,
        database: Database,
        log: Log,
        *,
        heard: Callable[[], None] = lambda: None,
        is_news: Callable[[str], bool] = lambda _: True,
    ) -> None:
        """Until cancelled. `heard`: there was a hint. `is_news`: whether it is, of an org."""
        while True:
            try:
                async for org in database.hints(of=Hint.SEALED):
                    heard()
                    if is_news(org):
                        self.beat()
                    log.recovered("hints.lost")
            except StoreError as error:
                log.failed("hints.lost", word=error.word)
            await asyncio.sleep(_AGAIN_SECONDS)

    def beat(self) -> None:
        waiting, self._beat = self._beat, asyncio.Event()
        waiting.set()

    def stop(self) -> None:
        """Nobody waits any more."""
        self.stopped = True
        self.beat()

    @property
    def next(self) -> asyncio.Event:
        """Set by the next beat: take it before looking, and none that comes meanwhile is missed."""
        return self._beat

    async def wait(self, seconds: float, *, beat: asyncio.Event | None = None) -> None:
        """For that beat, else the next one; at most so long."""
        if self.stopped:
            await asyncio.sleep(
                min(seconds, _PAUSE)
            )  # those who wait in a loop must not keep others from ending
            return
        beat = beat or self._beat
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await beat.wait()
