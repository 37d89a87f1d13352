"""Statements that leave together.

psycopg writes each statement of a pipeline to the socket as it is executed, and asks for the answers apart.
Here they wait until an answer is read or the pipeline ends: one write and one wait, however many statements.

What leaves ends with a Sync. PostgreSQL is then ready for the next, and knows a transaction that stands still
as an idle one. psycopg itself asks to flush: the session counts as working, no limit applies to it, and a
process that is stopped keeps its locks until somebody wakes it.

It builds on parts of psycopg's pipeline that are not documented; its test holds it to them.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import psycopg
from psycopg.abc import PQGen
from psycopg.generators import send

Row = dict[str, Any]


class Together(psycopg.AsyncPipeline):
    """With the first answers that are read its transaction is over, unless that was begun by a statement."""

    def _communicate_gen(self) -> PQGen[None]:
        """Called after each statement: nothing leaves yet."""
        yield from ()

    def _fetch_gen(self, *, flush: bool) -> PQGen[None]:
        """Called when answers are wanted, and at the end."""
        if flush and self.command_queue:
            self._enqueue_sync()
        while self.command_queue:
            self.command_queue.popleft()()
        yield from send(self.pgconn)
        yield from super()._fetch_gen(flush=False)

    def _exit_gen(self) -> PQGen[None]:
        if self.command_queue:
            self._enqueue_sync()
        if self.command_queue or self.result_queue:
            yield from self._fetch_gen(flush=False)


class Line(psycopg.AsyncConnection[Row]):
    """A connection whose statements may leave together."""

    @asynccontextmanager
    async def together(self) -> AsyncIterator[None]:
        """Not to be nested, and not within a `transaction`."""
        together = self._pipeline = Together(self)
        try:
            async with together:
                yield
        finally:
            self._pipeline = None
