"""What a command writes: results on stdout, everything else on stderr.

With `--json`, stdout carries JSON only, one unindented object a line in UTF-8 whatever the locale. rich is
imported only to draw a table on a terminal. A reader that goes away ends the output, not the command.
"""

import errno
import os
import re
import shutil
import sys
import textwrap
import time
from collections.abc import Iterable, Sequence
from typing import Any, TextIO

import msgspec

from micgate.cli import signals


class Output:
    """Where one command writes. `closed` once the reader of stdout went away: a stream may then end."""

    def __init__(self, *, as_json: bool = False) -> None:
        self.as_json = as_json
        self.closed = False
        self._countdown = _Countdown(sys.stderr)

    def result(self, text: str, members: object) -> None:
        """The answer, once: as text, or as the object that programs read. A signal adds nothing to it."""
        signals.rest()
        if self.as_json:
            self.json(members)
        else:
            self.say(text)

    def say(self, text: str) -> None:
        self._rows(line(row) for row in text.splitlines())

    def json(self, members: object) -> None:
        self._write(msgspec.json.encode(members) + b"\n")

    def note(self, text: str) -> None:
        """Progress and warnings, on stderr."""
        self._countdown.clear()
        note(text)

    def countdown(self, text: str) -> None:
        """One line that replaces itself, on a terminal only."""
        self._countdown.show(line(text))

    def finish_countdown(self) -> None:
        self._countdown.clear()

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        cleaned = [[line(cell) for cell in row] for row in rows]
        if _is_terminal(sys.stdout) and os.environ.get("TERM") != "dumb":
            self._rows(_drawn(columns, cleaned))
        else:
            self._rows("\t".join(row) for row in [list(columns), *cleaned])

    def _rows(self, rows: Iterable[str]) -> None:
        self._write("".join(f"{row}\n" for row in rows).encode(_encoding(), "backslashreplace"))

    def _write(self, data: bytes) -> None:
        if self.closed or sys.stdout is None:
            return
        try:
            sys.stdout.flush()
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()
        except OSError as error:
            if error.errno not in _NOBODY_READS:
                raise
            self.closed = True
            forget_stdout()


_NOBODY_READS = (errno.EPIPE, errno.EIO)
"""EIO: the terminal was closed."""


def note(text: str) -> None:
    """A line on stderr. Nobody reading it must not end a mute."""
    if sys.stderr is None:
        return
    try:
        sys.stderr.write(f"{folded(line(text), sys.stderr)}\n")
        sys.stderr.flush()
    except OSError:
        return


def line(text: str) -> str:
    """One line without control characters: names and the vendor's messages are other people's text."""
    return "".join(character if character.isprintable() else " " for character in text.rstrip())


def folded(text: str, stream: TextIO) -> str:
    """One line, as lines that fit a terminal and break no word; in a pipe it stays one. What follows a label
    and spaces goes on underneath itself.
    """
    if not _is_terminal(stream) or os.environ.get("TERM") == "dumb":
        return text
    label = _LABEL.match(text)
    indent = " " * (label.end() if label else len(text) - len(text.lstrip()))
    width = max(shutil.get_terminal_size().columns, _NARROWEST)
    return "\n".join(
        textwrap.wrap(text, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
    )


def joined(lines: Iterable[str]) -> str:
    """An answer of several lines, each folded for stdout."""
    return "\n".join(folded(line(each), sys.stdout) for each in lines)


_LABEL = re.compile(r" +\S+ {2,}")
_NARROWEST = 40


def clock(seconds: float) -> str:
    """A time of day, as people read it: 14:03:09."""
    return time.strftime("%H:%M:%S", time.localtime(seconds))


def span(seconds: float) -> str:
    """A length, as people write it: 45s, 2m, 1m30s, 1h."""
    whole = max(0, round(seconds))
    parts = ((whole // 3600, "h"), (whole % 3600 // 60, "m"), (whole % 60, "s"))
    return "".join(f"{count}{unit}" for count, unit in parts if count) or "0s"


def plain(value: object) -> Any:
    """A struct as the members that are known, for `Output.json`."""
    members = msgspec.to_builtins(value)
    return {name: member for name, member in members.items() if member is not None}


def forget_stdout() -> None:
    """Send what is still buffered nowhere, so that the interpreter does not complain at exit."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)


class _Countdown:
    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream if _is_terminal(stream) and os.environ.get("TERM") != "dumb" else None
        self._shown = False

    def show(self, text: str) -> None:
        self._write(f"\r\x1b[2K{text}")
        self._shown = True

    def clear(self) -> None:
        if self._shown:
            self._write("\r\x1b[2K")
        self._shown = False

    def _write(self, text: str) -> None:
        if self._stream is None:
            return
        try:
            self._stream.write(text)
            self._stream.flush()
        except OSError:
            self._stream = None


def _is_terminal(stream: TextIO | None) -> bool:
    return stream is not None and not stream.closed and stream.isatty()


def _encoding() -> str:
    return sys.stdout.encoding if sys.stdout is not None and sys.stdout.encoding else "utf-8"


def _drawn(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    from micgate.cli import tables  # noqa: PLC0415 -- rich: only a table on a terminal is worth its import

    rule = "─" if _encoding().lower().replace("-", "") == "utf8" else "-"
    head, *rest = tables.laid_out(columns, rows, width=shutil.get_terminal_size().columns, rule=rule)
    return [head if os.environ.get("NO_COLOR") else f"\x1b[1m{head}\x1b[0m", *rest]
