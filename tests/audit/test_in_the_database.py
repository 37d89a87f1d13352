"""The record in PostgreSQL: sealed and exported, erased by the service, edited by the database's owner."""

from collections.abc import Iterator

import msgspec
import psycopg
import pytest
from books import ADA, KEY, START, about_ada, ended, entry, placed, salts
from contents import House, new_house

from micgate.audit import export
from micgate.audit.canonical import hashed
from micgate.audit.chain import link, record, sealed_records
from micgate.audit.checkpoint import sign
from micgate.audit.privacy import erase, restored, stored
from micgate.audit.verify import verify
from micgate.store import entries
from micgate.store.database import Database, limited
from micgate.store.embedded import OWNER, Embedded

pytestmark = pytest.mark.xdist_group("audit in the database")
RECORDS = 8


@pytest.fixture
def owner(embedded: Embedded) -> Iterator[psycopg.Connection]:
    """Who may do everything in the database, unlike the service."""
    with psycopg.connect(limited(embedded.conninfo(OWNER)), autocommit=True) as connection:
        yield connection


@pytest.fixture
async def house(database: Database) -> House:
    """An org with a sealed record."""
    house = await new_house(database)
    salt = salts()
    mute_id = "0198d9f2-7a11-7000-8000-000000000001"
    written = [
        entry(
            placed() if seq % 2 else ended(),
            at=START + seq / 7,
            people=about_ada(),
            mute_id=mute_id,
            salt=salt,
        )
        for seq in range(RECORDS)
    ]
    async with database.transaction() as connection:
        await entries.add(connection, house.org, written)
        await entries.seal(connection, house.org, link, limit=1000)
    return house


async def read(database: Database, org: str) -> list[entries.Sealed]:
    return list(await entries.Entries(database).after(org, 0))


def vouched_for(sealed: list[entries.Sealed]) -> export.Checkpoint:
    org = sealed[-1].entry.org
    return sign(KEY, org=org, seq=len(sealed), hashes=[each.hash for each in sealed], at=START + 9)


def judged(sealed: list[entries.Sealed], *outside: export.Checkpoint):
    lines = [export.json_line(each) for each in sealed_records(b"", sealed)]
    lines.append(export.checkpoint_line(vouched_for(sealed)))
    return lines, verify(lines, keys=[KEY.public], outside=outside)


async def test_what_was_sealed_there_is_exported_intact(database, house):
    sealed = await read(database, house.org)
    _, verdict = judged(sealed, vouched_for(sealed))

    assert (verdict.word, verdict.outside_seq, verdict.withheld) == ("intact", RECORDS, 0)


async def test_an_erasure_by_the_service_keeps_it_intact_and_the_name_out(database, house):
    sealed = await read(database, house.org)
    kept = vouched_for(sealed)
    async with database.transaction() as connection:
        for each in sealed:
            left = stored(erase(restored(each.body), ADA.user_id))
            await connection.execute("delete from private where entry_id = %s", (each.entry.id,))
            await connection.execute("insert into private values (%s, %s)", (each.entry.id, left))
    lines, verdict = judged(await read(database, house.org), kept)

    assert (verdict.word, verdict.outside_seq) == ("intact", RECORDS)
    text = b"".join(lines)
    assert ADA.name.encode() not in text
    assert ADA.user_id.encode() not in text
    assert "Eve Müller".encode() in text


@pytest.mark.parametrize("table", ["entries", "seals"])
async def test_the_service_itself_cannot_change_what_is_written(database, house, table):
    async with database.reading() as connection:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            await connection.execute(f"update {table} set org = org")


async def test_the_owner_who_edits_rebuilds_and_signs_with_the_key_of_the_box_is_found_out(
    database, house, owner
):
    honest = await read(database, house.org)
    outside = vouched_for(honest)
    forge(owner, honest, seq=3)
    lines, verdict = judged(await read(database, house.org), outside)

    assert verify(lines, keys=[KEY.public]).word == "intact"
    assert (verdict.word, verdict.bad.seq, verdict.bad.word) == ("altered", 3, "witness")


def forge(owner: psycopg.Connection, honest: list[entries.Sealed], *, seq: int) -> None:
    """Lay one entry to somebody else, and make all hashes after it fit again."""
    before = honest[seq - 2].hash
    for table in ("entries", "seals"):
        owner.execute(f"alter table {table} disable trigger only_added_to")
    for each in honest[seq - 1 :]:
        changed = each.entry
        if each.seq == seq:
            changed = msgspec.structs.replace(changed, actor="person:p-scapegoat")
            owner.execute("update entries set actor = %s where id = %s", (changed.actor, changed.id))
        before = bytes.fromhex(hashed(record(changed, seq=each.seq, previous=before)))
        owner.execute("update seals set hash = %s where entry_id = %s", (before, changed.id))
    for table in ("entries", "seals"):
        owner.execute(f"alter table {table} enable trigger only_added_to")
