"""Signed heads of the chain, and up to which record each place off the machine has them."""

import msgspec

from micgate.store.database import Database, Row, every, first, one, run
from micgate.store.leases import Term, fence
from micgate.store.queries import queries

_SQL = queries("checkpoints")


class StoredCheckpoint(msgspec.Struct, frozen=True, kw_only=True):
    """`body` is the whole checkpoint, as it was signed. `at` is service time."""

    seq: int
    key_id: str
    at: float
    body: bytes


class NewCheckpoint(StoredCheckpoint, frozen=True, kw_only=True):
    hash: bytes
    signature: bytes


class Delivered(msgspec.Struct, frozen=True):
    """Up to which record a place has checkpoints, and since when."""

    seq: int
    at: float


class Checkpoints:
    """Each call is a transaction of its own."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, term: Term, new: NewCheckpoint) -> None:
        """Only the keeper signs; one that no longer is raises `Fenced`."""
        async with self._database.transaction() as connection:
            await fence(connection, term)
            await run(connection, _SQL["add"], msgspec.structs.asdict(new) | {"org": term.org})

    async def newest(self, org: str) -> StoredCheckpoint | None:
        async with self._database.reading() as connection:
            row = await first(connection, _SQL["newest"], {"org": org})
            return _stored(row) if row else None

    async def after(self, org: str, seq: int, *, limit: int = 100) -> tuple[StoredCheckpoint, ...]:
        """Those of later records, in their order."""
        values = {"org": org, "after": seq, "limit": limit}
        async with self._database.reading() as connection:
            return tuple(_stored(row) for row in await every(connection, _SQL["after"], values))

    async def last_of_each_key(self, org: str, *, through: int) -> tuple[StoredCheckpoint, ...]:
        """With the first public key these are enough: where a key was given up, it named the next."""
        values = {"org": org, "through": through}
        async with self._database.reading() as connection:
            rows = await every(connection, _SQL["last_of_each_key"], values)
        return tuple(_stored(row) for row in rows)

    async def cut(self, org: str, *, before: float) -> int:
        """Up to which record the chain may be deleted when all from before then is to go; 0: none."""
        async with self._database.reading() as connection:
            row = await one(connection, _SQL["cut"], {"org": org, "before": before})
            return row["seq"] or 0

    async def hashes(self, org: str, seq: int, *, limit: int) -> tuple[bytes, ...]:
        """Of the records after this one, in their order."""
        values = {"org": org, "after": seq, "limit": limit}
        async with self._database.reading() as connection:
            return tuple(row["hash"] for row in await every(connection, _SQL["hashes"], values))

    async def places(self, org: str) -> dict[str, Delivered]:
        async with self._database.reading() as connection:
            rows = await every(connection, _SQL["places"], {"org": org})
        return {row["place"]: Delivered(row["seq"], row["delivered_at"]) for row in rows}

    async def delivered(self, org: str, place: str, *, seq: int, at: float) -> None:
        values = {"org": org, "place": place, "seq": seq, "at": at}
        async with self._database.reading() as connection:
            await run(connection, _SQL["delivered"], values)


def _stored(row: Row) -> StoredCheckpoint:
    return StoredCheckpoint(seq=row["seq"], key_id=row["key_id"], at=row["at"], body=row["body"])
