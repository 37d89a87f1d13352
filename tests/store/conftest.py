"""One embedded PostgreSQL for each test process; every test has an organization of its own in it."""

import pytest
from contents import House, new_house

from micgate.store.database import Database


@pytest.fixture
async def house(database: Database) -> House:
    return await new_house(database)
