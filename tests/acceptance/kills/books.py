"""Two accounts of what happened, as plain rows: the simulator's ledger and the exported record."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

_PATCH = re.compile(r"/api/v2/conversations/calls/([^/]+)/participants/([^/]+)(?:/user/[^/]+)?")
_READ = re.compile(r"/api/v2/conversations/(?:calls/)?([^/]+)")

VERBS = {True: "mute", False: "open"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A state change that reached the platform."""

    seq: int
    at: float
    conversation: str
    leg: str
    verb: str
    status: int | None
    correlation_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A microphone was opened or closed. `by`: request, agent or world."""

    seq: int
    at: float
    conversation: str
    leg: str
    user: str
    muted: bool
    by: str
    correlation_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """A call's state was put on a socket, or read."""

    seq: int
    at: float
    conversation: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """`requests` and `tellings` are those of one client."""

    requests: tuple[Request, ...]
    changes: tuple[Change, ...]
    tellings: tuple[Telling, ...]


@dataclass(slots=True, kw_only=True)
class Command:
    """What the record says about one: the intent, every closing word, and what came late."""

    id: str
    at: float
    conversation: str
    user: str
    leg: str
    verb: str
    closings: list["Closing"]
    late: list["Closing"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Closing:
    at: float
    kind: str
    correlation_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stand:
    """A mute, as the record has it."""

    id: str
    conversation: str
    user: str
    placed_at: float | None
    ends: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    commands: dict[str, Command]
    mutes: dict[str, Stand]


def read_ledger(entries: Iterable[dict[str, Any]], *, client: str) -> Ledger:
    requests, changes, tellings = [], [], []
    for entry in entries:
        match entry["kind"]:
            case "request" if entry["client"] == client:
                requests += _request(entry)
                tellings += _read(entry)
            case "change" if entry["field"] == "muted" and entry["to"] is not None:
                changes.append(_change(entry))
            case "event" if entry.get("conversation") and entry.get("fate") in {None, "event_twice"}:
                tellings.append(_telling(entry, entry["conversation"]))
    return Ledger(requests=tuple(requests), changes=tuple(changes), tellings=tuple(tellings))


def read_record(lines: Iterable[dict[str, Any]]) -> Record:
    """`lines` are those of an export in JSON Lines, parsed."""
    commands: dict[str, Command] = {}
    placed: dict[str, dict[str, Any]] = {}
    ends: dict[str, list[dict[str, Any]]] = {}
    for line in lines:
        if "record" not in line:
            continue  # a checkpoint
        record = line["record"]
        match record["action"]:
            case "command.intended":
                commands[record["command_id"]] = _command(line)
            case "command.concluded" if record["command_id"] in commands:
                commands[record["command_id"]].closings.append(_closing(record))
            case "command.late" if record["command_id"] in commands:
                commands[record["command_id"]].late.append(_closing(record))
            case "mute.placed":
                placed[record["mute_id"]] = line
            case "mute.ended":
                ends.setdefault(record["mute_id"], []).append(line)
    mutes = {
        mute_id: _stand(mute_id, placed.get(mute_id), ends.get(mute_id, [])) for mute_id in placed | ends
    }
    return Record(commands=commands, mutes=mutes)


def seconds(stamp: str) -> float:
    return datetime.fromisoformat(stamp).timestamp()


def _request(entry: dict[str, Any]) -> Sequence[Request]:
    found = _PATCH.fullmatch(entry["path"])
    if entry["method"] != "PATCH" or found is None:
        return ()
    return (
        Request(
            seq=entry["seq"],
            at=entry["at"],
            conversation=found[1],
            leg=found[2],
            verb=VERBS[entry["body"]["muted"]],
            status=entry["status"],
            correlation_id=entry["correlation_id"],
        ),
    )


def _read(entry: dict[str, Any]) -> Sequence[Telling]:
    found = _READ.fullmatch(entry["path"])
    if entry["method"] != "GET" or found is None or entry["status"] != 200:
        return ()
    return (_telling(entry, found[1]),)


def _telling(entry: dict[str, Any], conversation: str) -> Telling:
    return Telling(seq=entry["seq"], at=entry["at"], conversation=conversation)


def _change(entry: dict[str, Any]) -> Change:
    return Change(
        seq=entry["seq"],
        at=entry["at"],
        conversation=entry["conversation"],
        leg=entry["participant"] or "",
        user=entry["user"] or "",
        muted=bool(entry["to"]),
        by=entry["cause"],
        correlation_id=entry.get("correlation_id"),
    )


def _command(line: dict[str, Any]) -> Command:
    record, call, agent = line["record"], _fields(line, "call"), _fields(line, "agent")
    return Command(
        id=record["command_id"],
        at=seconds(record["at"]),
        conversation=call.get("conversation_id", ""),
        user=agent.get("user_id", ""),
        leg=call.get("leg", ""),
        verb=record["facts"]["verb"],
        closings=[],
        late=[],
    )


def _closing(record: dict[str, Any]) -> Closing:
    told = record["facts"]
    return Closing(at=seconds(record["at"]), kind=told["kind"], correlation_id=told.get("correlation_id"))


def _stand(mute_id: str, placed: dict[str, Any] | None, ends: list[dict[str, Any]]) -> Stand:
    line = placed or ends[0]
    return Stand(
        id=mute_id,
        conversation=_fields(line, "call").get("conversation_id", ""),
        user=_fields(line, "agent").get("user_id", ""),
        placed_at=seconds(placed["record"]["at"]) if placed else None,
        ends=tuple(_ended_at(one["record"]) for one in ends),
    )


def _ended_at(record: dict[str, Any]) -> float:
    told = record["facts"].get("ended_at")
    return seconds(told if told is not None else record["at"])


def _fields(line: dict[str, Any], part: str) -> dict[str, str]:
    return ((line.get("private") or {}).get(part) or {}).get("fields") or {}
