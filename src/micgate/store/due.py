"""What is due, and when something is due next."""

from collections.abc import Sequence
from dataclasses import dataclass

from micgate.control.mute import Mute
from micgate.store import microphones, mutes
from micgate.store.database import Connection, Row, asked, every, fenced, send
from micgate.store.leases import Term
from micgate.store.microphones import Remembered
from micgate.store.queries import queries
from micgate.store.target import Subject

_SQL = queries("due")
_AS_OF_ONE_MOMENT = b"begin isolation level repeatable read read only"
"""A second look at what is due, a moment later, finds others where there are more than are taken at once."""


@dataclass(frozen=True, slots=True)
class Next:
    """When something else is due; `lapse_at`: a mute that no microphone will end."""

    at: float | None
    lapse_at: float | None


@dataclass(frozen=True, slots=True)
class Found:
    """Microphones, then recordings, the longest overdue first; the mutes that stand or are remembered there.
    All of one moment: whatever changes after that makes a decision stale.
    """

    rows: tuple[Remembered, ...]
    mutes: tuple[Mute, ...]
    next: Next


async def look(connection: Connection, term: Term, *, now: float, limit: int, owner_grace: float) -> Found:
    """Three questions that leave together. Raises `Fenced` if the term is over."""
    org = term.org
    wanted = {"org": org, "now": now, "limit": limit}

    def read(rows: list[Row]) -> tuple[Remembered, ...]:
        return tuple(microphones.remembered(org, row) for row in rows)

    await send(connection, _AS_OF_ONE_MOMENT, {})
    due = await asked(connection, _SQL["rows"], wanted, read=read)
    concerned = await asked(connection, _SQL["concerned"], wanted, read=mutes.read)
    values = {"org": org, "now": now, "epoch": term.epoch, "owner_grace": owner_grace}
    following = await asked(connection, _SQL["next"], values, read=_the_only_one)
    await send(connection, b"commit", {})
    found = await following()
    if not found["ours"]:
        raise fenced(org)
    rows = await due()
    at = now if is_cut(rows, limit) else found["at"]
    return Found(rows, await concerned(), Next(at, found["lapse_at"]))


def _the_only_one(rows: list[Row]) -> Row:
    return rows[0]


def is_cut(rows: Sequence[Remembered], limit: int) -> bool:
    """Whether more may be due than was read: the limit is that of each subject."""
    return any(sum(row.target.subject is subject for row in rows) >= limit for subject in Subject)


async def lapsed(
    connection: Connection, org: str, *, now: float, owner_grace: float, limit: int
) -> tuple[Mute, ...]:
    """Due mutes that no microphone will end."""
    values = {"org": org, "now": now, "owner_grace": owner_grace, "limit": limit}
    return mutes.read(await every(connection, _SQL["lapsed"], values))
