"""The post office: what is sealed is written down as deliveries, and these are made, whatever crashes.

Runs on every replica. Who writes down locks the webhook's row; who delivers has the job.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from micgate.log import Log
from micgate.store.database import Database
from micgate.store.deliveries import Deliveries, Delivery, Tried
from micgate.store.entries import Entries, Sealed
from micgate.store.errors import StoreError
from micgate.store.queue import pool
from micgate.store.webhooks import StoredWebhook, Webhooks
from micgate.webhooks import event
from micgate.webhooks.deliver import Result, Sender
from micgate.webhooks.patience import Later, Patience, asked

if TYPE_CHECKING:
    from micgate.webhooks.jobs import Jobs

ROOM = 100
"""Deliveries of a webhook that have jobs at a time. The rest waits in the record."""
LOOK = 1.0
"""Without a hint, look this often."""
BREATH = 0.1
"""Seconds between two looks at least."""
AGAIN = 1.0
LOST = 60.0
CONNECTIONS = 3

Wait = Callable[[float], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Office:
    """`now` is service time. `wait` returns when something was sealed, at the latest after so many seconds.

    `told` hears what each try came to: `done`, `failed` or `dead`; `beat` is called at each turn.
    """

    org: str
    conninfo: str
    sender: Sender
    now: Callable[[], float]
    wait: Wait
    log: Log
    patience: Patience = field(default_factory=Patience)
    told: Callable[[str], None] = lambda _: None
    beat: Callable[[], None] = lambda: None

    async def run(self) -> None:
        """Until cancelled, whatever happens here: no webhook may be in the keeper's way. For the same reason
        its connections are its own.
        """
        database = await Database.open(self.conninfo, size=CONNECTIONS)
        try:
            while True:
                await self._run(database)
                await asyncio.sleep(AGAIN)
        finally:
            await database.close()

    async def _run(self, database: Database) -> None:
        """Until something goes wrong."""
        try:
            await self._until_wanted(Webhooks(database))
            await self._open(_Desk(self, database))
        except StoreError as error:
            self.log.failed("webhooks.interrupted", word=error.word, what=error.what)
        except Exception as error:  # noqa: BLE001 -- the outermost edge of this task
            self._mistake(error)

    async def _until_wanted(self, webhooks: Webhooks) -> None:
        """Most have no webhook: then nothing is opened, and looking is all."""
        while not await webhooks.all(self.org):
            self.beat()
            await asyncio.sleep(LOOK)

    async def _open(self, desk: "_Desk") -> None:
        """Until something passing goes wrong."""
        from micgate.webhooks.jobs import Jobs  # noqa: PLC0415 -- Procrastinate, where there is a webhook

        connections = pool(self.conninfo, size=CONNECTIONS)
        jobs = Jobs(connections, self.org, work=desk.deliver, mistake=self._mistake)
        try:
            async with jobs.opened(), asyncio.TaskGroup() as group:
                group.create_task(jobs.run(), name="webhook worker")
                group.create_task(desk.write_down(jobs), name="webhook deliveries")
                group.create_task(desk.rescue(jobs), name="webhook rescue")
        except* StoreError as errors:
            first = _first(errors)
            self.log.failed("webhooks.interrupted", word=first.word, what=first.what)
        finally:
            await connections.close()

    def _mistake(self, error: BaseException) -> None:
        if isinstance(error, StoreError):
            self.log.failed("webhooks.interrupted", word=error.word)
        else:
            self.log.write("webhooks.mistake", kind=type(error).__name__)


@dataclass(frozen=True, slots=True)
class _Desk:
    """What an open office does."""

    office: Office
    database: Database

    async def write_down(self, jobs: "Jobs") -> None:
        """For ever: deliveries of what was sealed."""
        webhooks, deliveries = Webhooks(self.database), Deliveries(self.database)
        while True:
            made = 0
            for webhook_id in await webhooks.behind(self.office.org):
                now = self.office.now()
                made += await deliveries.write_down(webhook_id, jobs.enqueue, at=now, room=ROOM)
            if made:
                jobs.nudge()
            self.office.beat()
            self.office.log.recovered("webhooks.interrupted")
            if not made:
                await self.office.wait(LOOK)
            await asyncio.sleep(BREATH)

    async def rescue(self, jobs: "Jobs") -> None:
        """For ever: what a killed replica had in hand, and deliveries whose job is gone."""
        deliveries, org = Deliveries(self.database), self.office.org
        looked = -LOST
        while True:
            if rescued := await jobs.rescue():
                jobs.nudge()
                self.office.log.write("webhooks.rescued", deliveries=rescued)
            if time.monotonic() - looked >= LOST:
                before = self.office.now() - LOST
                await deliveries.find_lost(org, queue=jobs.queue, before=before)
                looked = time.monotonic()
            await asyncio.sleep(LOOK)

    async def deliver(self, webhook_id: str, seq: int) -> None:
        """The work of one job. Raises `Later` until the delivery is done or dead."""
        delivery = await Deliveries(self.database).read(webhook_id, seq)
        webhook = await Webhooks(self.database).read(webhook_id)
        if delivery is None or webhook is None or delivery.state != "waiting":
            return
        if (early := delivery.due_at - self.office.now()) > 0:
            raise Later(early, aside=self.office.patience.aside(delivery.tries))
        sealed = await self._sealed(seq)
        if sealed is None:
            await self._end(delivery, says="Its record was deleted because of its age.")
            return
        result = await self.office.sender.send(webhook, seq, event.of(sealed))
        await self._conclude(webhook, delivery, result)

    async def _sealed(self, seq: int) -> Sealed | None:
        found = await Entries(self.database).after(self.office.org, seq - 1, limit=1)
        return found[0] if found and found[0].seq == seq else None

    async def _end(self, delivery: Delivery, *, says: str) -> None:
        now = self.office.now()
        tried = Tried(at=now, status=None, says=says, due_at=now, dead=True)
        await Deliveries(self.database).tried(delivery, tried)
        self.office.told("dead")

    async def _conclude(self, webhook: StoredWebhook, delivery: Delivery, result: Result) -> None:
        now, tries = self.office.now(), delivery.tries + 1
        wait = None if result.ok else self._wait(tries, result, now)
        dead = not result.ok and wait is None
        tried = Tried(
            at=now,
            status=result.status,
            says=result.says,
            due_at=now + (wait or 0.0),
            done=result.ok,
            dead=dead,
        )
        await Deliveries(self.database).tried(delivery, tried)
        self._tell(webhook, result, dead=dead)
        if wait is not None:
            raise Later(wait, aside=self.office.patience.aside(tries))

    def _wait(self, tries: int, result: Result, now: float) -> float | None:
        wanted = asked(result.retry_after, now=now)
        return self.office.patience.wait(tries, asked=wanted, chance=random.random())  # noqa: S311 -- spreads only

    def _tell(self, webhook: StoredWebhook, result: Result, *, dead: bool) -> None:
        log, event_name = self.office.log, f"webhook.undelivered.{webhook.name}"
        if result.ok:
            log.recovered(event_name)
        else:
            log.failed(event_name, says=result.says, status=result.status)
        self.office.told("done" if result.ok else "dead" if dead else "failed")


def _first(errors: BaseExceptionGroup[StoreError]) -> StoreError:
    """The first of a group, which may hold groups."""
    error = errors.exceptions[0]
    return _first(error) if isinstance(error, BaseExceptionGroup) else error
