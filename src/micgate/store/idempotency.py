"""The same request twice is one: its answer is kept and given again."""

import msgspec

from micgate.store.database import Connection, one, run
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
    row = await one(connection, _SQL["read"], values)
    if row["body_digest"] != wanted.body_digest:
        raise key_reused()
    return Answer(row["status"], row["response"])


async def sweep(connection: Connection, *, now: float) -> int:
    return await run(connection, _SQL["sweep"], {"now": now})


def key_reused() -> KeyReused:
    return KeyReused(
        "This idempotency key came with another body before.", remedy="Use a new key for a new request."
    )
