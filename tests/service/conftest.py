"""One embedded PostgreSQL for each test process; every test has a service with an organization of its own."""

from contextlib import AsyncExitStack

import pytest
from front_desk import open_desk

from leftovers import held_folder
from micgate.store.ids import new_id
from replica import Serving


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


@pytest.fixture
def start_house(twin, tmp_path):
    """Services, and commands beside them; what runs when the test ends is stopped."""
    houses = []

    def start(folder=tmp_path, **environ):
        houses.append(Serving(folder, twin, environ))
        return houses[-1]

    yield start
    for house in houses:
        house.end()


@pytest.fixture
def serving(start_house, embedded):
    """On the database of this test process, with an organization of its own."""
    return start_house(MICGATE_DATABASE_URL=embedded.conninfo(), MICGATE_ORG=f"org-{new_id()}")


@pytest.fixture
def alone(start_house):
    """With an embedded database of its own."""
    with held_folder() as folder:
        house = start_house(folder, MICGATE_DATABASE_DIR=str(folder / "database"))
        yield house
        house.end()
