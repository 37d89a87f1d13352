"""What is kept about persons is deleted: when it is too old, and when somebody is to be erased at once."""

from collections.abc import Callable, Sequence
from typing import TypeAlias

from micgate.store import entries
from micgate.store.database import Connection, Database, every, one, run
from micgate.store.entries import NewEntry
from micgate.store.errors import StillAtWork
from micgate.store.ids import earliest
from micgate.store.queries import queries

_SQL = queries("forget")
BATCH = 2000
_PART = 20_000

Rewrite: TypeAlias = Callable[[bytes], bytes | None]
"""What is left of a private body; None when nothing is."""


class Forget:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def expire(self, org: str, *, before: float) -> int:
        """Delete all about persons that ended before then. The number of entries that name nobody now."""
        values = {"org": org, "before": before, "bound": earliest(before), "limit": BATCH}
        expired = await self._repeatedly("expired", values)
        await self._repeatedly("old_commands", values)
        while await self._old_mutes(values):
            pass
        async with self._database.reading() as connection:
            for name in ("old_notes", "old_batches", "old_microphones", "old_recordings"):
                await run(connection, _SQL[name], values)
        return expired

    async def leavers(self, org: str, roster: Sequence[str], *, before: float) -> int:
        """Forget those who are not in the roster, and of whom nothing younger is told. Their number."""
        async with self._database.reading() as connection:
            values = {"org": org, "roster": list(roster), "before": before}
            return await run(connection, _SQL["leavers"], values)

    async def erase(
        self,
        org: str,
        user_id: str,
        *,
        words: Sequence[str],
        rewrite: Rewrite,
        tell: Callable[[int], NewEntry],
    ) -> int:
        """Delete all about one person, or nothing, with an entry that says so. The number of entries that
        named them. `words` are their id, name and address: `rewrite` is given each body that has one of them.

        Raises `StillAtWork` while a mute stands or a command is under way.
        """
        values = {"org": org, "user_id": user_id, "words": list(words)}
        async with self._database.transaction() as connection:
            if (await one(connection, _SQL["standing"], values))["mutes"]:
                raise still_at_work("A mute of this agent stands.")
            rewritten = await _rewrite(connection, org, words, rewrite)
            for name in _ERASURES:
                await run(connection, _SQL[name], values)
            if (await one(connection, _SQL["left"], values))["rows"]:
                raise still_at_work("Something is under way on a call of this agent.")
            await entries.add(connection, org, [tell(rewritten)])
        return rewritten

    async def _repeatedly(self, name: str, values: dict[str, object]) -> int:
        total = 0
        while True:
            async with self._database.reading() as connection:
                gone = await run(connection, _SQL[name], values)
            total += gone
            if not gone:
                return total

    async def _old_mutes(self, values: dict[str, object]) -> bool:
        async with self._database.reading() as connection:
            row = await one(connection, _SQL["old_mutes"], values)
            return bool(row["gone"])


def still_at_work(what: str) -> StillAtWork:
    return StillAtWork(what, remedy="Release it, wait until the call is over, and try again.")


_ERASURES = (
    *(
        "erase_calls",
        "erase_mutes",
        "old_notes",
        "erase_notes",
        "erase_commands",
        "erase_microphones",
        "erase_protection",
    ),
    *("erase_limits", "erase_topics", "erase_answers", "erase_agent"),
)


async def _rewrite(connection: Connection, org: str, words: Sequence[str], rewrite: Rewrite) -> int:
    last = (await one(connection, _SQL["last_private"], {}))["id"] or 0
    total, after = 0, 0
    while after < last:
        values = {"org": org, "words": list(words), "after": after, "through": after + _PART}
        found = {row["entry_id"]: row["body"] for row in await every(connection, _SQL["about"], values)}
        total += await _put(connection, found, rewrite)
        after += _PART
    return total


async def _put(connection: Connection, found: dict[int, bytes], rewrite: Rewrite) -> int:
    left = {id_: rewrite(body) for id_, body in found.items()}
    changed = {id_: body for id_, body in left.items() if body != found[id_]}
    kept = {id_: body for id_, body in changed.items() if body is not None}
    await run(connection, _SQL["drop_private"], {"ids": list(changed)})
    await run(connection, _SQL["keep_private"], {"ids": list(kept), "bodies": list(kept.values())})
    return len(changed)
