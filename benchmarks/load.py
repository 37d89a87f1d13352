"""The simulator under load: 500 agents on calls, 2,000 requests a second, on one core."""

import asyncio
import os
import random
import time
from dataclasses import dataclass

import aiohttp

from benchmarks.process import Simulator, simulator

AGENTS, PER_SECOND, CONNECTIONS = 500, 2_000, 40


@dataclass(frozen=True, slots=True)
class Load:
    requests: int
    errors: int
    seconds: float
    p50_ms: float
    p99_ms: float

    @property
    def per_second(self) -> float:
        return self.requests / self.seconds


def measure(*, seconds: float) -> Load:
    cores = sorted(os.sched_getaffinity(0))
    with simulator(agents=AGENTS) as twin:
        os.sched_setaffinity(twin.pid, {cores[-1]})
        return asyncio.run(run(twin, seconds))


async def run(twin: Simulator, seconds: float) -> Load:
    headers = {"Authorization": f"Bearer {await token(twin)}", "Content-Type": "application/json"}
    connector = aiohttp.TCPConnector(limit=CONNECTIONS)
    async with aiohttp.ClientSession(connector=connector, headers=headers) as client:
        paths = [await placed(client, twin, agent) for agent in twin.agents]
        load = Worker(client, paths)
        started = time.perf_counter()
        each = PER_SECOND / CONNECTIONS
        await asyncio.gather(*(load.work(started, seconds, each, number) for number in range(CONNECTIONS)))
        taken = sorted(load.taken)
        return Load(
            requests=len(taken),
            errors=load.errors,
            seconds=time.perf_counter() - started,
            p50_ms=taken[len(taken) // 2] * 1000,
            p99_ms=taken[len(taken) * 99 // 100] * 1000,
        )


class Worker:
    """Paced connections: three reads for every mute, as a busy integration does."""

    def __init__(self, client: aiohttp.ClientSession, calls: list[tuple[str, str]]) -> None:
        self.client = client
        self.calls = calls
        self.random = random.Random(7)
        self.taken: list[float] = []
        self.errors = 0

    async def work(self, started: float, seconds: float, per_second: float, offset: int) -> None:
        count = int(seconds * per_second)
        for number in range(count):
            due = started + (number + offset / CONNECTIONS) / per_second
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            await self.once(number)

    async def once(self, number: int) -> None:
        read, change = self.random.choice(self.calls)
        started = time.perf_counter()
        if number % 4:
            request = self.client.get(read)
        else:
            request = self.client.patch(change, data=b'{"muted":true}' if number % 8 else b'{"muted":false}')
        async with request as answer:
            await answer.read()
            self.errors += answer.status >= 300
        self.taken.append(time.perf_counter() - started)


async def token(twin: Simulator) -> str:
    form = {"grant_type": "client_credentials"}
    auth = aiohttp.BasicAuth(twin.client_id, twin.client_secret)
    url = f"{twin.api_url}/oauth/token"
    async with aiohttp.ClientSession() as client, client.post(url, data=form, auth=auth) as answer:
        found: str = (await answer.json())["access_token"]
        return found


async def placed(client: aiohttp.ClientSession, twin: Simulator, agent: str) -> tuple[str, str]:
    """A call for this agent: the address to read it and the one to mute its agent."""
    async with client.post(f"{twin.control_url}/calls", json={"agent": agent}) as answer:
        call = await answer.json()
    own = next(one for one in call["participants"] if one.get("userId") == agent)
    base = f"{twin.api_url}/api/v2/conversations/calls/{call['id']}"
    return base, f"{base}/participants/{own['id']}/user/{agent}"
