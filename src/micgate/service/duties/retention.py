"""What is too old is forgotten, once a day; and one person at once, when somebody asks for that."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from micgate.audit import facts
from micgate.audit.entry import MICGATE, Actor, write
from micgate.audit.privacy import Retention, due, erase, forgotten, restored, stored
from micgate.log import Log
from micgate.service.http.errors import Malformed, NotThere
from micgate.service.principals.keyring import salt
from micgate.service.resources.health import Check
from micgate.settings import Settings
from micgate.store.agents import Agent
from micgate.store.cut import cut
from micgate.store.entries import NewEntry
from micgate.store.errors import NotOwner, StoreError
from micgate.store.postgres import PostgresStore

DAY = 86_400.0
LOOK = 60.0
FIRST = 10.0
"""Seconds after the start: by then it is known who works there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgotten:
    """So many entries name nobody now, so many people who left are not known, so many records are cut."""

    entries: int
    leavers: int
    records: int


def retention(settings: Settings) -> Retention:
    return Retention(person_linked_days=settings.person_days, pseudonymous_months=settings.record_months)


async def expire(
    store: PostgresStore, org: str, *, owner: str, keep: Retention, roster: Sequence[str], now: float
) -> Forgotten:
    """Forget what is too old. `owner` is the database as its owner; without a roster nobody counts as gone.

    Raises `NotOwner` when all but the cut was done.
    """
    limits = due(now, keep)
    entries = await store.forget.expire(org, before=limits.private_before)
    leavers = await store.forget.leavers(org, roster, before=limits.private_before) if roster else 0
    if entries:
        await _tell(store, org, facts.PrivateExpired(entries=entries), at=now)
    through = await store.checkpoints.cut(org, before=limits.entries_before)
    records = await asyncio.to_thread(cut, owner, org, through=through) if through else 0
    if records:
        await _tell(store, org, facts.AuditCut(through_seq=through, records=records), at=now)
    return Forgotten(entries=entries, leavers=leavers, records=records)


async def erase_person(store: PostgresStore, org: str, ref: str, *, by: Actor, now: float) -> int:
    """Delete all about one person: the number of entries that named them. Raises `StillAtWork`."""
    person = await _person(store, org, ref)
    called = tuple(word for word in (person.name, person.email) if word)

    def rewrite(body: bytes) -> bytes | None:
        left = erase(restored(body), person.user_id, called=called)
        return None if forgotten(left) else stored(left)

    def tell(entries: int) -> NewEntry:
        return write(facts.PersonErased(entries=entries), at=now, actor=by, target=org, salt=salt)

    words = (person.user_id, *called)
    return await store.forget.erase(org, person.user_id, words=words, rewrite=rewrite, tell=tell)


@dataclass(slots=True, kw_only=True)
class Janitor:
    """Forgets once a day, on the replica that keeps the org. `keeps`: whether that is this one."""

    store: PostgresStore
    org: str
    owner: str
    keep: Retention
    keeps: Callable[[], bool]
    roster: Callable[[], Sequence[str]]
    now: Callable[[], float]
    log: Log
    _next: float = field(default=0.0, init=False)
    _refused: NotOwner | None = field(default=None, init=False)

    async def run(self, *, looked: Callable[[], None]) -> None:
        """Until cancelled. What fails is tried again a minute later."""
        await asyncio.sleep(FIRST)
        while True:
            if self.keeps() and time.monotonic() >= self._next:
                await self.turn()
            looked()
            await asyncio.sleep(LOOK)

    async def turn(self) -> None:
        try:
            done = await self._expire()
        except NotOwner as error:
            self._refused = error
            self.log.failed("retention.refused", word=error.word, what=error.what)
        except StoreError as error:
            self.log.failed("retention.undone", word=error.word, what=error.what)
            return
        else:
            self._refused = None
            self.log.recovered("retention.undone")
            if done != Forgotten(entries=0, leavers=0, records=0):
                self.log.write(
                    "retention.done", entries=done.entries, leavers=done.leavers, records=done.records
                )
        self._next = time.monotonic() + DAY

    def check(self) -> Check | None:
        if self._refused is None:
            return None
        says = "Records that are too old are still here."
        return Check(name="retention", ok=False, warns=True, says=says, remedy=self._refused.remedy)

    async def _expire(self) -> Forgotten:
        return await expire(
            self.store, self.org, owner=self.owner, keep=self.keep, roster=self.roster(), now=self.now()
        )


async def _tell(
    store: PostgresStore, org: str, fact: facts.PrivateExpired | facts.AuditCut, *, at: float
) -> None:
    await store.entries.tell(org, (write(fact, at=at, actor=MICGATE, target=org, salt=salt),))


async def _person(store: PostgresStore, org: str, ref: str) -> Agent:
    """As this database knows them: Genesys may not any more."""
    found = await store.agents.find(org, ref.strip())
    if len(found) == 1:
        return found[0]
    if found:
        ids = ", ".join(agent.user_id for agent in found)
        raise Malformed(f"Several people are called that: {ids}.", remedy="Give one of these ids.")
    raise NotThere("Nobody is called that here.", remedy="Give a user id, an e-mail address or a whole name.")
