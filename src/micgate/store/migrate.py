"""The schema is brought up to date here, as its owner; the application's role may not change it."""

import re
import time
from dataclasses import dataclass
from importlib.resources import files

import psycopg

from micgate.store import queue
from micgate.store.database import SCHEMA, limited, translated
from micgate.store.errors import WrongSchema

APPLICATION = "micgate_app"
_NAME = re.compile(r"(\d{4})_(\w+)\.sql")
_LOCK = 0x6D696367617465  # "micgate"
_STATEMENT_MS = 600_000
_UPGRADE = "Run: micgate db upgrade."

_BOOKS = """
create table if not exists migrations (
  number integer primary key, name text not null, applied_at double precision not null
)"""


@dataclass(frozen=True, slots=True, order=True)
class Migration:
    number: int
    name: str
    sql: str


def migrations() -> tuple[Migration, ...]:
    """Those that come with this micgate, in order."""
    named = ((file, _NAME.fullmatch(file.name)) for file in (files(__package__) / "migrations").iterdir())
    return tuple(
        sorted(Migration(int(name[1]), name[2], file.read_text("utf-8")) for file, name in named if name)
    )


def upgrade(conninfo: str) -> tuple[Migration, ...]:
    """Apply what is missing, all of it or nothing, and say what that was.

    Two at once wait for each other. Raises `WrongSchema` when the database is newer than this micgate.
    """
    with translated(), psycopg.connect(limited(conninfo, statement_ms=_STATEMENT_MS)) as connection:
        connection.execute("set lock_timeout = 0")
        connection.execute("select pg_advisory_xact_lock(%s)", [_LOCK])
        try:
            return _upgraded(connection)
        except psycopg.errors.InsufficientPrivilege:
            raise WrongSchema(
                f"{connection.info.user} may not change the schema.",
                remedy="For this command, let MICGATE_DATABASE_URL be that of the schema's owner.",
            ) from None


def _upgraded(connection: psycopg.Connection) -> tuple[Migration, ...]:
    _prepare(connection)
    applied = _applied(connection)
    missing = tuple(one for one in migrations() if one.number not in applied)
    for migration in missing:
        _apply(connection, migration)
    queue.upgrade(connection, application=APPLICATION, at=time.time())
    return missing


def check(conninfo: str) -> None:
    """Raise `WrongSchema` unless the database has exactly the schema of this micgate."""
    with translated(), psycopg.connect(limited(conninfo)) as connection:
        exists = connection.execute("select to_regclass('migrations') is not null as it").fetchone()
        applied = _applied(connection) if exists == (True,) else set()
        lacking = sum(one.number not in applied for one in migrations())
        behind = 0 if lacking else len(queue.missing(connection))
    if lacking:
        raise WrongSchema(f"The database lacks {lacking} of our migrations.", remedy=_UPGRADE)
    if behind:
        raise WrongSchema(f"The database lacks {behind} migrations of Procrastinate.", remedy=_UPGRADE)


def ensure_role(connection: psycopg.Connection) -> None:
    """The application's role, which the schema grants its rights to."""
    if not connection.execute("select 1 from pg_roles where rolname = %s", [APPLICATION]).fetchone():
        connection.execute(f"create role {APPLICATION} nologin".encode())
        connection.execute(f"grant {APPLICATION} to current_user".encode())


def known(applied: set[int]) -> set[int]:
    """The same, or `WrongSchema` if there is one that this micgate does not have."""
    if newer := applied - {one.number for one in migrations()}:
        raise WrongSchema(
            f"The database was brought to {max(newer)} by a newer micgate.",
            remedy="Run that one, or restore a backup made by this one.",
        )
    return applied


def _prepare(connection: psycopg.Connection) -> None:
    ensure_role(connection)
    connection.execute(f"create schema if not exists {SCHEMA}".encode())
    connection.execute(f"grant usage on schema {SCHEMA} to {APPLICATION}".encode())
    connection.execute(_BOOKS)
    connection.execute(f"grant select on migrations to {APPLICATION}".encode())


def _applied(connection: psycopg.Connection) -> set[int]:
    applied = {number for (number,) in connection.execute("select number from migrations").fetchall()}
    return known(applied)


def _apply(connection: psycopg.Connection, migration: Migration) -> None:
    connection.execute(migration.sql.encode())
    connection.execute(
        "insert into migrations (number, name, applied_at) values (%s, %s, %s)",
        [migration.number, migration.name, time.time()],
    )
