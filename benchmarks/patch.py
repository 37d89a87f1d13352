"""One PATCH over a kept-alive connection: through `genesys/`, bare over the same library, through the SDK.

Rounds alternate between the contenders; a figure is the median call of the median round, a ratio the median
of the rounds' ratios.
"""

import asyncio
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

import aiohttp
import urllib3

from benchmarks.timing import Series
from micgate.genesys.io import Wire, drive
from micgate.genesys.messages import Request
from micgate.genesys.oauth import ClientCredentials
from micgate.genesys.regions import find_region
from micgate.genesys.requests import patch_participant_on_behalf
from micgate.genesys.session import Session
from micgate.genesys.transport_aiohttp import AiohttpWire
from micgate.genesys.transport_urllib3 import Urllib3Wire

CONVERSATION, PARTICIPANT, USER = (f"00000000-0000-4000-8000-00000000000{digit}" for digit in "123")
PATH = f"/api/v2/conversations/calls/{CONVERSATION}/participants/{PARTICIPANT}/user/{USER}"
BODY = b'{"muted":true}'
HEADERS = {
    "Authorization": "Bearer bench",
    "Content-Type": "application/json",
    "User-Agent": "bare",
    "Accept": "application/json",
}


@contextmanager
def server(*, delay_ms: float = 0) -> Iterator[str]:
    """A server of ours in its own process; its address."""
    command = [sys.executable, "-m", "benchmarks.server", "--delay-ms", str(delay_ms)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
    finally:
        assert process.stdin is not None
        process.stdin.close()
        process.wait(10)


def measure(*, rounds: int, calls: int) -> dict[str, Series]:
    with server() as url:
        blocking = blocking_contenders(url)
        series = {name: Series() for name in (*ASYNC_NAMES, *blocking)}
        with asyncio.Runner() as runner:
            own, bare = runner.run(open_async(url))
            running = dict(zip(ASYNC_NAMES, (own.patch, bare.patch), strict=True))
            for number in range(rounds + 1):
                taken = {name: runner.run(async_round(call, calls)) for name, call in running.items()}
                taken |= {name: blocking_round(call, calls) for name, call in blocking.items()}
                if number:
                    for name, median in taken.items():
                        series[name].rounds.append(median)
            runner.run(close_async(own, bare))
    return series


ASYNC_NAMES = ("genesys/ over aiohttp", "bare aiohttp")


class OwnAsync:
    def __init__(self, url: str) -> None:
        self.session = session(url, AiohttpWire(find_region(url)))

    async def patch(self) -> None:
        await self.session.send(command())


class BareAsync:
    def __init__(self, url: str) -> None:
        self.url = url + PATH
        self.client = aiohttp.ClientSession()

    async def patch(self) -> None:
        async with self.client.patch(self.url, data=BODY, headers=HEADERS) as answer:
            await answer.read()
            assert answer.status == 202


async def open_async(url: str) -> tuple[OwnAsync, BareAsync]:
    return OwnAsync(url), BareAsync(url)


async def close_async(own: OwnAsync, bare: BareAsync) -> None:
    await own.session.close()
    await bare.client.close()


async def async_round(call: Callable[[], Awaitable[None]], calls: int) -> float:
    taken = []
    for _ in range(calls):
        started = time.perf_counter()
        await call()
        taken.append((time.perf_counter() - started) * 1000)
    return statistics.median(taken)


def blocking_contenders(url: str) -> dict[str, Callable[[], object]]:
    own = session(url, Urllib3Wire(find_region(url)))
    pool = urllib3.connection_from_url(url)
    official = official_sdk(url)

    def bare() -> None:
        answer = pool.request("PATCH", PATH, body=BODY, headers=HEADERS, retries=False)
        assert answer.status == 202

    return {
        "genesys/ over urllib3": lambda: drive(own.send(command())),
        "bare urllib3": bare,
        "official SDK": lambda: official(CONVERSATION, PARTICIPANT, USER, {"muted": True}),
    }


def blocking_round(call: Callable[[], object], calls: int) -> float:
    taken = []
    for _ in range(calls):
        started = time.perf_counter()
        call()
        taken.append((time.perf_counter() - started) * 1000)
    return statistics.median(taken)


def official_sdk(url: str) -> Callable[..., object]:
    import PureCloudPlatformClientV2  # noqa: PLC0415 -- 2 s; only this contender pays

    client = PureCloudPlatformClientV2.api_client.ApiClient(host=url)
    client.access_token = "bench"
    patch: Callable[..., object] = PureCloudPlatformClientV2.ConversationsApi(
        client
    ).patch_conversations_call_participant_user_user_id
    return patch


def session(url: str, wire: Wire) -> Session:
    return Session(wire, region=find_region(url), credentials=ClientCredentials("bench", "bench"))


def command() -> Request:
    return patch_participant_on_behalf(CONVERSATION, PARTICIPANT, user_id=USER, muted=True)
