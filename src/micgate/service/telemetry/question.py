"""What the database is asked for somebody who waits, but not for long."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

T = TypeVar("T")

ANSWER_SECONDS = 1.5
"""So long the database may take: who asks whether it serves is told within 2 s that it does not."""


class Question(Generic[T]):
    """While an earlier one is not done with, no other one takes a connection for itself.

    A question that is cancelled may take 10 s to end: psycopg first asks the server, which stands still.
    """

    def __init__(self, ask: Callable[[], Coroutine[Any, Any, T]], *, name: str) -> None:
        self._ask = ask
        self._name = name
        self._late: asyncio.Task[T] | None = None

    async def answer(self) -> T | None:
        """None: not in time. Raises what the question raises."""
        if self._late and not self._late.done():
            return None
        asking = asyncio.create_task(self._ask(), name=self._name)
        asking.add_done_callback(lambda asked: asked.cancelled() or asked.exception())
        done, _ = await asyncio.wait({asking}, timeout=ANSWER_SECONDS)
        if done:
            return asking.result()
        self._late = asking
        asking.cancel()
        return None
