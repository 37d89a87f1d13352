"""SQL in files beside the Python of the same name: `-- name: standing`, then the statement."""

import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

_NAME = re.compile(r"^-- name: (\w+)$", re.MULTILINE)
_PARAMETER = re.compile(rb"%\((\w+)\)s")


@cache
def text(path: str) -> str:
    """A file of this folder."""
    return files(__package__).joinpath(path).read_text("utf-8")


def queries(noun: str, *, table: str = "") -> Mapping[str, bytes]:
    """The statements of `noun`.sql by name. `table` takes the place of {table}."""
    parts = _NAME.split(text(f"{noun}.sql"))
    return {
        name: statement.strip().rstrip(";").replace("{table}", table).encode()
        for name, statement in zip(parts[1::2], parts[2::2], strict=True)
    }


def numbered(statement: bytes) -> tuple[bytes, tuple[str, ...]]:
    """The statement with `$1` for each parameter, and their names in that order: for the longest ones, which
    psycopg takes apart again each time.
    """
    names: dict[bytes, int] = {}
    text = _PARAMETER.sub(lambda found: b"$%d" % names.setdefault(found[1], len(names) + 1), statement)
    return text, tuple(name.decode() for name in names)
