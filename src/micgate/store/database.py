"""Connections, transactions and their time limits. Only this folder knows psycopg's errors."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from enum import StrEnum
from typing import Any, Self, TypeAlias, TypeVar

import psycopg
from psycopg import errors
from psycopg.abc import PQGen
from psycopg.adapt import AdaptersMap
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import dict_row
from psycopg.types.string import TextLoader

from micgate.store.errors import Busy, Fenced, Full, InvariantBroken, StoreError, Unavailable, WrongAddress
from micgate.store.pool import Exhausted, Pool, cut
from micgate.store.together import Line

T = TypeVar("T")
Connection: TypeAlias = Line
Row: TypeAlias = dict[str, Any]
Parameters: TypeAlias = Mapping[str, object]
Later: TypeAlias = Callable[[], Awaitable[T]]
"""The answer to a question that was asked already."""

SCHEMA = "micgate"
STATEMENT_MS = 5_000
LOCK_MS = 1_000
IDLE_IN_TRANSACTION_MS = 2_000
TCP_USER_TIMEOUT_MS = 5_000
KEEPALIVE_SECONDS = 5
"""Without a word from the other machine: whoever listens for hints sends nothing, and would not notice."""
CONNECT_SECONDS = 5
WAIT_SECONDS = 3.0
"""For a free connection."""
ANSWER_SECONDS = 8.0
"""For an answer, over which no statement may take longer than `STATEMENT_MS`."""


class Hint(StrEnum):
    """What somebody who listens may want to know at once."""

    WORK = "micgate"
    """A microphone may be due."""
    SEALED = "micgate_sealed"
    """The record has grown."""


_NOTIFY = b"select pg_notify(%(channel)s, %(org)s)"


class Answering(Line):
    """A connection on which nobody waits for ever: the way to the database may swallow what was under way,
    and no time limit of the server is heard of then. It is cut, and as good as any that breaks.
    """

    async def wait(self, gen: PQGen[T], *args: Any, **kwargs: Any) -> T:
        timer = asyncio.get_running_loop().call_later(ANSWER_SECONDS, cut, self)
        try:
            return await super().wait(gen, *args, **kwargs)
        finally:
            timer.cancel()


class Database:
    """A pool of connections. Made by `open`."""

    def __init__(self, pool: Pool, *, conninfo: str) -> None:
        self._pool = pool
        self._conninfo = conninfo
        self._hinting: set[asyncio.Task[None]] = set()
        self._listening: set[psycopg.AsyncConnection[Any]] = set()

    @classmethod
    async def open(cls, conninfo: str, *, size: int = 8) -> Self:
        """Does not wait for the database: each use says when it cannot be reached."""
        conninfo, texts = limited(conninfo), _Texts()

        async def connect() -> Connection:
            return await Answering.connect(conninfo, autocommit=True, row_factory=dict_row, context=texts)

        return cls(Pool(connect, size=size, patience=WAIT_SECONDS), conninfo=conninfo)

    async def close(self) -> None:
        await asyncio.gather(*self._hinting)
        await self._pool.close()

    def cut(self) -> None:
        """Have done with it at once: everybody who uses it is told that it cannot be reached."""
        self._pool.cut()
        for connection in self._listening:
            cut(connection)

    async def answers_within(self, seconds: float) -> bool:
        """Whether it is worth while to wait for it. When it is not, what waits is left to `cut`."""
        asking = asyncio.ensure_future(self.clock())
        done, _ = await asyncio.wait([asking], timeout=seconds)
        asking.add_done_callback(lambda asked: asked.cancelled() or asked.exception())
        return bool(done) and asking.exception() is None

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Connection]:
        """A connection on which every statement is a transaction of its own."""
        with translated():
            async with self._pool.connection() as connection:
                yield connection

    @asynccontextmanager
    async def looking(self) -> AsyncIterator[Connection]:
        """As `at_once`, for what changes nothing."""
        with translated():
            async with self._pool.connection() as connection, connection.together():
                yield connection

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """All or nothing. After `Unavailable.perhaps_done` it may be either."""
        finished = False
        try:
            async with self._pool.connection() as connection, connection.transaction():
                yield connection
                finished = True
        except _FOREIGN as error:
            raise translate(error, perhaps_done=finished) from error

    @asynccontextmanager
    async def verb(self) -> AsyncIterator[Connection]:
        """As `transaction`, but statements leave together when an answer is read, and at the end: whatever
        speaks against one is raised then. What is not finished is undone by closing the connection.
        """
        finished = False
        try:
            async with self._pool.connection() as connection, connection.together():
                await connection.execute(b"begin")
                yield connection
                await connection.execute(b"commit")
                finished = True
        except _FOREIGN as error:
            raise translate(error, perhaps_done=finished) from error

    @asynccontextmanager
    async def at_once(self) -> AsyncIterator[Connection]:
        """A transaction of what is sent without waiting for answers; it is over with the first that is read.

        After `Unavailable.perhaps_done` it may have been made or not.
        """
        begun = False
        try:
            async with self._pool.connection() as connection, connection.together():
                begun = True
                yield connection
        except _FOREIGN as error:
            raise translate(error, perhaps_done=begun) from error

    def hint(self, org: str) -> None:
        """Tell whoever listens that there is work, without waiting. It may get lost; nothing needs it."""
        task = asyncio.create_task(self._hint(org))
        self._hinting.add(task)
        task.add_done_callback(self._hinting.discard)

    async def _hint(self, org: str) -> None:
        with suppress(StoreError):
            async with self.reading() as connection:
                await notify(connection, org, of=Hint.WORK)

    async def hints(self, *, of: Hint = Hint.WORK) -> AsyncIterator[str]:
        """The orgs that `hint` names, on a connection of its own."""
        with translated():
            async with await psycopg.AsyncConnection.connect(self._conninfo, autocommit=True) as own:
                self._listening.add(own)
                try:
                    await own.execute(f"listen {of}".encode())
                    async for hint in own.notifies():
                        yield hint.payload
                finally:
                    self._listening.discard(own)

    async def clock(self) -> float:
        """The database's clock, for whoever anchors service time to it."""
        async with self.reading() as connection:
            row = await one(connection, b"select extract(epoch from clock_timestamp())::float8 as at", {})
            return float(row["at"])


def limited(conninfo: str, *, statement_ms: int = STATEMENT_MS, schema: str = SCHEMA) -> str:
    """The same with our time limits and our schema, whatever else it says."""
    try:
        given = conninfo_to_dict(conninfo)
        _demand_names(str(given.get("host") or ""))
    except (psycopg.ProgrammingError, UnicodeError):
        # libpq's own words may quote a piece of the password.
        raise WrongAddress(
            "The address of the database cannot be read.",
            remedy="MICGATE_DATABASE_URL is like postgresql://name:password@host/micgate.",
        ) from None
    limits = {
        "statement_timeout": statement_ms,
        "lock_timeout": LOCK_MS,
        "idle_in_transaction_session_timeout": IDLE_IN_TRANSACTION_MS,
        "search_path": schema,
    }
    options = " ".join(f"-c {name}={value}" for name, value in limits.items())
    return make_conninfo(
        conninfo,
        options=f"{given.get('options') or ''} {options}".strip(),
        connect_timeout=given.get("connect_timeout") or CONNECT_SECONDS,
        tcp_user_timeout=TCP_USER_TIMEOUT_MS,
        keepalives_idle=given.get("keepalives_idle") or KEEPALIVE_SECONDS,
        application_name="micgate",
    )


def _demand_names(hosts: str) -> None:
    """Raises `UnicodeError`, as psycopg would as it looks them up, for a label that is empty or too long."""
    for host in hosts.split(","):
        if not host.startswith(("/", "@")):
            host.encode("idna")


async def every(connection: Connection, query: bytes, parameters: Parameters) -> list[Row]:
    return await (await connection.execute(query, parameters)).fetchall()


async def first(connection: Connection, query: bytes, parameters: Parameters) -> Row | None:
    return await (await connection.execute(query, parameters)).fetchone()


async def one(connection: Connection, query: bytes, parameters: Parameters) -> Row:
    row = await first(connection, query, parameters)
    if row is None:
        raise LookupError("a statement that always answers did not")
    return row


async def numbered_one(
    connection: Connection, query: tuple[bytes, tuple[str, ...]], parameters: Parameters
) -> Row:
    """As `one`, of what `queries.numbered` made."""
    text, names = query
    cursor = psycopg.AsyncRawCursor(connection, row_factory=dict_row)
    row = await (await cursor.execute(text, [parameters[name] for name in names])).fetchone()
    if row is None:
        raise LookupError("a statement that always answers did not")
    return row


async def send(connection: Connection, query: bytes, parameters: Parameters) -> None:
    """Its answer says nothing, and is waited for only where there is no pipeline."""
    await connection.execute(query, parameters)


async def asked(
    connection: Connection, query: bytes, parameters: Parameters, *, read: Callable[[list[Row]], T]
) -> Later[T]:
    """To be read later, so that the next question need not wait."""
    rows = (await connection.execute(query, parameters)).fetchall

    async def answer() -> T:
        return read(await rows())

    return answer


async def notify(connection: Connection, org: str, *, of: Hint) -> None:
    """Whoever listens is told when the transaction is committed."""
    await send(connection, _NOTIFY, {"channel": of, "org": org})


async def run(connection: Connection, query: bytes, parameters: Parameters) -> int:
    """The number of rows it changed."""
    return (await connection.execute(query, parameters)).rowcount


@contextmanager
def translated() -> Iterator[None]:
    try:
        yield
    except _FOREIGN as error:
        raise translate(error) from error


_FOREIGN = (
    psycopg.OperationalError,
    psycopg.IntegrityError,
    errors.IdleInTransactionSessionTimeout,
)
_BUSY = (
    Exhausted,
    errors.QueryCanceled,
    errors.LockNotAvailable,
    errors.DeadlockDetected,
    errors.SerializationFailure,
    errors.TooManyConnections,
    errors.IdleInTransactionSessionTimeout,
)
_FULL = (errors.DiskFull, errors.OutOfMemory)
_UNRESOLVED = "failed to resolve host"
"""psycopg's own words, in no other language."""
_NAMELESS = (
    "See that MICGATE_DATABASE_URL names the host rightly, and that this machine can resolve the name; "
    "micgate goes on by itself."
)
_PASSWORD = re.compile(r"(password=|://[^:/\s]*:)[^@\s]+", re.IGNORECASE)


def translate(error: Exception, *, perhaps_done: bool = False) -> StoreError:
    """The one table of the database's errors. Others are our mistakes and go up as they are."""
    if isinstance(error, psycopg.IntegrityError):
        return invariant_broken(error.diag.constraint_name or type(error).__name__)
    if isinstance(error, _FULL):
        return Full("The database has no room.", remedy="Make room on its disk; micgate goes on by itself.")
    if isinstance(error, _BUSY):
        return Busy("The database was kept busy for too long.", remedy="Try again.")
    says = _first_line(error)
    return Unavailable(
        f"The database cannot be reached: {says}.",
        remedy=_NAMELESS if _UNRESOLVED in says else "See that it runs; micgate goes on by itself.",
        perhaps_done=perhaps_done,
    )


def fenced(org: str) -> Fenced:
    return Fenced(f"Another keeper has {org} now.", remedy="This one stops; nothing needs to be done.")


def invariant_broken(rule: str) -> InvariantBroken:
    return InvariantBroken(
        f"The rule {rule} of the database was about to be broken.",
        remedy="Nothing was changed. This is a mistake in micgate: please report it.",
        rule=rule,
    )


def _first_line(error: Exception) -> str:
    return _PASSWORD.sub(r"\1***", str(error).strip().partition("\n")[0].rstrip("."))


class _Texts:
    """Ids and JSON stay text: what is in them is read elsewhere."""

    def __init__(self) -> None:
        self._adapters = AdaptersMap(psycopg.adapters)
        for name in ("uuid", "jsonb"):
            self._adapters.register_loader(name, TextLoader)

    @property
    def adapters(self) -> AdaptersMap:
        return self._adapters

    @property
    def connection(self) -> None:
        return None
