"""What is due, and when something is due next. At most four statements, whatever there is."""

from collections.abc import Sequence
from dataclasses import dataclass

from micgate.control.mute import Mute
from micgate.store import microphones, mutes
from micgate.store.database import Connection, asked, every, fenced, one
from micgate.store.leases import Term
from micgate.store.microphones import Remembered
from micgate.store.queries import queries

_SQL = queries("due")


@dataclass(frozen=True, slots=True)
class Next:
    """When something is due next; `lapse_at`: a mute that no microphone will end."""

    at: float | None
    lapse_at: float | None


async def look(
    connection: Connection, term: Term, *, now: float, limit: int, owner_grace: float
) -> tuple[tuple[Remembered, ...], Next]:
    """Microphones, then recordings; the longest overdue first. Raises `Fenced` if the term is over."""
    org = term.org
    due = await asked(connection, _SQL["rows"], {"org": org, "now": now, "limit": limit})
    values = {"org": org, "epoch": term.epoch, "owner_grace": owner_grace}
    found = await one(connection, _SQL["next"], values)
    if not found["ours"]:
        raise fenced(org)
    rows = tuple(microphones.remembered(org, row) for row in await due())
    return rows, Next(found["at"], found["lapse_at"])


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
