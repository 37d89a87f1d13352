"""What a mute says about itself: whose it is, why, a note, what it covers, and how it ended."""

import re
from collections.abc import Iterable, Iterator
from enum import StrEnum

import msgspec

from micgate.control.errors import NotABoolean, NoteRefused, ReasonRefused
from micgate.control.policy import OnOverride, OpenPolicy

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


class Owner(msgspec.Struct, frozen=True):
    """Who placed a mute: the kind (a person, a key, a rule) and the id within it."""

    kind: str
    id: str


class Mute(msgspec.Struct, frozen=True, kw_only=True):
    """A standing wish that a microphone be silent. Times are service time, in seconds since 1970.

    Without `conversation_id` it meets every call of the agent, present and future. `renew_by`: the owner's
    presence has to be renewed before then.
    """

    id: str
    user_id: str
    owner: Owner
    placed_at: float
    release_at: float
    conversation_id: str | None = None
    reason: str = DEFAULT_REASON
    on_override: OnOverride = OnOverride.YIELD
    open_policy: OpenPolicy = OpenPolicy.RESTORE
    pause_recording: bool = False
    renew_by: float | None = None
    batch_id: str | None = None
    note_ref: str | None = None
    ended_at: float | None = None
    end: End | None = None
    ended_by: str | None = None

    @property
    def covers(self) -> Covers:
        return Covers.AGENT if self.conversation_id is None else Covers.CALL

    @property
    def stands(self) -> bool:
        return self.ended_at is None

    def due(self, *, owner_grace: float) -> tuple[float, End]:
        """When it ends by itself, and as what."""
        expiry = (self.release_at, End.EXPIRED)
        if self.renew_by is None:
            return expiry
        return min(expiry, (self.renew_by + owner_grace, End.OWNER_GONE))


def covering(mutes: Iterable[Mute], *, user_id: str, conversation_id: str) -> tuple[Mute, ...]:
    """Those that stand on this microphone."""
    return tuple(
        mute
        for mute in mutes
        if mute.stands and mute.user_id == user_id and mute.conversation_id in {None, conversation_id}
    )


def strictest(mutes: Iterable[Mute]) -> OpenPolicy:
    """What the mutes that end last say about opening; the most careful of them counts."""
    order = (OpenPolicy.NEVER, OpenPolicy.ASK)
    found = {mute.open_policy for mute in mutes}
    return next((policy for policy in order if policy in found), OpenPolicy.RESTORE)


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
