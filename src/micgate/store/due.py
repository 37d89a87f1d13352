"""What is due, and when something is due next. Four statements, whatever there is."""

from collections.abc import Sequence

from micgate.control.mute import Mute
from micgate.store import microphones, mutes
from micgate.store.database import Connection, every, one
from micgate.store.microphones import Remembered
from micgate.store.queries import queries

_SQL = queries("due")


async def rows(connection: Connection, org: str, *, now: float, limit: int) -> tuple[Remembered, ...]:
    """Microphones, then recordings; the longest overdue first."""
    values = {"org": org, "now": now, "limit": limit}
    return tuple(microphones.remembered(org, row) for row in await every(connection, _SQL["rows"], values))


async def concerned(connection: Connection, org: str, due: Sequence[Remembered]) -> tuple[Mute, ...]:
    """The mutes that stand there, and those that are remembered there."""
    if not due:
        return ()
    known = {mute_id for row in due for mute_id in row.memory.mutes}
    return await mutes.standing_at(connection, org, {row.target for row in due}, also=known)


async def lapsed(
    connection: Connection, org: str, *, now: float, owner_grace: float, limit: int
) -> tuple[Mute, ...]:
    """Due mutes that no microphone will end."""
    values = {"org": org, "now": now, "owner_grace": owner_grace, "limit": limit}
    return mutes.read(await every(connection, _SQL["lapsed"], values))


async def next_at(connection: Connection, org: str, *, owner_grace: float) -> float | None:
    values = {"org": org, "owner_grace": owner_grace}
    at: float | None = (await one(connection, _SQL["next"], values))["at"]
    return at
