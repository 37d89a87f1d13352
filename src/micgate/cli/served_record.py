"""`micgate audit list` and `export`: the record, as the service has it."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from micgate.cli import show
from micgate.cli.standing import clock
from micgate.client.models import Fact, Record
from micgate.client.sync import Gate


def list_records(
    gate: Gate, output: show.Output, *, agent: str | None, after: int | None, limit: int
) -> None:
    """The latest, unless `after` says where to begin."""
    page = gate.audit(after=after or 0, limit=limit, agent=agent)
    if agent is None and after is None and page.head > limit:
        page = gate.audit(after=page.head - limit, limit=limit)
    records = tuple(reversed(page.records)) if agent else page.records
    if output.as_json:
        output.json({"records": records, "head": page.head, "next": page.next})
    elif records:
        output.table(_COLUMNS, [_row(record) for record in records])
    else:
        output.say("There are no such records.")


def export(
    gate: Gate, output: show.Output, *, file: Path | None, form: str, after: int, private: bool
) -> None:
    chunks = gate.export(form=form, after=after, private=private)
    if file is None or str(file) == "-":
        _pour(chunks, sys.stdout.buffer)
        return
    written = _write(chunks, file)
    if output.as_json:
        output.json({"file": str(file), "format": form, "bytes": written})
        return
    output.note(f"Written: {file}, {written} bytes.")
    if form == "jsonl":
        part = " --part" if after else ""
        output.note(f"To verify it: micgate audit verify {file} --key PUBLIC.pem{part}")


def _pour(chunks: Iterator[bytes], into: BinaryIO) -> int:
    written = 0
    for chunk in chunks:
        written += into.write(chunk)
    into.flush()
    return written


def _write(chunks: Iterator[bytes], file: Path) -> int:
    """Whole or not at all, and for this user's eyes: it may name people."""
    part = file.with_name(f".{file.name}.{os.getpid()}.part")
    try:
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as into:
            written = _pour(chunks, into)
        part.replace(file)
    except OSError as error:
        error.filename = str(file)
        raise
    finally:
        part.unlink(missing_ok=True)
    return written


_COLUMNS = ("number", "at", "action", "by", "about", "facts")


def _row(record: Record) -> tuple[str, ...]:
    entry = record.record
    facts = ", ".join(f"{name}={_spelled(value)}" for name, value in entry.facts.items())
    about = record.agent or entry.target
    return (str(entry.seq), clock(entry.at.timestamp()), entry.action, entry.actor, about, facts)


def _spelled(value: Fact) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return " ".join(value) if isinstance(value, list) else str(value)
