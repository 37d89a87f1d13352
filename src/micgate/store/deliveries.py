"""Deliveries: which sealed record is still to be posted to which webhook, and what became of it."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Literal, TypeAlias

import msgspec

from micgate.store import entries
from micgate.store.database import Connection, Database, every, first, one, run
from micgate.store.entries import NewEntry
from micgate.store.queries import queries
from micgate.store.webhooks import StoredWebhook, webhook_of

_SQL = queries("deliveries")
_WEBHOOKS = queries("webhooks")

State: TypeAlias = Literal["waiting", "done", "dead"]
Enqueue: TypeAlias = Callable[[Connection, str, Sequence[int]], Awaitable[None]]
"""Makes jobs for records of a webhook within the transaction of this connection."""

LOOK = 5_000
"""Records that one transaction looks through at most."""


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """`status` and `says` are of the last try; times are service time. `due_at`: not before then again."""

    webhook_id: str
    org: str
    seq: int
    made_at: float
    queued_at: float | None
    due_at: float
    tries: int
    tried_at: float | None
    status: int | None
    says: str | None
    done_at: float | None
    dead_at: float | None

    @property
    def state(self) -> State:
        if self.dead_at is not None:
            return "dead"
        return "waiting" if self.done_at is None else "done"


class Tried(msgspec.Struct, frozen=True, kw_only=True):
    """What one try came to: done, dead, or to be tried again at `due_at`."""

    at: float
    status: int | None
    says: str | None
    due_at: float
    done: bool = False
    dead: bool = False


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """Of one webhook. `behind`: sealed records that it has not been looked through for yet."""

    waiting: int
    dead: int
    behind: int


class Deliveries:
    """Each call is a transaction of its own."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def write_down(self, webhook_id: str, enqueue: Enqueue, *, at: float, room: int) -> int:
        """Make deliveries of what was sealed since, with jobs for those that wait for one, in their order.

        At most `room` of a webhook have jobs at a time. The number of new jobs; 0 also while another replica
        is at it.
        """
        async with self._database.transaction() as connection:
            row = await first(connection, _WEBHOOKS["take"], {"id": webhook_id})
            if row is None:
                return 0
            queued = await one(connection, _SQL["count_queued"], {"webhook_id": webhook_id})
            left = max(0, room - queued["deliveries"])
            await _write_down(connection, webhook_of(row), at=at, limit=left)
            values = {"webhook_id": webhook_id, "at": at, "limit": left}
            seqs = sorted(found["seq"] for found in await every(connection, _SQL["queue"], values))
            if seqs:
                await enqueue(connection, webhook_id, seqs)
        return len(seqs)

    async def read(self, webhook_id: str, seq: int) -> Delivery | None:
        async with self._database.reading() as connection:
            row = await first(connection, _SQL["read"], {"webhook_id": webhook_id, "seq": seq})
        return Delivery(**row) if row else None

    async def tried(self, delivery: Delivery, tried: Tried) -> None:
        values = {
            "webhook_id": delivery.webhook_id,
            "seq": delivery.seq,
            "at": tried.at,
            "status": tried.status,
            "says": tried.says,
            "due_at": tried.due_at,
            "done_at": tried.at if tried.done else None,
            "dead_at": tried.at if tried.dead else None,
        }
        async with self._database.reading() as connection:
            await run(connection, _SQL["tried"], values)

    async def page(
        self, webhook_id: str, *, state: State | None, after: int, limit: int
    ) -> tuple[Delivery, ...]:
        """In the order of the record."""
        values = {"webhook_id": webhook_id, "after": after, "limit": limit}
        query = _SQL[f"page_{state}" if state else "page"]
        async with self._database.reading() as connection:
            return tuple(Delivery(**row) for row in await every(connection, query, values))

    async def replay_one(self, webhook: StoredWebhook, seq: int, *, at: float, entry: NewEntry) -> bool:
        """Post a record again. False when it was never to be posted there, or is waiting for it anyway."""
        values = {"webhook_id": webhook.id, "seq": seq, "at": at}
        async with self._database.transaction() as connection:
            done = await run(connection, _SQL["reopen"], values) == 1
            if done:
                await entries.add(connection, webhook.org, [entry])
        return done

    async def replay_dead(self, webhook: StoredWebhook, *, at: float, entry: NewEntry) -> int:
        """Try all dead letters again. How many there were."""
        async with self._database.transaction() as connection:
            count = await run(connection, _SQL["reopen_dead"], {"webhook_id": webhook.id, "at": at})
            if count:
                await entries.add(connection, webhook.org, [entry])
        return count

    async def replay_from(self, webhook: StoredWebhook, seq: int, *, entry: NewEntry) -> None:
        """Go through the record once more from this number on."""
        async with self._database.transaction() as connection:
            values = {"org": webhook.org, "id": webhook.id, "position": seq - 1}
            await run(connection, _WEBHOOKS["rewind"], values)
            await run(connection, _SQL["forget_ended"], {"webhook_id": webhook.id, "seq": seq})
            await entries.add(connection, webhook.org, [entry])

    async def find_lost(self, org: str, *, queue: str, before: float) -> int:
        """Let those get new jobs that had one made before then and have none now. Their number."""
        async with self._database.reading() as connection:
            values = {"org": org, "queue": queue, "before": before}
            return await run(connection, _SQL["without_job"], values)

    async def figures(self, org: str) -> dict[str, Figures]:
        """By the webhook's id."""
        async with self._database.reading() as connection:
            rows = await every(connection, _SQL["figures"], {"org": org})
        return {
            row["webhook_id"]: Figures(waiting=row["waiting"], dead=row["dead"], behind=row["behind"])
            for row in rows
        }

    async def sweep(self, *, before: float) -> None:
        """Forget those that were done before then. Dead letters stay."""
        async with self._database.reading() as connection:
            await run(connection, _SQL["sweep"], {"before": before})


async def _write_down(connection: Connection, webhook: StoredWebhook, *, at: float, limit: int) -> None:
    """Only as many as there is room for: what waits longer waits in the record."""
    if limit == 0:
        return
    head = (await one(connection, _WEBHOOKS["head"], {"org": webhook.org}))["seq"]
    through = min(head, webhook.position + LOOK)
    values = {
        "org": webhook.org,
        "after": webhook.position,
        "through": through,
        "actions": list(webhook.actions),
        "limit": limit,
    }
    seqs = [row["seq"] for row in await every(connection, _WEBHOOKS["wanted"], values)]
    position = seqs[-1] if len(seqs) == limit else through
    if seqs:
        added = {"webhook_id": webhook.id, "org": webhook.org, "seqs": seqs, "at": at}
        await run(connection, _SQL["add"], added)
    await run(connection, _WEBHOOKS["advance"], {"id": webhook.id, "position": position})
