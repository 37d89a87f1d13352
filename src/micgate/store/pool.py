"""Connections that are used again.

psycopg's own pool connects in the background and backs off: after a crash of the database it was seen to
refuse for 3 s and more although the database was back. Here whoever needs a connection makes one, at once.
"""

import asyncio
import os
import select
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeAlias

from psycopg import AsyncConnection, OperationalError
from psycopg.pq import PipelineStatus, TransactionStatus

from micgate.store.together import Line

_Connection: TypeAlias = Line


class Exhausted(OperationalError):
    """Everybody else has one."""


class Pool:
    """At most `size` connections; who finds none free waits for `patience` seconds."""

    def __init__(self, connect: Callable[[], Awaitable[_Connection]], *, size: int, patience: float) -> None:
        self._connect = connect
        self._patience = patience
        self._room = asyncio.Semaphore(size)
        self._idle: list[_Connection] = []
        self._used: set[_Connection] = set()
        self._closed = False

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[_Connection]:
        """One that was alive a moment ago."""
        await self._wait_for_room()
        try:
            connection = await self._take()
            self._used.add(connection)
            try:
                yield connection
            finally:
                self._used.discard(connection)
                await self._give_back(connection)
        finally:
            self._room.release()

    async def close(self) -> None:
        """Those in use are closed when they come back."""
        self._closed = True
        await self._have_no_idle()

    def cut(self) -> None:
        """End whatever waits for an answer, now, and let nobody connect any more."""
        self._closed = True
        for connection in self._used:
            cut(connection)

    async def _wait_for_room(self) -> None:
        if not self._room.locked():
            await self._room.acquire()
            return
        try:
            async with asyncio.timeout(self._patience):
                await self._room.acquire()
        except TimeoutError:
            raise Exhausted("every connection is in use") from None

    async def _take(self) -> _Connection:
        if self._closed:
            raise OperationalError("the pool is closed")
        while self._idle:
            connection = self._idle.pop()
            if not connection.closed and _is_silent(connection):
                return connection
            await connection.close()
        return await self._connect()

    async def _give_back(self, connection: _Connection) -> None:
        if not self._closed and _is_idle(connection):
            self._idle.append(connection)
            return
        if connection.broken:
            await self._have_no_idle()  # whatever broke it may have swallowed them too, and they cannot tell
        await connection.close()

    async def _have_no_idle(self) -> None:
        while self._idle:
            await self._idle.pop().close()


def cut(connection: AsyncConnection[Any]) -> None:
    """Nothing comes from it any more. psycopg itself would wait 10 s for a server that stands still."""
    if not connection.closed:
        with suppress(OSError), socket.socket(fileno=os.dup(connection.fileno())) as line:
            line.shutdown(socket.SHUT_RDWR)


def _is_idle(connection: _Connection) -> bool:
    """Whether nothing of its last use is left: to cancel whoever enters a pipeline leaves that behind."""
    info = connection.info
    return (
        not connection.closed
        and info.transaction_status is TransactionStatus.IDLE
        and info.pipeline_status is PipelineStatus.OFF
    )


def _is_silent(connection: _Connection) -> bool:
    """An idle connection has nothing to say; one that has was cut. Costs no round trip."""
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    return not poll.poll(0)
