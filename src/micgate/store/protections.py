"""Agents and queues that nobody mutes alone. Who marks one is written down in the same transaction."""

from collections.abc import Sequence
from typing import Literal, TypeAlias

import msgspec

from micgate.store import entries
from micgate.store.database import Database, every, run
from micgate.store.entries import NewEntry
from micgate.store.queries import queries

_SQL = queries("protections")

Kind: TypeAlias = Literal["agent", "queue"]


class Protection(msgspec.Struct, frozen=True, kw_only=True):
    kind: Kind
    id: str
    marked_at: float
    marked_by: str


class Protections:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def all(self, org: str) -> tuple[Protection, ...]:
        async with self._database.reading() as connection:
            rows = await every(connection, _SQL["all"], {"org": org})
        return tuple(msgspec.convert(row, Protection) for row in rows)

    async def mark(self, org: str, protection: Protection, told: Sequence[NewEntry]) -> bool:
        """False when it was marked already."""
        values = {
            "org": org,
            "kind": protection.kind,
            "id": protection.id,
            "at": protection.marked_at,
            "by": protection.marked_by,
        }
        return await self._change("mark", org, values, told)

    async def unmark(self, org: str, kind: Kind, id_: str, told: Sequence[NewEntry]) -> bool:
        return await self._change("unmark", org, {"org": org, "kind": kind, "id": id_}, told)

    async def _change(self, name: str, org: str, values: dict[str, object], told: Sequence[NewEntry]) -> bool:
        async with self._database.transaction() as connection:
            changed = await run(connection, _SQL[name], values) == 1
            if changed:
                await entries.add(connection, org, told)
            return changed
