"""What a keeper reads and keeps, on PostgreSQL."""

from collections.abc import Collection, Sequence
from typing import Protocol

from micgate.control.mute import Mute
from micgate.platform.port import KeptChannel
from micgate.store.agents import Agent, Agents
from micgate.store.channels import StoredChannel
from micgate.store.commands import OpenCommand
from micgate.store.database import Database
from micgate.store.ids import new_id
from micgate.store.leases import Term
from micgate.store.microphones import Remembered
from micgate.store.postgres import PostgresStore


class Cipher(Protocol):
    """Keeps what must not be readable in the database. Raises ValueError for what it did not encrypt."""

    def encrypt(self, plain: bytes) -> bytes: ...

    def decrypt(self, secret: bytes) -> bytes: ...


class PostgresBooks:
    """See `ports.Books`."""

    def __init__(self, store: PostgresStore, database: Database, org: str) -> None:
        self._store = store
        self._database = database
        self._org = org

    async def remembered(self) -> Sequence[Remembered]:
        return await self._store.microphones.all(self._org)

    async def standing(self) -> Sequence[Mute]:
        return await self._store.mutes.standing(self._org)

    async def open_commands(self) -> Sequence[OpenCommand]:
        return await self._store.commands.open(self._org)

    async def time(self) -> float:
        return await self._database.clock()

    async def strategy(self) -> str | None:
        return await self._store.orgs.strategy(self._org)

    async def remember_strategy(self, strategy: str) -> None:
        await self._store.orgs.remember_strategy(self._org, strategy)

    async def sweep(self, *, before: float) -> int:
        return await self._store.microphones.sweep(self._org, before=before)


class Pseudonyms(dict[str, str]):
    """By user id, as far as they are known here. See `ports.Names`."""

    def __init__(self, agents: Agents, org: str) -> None:
        super().__init__()
        self._agents = agents
        self._org = org

    async def learn(self, users: Collection[str]) -> None:
        unknown = [user for user in users if user not in self]
        if unknown:
            await self._read(unknown)
            strangers = [Agent(user_id=user, pseudonym=new_id()) for user in unknown if user not in self]
            if strangers:
                await self._agents.put(self._org, strangers)
                await self._read([one.user_id for one in strangers])

    async def _read(self, users: Sequence[str]) -> None:
        """Somebody else may have been faster: the first pseudonym stays."""
        known = await self._agents.get(self._org, users)
        self.update((agent.user_id, agent.pseudonym) for agent in known)


class PostgresShelf:
    """See `ports.Shelf`. What cannot be decrypted is as if it were not there."""

    def __init__(self, store: PostgresStore, term: Term, cipher: Cipher) -> None:
        self._store = store
        self._term = term
        self._cipher = cipher

    async def load(self) -> dict[int, KeptChannel]:
        found: dict[int, KeptChannel] = {}
        for stored in await self._store.channels.all(self._term.org):
            try:
                uri = self._cipher.decrypt(stored.uri_cipher).decode()
            except ValueError:
                continue
            found[stored.slot] = KeptChannel(
                channel_id=stored.channel_id, uri=uri, expires_at=stored.expires_at
            )
        return found

    async def store(self, slot: int, channel: KeptChannel, users: Sequence[str]) -> None:
        stored = StoredChannel(
            slot=slot,
            channel_id=channel.channel_id,
            uri_cipher=self._cipher.encrypt(channel.uri.encode()),
            topics=tuple(users),
            expires_at=channel.expires_at,
        )
        await self._store.channels.put(self._term, stored)
