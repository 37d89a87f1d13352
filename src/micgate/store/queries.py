"""SQL in files beside the Python of the same name: `-- name: standing`, then the statement."""

import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

_NAME = re.compile(r"^-- name: (\w+)$", re.MULTILINE)


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
