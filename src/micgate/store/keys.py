"""API keys. The key itself is never here, only its prefix and a hash."""

import msgspec

from micgate.store import entries
from micgate.store.database import Database, Row, every, first, run
from micgate.store.entries import NewEntry
from micgate.store.queries import queries

_SQL = queries("keys")


class StoredKey(msgspec.Struct, frozen=True, kw_only=True):
    """`limits` is a JSON object that the service reads. A key is good from `made_at` until it expires."""

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

    def good(self, *, now: float) -> bool:
        return self.revoked_at is None and now < self.expires_at


class Keys:
    """Each call is a transaction of its own; what changes a key's power leaves an entry."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, key: StoredKey, *, entry: NewEntry) -> None:
        values = msgspec.structs.asdict(key) | {"scopes": list(key.scopes)}
        async with self._database.transaction() as connection:
            await run(connection, _SQL["add"], values)
            await entries.add(connection, key.org, [entry])

    async def revoke(self, org: str, key_id: str, *, at: float, entry: NewEntry) -> bool:
        """False when there is no such key, or it was revoked before."""
        async with self._database.transaction() as connection:
            done = await run(connection, _SQL["revoke"], {"org": org, "id": key_id, "at": at}) == 1
            if done:
                await entries.add(connection, org, [entry])
        return done

    async def shorten(self, org: str, key_id: str, *, at: float, entry: NewEntry) -> bool:
        """Let it expire then. False when it ends by then anyway."""
        async with self._database.transaction() as connection:
            done = await run(connection, _SQL["shorten"], {"org": org, "id": key_id, "at": at}) == 1
            if done:
                await entries.add(connection, org, [entry])
        return done

    async def all(self, org: str) -> tuple[StoredKey, ...]:
        async with self._database.reading() as connection:
            return tuple(_key(row) for row in await every(connection, _SQL["all"], {"org": org}))

    async def by_prefix(self, prefix: str) -> StoredKey | None:
        async with self._database.reading() as connection:
            row = await first(connection, _SQL["by_prefix"], {"prefix": prefix})
        return _key(row) if row else None

    async def used(self, key_id: str, *, at: float) -> None:
        async with self._database.reading() as connection:
            await run(connection, _SQL["used"], {"id": key_id, "at": at})


def _key(row: Row) -> StoredKey:
    return StoredKey(**row | {"scopes": tuple(row["scopes"])})
