"""What the keeper of an org last said about its budget, for the replicas that are not it."""

import msgspec

from micgate.store.database import Database, first, run
from micgate.store.leases import Term
from micgate.store.queries import queries

_SQL = queries("outlooks")


class StoredOutlook(msgspec.Struct, frozen=True, kw_only=True):
    """`body` is JSON; `at` is the service time at which it was so."""

    epoch: int
    at: float
    body: str


class Outlooks:
    """Each call is a transaction of its own."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put(self, term: Term, *, at: float, body: str) -> None:
        values = {"org": term.org, "epoch": term.epoch, "at": at, "body": body}
        async with self._database.reading() as connection:
            await run(connection, _SQL["put"], values)

    async def read(self, org: str) -> StoredOutlook | None:
        async with self._database.reading() as connection:
            row = await first(connection, _SQL["read"], {"org": org})
            return StoredOutlook(epoch=row["epoch"], at=row["at"], body=row["body"]) if row else None
