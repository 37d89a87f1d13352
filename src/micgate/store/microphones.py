"""What was observed and is remembered of microphones, and of recordings, which have the same columns."""

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from micgate.control.microphone import Memory, decode, encode
from micgate.store.database import Connection, Database, Later, Row, asked, every, one, run, send
from micgate.store.queries import queries
from micgate.store.target import Subject, Target

_SQL: Mapping[Subject, Mapping[str, bytes]] = {
    Subject.MICROPHONE: queries("microphones", table="microphones"),
    Subject.RECORDING: queries("microphones", table="recordings"),
}
BLANK = Memory()


class Remembered(msgspec.Struct, frozen=True, kw_only=True):
    """A row. `version` counts all its changes."""

    target: Target
    version: int
    memory: Memory
    wake_at: float | None = None


class Microphones:
    """Microphones as they are read."""

    def __init__(self, database: Database, *, subject: Subject = Subject.MICROPHONE) -> None:
        self._database = database
        self._sql = _SQL[subject]

    async def all(self, org: str) -> tuple[Remembered, ...]:
        return await self._read("read", org, {"org": org})

    async def of_agent(self, org: str, user_id: str) -> tuple[Remembered, ...]:
        return await self._read("read_user", org, {"org": org, "user_id": user_id})

    async def of_call(self, org: str, conversation_id: str) -> tuple[Remembered, ...]:
        return await self._read("read_call", org, {"org": org, "conversation_id": conversation_id})

    async def of_agents(self, org: str, users: Iterable[str]) -> tuple[Remembered, ...]:
        wanted = sorted(set(users))
        return await self._read("read_users", org, {"org": org, "users": wanted}) if wanted else ()

    async def horizon(self) -> str:
        """Where `changed` begins when it is asked next."""
        async with self._database.reading() as connection:
            return str((await one(connection, self._sql["horizon"], {}))["since"])

    async def changed(self, org: str, since: str) -> tuple[Remembered, ...]:
        """All that was written since that horizon; some rows come again: compare versions."""
        return await self._read("changed", org, {"org": org, "since": since})

    async def phases(self, org: str) -> dict[str, int]:
        """How many are in which phase."""
        async with self._database.reading() as connection:
            rows = await every(connection, self._sql["phases"], {"org": org})
        return {row["phase"]: row["microphones"] for row in rows}

    async def sweep(self, org: str, *, before: float) -> int:
        """Forget calls that were over before then."""
        async with self._database.reading() as connection:
            return await run(connection, self._sql["sweep"], {"org": org, "before": before})

    async def _read(self, name: str, org: str, values: dict[str, object]) -> tuple[Remembered, ...]:
        async with self._database.reading() as connection:
            rows = await every(connection, self._sql[name], values)
        return tuple(remembered(org, row, wake_at=row["wake_at"]) for row in rows)


async def of_users(connection: Connection, org: str, users: Iterable[str]) -> tuple[Target, ...]:
    """The microphones that these agents have now."""
    values = {"org": org, "users": sorted(set(users))}
    rows = await every(connection, _SQL[Subject.MICROPHONE]["of_users"], values) if values["users"] else []
    return tuple(Target(org, row["conversation_id"], row["user_id"]) for row in rows)


async def lock(
    connection: Connection, org: str, targets: Iterable[Target]
) -> Later[dict[Target, Remembered]]:
    """Those that exist, in the order of locks: microphones, then recordings."""
    wanted = set(targets)

    def read(rows: list[Row]) -> dict[Target, Remembered]:
        found = (remembered(org, row) for row in rows)
        return {one.target: one for one in found if one.target in wanted}

    parts = [
        await asked(connection, _SQL[subject]["lock"], {"org": org, **_keys(part)}, read=read)
        for subject, part in by_subject(wanted)
    ]

    async def locked() -> dict[Target, Remembered]:
        return {target: row for part in parts for target, row in (await part()).items()}

    return locked


async def add(connection: Connection, org: str, targets: Iterable[Target]) -> dict[Target, Remembered]:
    """Make those that were not there to be locked, and lock them: somebody may have been faster, and what was
    decided about them since must not be written over.
    """
    wanted = set(targets)
    blank = {"phase": BLANK.phase, "memory": encode(BLANK).decode()}
    for subject, part in by_subject(wanted):
        await send(connection, _SQL[subject]["add_blank"], {"org": org, **blank, **_keys(part)})
    return await (await lock(connection, org, wanted))() if wanted else {}


async def wake(connection: Connection, org: str, targets: Iterable[Target], *, now: float) -> None:
    """Of rows that are locked."""
    for subject, wanted in by_subject(targets):
        await send(connection, _SQL[subject]["wake"], {"org": org, "now": now, **_keys(wanted)})


async def add_awake(connection: Connection, org: str, targets: Iterable[Target], *, now: float) -> None:
    """Wake them; those that were never seen are made."""
    blank = {"phase": BLANK.phase, "memory": encode(BLANK).decode()}
    for subject, wanted in by_subject(targets):
        values = {"org": org, "now": now, **blank, **_keys(wanted)}
        await send(connection, _SQL[subject]["add_awake"], values)


async def put(
    connection: Connection, org: str, memories: Mapping[Target, Memory], *, wakes: Mapping[Target, float]
) -> None:
    """Write what was observed or concluded. Rows that exist are locked by now."""
    for subject, targets in by_subject(memories):
        values = {
            "org": org,
            **_keys(targets),
            **_columns([memories[target] for target in targets]),
            "wake_at": [wakes.get(target) for target in targets],
        }
        await send(connection, _SQL[subject]["put"], values)


async def decide(
    connection: Connection,
    org: str,
    memories: Mapping[Target, Memory],
    *,
    wakes: Mapping[Target, float | None],
) -> None:
    """Write what was decided, and when to look again. Rows are locked and their versions compared."""
    for subject, targets in by_subject(memories):
        values = {
            "org": org,
            **_keys(targets),
            "phase": [memories[target].phase for target in targets],
            "memory": [encode(memories[target]).decode() for target in targets],
            "wake_at": [wakes[target] for target in targets],
        }
        await send(connection, _SQL[subject]["decide"], values)


def by_subject(targets: Iterable[Target]) -> list[tuple[Subject, list[Target]]]:
    ordered = sorted(set(targets))
    parts = [(subject, [one for one in ordered if one.subject is subject]) for subject in Subject]
    return [(subject, part) for subject, part in parts if part]


def _keys(targets: Sequence[Target]) -> dict[str, list[str]]:
    return {
        "conversation_id": [target.conversation_id for target in targets],
        "user_id": [target.user_id for target in targets],
    }


def _columns(memories: Sequence[Memory]) -> dict[str, list[object]]:
    seen = [memory.seen for memory in memories]
    return {
        "leg": [one.leg if one else None for one in seen],
        "state": [one.state if one else None for one in seen],
        "muted": [one.muted if one else None for one in seen],
        "held": [one.held if one else None for one in seen],
        "seen_at": [one.at if one else None for one in seen],
        "way": [one.way if one else None for one in seen],
        "phase": [memory.phase for memory in memories],
        "memory": [encode(memory).decode() for memory in memories],
    }


def remembered(org: str, row: Row, *, wake_at: float | None = None) -> Remembered:
    """A row, whoever read it."""
    return Remembered(
        target=Target(org, row["conversation_id"], row["user_id"]),
        version=row["version"],
        memory=decode(row["memory"]),
        wake_at=wake_at,
    )
