"""An event loop whose time somebody else moves, one for each simulated process.

A process that is paused is one whose loop is not turned; a process that is killed is one whose loop is never
turned again. Callbacks run in the order in which they were scheduled, so the same run is the same run.
"""

import asyncio
import heapq
from collections import deque
from collections.abc import Callable
from itertools import count
from math import inf

_LAST_WORDS = 50
_TOO_MANY = 10_000


class Loop(asyncio.AbstractEventLoop):
    """`failures` are the exceptions that nobody waited for."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.failures: list[dict] = []
        self._clock = clock
        self._ready: deque[asyncio.Handle] = deque()
        self._later: list[tuple[float, int, asyncio.TimerHandle]] = []
        self._order = count()

    # -- what moves it ------------------------------------------------------------------------------------

    def next_due(self) -> float:
        """When there is something to run, in this loop's time."""
        if self._ready:
            return -inf
        later = self._later
        while later and later[0][2]._cancelled:
            heapq.heappop(later)
        return later[0][0] if later else inf

    def turn(self) -> None:
        """Run everything that is due now, and what it makes due."""
        asyncio._set_running_loop(self)
        ready, now = self._ready, self._clock()
        try:
            while self._gather(now):
                handle = ready.popleft()
                if not handle._cancelled:
                    handle._run()
        finally:
            asyncio._set_running_loop(None)

    def bury(self) -> None:
        """The process is dead: let every task end, whatever it still waits for, and run nothing after."""
        self._later.clear()
        asyncio._set_running_loop(self)
        try:
            for _ in range(_LAST_WORDS):
                tasks = asyncio.all_tasks(self)
                if not tasks:
                    break
                for task in tasks:
                    task.cancel()
                self._run_ready()
        finally:
            asyncio._set_running_loop(None)
        self._ready.clear()

    def _run_ready(self) -> None:
        ready = self._ready
        for _ in range(_TOO_MANY):
            if not ready:
                break
            ready.popleft()._run()

    def _gather(self, now: float) -> bool:
        while self._later and self._later[0][0] <= now:
            self._ready.append(heapq.heappop(self._later)[2])
        return bool(self._ready)

    # -- what asyncio asks of a loop ----------------------------------------------------------------------

    def time(self) -> float:
        return self._clock()

    def call_soon(self, callback, *args, context=None):
        handle = asyncio.Handle(callback, args, self, context)
        self._ready.append(handle)
        return handle

    def call_later(self, delay, callback, *args, context=None):
        return self.call_at(self.time() + delay, callback, *args, context=context)

    def call_at(self, when, callback, *args, context=None):
        handle = asyncio.TimerHandle(when, callback, args, self, context)
        heapq.heappush(self._later, (when, next(self._order), handle))
        return handle

    def create_future(self):
        return asyncio.Future(loop=self)

    def create_task(self, coro, **about):
        return asyncio.Task(coro, loop=self, **about)

    def is_running(self):
        return True

    def is_closed(self):
        return False

    def get_debug(self):
        return False

    def call_exception_handler(self, context):
        self.failures.append(context)

    def _timer_handle_cancelled(self, handle):
        """Cancelled timers are passed over when they are due."""
