"""People as this database knows them, and who of them needs a second person."""

from collections.abc import Sequence

import msgspec

from micgate.store import entries
from micgate.store.database import Database, every, run
from micgate.store.entries import NewEntry
from micgate.store.queries import queries

_SQL = queries("agents")


class Agent(msgspec.Struct, frozen=True, kw_only=True):
    """`pseudonym` stays when name and address are erased."""

    user_id: str
    pseudonym: str
    email: str | None = None
    name: str | None = None


class Agents:
    """Each call is a transaction of its own."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put(self, org: str, agents: Sequence[Agent]) -> None:
        """Names and addresses may change; the first pseudonym stays."""
        values: dict[str, object] = {
            name: [getattr(agent, name) for agent in agents] for name in Agent.__struct_fields__
        }
        async with self._database.reading() as connection:
            await run(connection, _SQL["put"], values | {"org": org})

    async def get(self, org: str, users: Sequence[str]) -> tuple[Agent, ...]:
        return await self._read("of_ids", {"org": org, "users": list(users)})

    async def all(self, org: str) -> tuple[Agent, ...]:
        return await self._read("all", {"org": org})

    async def behind(self, org: str, pseudonyms: Sequence[str]) -> tuple[Agent, ...]:
        return await self._read("of_pseudonyms", {"org": org, "pseudonyms": list(pseudonyms)})

    async def find(self, org: str, text: str) -> tuple[Agent, ...]:
        """By user id, address or whole name, whatever the case."""
        return await self._read("find", {"org": org, "text": text})

    async def erase(self, org: str, user_id: str) -> None:
        async with self._database.reading() as connection:
            await run(connection, _SQL["erase"], {"org": org, "user_id": user_id})

    async def protect(
        self, org: str, kind: str, subject: str, *, protect: bool, at: float, by: str, entry: NewEntry
    ) -> None:
        """Mark an agent or a queue, or take the mark off; never without an entry."""
        values = {"org": org, "kind": kind, "id": subject, "at": at, "by": by}
        async with self._database.transaction() as connection:
            await run(connection, _SQL["protect" if protect else "unprotect"], values)
            await entries.add(connection, org, [entry])

    async def protected(self, org: str) -> frozenset[tuple[str, str]]:
        """Pairs of kind (agent, queue) and id."""
        async with self._database.reading() as connection:
            rows = await every(connection, _SQL["protected"], {"org": org})
        return frozenset((row["kind"], row["id"]) for row in rows)

    async def _read(self, name: str, values: dict[str, object]) -> tuple[Agent, ...]:
        async with self._database.reading() as connection:
            return tuple(Agent(**row) for row in await every(connection, _SQL[name], values))
