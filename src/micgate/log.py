"""What long-running commands write about themselves: one line an event, fields instead of prose.

Event names are dotted and stable (`channel.gap`). One table says which fields are never written, and
which shapes are taken out of the texts of others.
"""

import re
import sys
import time
from collections.abc import Callable
from typing import TextIO

SECRET_FIELDS = frozenset(
    {
        "access_token",
        "authorization",
        "client_secret",
        "code",
        "code_verifier",
        "connect_uri",
        "password",
        "proxy",
        "refresh_token",
        "token",
    }
)

SECRET_SHAPES = (
    re.compile(r"(?<=://)[^/\s@]+@"),  # the password of a URL
    re.compile(r"(?i)(?<=password=)\S+"),
    re.compile(r"(?i)(?<=bearer )\S+|(?<=basic )\S{8,}"),
    re.compile(r"\b(mg(host)?|whsec)_\S+"),  # an API key, a webhook's secret
    re.compile(r"\beyJ[\w-]+\.[\w-]+\.[\w-]*"),  # a signed token
    re.compile(r"[^\s@<>\"'=,;()]+@[^\s@<>\"'=,;()]+"),  # an e-mail or SIP address
    re.compile(r"\+\d[\d ()-]{5,}\d"),  # a telephone number
)

Field = str | int | float | bool | None


def redacted(fields: dict[str, Field]) -> dict[str, Field]:
    """The same fields, secret values replaced."""
    return {name: _redacted(name, value) for name, value in fields.items()}


def _redacted(name: str, value: Field) -> Field:
    if name.lower() in SECRET_FIELDS:
        return "***"
    if isinstance(value, str):
        for shape in SECRET_SHAPES:
            value = shape.sub("***", value)
    return value


def entry(event: str, at: float, fields: dict[str, Field]) -> str:
    """`2026-11-20T10:14:07Z channel.gap seconds=3.2`, always one line."""
    moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))
    words = [f"{name}={_quoted(value)}" for name, value in redacted(fields).items() if value is not None]
    return " ".join([moment, event, *words])


class Log:
    """Writes to stderr: the first failure of a kind, then nothing of its repeats, then the recovery."""

    def __init__(self, *, stream: TextIO | None = None, now: Callable[[], float] = time.time) -> None:
        self._stream = sys.stderr if stream is None else stream
        self._now = now
        self._failing: dict[str, int] = {}

    def write(self, event: str, **fields: Field) -> None:
        print(entry(event, self._now(), fields), file=self._stream, flush=True)

    def failed(self, event: str, **fields: Field) -> None:
        if event not in self._failing:
            self.write(event, **fields)
        self._failing[event] = self._failing.get(event, 0) + 1

    def recovered(self, event: str, **fields: Field) -> None:
        if times := self._failing.pop(event, 0):
            self.write(f"{event}.recovered", times=times, **fields)


def _quoted(value: Field) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    text = "".join(character if character.isprintable() else " " for character in str(value))
    return '"' + text.replace('"', "'") + '"' if not text or set(text) & set(' ="') else text
