"""Clients that die or stop in the middle, a database that goes away, and what the role may not do."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time

import psycopg
import pytest
from contents import NOON, House, entry, mute, placing, sending, sighting, uuid
from swallowing import way

from micgate.store import database as limits
from micgate.store.database import Database, every, limited
from micgate.store.embedded import OWNER
from micgate.store.errors import Busy, InvariantBroken, StoreError, Unavailable
from micgate.store.target import Target
from micgate.store.verbs import Release

PAUSED = """
import sys, psycopg
from micgate.store.database import limited
with psycopg.connect(limited(sys.argv[1])) as connection:
    for statement in sys.argv[2:]:
        connection.execute(statement)
    print("in", flush=True)
    sys.stdin.readline()
    connection.commit()
    print("committed", flush=True)
"""


@pytest.fixture
def client(embedded):
    """Another process in the middle of a transaction; a line on its standard input lets it commit."""
    started: list[subprocess.Popen[str]] = []

    def start(*statements: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", PAUSED, embedded.conninfo(), *statements],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        started.append(process)
        assert process.stdout.readline() == "in\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


async def patiently(attempt, *, within: float = 20.0):
    """Repeat what is refused as busy; the answer, and how long it took."""
    began = time.monotonic()
    while True:
        try:
            return await attempt(), time.monotonic() - began
        except Busy:
            assert time.monotonic() - began < within


def lock_of(house: House) -> str:
    return f"select 1 from microphones where org = '{house.org}' for update"


async def test_a_client_killed_in_a_transaction_stops_nobody(house, client):
    await house.store.place(placing(house.org, mute(1)), now=NOON)
    process = client(
        lock_of(house), f"update mutes set release_at = release_at + 9 where org = '{house.org}'"
    )
    process.kill()
    _, took = await patiently(lambda: house.store.place(placing(house.org, mute(2)), now=NOON))
    assert took < limits.IDLE_IN_TRANSACTION_MS / 1000
    assert [one.release_at for one in await house.store.mutes.standing(house.org)] == [NOON + 120] * 2


async def test_a_client_stopped_in_a_transaction_stops_others_for_two_seconds(house, client):
    await house.store.place(placing(house.org, mute(1)), now=NOON)
    process = client(lock_of(house))
    process.send_signal(signal.SIGSTOP)
    release = Release(org=house.org, mute_ids=(uuid(1),), by="sam")
    placed, took = await patiently(lambda: house.store.place(release, now=NOON))
    assert [one.id for one in placed.mutes] == [uuid(1)]
    assert took < limits.IDLE_IN_TRANSACTION_MS / 1000 + limits.LOCK_MS / 1000 + 4


async def test_a_keeper_stopped_within_a_verb_stops_others_for_two_seconds(house, database):
    await house.store.place(placing(house.org, mute(1)), now=NOON)
    release = Release(org=house.org, mute_ids=(uuid(1),), by="sam")
    with pytest.raises(StoreError):
        async with database.verb() as connection:
            await every(connection, lock_of(house).encode(), {})
            placed, took = await patiently(lambda: house.store.place(release, now=NOON))
    assert [one.id for one in placed.mutes] == [uuid(1)]
    assert took < limits.IDLE_IN_TRANSACTION_MS / 1000 + limits.LOCK_MS / 1000 + 4


async def test_a_stopped_keeper_that_wakes_up_writes_nothing(house, client):
    await house.store.place(placing(house.org, mute(1)), now=NOON)
    fence = f"select 1 from leases where name = '{house.org}' and epoch = 1 for key share"
    process = client(fence, f"update microphones set phase = 'woken' where org = '{house.org}'")
    process.send_signal(signal.SIGSTOP)

    def take():
        return house.store.leases.take(house.org, holder="second", seen=house.lease)

    lease, took = await patiently(take)
    assert lease.epoch == 2
    assert took < limits.IDLE_IN_TRANSACTION_MS / 1000 + limits.LOCK_MS / 1000 + 4
    process.send_signal(signal.SIGCONT)
    out, _ = process.communicate("go on\n")
    assert "committed" not in out
    assert [row.memory.phase for row in await house.store.microphones.all(house.org)] == ["idle"]


async def test_a_keeper_beats_while_its_own_transactions_are_under_way(house, client):
    client(f"select 1 from leases where name = '{house.org}' and epoch = 1 for key share")
    began = time.monotonic()
    assert await house.store.leases.beat(house.term)
    assert time.monotonic() - began < limits.LOCK_MS / 1000


async def test_only_one_of_two_rivals_takes_over(house):
    taken = await asyncio.gather(
        *(house.store.leases.take(house.org, holder=name, seen=house.lease) for name in ("b", "c"))
    )
    assert sum(one is not None for one in taken) == 1
    assert not await house.store.leases.beat(house.term)


async def test_a_beat_in_the_last_moment_keeps_the_lease(house):
    assert await house.store.leases.beat(house.term)
    assert await house.store.leases.take(house.org, holder="b", seen=house.lease) is None


async def test_after_a_crash_the_first_question_is_answered(house, embedded):
    await house.store.place(placing(house.org, mute(1)), now=NOON)
    os.kill(embedded.cluster.parent(), signal.SIGKILL)
    with pytest.raises(Unavailable):
        while True:
            await house.store.mutes.standing(house.org)
    await asyncio.to_thread(lambda: [None for _ in iter(embedded.ensure, True)])
    assert [one.id for one in await house.store.mutes.standing(house.org)] == [uuid(1)]


async def test_a_connection_that_was_cut_while_idle_is_not_used_again(database):
    async with database.reading() as connection:
        pid = connection.info.backend_pid
    async with database.reading() as first, database.reading() as second:
        other = second if first.info.backend_pid == pid else first
        await other.execute("select pg_terminate_backend(%(pid)s, 1000)", {"pid": pid})
    assert await database.clock()


async def test_who_waits_too_long_for_a_connection_is_told_that_it_is_busy(embedded, monkeypatch):
    monkeypatch.setattr(limits, "WAIT_SECONDS", 0.05)
    database = await Database.open(embedded.conninfo(), size=1)
    async with database.reading():
        with pytest.raises(Busy):
            await database.clock()
    assert await database.clock()
    await database.close()


@pytest.fixture
async def swallowed(embedded, monkeypatch):
    """A database with four idle connections that swallow everything from now on, and the way to it."""
    monkeypatch.setattr(limits, "ANSWER_SECONDS", 1.0)
    async with way(embedded.conninfo()) as found:
        database = await Database.open(found.conninfo)
        async with database.reading(), database.reading(), database.reading(), database.reading():
            found.swallow()
        yield database, found
        await database.close()


async def test_who_gets_no_answer_for_too_long_is_told_so_and_then_the_way_is_good_again(swallowed):
    database, found = swallowed
    with pytest.raises(Unavailable):
        await database.clock()
    assert await database.clock()  # not on one of the others
    assert found.begun == 5


async def test_a_commit_whose_answer_is_swallowed_may_be_done(house, swallowed):
    database, found = swallowed
    with pytest.raises(Unavailable):
        await database.clock()
    with pytest.raises(Unavailable) as error:
        async with database.verb() as connection:
            row = await every(connection, b"select region from orgs where id = %(org)s", {"org": house.org})
            assert row == [{"region": ""}]
            found.swallow()
    assert error.value.perhaps_done


async def test_whoever_only_listens_notices_that_the_other_machine_is_gone(swallowed):
    database, _ = swallowed
    with pytest.raises(Unavailable):
        await database.clock()
    async with database.reading() as connection:
        with socket.socket(fileno=os.dup(connection.fileno())) as line:
            assert line.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
            assert line.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == limits.KEEPALIVE_SECONDS


async def test_a_cancelled_transaction_leaves_nothing_and_gives_its_connection_back(house, database):
    async def hang() -> None:
        async with database.transaction() as connection:
            await connection.execute("update orgs set region = 'half' where id = %(org)s", {"org": house.org})
            await connection.execute("select pg_sleep(4)")

    for _ in range(12):
        hanging = asyncio.create_task(hang())
        await asyncio.wait([hanging], timeout=0.05)
        hanging.cancel()
        await asyncio.wait([hanging])
    async with database.reading() as connection:
        cursor = await connection.execute("select region from orgs where id = %(org)s", {"org": house.org})
        assert await cursor.fetchone() == {"region": ""}


async def test_an_absent_database_is_named_without_its_password():
    database = await Database.open("postgresql://sam:abracadabra@127.0.0.1:1/none?connect_timeout=2")
    try:
        with pytest.raises(Unavailable) as error:
            async with database.reading():
                pass
    finally:
        await database.close()
    assert "abracadabra" not in str(error.value)


async def test_a_statement_that_takes_too_long_is_busy(database):
    with pytest.raises(Busy):
        async with database.transaction() as connection:
            await connection.execute("set local statement_timeout = 50")
            await connection.execute("select pg_sleep(5)")


async def test_a_hint_reaches_whoever_listens(house, database):
    hints = database.hints()
    waiting = asyncio.create_task(anext(hints))
    try:
        while not waiting.done():
            database.hint(house.org)
            await asyncio.wait([waiting], timeout=0.05)
        assert await waiting == house.org
    finally:
        await hints.aclose()


@pytest.mark.parametrize("table", ["entries", "seals", "checkpoints"])
@pytest.mark.parametrize("change", ["update {} set org = 'x'", "delete from {}", "truncate {} cascade"])
async def test_not_even_the_owner_changes_the_record(house, embedded, table, change):
    await _write_a_record(house)
    owner = psycopg.connect(limited(embedded.conninfo(OWNER)))
    with owner, pytest.raises(psycopg.errors.RestrictViolation):
        owner.execute(change.format(table))


@pytest.mark.parametrize(
    "change",
    [
        "update entries set actor = 'x'",
        "delete from seals",
        "alter table entries disable trigger all",
        "drop table seals",
    ],
)
async def test_the_application_lacks_the_right_to_change_the_record(database, change):
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        async with database.reading() as connection:
            await connection.execute(change)


async def _write_a_record(house: House) -> None:
    await house.store.place(Release(org=house.org, mute_ids=(), by="sam", entries=(entry(),)), now=NOON)
    (sealed,) = await house.store.seal(house.term)
    async with house.store._database.transaction() as connection:
        await connection.execute(
            "insert into checkpoints values (%(org)s, %(seq)s, %(hash)s, 'signed', 'key', 0, '{}')",
            {"org": house.org, "seq": sealed.seq, "hash": sealed.hash},
        )


async def test_an_entry_of_a_slow_transaction_is_sealed_later_and_not_lost(house, client):
    process = client(
        "insert into entries (org, at, actor, action, target, public)"
        f" values ('{house.org}', 1, 'slow', 'slow', 'x', '{{}}')"
    )
    quick = Release(org=house.org, mute_ids=(), by="sam", entries=(entry("quick"),))
    await house.store.place(quick, now=NOON)
    first = await house.store.seal(house.term)
    process.communicate("go on\n")
    second = await house.store.seal(house.term)
    assert [(one.seq, one.entry.action) for one in (*first, *second)] == [(1, "quick"), (2, "slow")]
    assert first[0].entry.id > second[0].entry.id


async def test_every_foreign_error_has_a_name_of_ours(database):
    with pytest.raises(StoreError):
        async with database.transaction() as connection:
            await connection.execute("insert into entries (org) values (null)")
    with pytest.raises(InvariantBroken, match="orgs_pkey"):
        async with database.transaction() as connection:
            await connection.execute("insert into orgs values ('twice'), ('twice')")


async def until_somebody_waits_for_a_lock(database):
    while True:
        async with database.reading() as connection:
            cursor = await connection.execute(
                "select from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"
            )
            if cursor.rowcount:
                return


async def test_a_microphone_that_appears_while_others_are_waited_for_keeps_what_was_decided(
    house, database, client
):
    first, new = Target(house.org, "call-1", "ada"), Target(house.org, "call-2", "bob")
    await house.store.observe(house.term, [sighting(first)], now=NOON)
    process = client(lock_of(house))
    seen = [sighting(first, muted=True), sighting(new)]
    observing = asyncio.create_task(house.store.observe(house.term, seen, now=NOON))
    await until_somebody_waits_for_a_lock(database)
    await house.store.place(placing(house.org, mute(1, user="bob", call="call-2")), now=NOON)
    (due,) = (await house.store.load_due(house.term, now=NOON)).due
    await house.store.intend(house.term, [sending(due)], now=NOON)
    await asyncio.to_thread(process.communicate, "go on\n")
    await observing
    (row,) = await house.store.microphones.of_agent(house.org, "bob")
    assert row.memory.pending == sending(due).decision.command
    assert row.memory.seen is not None
