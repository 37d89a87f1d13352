"""What a mute says about itself: why, a note, what it covers, and how it ended."""

import re
from collections.abc import Iterator
from enum import StrEnum

from micgate.control.errors import NotABoolean, NoteRefused, ReasonRefused

REASONS = ("supervisor", "agent", "system", "customer", "escalation", "drill")
DEFAULT_REASON = "supervisor"
NOTE_CHARACTERS = 200

_GROUPED = re.compile(r"\d+(?:[ .,/_\u00a0-]{1,3}\d+)*")
_CARD_LENGTHS = range(
    13, 20
)  # ISO/IEC 7812-1 allows 19 digits; the shortest in use by the large schemes has 13


class Covers(StrEnum):
    """What a mute silences: one call, or every call of the agent until it ends."""

    CALL = "call"
    AGENT = "agent"


class End(StrEnum):
    """Why a mute no longer stands."""

    RELEASED = "released"
    EXPIRED = "expired"
    OVERRIDDEN = "overridden"
    CALL_ENDED = "call_ended"
    CANCELLED = "cancelled"
    FAILED = "failed"
    OWNER_GONE = "owner_gone"


def reason(text: object, *, allowed: tuple[str, ...] = REASONS) -> str:
    """The reason as the list spells it; nothing given means the default."""
    if text is None or text == "":
        return DEFAULT_REASON
    if isinstance(text, str) and (word := text.strip().lower()) in allowed:
        return word
    raise ReasonRefused("That reason is not on the list.", remedy=f"Give one of: {', '.join(allowed)}.")


def note(text: object) -> str | None:
    """The note, trimmed; None when there is none. One line, so that no record can be forged with it."""
    if text is None:
        return None
    if not isinstance(text, str):
        raise NoteRefused("The note is not text.", remedy="Give a string.")
    line = " ".join(text.split())
    if len(line) > NOTE_CHARACTERS:
        raise NoteRefused(
            f"The note has {len(line)} characters.", remedy=f"Keep it to {NOTE_CHARACTERS} characters."
        )
    if _holds_card_number(line):
        raise NoteRefused("The note holds a card number.", remedy="Leave the number out.")
    return line or None


def boolean(value: object, *, name: str = "muted") -> bool:
    """`value` when it is a boolean. 0 and "false" are refused: a wrong value must not open a microphone."""
    if isinstance(value, bool):
        return value
    raise NotABoolean(f"{name} is neither true nor false.", remedy="Give a boolean.")


def _holds_card_number(line: str) -> bool:
    runs = (re.findall(r"\d+", match.group()) for match in _GROUPED.finditer(line))
    return any(_luhn(digits) for groups in runs for digits in _joined(groups))


def _joined(groups: list[str]) -> Iterator[str]:
    """Neighbouring groups written as one number: "4111 1111 1111 1111 12/29" holds a card number."""
    for first in range(len(groups)):
        for last in range(first, len(groups)):
            digits = "".join(groups[first : last + 1])
            if len(digits) in _CARD_LENGTHS:
                yield digits


def _luhn(digits: str) -> bool:
    """The check digit of ISO/IEC 7812-1."""
    if digits.startswith("0"):  # no scheme issues numbers that begin so; account and order numbers often do
        return False
    doubled = (int(digit) * (2 if at % 2 else 1) for at, digit in enumerate(reversed(digits)))
    return sum(value // 10 + value % 10 for value in doubled) % 10 == 0
