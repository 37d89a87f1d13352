"""200 mutes at once over 20 connections to a server that takes 60 ms for each: 600 ms would be ideal."""

import asyncio
import time

from benchmarks.patch import command, server
from benchmarks.timing import Series
from micgate.genesys.network import Network
from micgate.genesys.oauth import ClientCredentials
from micgate.genesys.regions import find_region
from micgate.genesys.session import Session
from micgate.genesys.transport_aiohttp import AiohttpWire

MUTES, CONNECTIONS, SERVER_MS = 200, 20, 60


def measure(*, rounds: int) -> Series:
    with server(delay_ms=SERVER_MS) as url:
        return Series([asyncio.run(one_round(url)) for _ in range(rounds)])


async def one_round(url: str) -> float:
    region = find_region(url)
    session = Session(
        AiohttpWire(region, Network(pool_size=CONNECTIONS)),
        region=region,
        credentials=ClientCredentials("bench", "bench"),
    )
    await session.send(command())
    started = time.perf_counter()
    await asyncio.gather(*(session.send(command()) for _ in range(MUTES)))
    taken = (time.perf_counter() - started) * 1000
    await session.close()
    return taken
