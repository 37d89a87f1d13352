"""One embedded PostgreSQL for each test process; every test has a service with an organization of its own."""

from contextlib import AsyncExitStack

import pytest
from contents import open_folder
from front_desk import open_desk

from micgate.store import migrate
from micgate.store.embedded import OWNER, Embedded


@pytest.fixture(scope="session")
def embedded():
    with open_folder() as folder:
        embedded = Embedded.attach(folder / "database")
        migrate.upgrade(embedded.conninfo(OWNER))
        yield embedded
        embedded.detach()


@pytest.fixture
async def open_service(embedded, twin):
    """Start services with options of their own; they end with the test."""
    async with AsyncExitStack() as stack:

        async def start(**options):
            return await stack.enter_async_context(open_desk(embedded.conninfo(), twin, **options))

        yield start


@pytest.fixture
async def desk(open_service):
    return await open_service()
