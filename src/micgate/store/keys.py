"""API keys as rows. Of a key only a hash is kept."""

from collections.abc import Collection, Sequence

import msgspec

from micgate.store import entries
from micgate.store.database import Database, Row, every, first, run
from micgate.store.entries import NewEntry
from micgate.store.queries import queries

_SQL = queries("keys")


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """`limits` is a JSON object of the service's. Revoked from `revoked_at` on, which may lie ahead."""

    id: str
    org: str
    prefix: str
    hash: bytes
    name: str
    scopes: tuple[str, ...]
    limits: str
    made_at: float
    expires_at: float
    last_used_at: float | None = None
    revoked_at: float | None = None

    def __repr__(self) -> str:
        return f"Key({self.prefix})"

    def ends_at(self) -> float:
        return self.expires_at if self.revoked_at is None else min(self.expires_at, self.revoked_at)


class Keys:
    """Each call is a transaction of its own, entries of the record included."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, key: Key, told: Sequence[NewEntry] = ()) -> None:
        values = msgspec.structs.asdict(key) | {"scopes": list(key.scopes)}
        async with self._database.transaction() as connection:
            await run(connection, _SQL["add"], values)
            await entries.add(connection, key.org, told)

    async def of_prefix(self, org: str, prefix: str) -> Key | None:
        async with self._database.reading() as connection:
            row = await first(connection, _SQL["of_prefix"], {"org": org, "prefix": prefix})
        return _key(row) if row else None

    async def all(self, org: str) -> tuple[Key, ...]:
        async with self._database.reading() as connection:
            return tuple(_key(row) for row in await every(connection, _SQL["all"], {"org": org}))

    async def end(self, org: str, key_id: str, *, at: float, told: Sequence[NewEntry] = ()) -> Key | None:
        """Revoke it from then on. None when there is no such key, or it ends by then anyway."""
        async with self._database.transaction() as connection:
            row = await first(connection, _SQL["end"], {"org": org, "id": key_id, "at": at})
            if row is None:
                return None
            await entries.add(connection, org, told)
            return _key(row)

    async def used(self, org: str, ids: Collection[str], *, at: float) -> None:
        async with self._database.reading() as connection:
            await run(connection, _SQL["used"], {"org": org, "ids": sorted(ids), "at": at})


def _key(row: Row) -> Key:
    return Key(**{**row, "scopes": tuple(row["scopes"])})
