"""The report of a probe, made to be shared: without ids, names, addresses, numbers or tokens.

The same id becomes the same `id-1` everywhere, so a reader can follow who is who without learning who it is.
"""

import os
import re
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path

import msgspec

PATTERNS = (
    ("uri", re.compile(r"\b(?:https?|wss?|sips?|tel):[^\s\"'<>,;]+", re.IGNORECASE)),
    ("mail", re.compile(r"[\w.+%-]+@[\w-]+(?:\.[\w-]+)+")),
    ("id", re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", re.IGNORECASE)),
    ("id", re.compile(r"(?<=/)[0-9a-f]{8}(?![\w-])", re.IGNORECASE)),
    (
        "address",
        re.compile(r"\b\d{1,3}(?:\.\d{1,3}){3}\b|\b(?:[0-9a-f]{0,4}:){3,7}[0-9a-f]{1,4}\b", re.IGNORECASE),
    ),
    ("token", re.compile(r"\b(?=[\w+/=-]*\d)(?=[\w+/=-]*[A-Za-z])[\w+/=-]{20,}")),
    ("number", re.compile(r"(?<![\w:.-])\+?\d(?:[ ()./-]{0,2}\d){6,}(?![\w:-])")),
)
_ISO_DATE = re.compile(r"\b\d{4}-\d{2}-\d{2}(?:T[\d:.]+(?:Z|[+-]\d{2}:\d{2})?)?")
_SHORTEST_NAME = 2
_TOLD_OF_AN_ID = 8  # errors show so much of one


class Scrubber:
    """`names` are texts known to name somebody or something of the organization: people, queues, itself."""

    def __init__(self, names: Iterable[str] = ()) -> None:
        self._stand_ins: dict[str, str] = {}
        self._counts: dict[str, int] = {}
        long_first = sorted({name for name in names if len(name) >= _SHORTEST_NAME}, key=len, reverse=True)
        self._names = (
            re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, long_first))})(?!\w)", re.IGNORECASE)
            if long_first
            else None
        )

    def text(self, text: str) -> str:
        dates = _ISO_DATE.findall(text)
        for number, date in enumerate(dates):
            text = text.replace(date, f"\0{number}\0")
        if self._names:
            text = self._names.sub(partial(self._replace, "name"), text)
        for kind, pattern in PATTERNS:
            text = pattern.sub(partial(self._replace, kind), text)
        for number, date in enumerate(dates):
            text = text.replace(f"\0{number}\0", date)
        return text

    def everything(self, value: object) -> object:
        """The same value with every text in it scrubbed. Keys are ours and stay."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {key: self.everything(inside) for key, inside in value.items()}
        if isinstance(value, list | tuple):
            return [self.everything(inside) for inside in value]
        return value

    def _replace(self, kind: str, found: re.Match[str]) -> str:
        key = found[0].lower()[:_TOLD_OF_AN_ID] if kind == "id" else found[0].lower()
        if key not in self._stand_ins:
            self._counts[kind] = self._counts.get(kind, 0) + 1
            self._stand_ins[key] = f"<{kind}-{self._counts[kind]}>"
        return self._stand_ins[key]


def write(path: Path, content: object, *, names: Iterable[str]) -> None:
    """Write it scrubbed, for this user only. An existing file is never overwritten: `FileExistsError`."""
    scrubbed = Scrubber(names).everything(msgspec.to_builtins(content))
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "wb") as file:  # noqa: PTH123 -- opened by descriptor, so that the mode is right from the start
        file.write(msgspec.json.format(msgspec.json.encode(scrubbed), indent=2) + b"\n")
