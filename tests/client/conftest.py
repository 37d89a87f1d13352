"""Both clients behind one door, and a service that answers what a test tells it to."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import asynccontextmanager

import pytest
from scripted_service import KEY, ScriptedService

import micgate


class Both:
    """A client whose methods are awaited, whichever it is."""

    def __init__(self, gate) -> None:
        self.gate = gate
        self.is_async = isinstance(gate, micgate.aio.Gate)

    def __getattr__(self, name):
        async def call(*args, **kwargs):
            method = getattr(self.gate, name)
            return (
                await method(*args, **kwargs)
                if self.is_async
                else await asyncio.to_thread(method, *args, **kwargs)
            )

        return call

    @asynccontextmanager
    async def during(self, name: str, *args, **kwargs):
        """A block that a method of the client gives."""
        block = getattr(self.gate, name)(*args, **kwargs)
        if self.is_async:
            async with block as given:
                yield given
            return
        given = await asyncio.to_thread(block.__enter__)
        try:
            yield given
        except BaseException as error:
            if not await asyncio.to_thread(block.__exit__, type(error), error, error.__traceback__):
                raise
        else:
            await asyncio.to_thread(block.__exit__, None, None, None)

    async def take(self, count: int, name: str = "events", **kwargs):
        """So many of what an iterator gives, or all when it ends before."""
        found = getattr(self.gate, name)(**kwargs)
        if not self.is_async:
            return await asyncio.to_thread(lambda: [one for one, _ in zip(found, range(count), strict=False)])
        taken = []
        async for one in found:
            taken.append(one)
            if len(taken) == count:
                break
        await found.aclose()
        return taken


@pytest.fixture
def service() -> Iterator[ScriptedService]:
    service = ScriptedService()
    yield service
    service.stop()


@pytest.fixture(params=["sync", "aio"])
async def connect(request) -> Callable[..., Both]:
    made: list[Both] = []

    def connected(url: str, *, key: str = KEY, **options) -> Both:
        library = micgate if request.param == "sync" else micgate.aio
        made.append(Both(library.connect(url, key=key, **options)))
        return made[-1]

    yield connected
    for one in made:
        await one.close()


@pytest.fixture
def gate(service, connect) -> Both:
    return connect(service.url, patience=10.0)
