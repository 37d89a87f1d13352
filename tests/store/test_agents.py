"""People who are looked up by whatever names them."""

import psycopg
import pytest
from contents import uuid

from micgate.store.agents import Agent
from micgate.store.database import every, limited
from micgate.store.embedded import OWNER
from micgate.store.queries import queries

FIND = b"explain analyze " + queries("agents")["find"]
MANY = 3_000


@pytest.fixture
async def crowd(house, embedded):
    people = [
        Agent(user_id=f"user-{one}", pseudonym=uuid(one), email=f"a{one}@example.com", name=f"Agent {one}")
        for one in range(MANY)
    ]
    await house.store.agents.put(house.org, people)
    with psycopg.connect(limited(embedded.conninfo(OWNER)), autocommit=True) as owner:
        owner.execute("analyze agents")  # as the database does by itself, a minute later
    return people


@pytest.mark.parametrize("ref", ["user-7", "A7@Example.com", "AGENT 7"])
async def test_one_among_many_is_found_without_looking_at_all_of_them(house, crowd, database, ref):
    assert await house.store.agents.find(house.org, ref) == (crowd[7],)
    async with database.reading() as connection:
        plan = await every(connection, FIND, {"org": house.org, "text": ref})
    assert not [row for row in plan if "Removed by Filter" in row["QUERY PLAN"]]
