"""The record as files: JSON Lines, which can be verified, and CSV, for spreadsheets. Pure."""

import csv
import io
import re
from collections.abc import Iterable

import msgspec

from micgate.audit.canonical import canonical
from micgate.audit.checkpoint import Checkpoint
from micgate.audit.privacy import Fields, Part, Private
from micgate.audit.record import SealedRecord

COLUMNS = (
    *("seq", "at", "action", "actor", "actor_name", "actor_email", "target", "agent_name", "agent_email"),
    *("agent_user_id", "conversation_id", "leg", "mute_id", "command_id", "facts", "said", "note", "hash"),
)


def json_line(sealed: SealedRecord) -> bytes:
    return canonical(sealed) + b"\n"


def checkpoint_line(checkpoint: Checkpoint) -> bytes:
    """To be put anywhere in the same file; then the file can be verified with the public key alone."""
    return CHECKPOINT + canonical(checkpoint) + b"}\n"


CHECKPOINT = b'{"checkpoint":'


def csv_header() -> bytes:
    return _row(COLUMNS)


def csv_line(sealed: SealedRecord) -> bytes:
    """Every cell quoted, and none that a spreadsheet would run as a formula."""
    record, private = sealed.record, sealed.private or Private()
    agent, actor, call, note = (
        _fields(part) for part in (private.agent, private.actor, private.call, private.note)
    )
    cells = {
        "seq": str(record.seq),
        "at": record.at,
        "action": record.action,
        "actor": record.actor,
        "actor_name": actor.get("name"),
        "actor_email": actor.get("email"),
        "target": record.target,
        "agent_name": agent.get("name"),
        "agent_email": agent.get("email"),
        "agent_user_id": agent.get("user_id"),
        "conversation_id": call.get("conversation_id"),
        "leg": call.get("leg"),
        "mute_id": record.mute_id,
        "command_id": record.command_id,
        "facts": msgspec.json.encode(record.facts, order="sorted").decode(),
        "said": call.get("says"),
        "note": note.get("text"),
        "hash": sealed.hash,
    }
    return _row(harmless(cells[column] or "") for column in COLUMNS)


def harmless(cell: str) -> str:
    """The cell with an apostrophe before each sign that would begin a formula.

    Also behind separators, because a spreadsheet may split at another one than ours.
    """
    return _FORMULA.sub(r"\1'\2", cell)


_FORMULA = re.compile(r"""((?:^|[;,|\t\r\n])[\s"']*)([=+\-@＝＋－＠])""")  # noqa: RUF001 -- full width runs too


def _fields(part: Part | None) -> Fields:
    return (part.fields if part else None) or {}


def _row(cells: Iterable[str]) -> bytes:
    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\r\n").writerow(cells)
    return text.getvalue().encode()
