"""The record: entries are added by the transaction they tell of, and sealed into a sequence afterwards."""

from collections.abc import Callable, Iterable, Sequence
from typing import TypeAlias

import msgspec

from micgate.store.database import Connection, Database, Row, asked, every, first, send
from micgate.store.queries import queries

_SQL = queries("entries")


class Private(msgspec.Struct, frozen=True):
    """What may be erased. `digest` stays with the entry."""

    body: bytes
    digest: bytes


class NewEntry(msgspec.Struct, frozen=True, kw_only=True):
    """Something to write down. `public` is a JSON object and names no person."""

    at: float
    actor: str
    action: str
    target: str
    public: str = "{}"
    mute_id: str | None = None
    command_id: str | None = None
    private: Private | None = None


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """As it stands in the record. `public` has the same content, not the same spelling, as was given."""

    id: int
    org: str
    at: float
    actor: str
    action: str
    target: str
    public: str
    mute_id: str | None = None
    command_id: str | None = None
    private_digest: bytes | None = None


class Sealed(msgspec.Struct, frozen=True, kw_only=True):
    """`seq` counts from 1 without gaps in each org. `body` is gone after an erasure.

    `before` is the hash of the record before, where it was asked for: empty for the first.
    """

    seq: int
    hash: bytes
    entry: Entry
    body: bytes | None = None
    before: bytes = b""


Link: TypeAlias = Callable[[bytes, int, Entry], bytes]
"""The hash of an entry, from the hash before it (empty for the first), its number and itself."""


class Entries:
    """The record as it is read. Only what is sealed shows."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def after(self, org: str, seq: int, *, limit: int = 1000) -> tuple[Sealed, ...]:
        async with self._database.reading() as connection:
            values = {"org": org, "after": seq, "limit": limit}
            return tuple(_sealed(row) for row in await every(connection, _SQL["sealed"], values))

    async def of(
        self, org: str, target: str, *, limit: int = 100, without: Sequence[str] = ()
    ) -> tuple[Sealed, ...]:
        """The latest about one target, latest first, each with the hash before. `without` some actions."""
        async with self._database.reading() as connection:
            values = {"org": org, "target": target, "limit": limit, "without": list(without)}
            return tuple(_sealed(row) for row in await every(connection, _SQL["of_target"], values))

    async def hash(self, org: str, seq: int) -> bytes:
        """Of one record, also of the one at which the record was cut; empty when there is none."""
        async with self._database.reading() as connection:
            row = await first(connection, _SQL["hash"], {"org": org, "seq": seq})
            return row["hash"] if row else b""

    async def head(self, org: str) -> tuple[int, bytes]:
        """The last number and hash; (0, b"") before the first."""
        async with self._database.reading() as connection:
            return await head(connection, org)

    async def tell(self, org: str, entries: Sequence[NewEntry]) -> None:
        """Write down what changes nothing else."""
        async with self._database.transaction() as connection:
            await add(connection, org, entries)

    async def waiting(self, org: str) -> tuple[int, float | None]:
        """How many entries wait for a seal, and since when."""
        async with self._database.reading() as connection:
            row = await first(connection, _SQL["waiting"], {"org": org})
            return (row["entries"], row["since"]) if row else (0, None)


async def add(connection: Connection, org: str, entries: Sequence[NewEntry]) -> None:
    if not entries:
        return
    await send(connection, _SQL["add"], {"org": org, "told": rows_of((None, entries))})


def rows_of(*groups: tuple[str | None, Iterable[NewEntry]]) -> str:
    """Entries as the statements take them, each with the mute that it is `of`. JSON, because to quote ten
    arrays took longer than all the rest.
    """
    return msgspec.json.encode([_row(entry, of) for of, entries in groups for entry in entries]).decode()


class _Row(NewEntry, frozen=True, kw_only=True, omit_defaults=True):
    of: str | None = None


def _row(entry: NewEntry, of: str | None) -> _Row:
    return _Row(**{name: getattr(entry, name) for name in NewEntry.__struct_fields__}, of=of)


async def seal(connection: Connection, org: str, link: Link, *, limit: int) -> tuple[Sealed, ...]:
    """Chain the committed entries that have no seal yet, in the order of their ids."""
    taken = await asked(connection, _SQL["take_unsealed"], {"org": org, "limit": limit}, read=_entries)
    last = await head(connection, org)
    sealed = chained(last, await taken(), link)
    if not sealed:
        return ()
    values = {
        "org": org,
        "seq": [one.seq for one in sealed],
        "entry_id": [one.entry.id for one in sealed],
        "hash": [one.hash for one in sealed],
    }
    await send(connection, _SQL["seal"], values)
    return sealed


def chained(last: tuple[int, bytes], entries: Sequence[Entry], link: Link) -> tuple[Sealed, ...]:
    seq, digest = last
    sealed = []
    for entry in entries:
        seq += 1
        digest = link(digest, seq, entry)
        sealed.append(Sealed(seq=seq, hash=digest, entry=entry))
    return tuple(sealed)


async def head(connection: Connection, org: str) -> tuple[int, bytes]:
    row = await first(connection, _SQL["head"], {"org": org})
    return (row["seq"], row["hash"]) if row else (0, b"")


def _entries(rows: list[Row]) -> list[Entry]:
    return [_entry(row) for row in rows]


def _entry(row: Row) -> Entry:
    return Entry(**{name: row[name] for name in Entry.__struct_fields__})


def _sealed(row: Row) -> Sealed:
    before = row.get("before") or b""
    return Sealed(seq=row["seq"], hash=row["hash"], entry=_entry(row), body=row["body"], before=before)
