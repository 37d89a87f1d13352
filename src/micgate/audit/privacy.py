"""What the record holds about persons, beside the chain: only a salted digest of it is chained.

So a person can be erased and the chain stays valid. Each party has a salt of its own, which goes with the
fields: nobody can find out by trying names who it was. Pure.
"""

import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

import msgspec

from micgate.audit.canonical import canonical, hashed

Salt: TypeAlias = Callable[[], str]
"""A new random text for each part, 128 bits or more."""

Fields: TypeAlias = dict[str, str]


class Person(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`user_id` finds the person when it comes to erasing. `address` is where a request came from."""

    user_id: str
    name: str | None = None
    email: str | None = None
    address: str | None = None


class People(msgspec.Struct, frozen=True, kw_only=True):
    """Whom an entry is about: whose microphone, who acted, on which call, with which free text."""

    agent: Person | None = None
    actor: Person | None = None
    conversation_id: str | None = None
    note: str | None = None


NOBODY = People()


class Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """The fields about one party with their salt; once erased, only the digest of both."""

    salt: str | None = None
    fields: Fields | None = None
    erased: str | None = None


class Private(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """All that one entry holds about persons. `call` are the ids by which Genesys names call and leg, and
    words of the platform.
    """

    agent: Part | None = None
    actor: Part | None = None
    call: Part | None = None
    note: Part | None = None


def keep(people: People, *, call: Fields, salt: Salt) -> Private | None:
    """What to store beside the chain; None when there is nothing. `call` is added to the call's fields."""
    ids = {"conversation_id": people.conversation_id} if people.conversation_id else {}
    kept = Private(
        agent=_person(people.agent, salt),
        actor=_person(people.actor, salt),
        call=_part({**ids, **call}, salt),
        note=_part({"text": people.note} if people.note else {}, salt),
    )
    return kept if kept != _EMPTY else None


def digest(private: Private) -> str:
    """What is chained. The same before and after any of it is erased."""
    return hashed({name: _digest(part) for name, part in _parts(private)})


def stored(private: Private) -> bytes:
    """As it is kept in the store; `restored` reads it."""
    return canonical(private)


restored = msgspec.json.Decoder(Private).decode


def erase(private: Private, user_id: str, *, called: Iterable[str] = ()) -> Private:
    """Without what is about this person; the same object when nothing is. `called`: name and address.

    The note goes too, whoever wrote it, and with the agent the call: its ids lead back to the agent. So does
    a note of others that calls the person by one of these.
    """
    gone: set[str] = set()
    if _is(private.agent, user_id):
        gone |= {"agent", "call", "note"}
    if _is(private.actor, user_id):
        gone |= {"actor", "note"}
    words = [user_id, *called]
    gone |= {name for name in ("call", "note") if _mentions(getattr(private, name), words)}
    erased = {name: _erased(part) for name, part in _parts(private) if name in gone}
    return msgspec.structs.replace(private, **erased) if erased else private


def forgotten(private: Private) -> bool:
    """Whether nothing is left but digests: then the row may go altogether."""
    return all(part.fields is None for _, part in _parts(private))


class Retention(msgspec.Struct, frozen=True, kw_only=True):
    """How long what is kept: about persons, and the pseudonymous rest."""

    person_linked_days: int = 90
    pseudonymous_months: int = 13


class Due(msgspec.Struct, frozen=True, kw_only=True):
    """What is older than these service times is to be deleted."""

    private_before: float
    entries_before: float


def due(now: float, retention: Retention | None = None) -> Due:
    """Months are those of the calendar: thirteen before 31 March is the last of February."""
    retention = retention or Retention()
    moment = datetime.fromtimestamp(now, UTC)
    return Due(
        private_before=(moment - timedelta(days=retention.person_linked_days)).timestamp(),
        entries_before=_months_before(moment, retention.pseudonymous_months).timestamp(),
    )


def _months_before(moment: datetime, months: int) -> datetime:
    year, month = divmod(moment.year * 12 + moment.month - 1 - months, 12)
    following = datetime(year + (month == _DECEMBER), (month + 1) % 12 + 1, 1, tzinfo=UTC)
    last_day = (following - timedelta(days=1)).day
    return moment.replace(year=year, month=month + 1, day=min(moment.day, last_day))


_DECEMBER = 11


def _person(person: Person | None, salt: Salt) -> Part | None:
    return _part(msgspec.to_builtins(person), salt) if person else None


def _part(fields: Fields, salt: Salt) -> Part | None:
    told = {name: text for name, value in fields.items() if value and (text := one_line(value))}
    return Part(salt=salt(), fields=told) if told else None


_EMPTY = Private()


def one_line(text: str) -> str:
    """Text that can be stored, printed and read back unchanged: no control characters, no half ones."""
    text = text[:LONGEST_TEXT]
    return text if text.isprintable() else "".join(each if each.isprintable() else " " for each in text)


LONGEST_TEXT = 500


def _parts(private: Private) -> Iterable[tuple[str, Part]]:
    named = (
        ("agent", private.agent),
        ("actor", private.actor),
        ("call", private.call),
        ("note", private.note),
    )
    return ((name, part) for name, part in named if part is not None)


def _digest(part: Part) -> str:
    """A part that claims to be erased and still has fields is no erased one."""
    erased = part.erased if part.fields is None and part.salt is None else None
    return erased if erased is not None else hashed(part)


def _erased(part: Part) -> Part:
    return Part(erased=_digest(part))


def _mentions(part: Part | None, words: Iterable[str]) -> bool:
    """As a whole: "Ann" is not in "Annual"."""
    text = " ".join((part.fields or {}).values()) if part else ""
    found = (rf"(?<!\w){re.escape(word)}(?!\w)" for word in words if word)
    return any(re.search(pattern, text, re.IGNORECASE) for pattern in found)


def _is(part: Part | None, user_id: str) -> bool:
    return part is not None and part.fields is not None and part.fields.get("user_id") == user_id
