"""A URL that hears from us every minute while all is well; whoever watches it calls when it falls silent."""

import asyncio
from collections.abc import Awaitable, Callable

from micgate import destination
from micgate.destination import DestinationError, Poster
from micgate.log import Log
from micgate.settings import SettingError

EVERY = 60.0
AGAIN = 2.0
"""Seconds until the next look, after one that found something amiss."""


def check(url: str, *, private: bool) -> None:
    """Raise `SettingError` for an address that micgate does not post to."""
    try:
        destination.parse(url, private=private)
    except DestinationError as error:
        raise SettingError(f"MICGATE_HEARTBEAT_URL: {error.what}", remedy=error.remedy) from None


async def beat(
    url: str,
    *,
    well: Callable[[], Awaitable[bool]],
    private: bool,
    log: Log,
    beaten: Callable[[], None] = lambda: None,
    every: float = EVERY,
) -> None:
    """Until cancelled. The URL may hold a token, so nothing of it is ever written down."""
    async with Poster(private=private) as poster:
        while True:
            if await well():
                await _one(poster, url, log, beaten)
                await asyncio.sleep(every)
            else:
                await asyncio.sleep(min(every, AGAIN))


async def _one(poster: Poster, url: str, log: Log, beaten: Callable[[], None]) -> None:
    try:
        answer = await poster.post(url, b"", {})
    except DestinationError as error:
        log.failed("heartbeat.unheard", word=error.word)
        return
    if answer.ok:
        beaten()
        log.recovered("heartbeat.unheard")
    else:
        log.failed("heartbeat.unheard", status=answer.status)
