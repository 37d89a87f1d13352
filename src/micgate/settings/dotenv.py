"""The file `.env` of the working directory."""

import re
from collections.abc import Iterator
from pathlib import Path

from micgate.settings.places import Place, text_of
from micgate.settings.setting import Spelling


def dotenv(path: Path) -> Place:
    """An absent one holds nothing."""
    try:
        texts = dict(_assignments(text_of(path)))
    except FileNotFoundError:
        texts = {}
    return Place(name=str(path), spelling=Spelling.VARIABLE, texts=texts, file=path, brought_along=True)


_ASSIGNMENT = re.compile(r"\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*?)\s*")
_QUOTED = re.compile(r"""(["'])(.*?)\1\s*(?:#.*)?""")


def _assignments(text: str) -> Iterator[tuple[str, str]]:
    for line in text.splitlines():
        if assignment := _ASSIGNMENT.fullmatch(line):
            name, value = assignment.groups()
            quoted = _QUOTED.fullmatch(value)
            yield name, quoted[2] if quoted else re.sub(r"(^|\s)#.*", "", value)
