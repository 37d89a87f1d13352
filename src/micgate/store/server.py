"""A PostgreSQL that somebody else runs: waited for while it is away, but not when it turns us down."""

import asyncio
import re
from collections.abc import Callable

import psycopg
from psycopg.pq import PGconn, Ping

from micgate.store.database import limited, translate
from micgate.store.errors import StoreError, Unavailable

AGAIN = 0.5
"""Seconds until it is asked again."""
SILENT_SECONDS = 1.5
"""After so long without an answer it is said to be away, and still waited for."""
_SURE = 2
"""So often in a row: between two questions a server may have come up."""
_CROWDED = re.compile(r"too many (clients|connections)|connection slots are reserved|no more connections")
"""PostgreSQL and PgBouncer when others have all connections. A server that says it in another language turns
us down: libpq keeps the code to itself.
"""


async def wait_for(conninfo: str, *, away: Callable[[StoreError], None]) -> None:
    """Until it takes a connection. `away` hears each time why it does not yet; to have no room is to be away.

    Raises `StoreError` when it is open to others and turns us down: a wrong password, an unknown name.
    """
    conninfo, refused = limited(conninfo), 0
    while True:
        late = asyncio.get_running_loop().call_later(SILENT_SECONDS, away, _silent())
        try:
            await (await psycopg.AsyncConnection.connect(conninfo)).close()
        except psycopg.OperationalError as error:
            fault = translate(error)
            refused = refused + 1 if await _turns_down(error, conninfo) else 0
            if refused >= _SURE:
                raise fault from error
            away(fault)
        else:
            return
        finally:
            late.cancel()
        await asyncio.sleep(AGAIN)


def _silent() -> Unavailable:
    return Unavailable(
        f"The database cannot be reached: it has not answered for {SILENT_SECONDS:g} s.",
        remedy="See that it runs; micgate goes on by itself.",
    )


async def _turns_down(error: psycopg.OperationalError, conninfo: str) -> bool:
    waits = isinstance(error, psycopg.errors.ConnectionTimeout) or _CROWDED.search(str(error))
    return not waits and await _is_open(conninfo)


async def _is_open(conninfo: str) -> bool:
    """Whether it serves clients, whoever asks. The error of a connection does not tell that in a way for
    programs: libpq hands on a text in the server's language.
    """
    answer = await asyncio.to_thread(PGconn.ping, conninfo.encode())
    return Ping(answer) is Ping.OK
