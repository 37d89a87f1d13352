"""Organizations: what they accepted, and whether the brake is on."""

import msgspec

from micgate.store.database import Connection, Database, every, first, run
from micgate.store.errors import Frozen
from micgate.store.queries import queries

_SQL = queries("orgs")


class Brake(msgspec.Struct, frozen=True):
    """Since when no mutes are taken, and who said so."""

    at: float
    by: str


class Orgs:
    """Each call is a transaction of its own."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def ensure(self, org: str, *, region: str = "") -> None:
        async with self._database.reading() as connection:
            await run(connection, _SQL["ensure"], {"org": org, "region": region})

    async def all(self) -> tuple[str, ...]:
        async with self._database.reading() as connection:
            return tuple(row["id"] for row in await every(connection, _SQL["all"], {}))

    async def brake(self, org: str) -> Brake | None:
        async with self._database.reading() as connection:
            row = await first(connection, _SQL["frozen"], {"org": org})
            return Brake(row["frozen_at"], row["frozen_by"]) if row else None

    async def strategy(self, org: str) -> str | None:
        """What the org accepted last."""
        async with self._database.reading() as connection:
            row = await first(connection, _SQL["strategy"], {"org": org})
            return row["strategy"] if row else None

    async def remember_strategy(self, org: str, strategy: str | None) -> None:
        async with self._database.reading() as connection:
            await run(connection, _SQL["remember_strategy"], {"org": org, "strategy": strategy})


async def set_brake(connection: Connection, org: str, *, at: float, by: str) -> bool:
    """False when it was on already."""
    return await run(connection, _SQL["freeze"], {"org": org, "at": at, "by": by}) == 1


async def loose_brake(connection: Connection, org: str) -> bool:
    return await run(connection, _SQL["unfreeze"], {"org": org}) == 1


def frozen(by: str) -> Frozen:
    return Frozen(
        f"{by} has stopped all muting.", remedy="Ask them, or take the brake off: micgate unfreeze."
    )
