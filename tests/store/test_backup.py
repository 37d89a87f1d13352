"""A dump, and the database as it was."""

import asyncio
import stat

import psycopg
import pytest
from contents import NOON, entry, mute, new_house, placing, sighting, uuid

from micgate.store import migrate
from micgate.store.backup import backup, restore
from micgate.store.binaries import installed
from micgate.store.database import Database
from micgate.store.embedded import OWNER, SUPERUSER
from micgate.store.errors import BackupFailed, Fenced, WrongSchema
from micgate.store.target import Target
from micgate.store.verbs import Release


@pytest.fixture
def apart(embedded):
    """A database of its own, as the owner and as the application."""
    with psycopg.connect(embedded.conninfo(SUPERUSER, database="postgres"), autocommit=True) as admin:
        admin.execute(f"create database apart owner {OWNER}")
        migrate.upgrade(embedded.conninfo(OWNER, database="apart"))
        yield embedded.conninfo(OWNER, database="apart"), embedded.conninfo(database="apart")
        admin.execute("drop database apart with (force)")


async def test_what_was_dumped_comes_back_stale_and_due_and_without_a_keeper(apart, tmp_path):
    owner, application = apart
    file = tmp_path / "nightly.dump"
    database = await Database.open(application)
    house = await new_house(database)
    await house.store.place(placing(house.org, mute(1), entries=(entry("placed"),)), now=NOON)
    await house.store.observe(house.term, [sighting(Target(house.org, "call-1", "ada"))], now=NOON)
    sealed = await house.store.seal(house.term)
    await asyncio.to_thread(backup, owner, file, tools=installed())
    await house.store.place(Release(org=house.org, mute_ids=(uuid(1),), by="sam"), now=NOON)
    with pytest.raises(BackupFailed, match="in use"):
        await asyncio.to_thread(restore, owner, file, tools=installed())
    await database.close()

    await asyncio.to_thread(restore, owner, file, tools=installed())

    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    migrate.check(application)
    database = await Database.open(application)
    store = type(house.store)(database, house.store._rules)
    try:
        assert [one.id for one in await store.mutes.standing(house.org)] == [uuid(1)]
        with pytest.raises(Fenced):
            await store.load_due(house.term, now=NOON)
        (row,) = await store.microphones.all(house.org)
        assert (row.memory.stale, row.memory.known, row.wake_at) == (True, False, 0)
        assert await store.entries.after(house.org, 0) == sealed
        lease = await store.leases.take(house.org, holder="next", seen=await store.leases.read(house.org))
        assert lease.epoch == house.term.epoch + 2
    finally:
        await database.close()


async def test_a_broken_dump_changes_nothing(apart, tmp_path):
    owner, _ = apart
    file = tmp_path / "broken.dump"
    file.write_bytes(b"PGDMP, but no more")
    with pytest.raises(BackupFailed, match=r"broken\.dump is no dump") as failed:
        await asyncio.to_thread(restore, owner, file, tools=installed())
    assert "micgate db backup" in failed.value.remedy
    migrate.check(owner)


async def test_a_dump_that_fails_leaves_no_file(tmp_path):
    file = tmp_path / "nightly.dump"
    with pytest.raises(BackupFailed):
        await asyncio.to_thread(backup, "host=/nowhere dbname=none", file, tools=installed())
    assert not list(tmp_path.iterdir())


async def test_a_dump_by_a_newer_micgate_is_refused_and_nothing_is_dropped(apart, tmp_path):
    owner, application = apart
    file = tmp_path / "newer.dump"
    with psycopg.connect(owner, autocommit=True) as connection:
        connection.execute("set search_path = micgate")
        connection.execute("insert into migrations values (9000, 'later', 0)")
        await asyncio.to_thread(backup, owner, file, tools=installed())
        connection.execute("delete from migrations where number = 9000")
    with pytest.raises(WrongSchema, match="9000 by a newer micgate"):
        await asyncio.to_thread(restore, owner, file, tools=installed())
    migrate.check(application)
