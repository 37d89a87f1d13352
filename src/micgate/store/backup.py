"""A logical dump of our schema into one file, and back. Needs no PostgreSQL but the embedded one's tools."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import psycopg
from psycopg.conninfo import conninfo_to_dict

from micgate.store import migrate
from micgate.store.account import environment
from micgate.store.binaries import installed
from micgate.store.database import SCHEMA, limited, translated
from micgate.store.errors import BackupFailed

_STALE = """
update {table} set wake_at = 0, version = version + 1,
  memory = jsonb_set(memory #- '{memory,proven}' #- '{memory,looks}', '{memory,stale}', 'true')"""
# Since the dump others may have opened and closed it: what is found closed now is not surely our doing.
_NOT_OURS = (
    b"update microphones set memory = memory #- '{memory,sent}' #- '{memory,pending}' #- '{memory,doubts}'",
    b"""update microphones set memory = jsonb_set(memory, '{memory,baseline}', '"unproven"')
    where memory #>> '{memory,baseline}' = 'opened_by_us_safe'""",
)
_AFTERWARDS = (
    *_NOT_OURS,
    *(_STALE.replace("{table}", table).encode() for table in ("microphones", "recordings")),
    b"update leases set holder = null, epoch = epoch + 1, beat = beat + 1",
)
_ENVIRONMENT = {
    "host": "PGHOST",
    "port": "PGPORT",
    "user": "PGUSER",
    "password": "PGPASSWORD",
    "dbname": "PGDATABASE",
    "sslmode": "PGSSLMODE",
    "sslrootcert": "PGSSLROOTCERT",
    "passfile": "PGPASSFILE",
}


def backup(conninfo: str, file: Path, *, tools: Path | None = None) -> None:
    """Write the schema with everything in it to `file`, 0600, as it was at one moment.

    `conninfo` is the owner's, `tools` a folder with pg_dump. The file appears when it is whole.
    """
    partial = file.with_name(f"{file.name}.part")
    partial.unlink(missing_ok=True)
    command = [_tool("pg_dump", tools), "--format=custom", f"--schema={SCHEMA}", "--no-password"]
    try:
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as output:
            _run(command, conninfo, output=output.fileno())
            os.fsync(output.fileno())
        partial.rename(file)
    finally:
        partial.unlink(missing_ok=True)


def restore(conninfo: str, file: Path, *, tools: Path | None = None) -> None:
    """Put back what `backup` wrote, all of it or nothing; what is there now is dropped.

    Afterwards everything observed is stale and due, nothing that is closed counts as surely closed by us, and
    no keeper's term goes on. Refused while the database
    is in use, and with `WrongSchema` for a dump by a newer micgate.
    """
    check_unused(conninfo)
    with translated(), psycopg.connect(limited(conninfo), autocommit=True) as connection:
        migrate.ensure_role(connection)
    migrate.known(_migrations_in(file, tools))
    command = [_tool("pg_restore", tools), "--clean", "--if-exists", "--single-transaction", "--no-password"]
    with file.open("rb") as source:
        _run([*command, f"--dbname={_database(conninfo)}"], conninfo, source=source.fileno())
    with translated(), psycopg.connect(limited(conninfo, statement_ms=_STATEMENT_MS)) as connection:
        for statement in _AFTERWARDS:
            connection.execute(statement)


def check_unused(conninfo: str) -> None:
    """Raises `BackupFailed` while a service, or another command, is connected."""
    with translated(), psycopg.connect(limited(conninfo), autocommit=True) as connection:
        if connection.execute(_OTHERS).fetchone() != (0,):
            raise BackupFailed("The database is in use.", remedy="Stop every micgate serve first.")


def _migrations_in(file: Path, tools: Path | None) -> set[int]:
    """Which the dump was brought to, by its own book."""
    command = [_tool("pg_restore", tools), "--data-only", "--table=migrations", "--file=-"]
    try:
        with file.open("rb") as source:
            script = _run(command, "", source=source.fileno())
    except BackupFailed as error:
        raise BackupFailed(
            f"{file} is no dump that can be read: {error.what}",
            remedy="Give a file that micgate db backup wrote. Nothing was changed.",
        ) from error
    return {int(row[1]) for row in _ROW.finditer(script)}


_ROW = re.compile(r"^(\d+)\t\w+\t", re.MULTILINE)
_STATEMENT_MS = 600_000
_OTHERS = (
    b"select count(*) from pg_stat_activity where datname = current_database()"
    b" and application_name = 'micgate' and pid <> pg_backend_pid()"
)


def _tool(name: str, folder: Path | None) -> str:
    """From the folder given, else of this machine, else of the wheel, which speaks no TLS."""
    found = shutil.which(name, path=None if folder is None else str(folder))
    return found or str(installed() / name)


def _run(
    command: list[str], conninfo: str, *, source: int = subprocess.DEVNULL, output: int = subprocess.PIPE
) -> str:
    """What it prints. Passwords travel in the environment, which only this account can read."""
    done = subprocess.run(  # noqa: S603 -- our own command, no shell reads it
        command,
        env=environment() | _connection(conninfo),
        stdin=source,
        stdout=output,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode:
        name = Path(command[0]).name
        raise BackupFailed(
            f"{name} failed: {done.stderr.strip().splitlines()[-1]}", remedy="Nothing was changed."
        )
    return done.stdout or ""


def _connection(conninfo: str) -> dict[str, str]:
    given = conninfo_to_dict(conninfo)
    return {name: str(given[key]) for key, name in _ENVIRONMENT.items() if given.get(key) is not None}


def _database(conninfo: str) -> str:
    return str(conninfo_to_dict(conninfo).get("dbname") or "")
