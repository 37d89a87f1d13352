"""What the demo says: prose for people, one JSON object a line for programs."""

import os
import shutil
import sys
import textwrap
from contextlib import suppress
from typing import Any

import msgspec

_COLUMNS = (22, 38, 8)
_UNDER = " " * 5


class Guide:
    """Writes to stdout. With `as_json`, each step and fact is an object; `result` is the last one."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self._number = 0
        self._transient = sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
        self._waiting = False
        self._colours = not as_json and sys.stdout.isatty() and not os.environ.get("NO_COLOR")

    def open(self, *, page: str) -> None:
        self._say({"event": "started", "page": page})
        self._line(self._bold("A contact centre on this machine. No account; nothing leaves it."))
        self._line(f"Live page: {page}")

    def invite(self, opened: Any) -> None:
        """What programs need to go on by themselves; people are told in prose."""
        self._say({"event": "open", **msgspec.to_builtins(opened)})

    def step(self, word: str, title: str) -> None:
        self._number += 1
        self._say({"event": "step", "number": self._number, "step": word, "title": title})
        self._line("")
        self._line(self._bold(self._folded(f"{self._number}. {title}")))

    def fact(self, text: str) -> None:
        self._say({"event": "fact", "text": text})
        self._line(self._folded(f"   {text}"))

    def row(self, *cells: str) -> None:
        text = "".join(cell.ljust(width) for cell, width in zip(cells, _COLUMNS, strict=True))
        self._line(f"   {text}".rstrip())

    def check(self, text: str, *, holds: bool) -> None:
        self._say({"event": "check", "text": text, "holds": holds})
        mark = self._painted("✓", 32) if holds else self._painted("✗", 31)
        self._line(self._folded(f"   . {text}").replace(".", mark, 1))

    def progress(self, text: str) -> None:
        """What is being waited for, on stderr; on a terminal it makes way for the next line."""
        if self._transient:
            self._err(f"\r\x1b[2K   … {text}")
            self._waiting = True
        else:
            self._err(f"micgate demo: {text}\n")

    def clear(self) -> None:
        """Nothing is waited for any more."""
        if self._waiting:
            self._err("\r\x1b[2K")
        self._waiting = False

    def result(self, figures: Any) -> None:
        members = msgspec.to_builtins(figures)
        self._say({"event": "result", **members})
        self._line("")
        self._line(self._bold("What was measured"))
        for name, value in members.items():
            self._line(f"   {name.replace('_', ' ').ljust(26)}{_spoken(value)}")

    def close(self, title: str, *lines: str) -> None:
        self._line("")
        self._line(self._bold(title))
        for line in lines:
            self._line(f"   {line}".rstrip())

    def _say(self, members: dict[str, object]) -> None:
        if self._as_json:
            self._write(msgspec.json.encode(members).decode())

    def _line(self, text: str) -> None:
        if not self._as_json:
            self._write(text)

    def _write(self, text: str) -> None:
        self.clear()
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()

    def _err(self, text: str) -> None:
        with suppress(OSError):  # nobody reading it must not end the run
            sys.stderr.write(text)
            sys.stderr.flush()

    def _folded(self, text: str) -> str:
        """On a terminal no word is broken at its edge; elsewhere a line stays one."""
        if self._as_json or not sys.stdout.isatty():
            return text
        width = shutil.get_terminal_size().columns
        return textwrap.fill(
            text, width, subsequent_indent=_UNDER, break_long_words=False, break_on_hyphens=False
        )

    def _bold(self, text: str) -> str:
        return self._painted(text, 1)

    def _painted(self, text: str, code: int) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self._colours else text


def _spoken(value: object) -> object:
    if value is None:
        return "not shown"
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else value
