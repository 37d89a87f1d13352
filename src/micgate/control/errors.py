"""Wishes that are refused before anything is sent.

WishRefused
├── LengthRefused       no, unreadable, or too long a time
├── ReasonRefused       not one of the list
├── NoteRefused         too long, or carries a card number
├── NotABoolean         neither true nor false
├── ExtensionRefused    the mute has ended, or no reason was given
└── CallNotChosen       several live calls, none named
"""

from typing import ClassVar


class WishError(ValueError):
    """The root: what is wrong and what to write instead. Exit code 2. `word` is meant for programs."""

    word: ClassVar[str] = "wish_refused"

    def __init__(self, what: str, *, remedy: str) -> None:
        super().__init__(f"{what} {remedy}")
        self.what = what
        self.remedy = remedy


class LengthRefused(WishError):
    word = "length_refused"


class ReasonRefused(WishError):
    word = "reason_refused"


class NoteRefused(WishError):
    """The text of the note is not repeated: it may hold a card number."""

    word = "note_refused"


class NotABoolean(WishError):
    word = "not_a_boolean"


class ExtensionRefused(WishError):
    """An extension needs a standing mute and a reason."""

    word = "extension_refused"


class CallNotChosen(WishError):
    """Several live calls and no name, or a name that none of them has. `choices` are the live ones."""

    word = "call_not_chosen"

    def __init__(self, what: str, *, remedy: str, choices: tuple[str, ...]) -> None:
        super().__init__(what, remedy=remedy)
        self.choices = choices
