"""Statements of one transaction leave in one piece, and wait once for their answers."""

import asyncio
from uuid import uuid4

import psycopg
import pytest

from micgate.store.database import Database, asked, every, send


@pytest.fixture
def waits(monkeypatch):
    """How often something waited for the server."""
    counted = []
    wait = psycopg.AsyncConnection.wait

    def count(self, gen, *arguments, **named):
        return wait(self, _watched(gen, counted), *arguments, **named)

    monkeypatch.setattr(psycopg.AsyncConnection, "wait", count)
    return counted


def _watched(gen, counted):
    """psycopg's generators yield what they wait for: 1 is for an answer, more also for room to write."""
    try:
        wanted = next(gen)
        while True:
            counted.append(int(wanted))
            wanted = gen.send((yield wanted))
    except StopIteration as end:
        return end.value


async def test_it_writes_once_and_waits_once_for_many_statements(database, waits):
    async with database.looking() as connection:
        ask = [await asked(connection, b"select %(n)s::int as n", {"n": n}, read=_first) for n in range(20)]
        assert waits == []
        assert [await answer() for answer in ask] == list(range(20))
    writes = [one for one in waits if one != 1]
    assert len(writes) <= 2, waits
    assert len(waits) <= 4, waits


def _first(rows):
    return rows[0]["n"]


async def test_a_verb_writes_for_its_questions_and_once_more_with_the_commit(database, waits):
    async with database.verb() as connection:
        await send(connection, b"create temp table told (n int) on commit drop", {})
        assert await every(connection, b"select n from told", {}) == []
        asked_for = len(waits)
        for n in range(20):
            await send(connection, b"insert into told select %(n)s::int", {"n": n})
        assert len(waits) == asked_for
    assert len(waits) - asked_for <= 4, waits


async def test_what_was_not_finished_is_undone(database):
    lease = {"name": str(uuid4())}
    with pytest.raises(KeyError):
        async with database.verb() as connection:
            await send(
                connection,
                b"insert into leases (name, epoch, beat, clock_offset) values (%(name)s, 1, 1, 0)",
                lease,
            )
            await every(connection, b"select 1", {})
            raise KeyError
    async with database.reading() as connection:
        assert await every(connection, b"select epoch from leases where name = %(name)s", lease) == []


async def test_an_error_of_any_statement_is_raised_and_leaves_the_next_transaction_alone(database):
    for within in (database.verb, database.at_once):
        with pytest.raises(psycopg.errors.DivisionByZero):
            async with within() as connection:
                await send(connection, b"select 1 / %(n)s::int", {"n": 0})
                await every(connection, b"select 1", {})
    async with database.verb() as connection:
        assert await every(connection, b"select 1 as n", {}) == [{"n": 1}]


async def test_an_error_of_the_last_statement_is_raised_at_the_end(database):
    with pytest.raises(psycopg.errors.DivisionByZero):
        async with database.verb() as connection:
            await send(connection, b"select 1 / %(n)s::int", {"n": 0})


async def test_more_than_the_socket_takes_at_once_is_written_all_the_same(database):
    long = "x" * 200_000
    async with database.verb() as connection:
        ask = [
            await asked(connection, b"select %(long)s as n", {"long": long}, read=_first) for _ in range(40)
        ]
        async with asyncio.timeout(10):
            assert all([await answer() == long for answer in ask])


@pytest.mark.parametrize("within", ["verb", "at_once", "looking"])
async def test_whoever_is_cancelled_leaves_nothing_behind_on_its_connection(embedded, within):
    database = await Database.open(embedded.conninfo(), size=1)

    async def use():
        async with getattr(database, within)() as connection:
            await send(connection, b"select %(n)s::int", {"n": 1})
            await every(connection, b"select %(n)s::int", {"n": 2})
            await send(connection, b"select %(n)s::int", {"n": 3})

    await use()
    for step in range(8):
        await asyncio.sleep(0.006)  # psycopg yields to others only when it has not for 5 ms
        task = asyncio.create_task(use())
        for _ in range(step):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        async with asyncio.timeout(3), database.reading() as connection:
            assert await every(connection, b"select 1 as n", {}) == [{"n": 1}], step
    await database.close()
