"""Webhooks: where sealed records are posted to. Their secrets are here encrypted only."""

import msgspec

from micgate.store import entries
from micgate.store.database import Database, Row, every, first, run
from micgate.store.entries import NewEntry
from micgate.store.queries import queries

_SQL = queries("webhooks")


class StoredWebhook(msgspec.Struct, frozen=True, kw_only=True):
    """`actions` are actions of the record, `mute.*` for a kind, `*` for all.

    `former_secret_cipher` goes on signing until `former_until`. Records after `position` are still to come.
    """

    id: str
    org: str
    name: str
    url: str
    actions: tuple[str, ...]
    secret_cipher: bytes
    made_at: float
    position: int = 0
    former_secret_cipher: bytes | None = None
    former_until: float | None = None

    def __repr__(self) -> str:
        return f"StoredWebhook({self.name})"


class Webhooks:
    """Each call is a transaction of its own; what changes where records go leaves an entry."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, webhook: StoredWebhook, *, entry: NewEntry) -> bool:
        """It begins behind the newest sealed record. False when the name is taken."""
        values = msgspec.structs.asdict(webhook) | {"actions": list(webhook.actions)}
        async with self._database.transaction() as connection:
            done = await run(connection, _SQL["add"], values) == 1
            if done:
                await entries.add(connection, webhook.org, [entry])
        return done

    async def all(self, org: str) -> tuple[StoredWebhook, ...]:
        async with self._database.reading() as connection:
            return tuple(webhook_of(row) for row in await every(connection, _SQL["all"], {"org": org}))

    async def read(self, webhook_id: str) -> StoredWebhook | None:
        async with self._database.reading() as connection:
            row = await first(connection, _SQL["of_id"], {"id": webhook_id})
        return webhook_of(row) if row else None

    async def remove(self, org: str, webhook_id: str, *, entry: NewEntry) -> bool:
        """With its deliveries. False when it was gone."""
        return await self._change("remove", org, {"id": webhook_id}, entry)

    async def rotate(
        self, org: str, webhook_id: str, *, secret_cipher: bytes, former_until: float, entry: NewEntry
    ) -> bool:
        """The secret of before goes on until then; one still older ends now. False when it is gone."""
        values = {"id": webhook_id, "secret_cipher": secret_cipher, "until": former_until}
        return await self._change("rotate", org, values, entry)

    async def behind(self, org: str) -> tuple[str, ...]:
        """Ids of those for which there is something to do."""
        async with self._database.reading() as connection:
            return tuple(str(row["id"]) for row in await every(connection, _SQL["behind"], {"org": org}))

    async def _change(self, name: str, org: str, values: dict[str, object], entry: NewEntry) -> bool:
        async with self._database.transaction() as connection:
            done = await run(connection, _SQL[name], values | {"org": org}) == 1
            if done:
                await entries.add(connection, org, [entry])
        return done


def webhook_of(row: Row) -> StoredWebhook:
    return StoredWebhook(**row | {"actions": tuple(row["actions"])})
