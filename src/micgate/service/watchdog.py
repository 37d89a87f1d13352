"""A URL that hears from us every minute while all is well; whoever watches it calls when it falls silent."""

import asyncio
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

import aiohttp

from micgate.log import Log
from micgate.service.errors import Impossible
from micgate.service.listen import is_loopback

EVERY = 60.0
SECONDS = 10.0


def check(url: str) -> None:
    """Raise `Impossible` for an address that would carry its token in the clear."""
    where = urlsplit(url)
    if where.scheme != "https" and not (where.scheme == "http" and is_loopback(where.hostname or "")):
        raise Impossible("The heartbeat's URL is not https.", remedy="Correct MICGATE_HEARTBEAT_URL.")


async def beat(url: str, *, well: Callable[[], Awaitable[bool]], log: Log, every: float = EVERY) -> None:
    """Until cancelled. The URL may hold a token, so nothing of it is ever written down."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=SECONDS)) as http:
        while True:
            if await well():
                await _one(http, url, log)
            await asyncio.sleep(every)


async def _one(http: aiohttp.ClientSession, url: str, log: Log) -> None:
    try:
        async with http.get(url, allow_redirects=False) as answer:
            status = answer.status
    except (aiohttp.ClientError, TimeoutError) as error:
        log.failed("heartbeat.unheard", kind=type(error).__name__)
        return
    if status in range(200, 300):
        log.recovered("heartbeat.unheard")
    else:
        log.failed("heartbeat.unheard", status=status)
