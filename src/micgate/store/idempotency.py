"""The same request twice is one: its answer is kept and given again."""

import msgspec

from micgate.store.database import Connection, Database, Row, first, one, run
from micgate.store.errors import KeyReused
from micgate.store.queries import queries

_SQL = queries("idempotency")


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """A request with an idempotency key, and what will be answered to it. `body_digest` is of its body."""

    principal: str
    key: str
    body_digest: bytes
    status: int
    response: bytes
    expires_at: float


class Answer(msgspec.Struct, frozen=True):
    """What was answered the first time."""

    status: int
    response: bytes


async def claim(connection: Connection, wanted: Claim, *, now: float) -> Answer | None:
    """None: it is new. Raises `KeyReused` when the key came with another body before."""
    values = msgspec.structs.asdict(wanted) | {"now": now}
    if await run(connection, _SQL["claim"], values) == 1:
        return None
    return _same(await one(connection, _SQL["read"], values), wanted.body_digest)


async def answered(
    database: Database, principal: str, key: str, *, body_digest: bytes, now: float
) -> Answer | None:
    """What was answered before, for whoever has to check things that may have changed since."""
    async with database.reading() as connection:
        row = await first(connection, _SQL["read"], {"principal": principal, "key": key})
    return _same(row, body_digest) if row and row["expires_at"] > now else None


async def sweep(connection: Connection, *, now: float) -> int:
    return await run(connection, _SQL["sweep"], {"now": now})


def _same(row: Row, body_digest: bytes) -> Answer:
    if row["body_digest"] != body_digest:
        raise key_reused()
    return Answer(row["status"], row["response"])


def key_reused() -> KeyReused:
    return KeyReused(
        "This idempotency key came with another body before.", remedy="Use a new key for a new request."
    )
