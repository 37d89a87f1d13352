"""People as the record knows them: a pseudonym each, and beside it what can be erased."""

from collections.abc import Collection

import msgspec

from micgate.store.database import Database, every, one
from micgate.store.ids import new_id
from micgate.store.queries import queries

_SQL = queries("agents")


class Agent(msgspec.Struct, frozen=True, kw_only=True):
    """`pseudonym` stands for the person wherever something can never be taken back."""

    user_id: str
    pseudonym: str
    email: str | None = None
    name: str | None = None


class Agents:
    """Each call is a transaction of its own."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def meet(
        self, org: str, user_id: str, *, email: str | None = None, name: str | None = None
    ) -> Agent:
        """The agent, who gets a pseudonym when met first."""
        values = {"org": org, "user_id": user_id, "pseudonym": new_id(), "email": email, "name": name}
        async with self._database.reading() as connection:
            return msgspec.convert(await one(connection, _SQL["meet"], values), Agent)

    async def of_users(self, org: str, users: Collection[str]) -> dict[str, Agent]:
        """Those met before, by user id."""
        found = await self._read("of_users", {"org": org, "users": sorted(users)})
        return {agent.user_id: agent for agent in found}

    async def of_pseudonyms(self, org: str, pseudonyms: Collection[str]) -> dict[str, Agent]:
        found = await self._read("of_pseudonyms", {"org": org, "pseudonyms": sorted(pseudonyms)})
        return {agent.pseudonym: agent for agent in found}

    async def of_email(self, org: str, email: str) -> tuple[Agent, ...]:
        return await self._read("of_email", {"org": org, "email": email})

    async def _read(self, name: str, values: dict[str, object]) -> tuple[Agent, ...]:
        async with self._database.reading() as connection:
            rows = await every(connection, _SQL[name], values)
        return tuple(msgspec.convert(row, Agent) for row in rows)
