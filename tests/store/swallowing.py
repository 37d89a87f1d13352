"""A way to the database that can swallow: what goes through it stays open, and nothing arrives any more."""

import asyncio
from contextlib import asynccontextmanager, suppress

from psycopg.conninfo import conninfo_to_dict, make_conninfo


class Way:
    """Made by `way`. Connections that begin after `swallow` are good again."""

    def __init__(self, path: str) -> None:
        self.begun = 0
        self.conninfo = ""
        self._path = path
        self._good: list[asyncio.Event] = []
        self._tasks: set[asyncio.Task] = set()

    def swallow(self) -> None:
        for one in self._good:
            one.clear()

    async def carry(self, reader, writer) -> None:
        self.begun += 1
        good = asyncio.Event()
        good.set()
        self._good.append(good)
        back, forth = await asyncio.open_unix_connection(self._path)
        for source, sink in ((reader, forth), (back, writer)):
            self._tasks.add(asyncio.create_task(_pump(source, sink, good)))

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


@asynccontextmanager
async def way(conninfo: str):
    given = conninfo_to_dict(conninfo)
    made = Way(f"{given['host']}/.s.PGSQL.{given.get('port', 5432)}")
    server = await asyncio.start_server(made.carry, "127.0.0.1")
    port = server.sockets[0].getsockname()[1]
    made.conninfo = make_conninfo(conninfo, host="127.0.0.1", port=port, sslmode="disable")
    try:
        yield made
    finally:
        server.close()
        await made.close()


async def _pump(source, sink, good) -> None:
    try:
        with suppress(ConnectionError):
            while data := await source.read(65536):
                if good.is_set():
                    sink.write(data)
    finally:
        sink.close()
