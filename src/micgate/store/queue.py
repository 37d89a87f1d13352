"""The tables of Procrastinate, which keep the jobs of deliveries. They stand beside ours, in our schema.

The library brings its schema and its own migrations along; they are read from it without importing it.
"""

import re
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import psycopg
from psycopg.rows import dict_row

from micgate.store.database import WAIT_SECONDS, Connection, limited
from micgate.store.errors import WrongSchema
from micgate.store.pool import Pool
from micgate.store.together import Line

_NAME = re.compile(r"\d\d\.\d\d\.\d\d_\d\d_\w+\.sql")


def pool(conninfo: str, *, size: int) -> Pool:
    """Connections for it, with our time limits. It wants the types that psycopg makes of itself."""
    told = limited(conninfo)

    async def connect() -> Connection:
        return await Line.connect(told, autocommit=True, row_factory=dict_row)

    return Pool(connect, size=size, patience=WAIT_SECONDS)


def missing(connection: psycopg.Connection) -> tuple[str, ...]:
    """Its migrations that the database does not have, in order."""
    applied = {name for (name,) in connection.execute("select name from queue_migrations").fetchall()}
    return tuple(name for name in _migrations() if name not in applied)


def upgrade(connection: psycopg.Connection, *, application: str, at: float) -> tuple[str, ...]:
    """Bring its tables up to date within the transaction, and say which of its migrations that took.

    A new database gets its schema at once, which is what they lead to. Ours are brought up to date before.
    """
    names = missing(connection)
    if names == _migrations():
        connection.execute(_text("schema.sql"))
    else:
        for name in names:
            connection.execute(_text(f"migrations/{name}"))
    if names:
        _note(connection, names, at)
        _grant(connection, application)
    return names


def _note(connection: psycopg.Connection, names: Sequence[str], at: float) -> None:
    with connection.cursor() as cursor:
        rows = [(name, at) for name in names]
        cursor.executemany("insert into queue_migrations (name, applied_at) values (%s, %s)", rows)


def _grant(connection: psycopg.Connection, application: str) -> None:
    tables = connection.execute(_TABLES).fetchall()
    for (name,) in tables:
        connection.execute(f'grant select, insert, update, delete on "{name}" to {application}'.encode())
    connection.execute(f"grant usage on all sequences in schema micgate to {application}".encode())


_TABLES = (
    r"select tablename from pg_tables where schemaname = 'micgate' and tablename like 'procrastinate\_%'"
)


def _migrations() -> tuple[str, ...]:
    return tuple(
        sorted(path.name for path in (_folder() / "migrations").iterdir() if _NAME.fullmatch(path.name))
    )


def _text(name: str) -> bytes:
    return (_folder() / name).read_bytes()


def _folder() -> Path:
    spec = find_spec("procrastinate")
    places = spec.submodule_search_locations if spec else None
    if not places:
        raise WrongSchema("Procrastinate is not installed.", remedy="Run: pip install 'micgate[service]'.")
    return Path(places[0]) / "sql"
