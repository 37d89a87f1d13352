"""The queue behind the deliveries: Procrastinate, on a few connections of its own.

Jobs of one webhook share a lock: they run one after the other, in their order, on whichever replica. One that
steps aside gets a lock of its own. What a killed replica had in hand, another one takes over.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import LiteralString

from procrastinate import App, BaseRetryStrategy, JobContext, PsycopgConnector, RetryDecision
from procrastinate.exceptions import ConnectorException
from procrastinate.jobs import Job

from micgate.store.errors import Unavailable
from micgate.store.pool import Pool
from micgate.webhooks.patience import Later

HEARTBEAT = 1.0
STALLED = 3.0
"""A worker that is silent for so many seconds is taken for dead."""
POLL = 0.5
AT_ONCE = 8
STOP_WITHIN = 3.0
"""Seconds that deliveries on their way get when the service stops; they are made again otherwise."""
LOST_AFTER = 3
"""Looks at which a job of ours was not running here: then its end could not be written down."""
_TASK = "deliver"
_LONGEST = 600.0


Work = Callable[[str, int], Awaitable[None]]
"""Delivers one record to one webhook, or raises `Later`. Any other exception is tried again too."""


class Jobs:
    """The queue of one org. `mistake` is told of exceptions that nobody foresaw."""

    def __init__(self, pool: Pool, org: str, *, work: Work, mistake: Callable[[BaseException], None]) -> None:
        # Its name becomes part of a channel's, for which PostgreSQL has 63 bytes; an org's may be longer.
        self.queue = f"webhooks:{sha256(org.encode()).hexdigest()[:24]}"
        self._pool = pool
        self._work = work
        self._connector = _Connector()
        self._app = App(connector=self._connector)
        self._app.task(name=_TASK, queue=self.queue, pass_context=True, retry=_Again(mistake))(self._run)
        self._running: set[int] = set()
        self._missing: dict[int, int] = {}
        self._worker: int | None = None
        # It writes down the arguments of jobs and whole exceptions; what we want to know we are told.
        logging.getLogger("procrastinate").setLevel(logging.CRITICAL)

    def opened(self) -> AbstractAsyncContextManager[object]:
        """To be held while anything else here is used."""
        return self._app.open_async(self._pool)

    async def enqueue(self, connection: object, webhook_id: str, seqs: Sequence[int]) -> None:
        """Make jobs within the transaction of this connection."""
        jobs = [self._job(webhook_id, seq) for seq in seqs]
        with _translated():
            await self._app.job_manager.batch_defer_jobs_async(jobs, connection=connection)

    def nudge(self) -> None:
        """There are new jobs."""
        self._connector.woken.set()

    async def run(self) -> None:
        """Work, until cancelled. Raises `Unavailable` when it cannot go on."""
        with _translated():
            await self._app.run_worker_async(
                queues=[self.queue],
                concurrency=AT_ONCE,
                fetch_job_polling_interval=POLL,
                update_heartbeat_interval=HEARTBEAT,
                stalled_worker_timeout=STALLED,
                shutdown_graceful_timeout=STOP_WITHIN,
                delete_jobs="always",
                install_signal_handlers=False,
            )
        raise Unavailable("The worker of the webhooks has stopped.", remedy="It is started again.")

    async def rescue(self) -> int:
        """Give back to the queue what nobody works on any more. How many jobs."""
        manager = self._app.job_manager
        with _translated():
            stalled = await manager.get_stalled_jobs(queue=self.queue, seconds_since_heartbeat=STALLED)
            lost = [*stalled, *await self._lost()]
            for job in lost:
                await manager.retry_job(job)
        return len(lost)

    async def _lost(self) -> list[Job]:
        """Jobs of this worker that it does not run: the database was away when they ended."""
        if self._worker is None:
            return []
        manager = self._app.job_manager
        found = await manager.list_jobs_async(queue=self.queue, status="doing", worker_id=self._worker)
        idle = {job.id: job for job in found if job.id is not None and job.id not in self._running}
        self._missing = {id_: self._missing.get(id_, 0) + 1 for id_ in idle}
        return [job for id_, job in idle.items() if self._missing[id_] >= LOST_AFTER]

    async def _run(self, context: JobContext, *, webhook: str, seq: int) -> None:
        id_ = context.job.id or 0
        self._worker = context.job.worker_id
        self._running.add(id_)
        try:
            await self._work(webhook, seq)
        finally:
            self._running.discard(id_)

    def _job(self, webhook_id: str, seq: int) -> Job:
        return Job(
            queue=self.queue,
            lock=f"webhook:{webhook_id}",
            queueing_lock=None,
            task_name=_TASK,
            task_kwargs={"webhook": webhook_id, "seq": seq},
        )


class _Connector(PsycopgConnector):
    """Hears of new jobs from this process, and of each that ended: the next one of its lock waited for that.
    Other replicas' are found by looking.
    """

    def __init__(self) -> None:
        super().__init__()
        self.woken = asyncio.Event()

    async def execute_query_async(self, query: LiteralString, **arguments: object) -> None:
        """Ends of jobs are written down by this one. An end that cannot be is found by `Jobs.rescue` later:
        raised here, it would only be printed.
        """
        try:
            await super().execute_query_async(query, **arguments)
        except ConnectorException:
            if "job_id" not in arguments:
                raise
        else:
            self.woken.set()

    async def listen_notify(
        self,
        on_notification: Callable[..., Awaitable[None]],
        channels: Iterable[str],
    ) -> None:
        channel = next(iter(channels))
        while True:
            await self.woken.wait()
            self.woken.clear()
            await on_notification(channel=channel, payload='{"type": "job_inserted", "job_id": 0}')


class _Again(BaseRetryStrategy):
    """Every job runs again until its work is done: which delivery is given up is decided there."""

    def __init__(self, mistake: Callable[[BaseException], None]) -> None:
        self._mistake = mistake

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision:
        if isinstance(exception, Later):
            own = f"{job.task_kwargs['webhook']}:{job.task_kwargs['seq']}" if exception.aside else None
            return RetryDecision(
                retry_at=_in(exception.seconds), lock=own, priority=-1 if exception.aside else None
            )
        if isinstance(exception, asyncio.CancelledError):
            return RetryDecision(retry_at=_in(0))
        self._mistake(exception)
        return RetryDecision(retry_at=_in(min(2.0**job.attempts, _LONGEST)))


def _in(seconds: float) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except ConnectorException as error:
        why = str(error.__cause__ or error).strip().partition("\n")[0].rstrip(".")
        raise Unavailable(
            f"The queue of the webhooks does not work: {why}.", remedy="See that the database runs."
        ) from error
