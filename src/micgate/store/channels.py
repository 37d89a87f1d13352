"""Notification channels, kept so that a successor uses them again instead of making more."""

import msgspec

from micgate.store.database import Database, every, run
from micgate.store.leases import Term, fence
from micgate.store.queries import queries

_SQL = queries("channels")


class StoredChannel(msgspec.Struct, frozen=True, kw_only=True):
    """`uri_cipher` is the connect URI, a secret, as the caller encrypted it."""

    slot: int
    channel_id: str
    uri_cipher: bytes
    topics: tuple[str, ...]
    expires_at: float


class Channels:
    """Only the keeper writes; a fenced-off one raises `Fenced`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def all(self, org: str) -> tuple[StoredChannel, ...]:
        async with self._database.reading() as connection:
            rows = await every(connection, _SQL["all"], {"org": org})
        return tuple(
            StoredChannel(**row | {"topics": msgspec.json.decode(row["topics"], type=tuple[str, ...])})
            for row in rows
        )

    async def put(self, term: Term, channel: StoredChannel) -> None:
        values = msgspec.structs.asdict(channel)
        values |= {"org": term.org, "topics": msgspec.json.encode(channel.topics).decode()}
        async with self._database.transaction() as connection:
            await fence(connection, term)
            await run(connection, _SQL["put"], values)

    async def drop(self, term: Term, slot: int) -> None:
        async with self._database.transaction() as connection:
            await fence(connection, term)
            await run(connection, _SQL["drop"], {"org": term.org, "slot": slot})
