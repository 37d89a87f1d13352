"""Who keeps an org. A lease is held by beating; whoever sees it still for long enough takes it over.

No clocks are compared: `beat` only counts. Every keeper's transaction begins with `fence`, so a take-over
waits for those under way, and none begins after it.
"""

import msgspec

from micgate.store.database import Connection, Database, Later, Row, asked, fenced, first, run
from micgate.store.queries import queries

_SQL = queries("leases")


class Lease(msgspec.Struct, frozen=True):
    """`holder` None: given up, free for the next. `clock_offset` is what the holder anchored its clock by."""

    name: str
    holder: str | None
    epoch: int
    beat: int
    clock_offset: float


class Term(msgspec.Struct, frozen=True):
    """One holder's time as the keeper of an org."""

    org: str
    epoch: int


class Leases:
    """Each call is a transaction of its own."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def read(self, name: str) -> Lease | None:
        async with self._database.reading() as connection:
            return _lease(await first(connection, _SQL["read"], {"name": name}))

    async def take(
        self, name: str, *, holder: str, seen: Lease | None, clock_offset: float = 0.0
    ) -> Lease | None:
        """Take it if it still is as `seen` (None: there was none yet). None when somebody else was faster."""
        query = _SQL["make"] if seen is None else _SQL["take"]
        values = {"name": name, "holder": holder, "clock_offset": clock_offset}
        before = {} if seen is None else {"epoch": seen.epoch, "beat": seen.beat}
        async with self._database.reading() as connection:
            return _lease(await first(connection, query, values | before))

    async def beat(self, term: Term, *, clock_offset: float | None = None) -> bool:
        """False when the term is over. `clock_offset` is noted for whoever comes next."""
        values = _values(term) | {"clock_offset": clock_offset}
        async with self._database.reading() as connection:
            return await run(connection, _SQL["beat"], values) == 1

    async def resign(self, term: Term) -> None:
        """Give it up, so that the next need not wait."""
        async with self._database.reading() as connection:
            await run(connection, _SQL["resign"], _values(term))


async def fence(connection: Connection, term: Term) -> Later[None]:
    """Hold the lease's row until the transaction ends.

    What is returned raises `Fenced` if it is not ours: call it before anything that was read is believed.
    """

    def check(rows: list[Row]) -> None:
        if not rows:
            raise fenced(term.org)

    return await asked(connection, _SQL["fence"], _values(term), read=check)


def _values(term: Term) -> dict[str, object]:
    return {"name": term.org, "epoch": term.epoch}


def _lease(row: dict[str, object] | None) -> Lease | None:
    return None if row is None else msgspec.convert(row, Lease)
