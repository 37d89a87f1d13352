"""How many mutes an owner may place or extend in a minute, at all replicas together.

Counted by the second: never more than the rate within 60 seconds, and what was changed counts for 61 at most.
"""

import math
from collections import Counter
from collections.abc import Iterable

from micgate.control.mute import Mute
from micgate.store.database import Connection, Database, one, run
from micgate.store.errors import TooOften
from micgate.store.queries import queries

_SQL = queries("paces")
MINUTE = 60


async def count(connection: Connection, org: str, mutes: Iterable[Mute], *, rate: int, now: float) -> None:
    """Count what is changed of these mutes. Raises `TooOften`; whoever catches it rolls back."""
    for owner, wanted in Counter(mute.owner for mute in mutes).items():
        whose = {"org": org, "owner_kind": owner.kind, "owner_id": owner.id}
        row = await one(connection, _SQL["count"], {**whose, "wanted": wanted, "rate": rate, **moment(now)})
        if row["too_fast"]:
            raise too_often(rate, since=row["since"], now=now)


async def sweep(database: Database, *, now: float) -> int:
    """Forget what counts for nobody any more."""
    async with database.reading() as connection:
        return await run(connection, _SQL["sweep"], {"before": moment(now)["since"] - MINUTE})


def moment(now: float) -> dict[str, int]:
    """The `second` that it is, and the first that still counts."""
    second = math.floor(now)
    return {"second": second, "since": second - MINUTE}


def too_often(rate: int, *, since: int | None, now: float) -> TooOften:
    """`since`: the first of the seconds that count; it is forgotten first."""
    first = math.floor(now) if since is None else since
    return TooOften(
        f"This owner may place or extend {rate} mutes a minute.",
        remedy="Wait a moment.",
        retry_after=first + MINUTE + 1 - now,
    )
