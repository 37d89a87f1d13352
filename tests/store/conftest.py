"""One embedded PostgreSQL for each test process; every test has an organization of its own in it."""

from collections.abc import AsyncIterator, Iterator

import pytest
from contents import House, new_house, open_folder

from micgate.store import migrate
from micgate.store.database import Database
from micgate.store.embedded import OWNER, Embedded


@pytest.fixture(scope="session")
def embedded() -> Iterator[Embedded]:
    with open_folder() as folder:
        embedded = Embedded.attach(folder / "database")
        migrate.upgrade(embedded.conninfo(OWNER))
        yield embedded
        embedded.detach()


@pytest.fixture
async def database(embedded: Embedded) -> AsyncIterator[Database]:
    database = await Database.open(embedded.conninfo())
    yield database
    await database.close()


@pytest.fixture
async def house(database: Database) -> House:
    return await new_house(database)
