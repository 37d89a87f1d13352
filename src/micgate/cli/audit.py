"""audit: the record of who silenced whom, and whether it was changed."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from micgate.cli import options, show
from micgate.cli.failure import UsageProblem

if TYPE_CHECKING:
    from micgate.audit.checkpoint import Checkpoint
    from micgate.audit.signing import PublicKey
    from micgate.audit.verify import Verdict

EXIT_CODES = {"intact": 0, "altered": 1, "unwitnessed": 3}
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_EVERY = 50_000
"""Records between two updates of the progress line."""


@click.group(
    short_help="List, export and verify the record: who silenced whom, and when.",
    epilog="""\b
Example:  micgate audit list ada@example.com
          micgate audit export record.jsonl
          micgate audit key > audit-public.pem
          micgate audit verify record.jsonl --key audit-public.pem""",
)
def audit() -> None:
    """List, export and verify the record: who silenced whom, when, and what became of it."""


@audit.command(
    "list",
    short_help="List the record's latest entries.",
    epilog="""\b
Example:  micgate audit list
          micgate audit list ada@example.com --limit 20""",
)
@options.agent
@click.option("--after", type=click.IntRange(0), metavar="NUMBER", help="Only what comes behind this record.")
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True, help="So many at most.")
@options.as_json
def list_(*, agent: str | None, after: int | None, limit: int, as_json: bool) -> None:
    """List the record's latest entries, or those about AGENT.

    Needs the service, and a key with the scope audit:read. That somebody read the record is recorded too.
    """
    from micgate.cli import served, served_record  # noqa: PLC0415 -- urllib3, for these commands only

    output = show.Output(as_json=as_json)
    with served.needed(options.configured(output)) as gate:
        served_record.list_records(gate, output, agent=agent, after=after, limit=limit)


@audit.command(
    short_help="Write the record into a file, or to stdout.",
    epilog="""\b
Example:  micgate audit export record.jsonl
          micgate audit export --format csv --no-private > record.csv""",
)
@click.argument("file", type=options.NewFile(), required=False)
@click.option("--format", "form", type=click.Choice(["jsonl", "csv"]), help="[default: by the file's name]")
@click.option(
    "--after", type=click.IntRange(0), default=0, metavar="NUMBER", help="Only what comes behind this record."
)
@click.option("--no-private", is_flag=True, help="Without names, notes and the platform's ids.")
@options.as_json
def export(*, file: Path | None, form: str | None, after: int, no_private: bool, as_json: bool) -> None:
    """Write the record into FILE, readable by you alone, or to stdout: JSON Lines can be verified offline.

    Needs the service, and a key with the scope audit:read. That somebody read the record is recorded too.
    """
    from micgate.cli import served, served_record  # noqa: PLC0415 -- urllib3, for these commands only

    output = show.Output(as_json=as_json)
    if as_json and (file is None or str(file) == "-"):
        raise UsageProblem(
            "Without a FILE stdout gets the record itself.", remedy="Name a FILE, or leave out --json."
        )
    guessed = "csv" if file and file.suffix.lower() == ".csv" else "jsonl"
    with served.needed(options.configured(output)) as gate:
        served_record.export(
            gate, output, file=file, form=form or guessed, after=after, private=not no_private
        )


@audit.command(
    short_help="Check an export, offline.",
    epilog="""\b
Example:  cp /mnt/siem/checkpoints.jsonl .    # first: younger ones name records that
          micgate audit export record.jsonl   # the export does not have
          micgate audit verify record.jsonl --key audit-public.pem \\
            --checkpoints checkpoints.jsonl""",
)
@click.argument("file", type=_FILE)
@click.option(
    "--key",
    "keys",
    type=_FILE,
    multiple=True,
    required=True,
    metavar="PEM",
    help="Public key, from where you trust it. May be given several times.",
)
@click.option(
    "--checkpoints",
    type=_FILE,
    multiple=True,
    metavar="FILE",
    help="Checkpoints kept off the machine, of before the export: they show what an insider with the signing"
    " key rebuilt.",
)
@click.option(
    "--part",
    is_flag=True,
    help="The export is a part of the record: it may begin later, and end before the checkpoints do.",
)
@options.as_json
def verify(
    *, file: Path, keys: tuple[Path, ...], checkpoints: tuple[Path, ...], part: bool, as_json: bool
) -> int:
    """Check an export (JSON Lines) with the public key alone, offline, and name the first bad record.

    Exit code 0: intact; 1: a record was changed, is missing or was added, or the file is no export; 3: all
    fits, but no checkpoint vouches for any of it.
    """
    from micgate.audit import verify as verification  # noqa: PLC0415 -- cryptography, for this command only

    output = show.Output(as_json=as_json)
    public = _public_keys(keys)
    outside = _checkpoints(output, checkpoints)
    with file.open("rb") as lines:
        verdict = verification.verify(_counted(output, lines), keys=public, outside=outside, whole=not part)
    output.finish_countdown()
    _tell(output, verdict)
    return EXIT_CODES[verdict.word]


@audit.command(
    short_help="Print the public key that auditors verify with.",
    epilog="""\b
Example:  micgate audit key > audit-public.pem
          micgate audit key --rotate""",
)
@click.option("--rotate", is_flag=True, help="Let another key sign from the next checkpoint on.")
@options.as_json
def key(*, rotate: bool, as_json: bool) -> int:
    """Print the public key of this host's service, for auditors to keep; made when there is none yet.

    With --rotate a new key takes over: the last checkpoint of the old key names the new one, so the public
    key that auditors have stays enough. The private keys never leave the machine.
    """
    from micgate.audit.key_file import KeyFile  # noqa: PLC0415 -- cryptography, for this command only

    output = show.Output(as_json=as_json)
    settings = options.configured(output)
    keys = KeyFile(settings.audit_key_path, given=settings.audit_key)
    public = keys.load().public
    members: dict[str, object] = {"key_id": public.id, "pem": public.pem().decode()}
    if rotate:
        members["next_key_id"] = keys.prepare().public.id
        output.note(f"Key {members['next_key_id']} takes over with the next checkpoint that a service signs.")
    output.result(public.pem().decode().rstrip(), members)
    return 0


@audit.command(
    short_help="Delete all that is kept about a person, now.",
    epilog="""\b
Example:  micgate audit erase ada@example.com""",
)
@click.argument("person", metavar="AGENT")
@click.option("--yes", is_flag=True, help="Do not ask: nothing brings it back.")
@options.as_json
def erase(*, person: str, yes: bool, as_json: bool) -> int:
    """Delete all that this host's database keeps about AGENT: a user id, an e-mail address, a whole name.

    The record stays, verifies as before, and says of nobody any more that it was this person. That somebody
    was erased is recorded. Backups made before are not changed. Whoever still works there is met again, as
    somebody new; restart the service then.
    """
    from micgate.cli import record_here  # noqa: PLC0415 -- the store, for this command only

    output = show.Output(as_json=as_json)
    settings = options.configured(output)
    if not yes:
        click.confirm(f"Delete all that is kept about {person}?", abort=True, err=True)
    return record_here.erase(settings, output, person=person)


@audit.command(
    short_help="Forget what is too old, now.",
    epilog="""\b
Example:  MICGATE_DATABASE_URL=postgresql://owner@db/micgate micgate audit expire""",
)
@options.as_json
def expire(*, as_json: bool) -> int:
    """Forget what is older than MICGATE_PERSON_DAYS and MICGATE_RECORD_MONTHS, as micgate serve does daily.

    Only the owner of the tables may cut off records: where the service is not it, run this as the owner, from
    cron.
    """
    from micgate.cli import record_here  # noqa: PLC0415 -- as above

    output = show.Output(as_json=as_json)
    return record_here.expire(options.configured(output), output)


def _public_keys(paths: tuple[Path, ...]) -> "list[PublicKey]":
    from micgate.audit import signing  # noqa: PLC0415 -- cryptography, for this command only

    return [key for path in paths for key in signing.public_keys(path.read_bytes(), where=str(path))]


def _checkpoints(output: show.Output, paths: tuple[Path, ...]) -> "list[Checkpoint]":
    from micgate.audit import checkpoint  # noqa: PLC0415 -- as above

    kept: list[Checkpoint] = []
    for path in paths:
        with path.open("rb") as lines:
            found = checkpoint.read(lines)
        if not found.checkpoints:
            raise UsageProblem(
                f"{path} holds no checkpoint, so nothing in it vouches for the record.",
                remedy="Give the file of MICGATE_CHECKPOINT_PATH, or what a checkpoint webhook received.",
            )
        kept += found.checkpoints
        for number in found.unreadable:
            output.note(f"Warning: line {number} of {path} is no checkpoint.")
    return kept


def _counted(output: show.Output, lines: Iterable[bytes]) -> Iterator[bytes]:
    for number, line in enumerate(lines):
        if number % _EVERY == 0:
            output.countdown(f"{number} records")
        yield line


def _tell(output: show.Output, verdict: "Verdict") -> None:
    output.result("\n".join(_told(verdict)), _members(verdict))


def _told(verdict: "Verdict") -> Iterator[str]:
    bad = verdict.bad
    if bad:
        line = f" (line {bad.line})" if bad.line else ""
        yield f"ALTERED at record {bad.seq}{line}: {bad.says}"
    elif verdict.word == "unwitnessed":
        yield f"NOT VOUCHED FOR: {_span(verdict)} fit each other, but no checkpoint vouches for them."
    else:
        yield f"Intact: {_span(verdict)}, vouched for up to {verdict.vouched_seq}."
    if verdict.outside_seq:
        yield f"A checkpoint kept off the machine vouches for the records up to {verdict.outside_seq}."
    if verdict.withheld:
        yield f"{verdict.withheld} records name persons no more (erased, or not exported)."
    yield from verdict.notes


def _span(verdict: "Verdict") -> str:
    return f"{verdict.records} records of {verdict.org} ({verdict.first_seq} to {verdict.last_seq})"


def _members(verdict: "Verdict") -> dict[str, object]:
    import msgspec  # noqa: PLC0415 -- loaded by now; the table of commands does without

    members: dict[str, object] = msgspec.to_builtins(verdict)
    return {"ok": verdict.word == "intact", **members}
