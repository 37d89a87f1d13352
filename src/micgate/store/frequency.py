"""Who mutes whom how often."""

from collections.abc import Sequence

import msgspec

from micgate.store.database import Database, every, first
from micgate.store.queries import queries

_SQL = queries("frequency")


class Often(msgspec.Struct, frozen=True, kw_only=True):
    """An owner who muted one agent so many times."""

    owner_kind: str
    owner_id: str
    user_id: str
    mutes: int


class Frequency:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def often(
        self, org: str, users: Sequence[str], *, since: float, at_least: int
    ) -> tuple[Often, ...]:
        values = {"org": org, "users": list(users), "since": since, "at_least": at_least}
        async with self._database.reading() as connection:
            return tuple(Often(**row) for row in await every(connection, _SQL["often"], values))

    async def told(self, org: str, *, target: str, owner: str, action: str, since: float) -> bool:
        """Whether the record has such an entry about the pair since then."""
        values = {"org": org, "target": target, "owner": owner, "action": action, "since": since}
        async with self._database.reading() as connection:
            return await first(connection, _SQL["told"], values) is not None
