"""The migrations lead to the schema, and nothing half-way is left."""

import re

import psycopg
import pytest

from micgate.store import migrate, queue
from micgate.store.database import SCHEMA, limited
from micgate.store.embedded import APPLICATION, OWNER, SUPERUSER
from micgate.store.errors import WrongSchema
from micgate.store.migrate import Migration
from micgate.store.queries import text

COLUMNS = """
select table_name, column_name, data_type, collation_name, is_nullable, column_default, is_identity
from information_schema.columns where table_schema = 'micgate' order by 1, 2"""
INDEXES = "select indexdef from pg_indexes where schemaname = 'micgate' order by 1"
CONSTRAINTS = """
select conrelid::regclass::text, conname, pg_get_constraintdef(oid) from pg_constraint
where connamespace = 'micgate'::regnamespace order by 1, 2"""
TRIGGERS = """
select pg_get_triggerdef(t.oid) from pg_trigger t join pg_class c on c.oid = t.tgrelid
where not tgisinternal and c.relnamespace = 'micgate'::regnamespace order by 1"""
FUNCTIONS = """
select pg_get_functiondef(oid) from pg_proc where pronamespace = 'micgate'::regnamespace order by 1"""
SLOWLY_DELETED = """
select conrelid::regclass::text || ' (' || a.attname || ')' from pg_constraint c
join pg_attribute a on a.attrelid = c.conrelid and a.attnum = c.conkey[1]
where contype = 'f' and connamespace = 'micgate'::regnamespace and confrelid <> 'micgate.orgs'::regclass
  and not exists (select from pg_index i where i.indrelid = c.conrelid and i.indkey[0] = c.conkey[1])
  and conrelid::regclass::text not like '%procrastinate%'"""
RIGHTS = """
select table_name, grantee, privilege_type from information_schema.role_table_grants
where table_schema = 'micgate' and grantee <> 'micgate_owner' order by 1, 2, 3"""


@pytest.fixture
def empty(embedded):
    """Make empty databases."""
    made: list[str] = []

    def make() -> str:
        name = f"empty_{len(made)}"
        with psycopg.connect(embedded.conninfo(SUPERUSER, database="postgres"), autocommit=True) as admin:
            admin.execute(f"create database {name} owner {OWNER}")
        made.append(name)
        return embedded.conninfo(OWNER, database=name)

    yield make
    with psycopg.connect(embedded.conninfo(SUPERUSER, database="postgres"), autocommit=True) as admin:
        for name in made:
            admin.execute(f"drop database {name} with (force)")


def described(conninfo: str) -> list[list[tuple[object, ...]]]:
    with psycopg.connect(limited(conninfo)) as connection:
        connection.execute("drop table if exists migrations")
        asked = (COLUMNS, INDEXES, CONSTRAINTS, TRIGGERS, FUNCTIONS, RIGHTS)
        return [connection.execute(query).fetchall() for query in asked]


def test_the_migrations_lead_to_the_schema(empty):
    migrated, written = empty(), empty()
    migrate.upgrade(migrated)
    with psycopg.connect(limited(written)) as connection:
        connection.execute(f"create schema {SCHEMA}; grant usage on schema {SCHEMA} to micgate_app")
        connection.execute(text("schema.sql"))
        queue.upgrade(connection, application=migrate.APPLICATION, at=0.0)
    found = described(migrated)
    assert found == described(written)
    assert all(found)


def test_whatever_refers_to_rows_that_get_deleted_has_an_index(empty):
    """Else each is looked for in the whole table: to delete 4,000 notes beside a million mutes took minutes,
    of the five seconds that a statement has.
    """
    conninfo = empty()
    migrate.upgrade(conninfo)
    with psycopg.connect(limited(conninfo)) as connection:
        assert connection.execute(SLOWLY_DELETED).fetchall() == []


def test_they_are_numbered_without_a_gap():
    numbers = [one.number for one in migrate.migrations()]
    assert numbers == list(range(1, len(numbers) + 1))


def test_a_second_upgrade_changes_nothing(empty):
    conninfo = empty()
    assert migrate.upgrade(conninfo)
    assert migrate.upgrade(conninfo) == ()
    migrate.check(conninfo)


def test_a_database_without_the_schema_asks_for_the_upgrade(empty):
    with pytest.raises(WrongSchema, match="micgate db upgrade"):
        migrate.check(empty())


def test_what_a_newer_procrastinate_brings_is_asked_for_and_applied(empty, tmp_path, monkeypatch):
    conninfo = empty()
    migrate.upgrade(conninfo)
    (tmp_path / "migrations").mkdir()
    (tmp_path / "migrations" / "09.01.00_01_pre_later.sql").write_text(
        "create table procrastinate_later (x int)"
    )
    monkeypatch.setattr(queue, "_folder", lambda: tmp_path)
    with pytest.raises(WrongSchema, match="Procrastinate"):
        migrate.check(conninfo)
    with psycopg.connect(limited(conninfo)) as connection:
        connection.execute("insert into queue_migrations values ('08.00.00_01_known.sql', 0)")
    (tmp_path / "migrations" / "08.00.00_01_known.sql").write_text("select 1 / 0")
    migrate.upgrade(conninfo)
    migrate.check(conninfo)


def test_a_database_of_a_newer_micgate_is_left_alone(empty):
    conninfo = empty()
    migrate.upgrade(conninfo)
    with psycopg.connect(limited(conninfo)) as connection:
        connection.execute("insert into migrations values (9999, 'later', 0)")
    with pytest.raises(WrongSchema, match="newer"):
        migrate.upgrade(conninfo)


def test_a_migration_that_fails_leaves_nothing_of_the_others(empty, monkeypatch):
    conninfo = empty()
    ours = migrate.migrations()
    broken = Migration(9998, "broken", "create table half (x int); select 1 / 0")
    monkeypatch.setattr(migrate, "migrations", lambda: (*ours, broken))
    with pytest.raises(psycopg.errors.DivisionByZero):
        migrate.upgrade(conninfo)
    monkeypatch.undo()
    assert migrate.upgrade(conninfo) == ours


def test_no_statement_of_ours_asks_the_server_for_the_time():
    from importlib.resources import files

    asking = re.compile(r"\b(now\(\)|current_timestamp|clock_timestamp|statement_timestamp)")
    sources = [path for path in files("micgate.store").iterdir() if path.name.endswith(".sql")]
    assert len(sources) > 5
    assert not [path.name for path in sources if asking.search(path.read_text())]


def test_whoever_may_not_change_the_schema_is_told_who_may(empty):
    application = empty().replace(OWNER, APPLICATION)
    with pytest.raises(WrongSchema, match=f"{APPLICATION} may not change the schema") as refused:
        migrate.upgrade(application)
    assert "owner" in refused.value.remedy
