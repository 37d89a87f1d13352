"""The embedded PostgreSQL and the simulator, both real; every test has an org of its own."""

import asyncio
from contextlib import asynccontextmanager

import pytest
from keeping import Org, new_org, until


@pytest.fixture
async def make_org(twin, embedded, database):
    """Orgs whose keepers in processes end with the test."""
    made: list[Org] = []

    async def make(**about) -> Org:
        made.append(await new_org(twin, embedded, database, **about))
        return made[-1]

    yield make
    for org in made:
        for process in org.processes:
            process.end()


@pytest.fixture
async def org(make_org) -> Org:
    return await make_org()


@pytest.fixture
def keeping():
    """A keeper in this process for the time of a block, from when its lines are up."""

    @asynccontextmanager
    async def _keeping(org: Org, **about):
        keeper = org.keeper(**about)
        task = asyncio.create_task(keeper.run())
        try:
            await until(lambda: task.done() or (keeper.reign and keeper.reign.channels.up))
            yield keeper
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    return _keeping
