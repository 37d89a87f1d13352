"""Signs the head of the record at intervals and brings what it signed off the machine, however long it takes.

Every replica runs one; the keeper's signs and delivers, the others only look. Sealing never waits for it.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from micgate.audit import checkpoint as checkpoints
from micgate.audit import facts
from micgate.audit.canonical import canonical
from micgate.audit.checkpoint import Checkpoint, decoded
from micgate.audit.entry import MICGATE, write
from micgate.audit.errors import AuditError
from micgate.audit.key_file import KeyFile
from micgate.audit.signing import SigningKey
from micgate.log import Log
from micgate.service.duties.outside import Place
from micgate.service.principals.keyring import salt
from micgate.service.resources.health import Check
from micgate.service.telemetry.metrics import Metrics
from micgate.store.checkpoints import NewCheckpoint, StoredCheckpoint
from micgate.store.errors import StoreError
from micgate.store.leases import Term
from micgate.store.postgres import PostgresStore

LOOK = 2.0
"""Seconds between two looks at the record."""
LONGEST_PAUSE = 60.0
"""Between two tries to deliver."""
BATCH = 50
OLD = 300.0
"""A checkpoint that is outside nowhere for so long is worth a warning."""


@dataclass(slots=True)
class _Delivery:
    """How it goes with one place. Times are monotonic; `fault`: what was wrong with the last try."""

    fault: str | None = None
    pause: float = 0.0
    again_at: float = 0.0
    waiting_since: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What a notary is given. `term` is that of the keeper in this process, if it has one."""

    store: PostgresStore
    org: str
    keys: KeyFile
    places: Sequence[Place]
    term: Callable[[], Term | None]
    now: Callable[[], float]
    monotonic: Callable[[], float]
    every: float
    log: Log
    metrics: Metrics


class Notary:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._deliveries = {place.id: _Delivery() for place in desk.places}
        self._fault: str | None = None
        self._announced: str | None = None
        self._other: str | None = None

    async def run(self, looked: Callable[[], None]) -> None:
        """Until cancelled."""
        while True:
            await self.turn()
            looked()
            await asyncio.sleep(min(LOOK, self._desk.every))

    async def turn(self) -> None:
        """One look: sign what is due, deliver what waits."""
        log = self._desk.log
        try:
            if (term := self._desk.term()) is not None:
                await self._sign(term)
                await self._deliver()
            await self._look()
        except AuditError as error:
            self._fault = error.what
            log.failed("checkpoint.unsigned", word=error.word, what=error.what)
        except StoreError as error:
            log.failed("checkpoint.unsigned", word=error.word)
        else:
            self._fault = None
            log.recovered("checkpoint.unsigned")

    def check(self) -> Check:
        """Whether what was sealed is vouched for where nobody here can change it."""
        failing = [one.fault for one in self._deliveries.values() if one.fault]
        if self._fault:
            return _warning(f"Nothing is signed: {self._fault}", "See the log; the record itself goes on.")
        if self._other:
            return _warning(self._other, "Give all replicas the same MICGATE_AUDIT_KEY_FILE.")
        if not self._desk.places:
            return _warning(
                "Checkpoints stay on this machine, where whoever owns it could make the record anew.",
                "Set MICGATE_CHECKPOINT_PATH or MICGATE_CHECKPOINT_URL.",
            )
        if failing:
            return _warning(f"The last delivery failed. {' '.join(failing)}", "It is tried again.")
        if (age := self._age()) > OLD:
            return _warning(f"A checkpoint has waited {age:.0f} s for its delivery.", "See the keeper's log.")
        told = ", ".join(place.says for place in self._desk.places)
        return Check(name="checkpoints", ok=True, says=f"They are brought to {told}.")

    async def _sign(self, term: Term) -> None:
        desk = self._desk
        key = await asyncio.to_thread(desk.keys.load)
        newest = await desk.store.checkpoints.newest(desk.org)
        key = await self._succeeded(key, newest)
        following = await asyncio.to_thread(desk.keys.following)
        if following and not await self._announce(key, following):
            return
        self._compare(key, newest)
        head, _ = await desk.store.entries.head(desk.org)
        since, last_at = (newest.seq, newest.at) if newest else (0, 0.0)
        while self._is_due(head - since, last_at, handing_over=following is not None):
            hashes = await desk.store.checkpoints.hashes(desk.org, since, limit=checkpoints.MOST_RECORDS)
            since, last_at = since + len(hashes), desk.now()
            successor = following.public if following and since >= head else None
            made = checkpoints.sign(
                key, org=desk.org, seq=since, hashes=hashes, at=last_at, next_key=successor
            )
            await desk.store.checkpoints.add(term, _row(made, hashes[-1], at=last_at))
            if successor and following:
                await asyncio.to_thread(desk.keys.promote)
                desk.log.write("checkpoint.key_handed_over", key=following.id)
                return

    def _is_due(self, unsigned: int, last_at: float, *, handing_over: bool) -> bool:
        longest = 0.0 if handing_over else self._desk.every
        return checkpoints.is_due(unsigned=unsigned, last_at=last_at, now=self._desk.now(), longest=longest)

    async def _succeeded(self, key: SigningKey, newest: StoredCheckpoint | None) -> SigningKey:
        """After a crash between the checkpoint that names the next key and its taking over."""
        following = await asyncio.to_thread(self._desk.keys.following)
        if following and newest and decoded(newest.body).next_key == following.public.raw:
            await asyncio.to_thread(self._desk.keys.promote)
            return following
        return key

    async def _announce(self, key: SigningKey, following: SigningKey) -> bool:
        """Write down that the key changes: then there is a record for the last checkpoint of the old one."""
        if self._announced == following.id:
            return True
        desk = self._desk
        fact = facts.AuditKeyHandedOver(key_id=key.id, next_key_id=following.id)
        told = write(fact, at=desk.now(), actor=MICGATE, target=desk.org, salt=salt)
        await desk.store.entries.tell(desk.org, (told,))
        self._announced = following.id
        return False

    def _compare(self, key: SigningKey, newest: StoredCheckpoint | None) -> None:
        """Another key than before that nobody handed over to: auditors need both. Said until a restart."""
        if newest and newest.key_id != key.id and decoded(newest.body).next_key != key.public.raw:
            self._other = f"Key {key.id} signs here; {newest.key_id} did before, and did not hand over."
            self._desk.log.write("checkpoint.other_key", key=key.id, before=newest.key_id)

    async def _deliver(self) -> None:
        done = await self._desk.store.checkpoints.places(self._desk.org)
        for place in self._desk.places:
            state = self._deliveries[place.id]
            if self._desk.monotonic() >= state.again_at:
                await self._bring_to(place, state, after=done[place.id].seq if place.id in done else 0)

    async def _bring_to(self, place: Place, state: _Delivery, *, after: int) -> None:
        desk = self._desk
        for stored in await desk.store.checkpoints.after(desk.org, after, limit=BATCH):
            try:
                await place.bring(decoded(stored.body))
            except AuditError as error:
                self._failed(place, state, error)
                return
            await desk.store.checkpoints.delivered(desk.org, place.id, seq=stored.seq, at=desk.now())
            state.fault, state.pause = None, 0.0
            desk.log.recovered(f"checkpoint.undelivered.{place.kind}")

    def _failed(self, place: Place, state: _Delivery, error: AuditError) -> None:
        state.fault = error.what
        state.pause = min(LONGEST_PAUSE, max(LOOK, state.pause * 2))
        state.again_at = self._desk.monotonic() + state.pause
        self._desk.metrics.undelivered()
        self._desk.log.failed(
            f"checkpoint.undelivered.{place.kind}", place=place.says, word=error.word, what=error.what
        )

    async def _look(self) -> None:
        desk = self._desk
        done = await desk.store.checkpoints.places(desk.org)
        for place in desk.places:
            after = done[place.id].seq if place.id in done else 0
            waiting = await desk.store.checkpoints.after(desk.org, after, limit=1)
            state = self._deliveries[place.id]
            state.waiting_since = waiting[0].at if waiting else None
        desk.metrics.waits_outside(self._age())

    def _age(self) -> float:
        """Of the oldest checkpoint that some place does not have; service time."""
        since = [one.waiting_since for one in self._deliveries.values() if one.waiting_since is not None]
        return max(0.0, self._desk.now() - min(since)) if since else 0.0


def _warning(says: str, remedy: str) -> Check:
    return Check(name="checkpoints", ok=False, warns=True, says=says, remedy=remedy)


def _row(made: Checkpoint, head: bytes, *, at: float) -> NewCheckpoint:
    return NewCheckpoint(
        seq=made.seq,
        key_id=made.key_id,
        at=at,
        body=canonical(made),
        hash=head,
        signature=checkpoints.signature(made),
    )
