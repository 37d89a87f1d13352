"""Intents and outcomes. One open command for each target: the schema sees to that."""

from collections.abc import Collection, Iterable, Sequence

import msgspec

from micgate.control.command import Command, Lane, Outcome, Verb
from micgate.store.database import Connection, Database, Later, Row, asked, every, send
from micgate.store.leases import Term
from micgate.store.queries import queries
from micgate.store.target import Target

_SQL = queries("commands")


class OpenCommand(msgspec.Struct, frozen=True, kw_only=True):
    """A command without an outcome. `epoch` says whose it is."""

    id: str
    target: Target
    leg: str
    verb: Verb
    lane: Lane
    epoch: int
    intended_at: float
    deadline: float


class Commands:
    """Commands as they are read."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def open(self, org: str) -> tuple[OpenCommand, ...]:
        async with self._database.reading() as connection:
            rows = await every(connection, _SQL["all_open"], {"org": org})
        return tuple(
            msgspec.convert(row | {"target": _target(org, row)}, OpenCommand, strict=False) for row in rows
        )


async def open_on(connection: Connection, org: str, targets: Iterable[Target]) -> Later[dict[Target, str]]:
    """The ids of open commands. Settled for as long as the targets' rows are locked."""
    wanted = sorted(set(targets))
    values = {
        "org": org,
        "conversation_id": [target.conversation_id for target in wanted],
        "user_id": [target.user_id for target in wanted],
    }

    def read(rows: list[Row]) -> dict[Target, str]:
        return {_target(org, row): str(row["id"]) for row in rows}

    return await asked(connection, _SQL["open"], values, read=read)


async def add(connection: Connection, term: Term, commands: Sequence[tuple[Target, Command]]) -> None:
    if not commands:
        return
    values = {
        "org": term.org,
        "epoch": term.epoch,
        "id": [command.id for _, command in commands],
        "subject": [target.subject for target, _ in commands],
        "conversation_id": [target.conversation_id for target, _ in commands],
        "user_id": [target.user_id for target, _ in commands],
        "leg": [command.leg for _, command in commands],
        "verb": [command.verb for _, command in commands],
        "lane": [command.lane for _, command in commands],
        "intended_at": [command.made_at for _, command in commands],
        "deadline": [command.deadline for _, command in commands],
    }
    await send(connection, _SQL["add"], values)


async def close(
    connection: Connection, org: str, outcomes: Sequence[tuple[Outcome, float | None]]
) -> Later[set[str]]:
    """The ids of those that were open. With each outcome: when it was sent, if known."""
    values = {
        "org": org,
        "id": [outcome.command_id for outcome, _ in outcomes],
        "kind": [outcome.kind for outcome, _ in outcomes],
        "status": [outcome.status for outcome, _ in outcomes],
        "correlation_id": [outcome.correlation_id for outcome, _ in outcomes],
        "at": [outcome.at for outcome, _ in outcomes],
        "sent_at": [sent_at for _, sent_at in outcomes],
    }
    return await asked(connection, _SQL["close"], values, read=lambda rows: {row["id"] for row in rows})


async def repeated(
    connection: Connection,
    org: str,
    outcomes: Sequence[tuple[Outcome, float | None]],
    *,
    in_time: Collection[str],
) -> set[str]:
    """The ids of those that were closed before by the very same outcome."""
    others = {outcome.command_id: outcome for outcome, _ in outcomes if outcome.command_id not in in_time}
    rows = await every(connection, _SQL["outcomes"], {"org": org, "ids": list(others)}) if others else []
    return {row["id"] for row in rows if is_same(others[row["id"]], row["outcome"], row["closed_at"])}


def is_same(outcome: Outcome, kind: str | None, at: float | None) -> bool:
    return kind == outcome.kind and at == outcome.at


def _target(org: str, row: dict[str, object]) -> Target:
    return Target(org, str(row["conversation_id"]), str(row["user_id"]))
