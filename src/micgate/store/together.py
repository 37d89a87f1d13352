"""Statements that leave together.

psycopg writes each statement of a pipeline to the socket as it is executed, and asks for the answers apart.
Here they wait until an answer is read or the pipeline ends: one write and one wait, however many statements.
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
    """`ends_at_once`: with the first answers that are read, its transaction is over."""

    def __init__(self, connection: "Line", *, ends_at_once: bool) -> None:
        super().__init__(connection)
        self._ends_at_once = ends_at_once

    def _communicate_gen(self) -> PQGen[None]:
        """Called after each statement: nothing leaves yet."""
        yield from ()

    def _fetch_gen(self, *, flush: bool) -> PQGen[None]:
        """Called when answers are wanted, and at the end."""
        if flush and self._ends_at_once and self.command_queue:
            self._enqueue_sync()
        elif flush:
            self.command_queue.append(self.pgconn.send_flush_request)
        while self.command_queue:
            self.command_queue.popleft()()
        yield from send(self.pgconn)
        yield from super()._fetch_gen(flush=False)

    def _exit_gen(self) -> PQGen[None]:
        if self._ends_at_once and not (self.result_queue or self.command_queue):
            return
        self._enqueue_sync()
        yield from self._fetch_gen(flush=False)


class Line(psycopg.AsyncConnection[Row]):
    """A connection whose statements may leave together."""

    @asynccontextmanager
    async def together(self, *, ends_at_once: bool = False) -> AsyncIterator[None]:
        """Not to be nested, and not within a `transaction`."""
        together = self._pipeline = Together(self, ends_at_once=ends_at_once)
        try:
            async with together:
                yield
        finally:
            self._pipeline = None
