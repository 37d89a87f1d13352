"""Named tasks that go on through a database that is away; whatever else stops one ends them all, loudly."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from micgate.keeper.clock import Boot
from micgate.log import Log
from micgate.store.errors import Busy, Full, StoreError, Unavailable

PASSING = (Unavailable, Busy, Full)
"""What may be over in a moment. Nothing is lost meanwhile: it is tried again."""
_FIRST, _LONGEST = 0.05, 1.0

Work = Callable[[], Awaitable[None]]


@dataclass(slots=True)
class TaskHealth:
    """Times are of the boot clock. `beat`: it last did its work. `failing`: a word of what is wrong now."""

    started: float
    beat: float
    failing: str | None = None
    since: float | None = None
    failures: int = 0


class Health:
    """Of every task by name."""

    def __init__(self, boot: Boot, log: Log) -> None:
        self.tasks: dict[str, TaskHealth] = {}
        self._boot = boot
        self._log = log

    @property
    def failing(self) -> dict[str, str]:
        return {name: task.failing for name, task in self.tasks.items() if task.failing}

    def started(self, name: str) -> None:
        now = self._boot.boot()
        self.tasks[name] = TaskHealth(started=now, beat=now)

    def failed(self, name: str, error: StoreError) -> None:
        task = self.tasks[name]
        task.failures += 1
        task.since = self._boot.boot() if task.failing is None else task.since
        task.failing = error.word
        self._log.failed(f"keeper.{name}", word=error.word, what=error.what)

    def recovered(self, name: str) -> None:
        """It did what it is for."""
        task = self.tasks[name]
        task.beat = self._boot.boot()
        if task.failing is not None:
            task.failing = task.since = None
            self._log.recovered(f"keeper.{name}")


async def keep_going(name: str, work: Work, *, health: Health, boot: Boot) -> None:
    """Do it again and again. What is only passing is waited for, a little longer each time."""
    health.started(name)
    pause = _FIRST
    while True:
        try:
            await work()
        except PASSING as error:
            health.failed(name, error)
            await boot.sleep(pause)
            pause = min(_LONGEST, pause * 2)
        else:
            health.recovered(name)
            pause = _FIRST


def leaf(error: BaseException) -> BaseException:
    """What went wrong first, within a group of tasks."""
    while isinstance(error, BaseExceptionGroup):
        others = [one for one in error.exceptions if not isinstance(one, asyncio.CancelledError)]
        error = (others or list(error.exceptions))[0]
    return error
