"""The audit: exported, verified offline, and verified again after one letter was changed."""

import re
from pathlib import Path

import msgspec

from micgate.demo.served_steps import Stage
from micgate.demo.service import CHECKPOINTS, PUBLIC_KEY


class Verdict(msgspec.Struct, frozen=True):
    """What `micgate audit verify --json` says."""

    word: str = ""
    message: str = ""
    records: int = 0
    vouched_seq: int = 0
    outside_seq: int = 0
    bad: "Bad | None" = None


class Bad(msgspec.Struct, frozen=True):
    """The first record that is not as it was sealed."""

    seq: int
    says: str = ""


def verify(stage: Stage) -> bool:
    guide, folder = stage.guide, stage.household.folder
    guide.step("audit", "The record of all this, verified offline")
    whole = folder / "record.jsonl"
    code, _ = stage.household.run("audit", "export", str(whole), environ=stage.simulator.environment())
    verdict = _verdict(stage, whole)
    intact = code == 0 and verdict.word in {"intact", "unwitnessed"} and verdict.records > 0
    guide.check(_told(verdict), holds=intact)
    changed = whole.with_name("changed.jsonl")
    line = _change(whole, changed)
    found = _verdict(stage, changed)
    noticed = found.word == "altered" and found.bad is not None and found.bad.seq == line
    seq = found.bad.seq if found.bad else None
    guide.check(f"One letter changed in record {line}: found, at record {seq}.", holds=noticed)
    return intact and noticed


def _told(verdict: Verdict) -> str:
    if verdict.word == "intact":
        return f"{verdict.records} records, intact; checkpoints kept outside vouch for {verdict.outside_seq}."
    if verdict.word == "unwitnessed":
        return f"{verdict.records} records fit each other."
    return f"Not verified: {verdict.bad.says if verdict.bad else verdict.message}"


def _verdict(stage: Stage, file: Path) -> Verdict:
    folder = stage.household.folder
    outside = ("--checkpoints", str(folder / CHECKPOINTS)) if (folder / CHECKPOINTS).exists() else ()
    _, said = stage.household.run(
        *("audit", "verify", str(file), "--json", "--key", str(folder / PUBLIC_KEY)), *outside
    )
    return msgspec.json.decode(said, type=Verdict)


def _change(whole: Path, changed: Path) -> int:
    """Another reason than the one that was recorded; the number of that record."""
    lines = whole.read_bytes().splitlines(keepends=True)
    place = next(number for number, line in enumerate(lines) if b'"customer"' in line)
    lines[place] = lines[place].replace(b'"customer"', b'"custemer"', 1)
    changed.write_bytes(b"".join(lines))
    return int(re.findall(rb'"seq":(\d+)', lines[place])[0])
