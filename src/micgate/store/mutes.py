"""Mutes as rows. Whoever changes one wakes what it stands on, in the same transaction."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from micgate.control.mute import End, Mute, Owner
from micgate.control.placing import chained_since, check_spent
from micgate.control.policy import OnOverride, OpenPolicy
from micgate.store.database import Connection, Database, Later, Row, asked, every, first, one, send
from micgate.store.errors import TooManyStanding
from micgate.store.queries import queries
from micgate.store.target import Target, gate

_SQL = queries("mutes")
_PLAIN = (
    *("id", "user_id", "conversation_id", "batch_id", "reason", "note_ref", "on_override", "open_policy"),
    *("pause_recording", "placed_at", "release_at", "renew_by"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How one mute ends."""

    mute_id: str
    at: float
    end: End
    by: str


class Mutes:
    """Mutes as they are read."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def standing(self, org: str) -> tuple[Mute, ...]:
        return await self._read("standing", {"org": org})

    async def get(self, org: str, ids: Sequence[str]) -> tuple[Mute, ...]:
        return await self._read("of_ids", {"org": org, "ids": list(ids)})

    async def of_agent(
        self, org: str, user_id: str, *, since: float = 0.0, limit: int = 100
    ) -> tuple[Mute, ...]:
        """The latest ones, also those that have ended."""
        values = {"org": org, "user_id": user_id, "since": since, "limit": limit}
        return await self._read("of_agent", values)

    async def of_owner(self, org: str, owner: Owner) -> tuple[Mute, ...]:
        """Those of this owner that stand."""
        return await self._read("of_owner", {"org": org, "owner_kind": owner.kind, "owner_id": owner.id})

    async def note(self, ref: str) -> str | None:
        async with self._database.reading() as connection:
            row = await first(connection, _SQL["note"], {"ref": ref})
            return row["body"] if row else None

    async def _read(self, name: str, values: dict[str, object]) -> tuple[Mute, ...]:
        async with self._database.reading() as connection:
            return read(await every(connection, _SQL[name], values))


async def pass_gates(connection: Connection, org: str, users: Sequence[str], *, alone: bool) -> None:
    """Between a mute for all calls of an agent and a new call of that agent one comes first for certain."""
    if users:
        gates = sorted(gate("agent", org, user) for user in set(users))
        name = "pass_gates" if alone else "pass_gates_together"
        await send(connection, _SQL[name], {"gates": gates})


async def pass_owners(connection: Connection, org: str, mutes: Iterable[Mute]) -> None:
    """One at a time makes mutes of the same owner longer, or adds one, where that is bounded."""
    gates = {gate("chain", org, chain_of(mute)) for mute in mutes}
    gates |= {gate("owner", org, owner_of(mute)) for mute in mutes}
    if gates:
        await every(connection, _SQL["pass_gates"], {"gates": sorted(gates)})


async def check_chain(connection: Connection, org: str, mute: Mute, *, within: float) -> None:
    """Raise `LengthRefused` if this owner's mutes of this agent on this call now last longer together."""
    values = {
        "org": org,
        "id": mute.id,
        "user_id": mute.user_id,
        "conversation_id": mute.conversation_id,
        "owner_kind": mute.owner.kind,
        "owner_id": mute.owner.id,
        "since": chained_since(mute),
    }
    spent = (await one(connection, _SQL["spent"], values))["spent"]
    check_spent(mute, spent=spent, within=within)


def owner_of(mute: Mute) -> str:
    return f"{mute.owner.kind}/{mute.owner.id}"


def chain_of(mute: Mute) -> str:
    return f"{owner_of(mute)}/{mute.user_id}"


async def get(connection: Connection, org: str, ids: Collection[str]) -> tuple[Mute, ...]:
    return read(await every(connection, _SQL["of_ids"], {"org": org, "ids": list(ids)}))


async def lock(connection: Connection, org: str, ids: Collection[str]) -> tuple[Mute, ...]:
    """Those of them that stand, and will until the transaction ends."""
    if not ids:
        return ()
    return read(await every(connection, _SQL["lock"], {"org": org, "ids": list(ids)}))


async def lock_standing(connection: Connection, org: str) -> tuple[Mute, ...]:
    return read(await every(connection, _SQL["lock_standing"], {"org": org}))


async def end(connection: Connection, org: str, endings: Sequence[Ending]) -> Later[tuple[Mute, ...]]:
    """Those that stood until now, as they are now."""
    values = {
        "org": org,
        "ids": [ending.mute_id for ending in endings],
        "ats": [ending.at for ending in endings],
        "words": [ending.end for ending in endings],
        "bys": [ending.by for ending in endings],
    }
    return await asked(connection, _SQL["end"], values, read=read)


async def extend(
    connection: Connection, org: str, ids: Sequence[str], *, release_at: float | None, renew_by: float | None
) -> tuple[Mute, ...]:
    values = {"org": org, "ids": list(ids), "release_at": release_at, "renew_by": renew_by}
    return read(await every(connection, _SQL["extend"], values))


async def standing_at(connection: Connection, org: str, targets: Iterable[Target]) -> Later[tuple[Mute, ...]]:
    """Those that may stand on these: of their agents, and pauses of their calls."""
    wanted = set(targets)
    values = {
        "org": org,
        "users": [target.user_id for target in wanted if target.user_id],
        "calls": [target.conversation_id for target in wanted if not target.user_id],
    }
    return await asked(connection, _SQL["standing_at"], values, read=read)


def read(rows: Sequence[Row]) -> tuple[Mute, ...]:
    """Rows with all columns, as mutes, by id."""
    return tuple(sorted((_mute(row) for row in rows), key=lambda mute: mute.id))


def meets(mute: Mute, target: Target) -> bool:
    """Whether the mute, standing, wants something of the target."""
    here = mute.conversation_id in {None, target.conversation_id}
    if target.user_id:
        return here and mute.user_id == target.user_id
    return mute.conversation_id == target.conversation_id and mute.pause_recording


def too_many(at_most: int) -> TooManyStanding:
    return TooManyStanding(
        f"This owner may have {at_most} mutes standing at once.", remedy="Release one first."
    )


def _mute(row: Row) -> Mute:
    plain = {name: row[name] for name in _PLAIN if name not in {"on_override", "open_policy"}}
    return Mute(
        **plain,
        owner=Owner(row["owner_kind"], row["owner_id"]),
        on_override=OnOverride(row["on_override"]),
        open_policy=OpenPolicy(row["open_policy"]),
        ended_at=row["ended_at"],
        end=None if row["ending"] is None else End(row["ending"]),
        ended_by=row["ended_by"],
    )
