"""The oldest part of the record is cut off, by the owner of the tables: the application may only add."""

import psycopg

from micgate.store.database import limited, translated
from micgate.store.errors import NotOwner
from micgate.store.queries import queries

_SQL = queries("cut")
BATCH = 5000
_PARTS = ("private", "entries", "deliveries", "checkpoints", "seals")


def cut(conninfo: str, org: str, *, through: int) -> int:
    """Delete an org's entries up to a record that has a checkpoint, which stays, with its seal. Blocks.

    In batches, oldest first: after a crash it goes on where it was. The number of entries that are gone.
    Raises `NotOwner`.
    """
    try:
        with translated(), psycopg.connect(limited(conninfo), autocommit=True) as connection:
            return _cut(connection, org, through)
    except psycopg.errors.InsufficientPrivilege:
        raise NotOwner(
            "Only the owner of the tables may cut off the oldest records.",
            remedy="Run as the owner, daily: micgate audit expire.",
        ) from None


def _cut(connection: psycopg.Connection, org: str, through: int) -> int:
    gone, after = 0, 0
    while True:
        values = {"org": org, "after": after, "through": through, "limit": BATCH}
        row = connection.execute(_SQL["next"], values).fetchone()
        if row is None or row[0] is None:
            return gone
        gone += _batch(connection, values | {"last": row[0]})
        after = row[0]


def _batch(connection: psycopg.Connection, values: dict[str, object]) -> int:
    with connection.transaction():
        connection.execute("select set_config('micgate.cutting', 'yes', true)")
        done = {name: connection.execute(_SQL[name], values).rowcount for name in _PARTS}
    return done["entries"]
