"""The audit: exported, verified offline, and verified again after one letter was changed."""

import re
import shutil
import time
from pathlib import Path

import msgspec

from micgate.demo.served_steps import PATIENCE, Stage
from micgate.demo.service import CHECKPOINTS

EXPORT, CHANGED = "record.jsonl", "changed.jsonl"
PUBLIC_KEY, KEPT = "audit-public.pem", "kept-checkpoints.jsonl"
_POLL = 0.05


class Verdict(msgspec.Struct, frozen=True):
    """What `micgate audit verify --json` says."""

    word: str = ""
    message: str = ""
    records: int = 0
    vouched_seq: int = 0
    outside_seq: int = 0
    bad: "Bad | None" = None


class Checkpoint(msgspec.Struct, frozen=True):
    seq: int


class Bad(msgspec.Struct, frozen=True):
    """The first record that is not as it was sealed."""

    seq: int
    says: str = ""


def verify(stage: Stage) -> bool:
    guide, folder = stage.guide, stage.household.folder
    guide.step("audit", "The record of all this, verified offline")
    _, key = stage.household.run("audit", "key")
    (folder / PUBLIC_KEY).write_bytes(key)
    vouched = _checkpoints(stage)
    code, _ = stage.household.run(
        "audit", "export", str(folder / EXPORT), environ=stage.simulator.environment()
    )
    verdict = _verdict(stage, EXPORT)
    intact = code == 0 and verdict.word == "intact" and verdict.outside_seq >= vouched > 0
    guide.check(_told(verdict), holds=intact)
    seq = _change(folder / EXPORT, folder / CHANGED)
    found = _verdict(stage, CHANGED)
    noticed = found.word == "altered" and found.bad is not None and found.bad.seq == seq
    where = f"at record {found.bad.seq}" if found.bad else "nowhere"
    guide.check(f"One letter changed in record {seq}: found, {where}.", holds=noticed)
    return intact and noticed


def _checkpoints(stage: Stage) -> int:
    """Wait until all that has happened so far is vouched for, and take a copy: up to which record it is.

    The copy is older than the export: later ones vouch for records that the export does not have.
    """
    stage.guide.progress("a checkpoint is signed")
    with stage.service.door(stage.service.key("auditor", "audit:read")) as gate:
        head = gate.audit(limit=1).head
    file, deadline = stage.household.folder / CHECKPOINTS, time.monotonic() + PATIENCE
    while (vouched := _last(file)) < head and time.monotonic() < deadline:
        time.sleep(_POLL)
    shutil.copyfile(file, file.with_name(KEPT))
    return vouched


def _last(file: Path) -> int:
    """The last whole line's record; 0 before there is one."""
    lines = file.read_bytes().splitlines(keepends=True) if file.exists() else []
    whole = [line for line in lines if line.endswith(b"\n")]
    return msgspec.json.decode(whole[-1], type=Checkpoint).seq if whole else 0


def _told(verdict: Verdict) -> str:
    if verdict.word == "intact":
        return f"{verdict.records} records, intact; checkpoints kept outside vouch for {verdict.outside_seq}."
    if verdict.word == "unwitnessed":
        return f"{verdict.records} records fit each other, and nothing vouches for them."
    return f"Not verified: {verdict.bad.says if verdict.bad else verdict.message}"


def _verdict(stage: Stage, name: str) -> Verdict:
    options = ("--key", PUBLIC_KEY, "--checkpoints", KEPT, "--json")
    _, said = stage.household.run("audit", "verify", name, *options)
    return msgspec.json.decode(said, type=Verdict)


def _change(whole: Path, changed: Path) -> int:
    """Another reason than the one that was recorded; the number of that record."""
    lines = whole.read_bytes().splitlines(keepends=True)
    place = next(number for number, line in enumerate(lines) if b'"customer"' in line)
    lines[place] = lines[place].replace(b'"customer"', b'"custemer"', 1)
    changed.write_bytes(b"".join(lines))
    return int(re.findall(rb'"seq":(\d+)', lines[place])[0])
