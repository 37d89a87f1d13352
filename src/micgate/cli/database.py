"""db: the service's database is brought up to date, backed up, restored."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from micgate.cli import options, show
from micgate.cli.equipped import equipped
from micgate.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from micgate.service.host import Cellar

Answer = TypeVar("Answer")


@click.group(
    short_help="Upgrade, back up or restore the service's database.",
    epilog="""\b
Example:  micgate db backup /var/backups/micgate.dump""",
)
def db() -> None:
    """The service's database: the embedded one, or the server that MICGATE_DATABASE_URL names."""


@db.command(
    short_help="Bring the tables up to date.",
    epilog="""\b
Example:  micgate db upgrade""",
)
@options.as_json
def upgrade(*, as_json: bool) -> int:
    """Apply what is missing, all of it or nothing. On a server: as the owner of the schema."""
    with equipped():
        from micgate.store import migrate  # noqa: PLC0415 -- psycopg, for this command only

    output = show.Output(as_json=as_json)
    done = _with_database(options.configured(output), lambda cellar: migrate.upgrade(cellar.owner))
    names = [f"{one.number:04} {one.name}" for one in done]
    output.result(f"Applied: {', '.join(names)}." if names else "It is up to date.", {"applied": names})
    return 0


@db.command(
    short_help="Write everything to a file.",
    epilog="""\b
Example:  micgate db backup /var/backups/micgate.dump""",
)
@click.argument("file", type=options.NewFile())
@options.as_json
def backup(*, file: Path, as_json: bool) -> int:
    """Write the database to FILE (mode 0600) as it is at one moment. The service may run on."""
    with equipped():
        from micgate.store import backup as backups  # noqa: PLC0415 -- as above

    output = show.Output(as_json=as_json)
    _with_database(
        options.configured(output), lambda cellar: backups.backup(cellar.owner, file, tools=cellar.tools)
    )
    written = file.stat().st_size
    output.result(f"Written: {file}, {written} bytes.", {"file": str(file), "bytes": written})
    return 0


@db.command(
    short_help="Put a backup back.",
    epilog="""\b
Example:  micgate db restore /var/backups/micgate.dump --yes""",
)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--yes", is_flag=True, help="Do not ask: what is there now is dropped.")
@options.as_json
def restore(*, file: Path, yes: bool, as_json: bool) -> int:
    """Replace the database by FILE. No service may run on it; afterwards everything is looked at anew."""
    with equipped():
        from micgate.store import backup as backups  # noqa: PLC0415 -- as above
        from micgate.store import migrate  # noqa: PLC0415 -- as above

    output = show.Output(as_json=as_json)
    settings = options.configured(output)
    if not yes:
        _with_database(settings, lambda cellar: backups.check_unused(cellar.owner))
        click.confirm("Drop what is in the database now?", abort=True, err=True)

    def put_back(cellar: "Cellar") -> None:
        backups.restore(cellar.owner, file, tools=cellar.tools)
        migrate.upgrade(cellar.owner)

    _with_database(settings, put_back)
    output.result(f"Restored from {file}.", {"file": str(file)})
    return 0


def _with_database(settings: Settings, work: "Callable[[Cellar], Answer]") -> Answer:
    from micgate.service import host  # noqa: PLC0415 -- as above

    async def do() -> Answer:
        async with host.reached(settings) as cellar:
            return await asyncio.to_thread(work, cellar)

    return asyncio.run(do())
