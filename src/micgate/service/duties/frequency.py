"""Tells auditors of an owner who mutes one agent again and again: once for each pair and window.

Every replica hears of every mute through the record; the one that keeps the org counts and tells.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from micgate.audit import facts
from micgate.audit.entry import MICGATE, action, write
from micgate.log import Log
from micgate.service.principals.keyring import salt
from micgate.service.request import record
from micgate.store.agents import Agent
from micgate.store.entries import Sealed
from micgate.store.errors import StoreError
from micgate.store.frequency import Often
from micgate.store.postgres import PostgresStore

DAYS = 7
MUTES = 5
TURN = 1.0
_DAY = 86_400.0


@dataclass(slots=True, kw_only=True)
class Frequent:
    """`keeps`: whether this replica has the org. `now` is service time."""

    store: PostgresStore
    org: str
    keeps: Callable[[], bool]
    now: Callable[[], float]
    log: Log
    _agents: set[str] = field(default_factory=set, init=False)

    def heard(self, sealed: Sealed) -> None:
        """Every sealed record comes by here."""
        if sealed.entry.action == "mute.placed":
            self._agents.add(sealed.entry.target)

    async def run(self, *, looked: Callable[[], None]) -> None:
        """Until cancelled."""
        while True:
            await asyncio.sleep(TURN)
            looked()
            try:
                await self.turn()
                self.log.recovered("frequency.uncounted")
            except StoreError as error:
                self.log.failed("frequency.uncounted", word=error.word)

    async def turn(self) -> None:
        """Count for the agents who were muted since the last turn."""
        muted, self._agents = self._agents, set()
        if not muted or not self.keeps():
            return
        try:
            await self._count(muted)
        except StoreError:
            self._agents |= muted
            raise

    async def _count(self, muted: set[str]) -> None:
        agents = {one.user_id: one for one in await self.store.agents.behind(self.org, sorted(muted))}
        since = self.now() - DAYS * _DAY
        for often in await self.store.frequency.often(self.org, sorted(agents), since=since, at_least=MUTES):
            await self._tell(often, agents[often.user_id], since=since)

    async def _tell(self, often: Often, agent: Agent, *, since: float) -> None:
        owner = f"{often.owner_kind}:{often.owner_id}"
        fact = facts.FrequentMutes(owner=owner, mutes=often.mutes, days=DAYS)
        told = await self.store.frequency.told(
            self.org, target=agent.pseudonym, owner=owner, action=action(fact), since=since
        )
        if told:
            return
        entry = write(
            fact,
            at=self.now(),
            actor=MICGATE,
            target=agent.pseudonym,
            people=record.about_agent(agent),
            salt=salt,
        )
        await self.store.entries.tell(self.org, (entry,))
        self.log.write(action(fact), owner=owner, agent=agent.pseudonym, mutes=often.mutes, days=DAYS)
