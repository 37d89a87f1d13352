"""An error as a person or a program gets it: two lines, or one object; and the exit code."""

import errno
import os
import traceback
from contextlib import suppress
from pathlib import PurePath
from typing import Any, Protocol, runtime_checkable

import click

from micgate.cli import show
from micgate.cli.signals import Stopped

EXIT_CODES = {
    "usage": 2,
    "no_service": 2,
    "setting_error": 2,
    "unknown_region": 2,
    "missing_credentials": 2,
    "unsafe_configuration": 2,
    "wish_refused": 2,
    "length_refused": 2,
    "reason_refused": 2,
    "note_refused": 2,
    "not_a_boolean": 2,
    "unconfirmed": 3,
    "left_closed": 3,
    "no_live_call": 4,
    "not_connected": 4,
}
"""By the error's word; every other word is 1."""


@runtime_checkable
class Told(Protocol):
    """What all our error trees have in common. `facts()` and `means` are optional."""

    word: str
    what: str
    remedy: str


class CommandError(Exception):
    """A refusal of the command line itself."""

    word = "refused"

    def __init__(self, what: str, *, remedy: str, **facts: Any) -> None:
        super().__init__(what)
        self.what = what
        self.remedy = remedy
        self._facts = facts

    def facts(self) -> dict[str, Any]:
        return self._facts


class UsageProblem(CommandError):
    """The command line is wrong: exit code 2."""

    word = "usage"


def tell(error: Exception, *, as_json: bool) -> int:
    """Show an error and answer the exit code."""
    told = _told(error)
    code = EXIT_CODES.get(told.word, 1)
    what = show.line(" ".join(part for part in (told.what, getattr(told, "means", "")) if part))
    remedy = show.line(_REMEDIES.get(told.word, told.remedy)) or _NO_REMEDY
    facts = told.facts() if hasattr(told, "facts") else {}
    _show(word=told.word, what=what, remedy=remedy, facts=facts, code=code, as_json=as_json)
    return code


def tell_stopped(stopped: Stopped, *, as_json: bool) -> int:
    """Show that a signal ended a command that had nothing of its own to say about it."""
    what, remedy = (
        f"Stopped by {stopped.name}.",
        "If a microphone was being changed, see how it is: micgate why AGENT",
    )
    _show(word="stopped", what=what, remedy=remedy, facts={}, code=stopped.code, as_json=as_json)
    return stopped.code


def _show(*, word: str, what: str, remedy: str, facts: dict[str, Any], code: int, as_json: bool) -> None:
    if as_json:
        shown = {"word": word, "message": what, "remedy": remedy, "facts": facts, "exit_code": code}
        with suppress(OSError):  # a full disk under stdout may be what is to be told
            show.Output(as_json=True).json(shown)
            return
    show.note(f"Error: {what}")
    show.note(f"  {remedy}")


_REMEDIES = {
    "ambiguous_call": "Say which: --conversation ID",
    "database_unavailable": "See that it runs and lets micgate in, then try again.",
    "database_full": "Make room on its disk, then try again.",
}
"""Where the command line has an option for what an error asks for, or what the service does by itself is left
to whoever runs a command: it has ended.
"""

_NO_REMEDY = "Run micgate doctor to see what works and what does not."


def _told(error: Exception) -> Told:
    if isinstance(error, Told):
        return error
    if isinstance(error, click.ClickException):
        return _of_click(error)
    if isinstance(error, OSError):
        return _of_system(error)
    if isinstance(error, UnicodeEncodeError) and "surrogates" in error.reason:
        return _no_text()
    return _unexpected(error)


def _of_click(error: click.ClickException) -> Told:
    command = error.ctx.command_path if isinstance(error, click.UsageError) and error.ctx else "micgate"
    return UsageProblem(" ".join(error.format_message().split()), remedy=f"See: {command} --help")


def _of_system(error: OSError) -> Told:
    what = f"{error.strerror or type(error).__name__}{f': {error.filename}' if error.filename else ''}."
    remedy = _SYSTEM_REMEDIES.get(error.errno or 0, "Check the file, its folder and who may write there.")
    return CommandError(what, remedy=remedy, errno=errno.errorcode.get(error.errno or 0, ""))


def _no_text() -> Told:
    """Python hands on what it cannot decode, in arguments and in the environment, as surrogates."""
    return UsageProblem(
        "What was given, as an argument or in the environment, is no text in this locale's encoding.",
        remedy="Write it in UTF-8, and set LC_ALL to a UTF-8 locale, such as C.UTF-8.",
    )


_SYSTEM_REMEDIES = {
    errno.ENOSPC: "The disk, or what stdout leads to, is full: make room.",
    errno.EADDRINUSE: "Another program uses that port: choose one with --port, or 0 for a free one.",
    errno.EACCES: f"User {os.geteuid()} may not do that: check the owner and the mode of the file.",
}


def _unexpected(error: Exception) -> Told:
    """The text of such an error may hold anything, a secret too: only its kind and place are shown."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f" at {PurePath(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return CommandError(
        f"micgate failed in a way nobody foresaw: {type(error).__name__}{place}.",
        remedy="Please report it with the command you ran; what stood before is still given back.",
    )
