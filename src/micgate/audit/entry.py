"""What is written down: one entry each, its public part and what it holds about persons apart. Pure.

Public is an allow-list: numbers, times, and single words (ids, codes). Free text and the platform's ids of
legs and calls go to the private part, whatever field they come in.
"""

import re
from collections.abc import Iterable
from enum import StrEnum
from typing import TypeAlias, get_args

import msgspec

from micgate.audit import facts
from micgate.audit.canonical import LARGEST, Plain, stamp
from micgate.audit.errors import NotPublic
from micgate.audit.privacy import NOBODY, Fields, People, Salt, digest, keep, stored
from micgate.control import fact as control
from micgate.control.policy import ClosedBy
from micgate.store.entries import NewEntry, Private

Fact: TypeAlias = facts.Fact | control.Fact

PERSONAL = frozenset({"leg", "leg_before", "says"})
"""Fields of facts that lead to a person, or may."""


class ActorKind(StrEnum):
    """Who did it. For `not-micgate` nobody can tell: the agent, a device, another app."""

    PERSON = "person"
    AGENT = "agent"
    KEY = "key"
    RULE = "rule"
    HOST = "host"
    MICGATE = "micgate"
    NOT_MICGATE = "not-micgate"


class Actor(msgspec.Struct, frozen=True):
    """`id` is a pseudonym for persons, and the public id of a key or a rule."""

    kind: ActorKind
    id: str = ""

    @property
    def spelled(self) -> str:
        return f"{self.kind}:{self.id}" if self.id else self.kind.value


MICGATE = Actor(ActorKind.MICGATE)
NOT_MICGATE = Actor(ActorKind.NOT_MICGATE)


def write(
    fact: Fact,
    *,
    at: float,
    actor: Actor,
    target: str,
    people: People = NOBODY,
    mute_id: str | None = None,
    command_id: str | None = None,
    salt: Salt,
) -> NewEntry:
    """Write a fact down. `target` is the pseudonym of an agent, or the id of what was acted on.

    All of the entry except its private body will be chained, and can never be taken back.

    Raises `NotPublic` when an id is not a single word: a name, an address or a sentence in a wrong place.
    """
    _demand_words((actor.spelled, target, mute_id, command_id))
    public, call = _told(fact)
    return NewEntry(
        at=at,
        actor=actor.spelled,
        action=action(fact),
        target=target,
        public=msgspec.json.encode(public).decode(),
        mute_id=mute_id,
        command_id=command_id,
        private=_beside(people, call, salt),
    )


def action(fact: Fact) -> str:
    """`mute.placed`, `command.intended`, `microphone.left_closed`, `recording.paused`."""
    if isinstance(fact, control.Changed):
        return _FOREIGN if _foreign(fact) else "microphone.changed"
    return _action(type(fact))


def actions() -> tuple[str, ...]:
    """Every one that the record can hold, sorted."""
    kinds: tuple[type[Fact], ...] = (*get_args(facts.Fact), *get_args(control.Fact))
    return tuple(sorted({_FOREIGN, *map(_action, kinds)}))


def _action(kind: type[Fact]) -> str:
    if kind.__module__ == facts.__name__:
        return str(kind.__struct_config__.tag)
    words = _CAPITAL.sub(r"_\1", kind.__name__).lower().removeprefix("_")
    return words.replace("_", ".", 1) if words.startswith("recording_") else f"microphone.{words}"


_FOREIGN = "microphone.foreign_change"


def actor_of(fact: control.Fact) -> Actor:
    """Who a fact of `control` is to be laid to."""
    return NOT_MICGATE if isinstance(fact, control.Overridden) or _foreign(fact) else MICGATE


def _foreign(fact: Fact) -> bool:
    return isinstance(fact, control.Changed) and fact.by is ClosedBy.NOT_US


_CAPITAL = re.compile(r"([A-Z])")


def _beside(people: People, call: Fields, salt: Salt) -> Private | None:
    """Each part has its salt within the body."""
    private = keep(people, call=call, salt=salt)
    if private is None:
        return None
    return Private(body=stored(private), digest=bytes.fromhex(digest(private)))


def _told(fact: Fact) -> tuple[dict[str, Plain], Fields]:
    """The public part, and what belongs to the private part about the call."""
    public: dict[str, Plain] = {}
    call: Fields = {}
    for name in fact.__struct_fields__:
        value = getattr(fact, name)
        if isinstance(value, str) and (name in PERSONAL or not _is_word(value)):
            call[name] = value
        elif value is not None:
            named, plain = _plain(name, value)
            public[named] = plain
    return public, call


def _plain(name: str, value: object) -> tuple[str, Plain]:
    if isinstance(value, float):
        return (name, stamp(value)) if _is_time(name) else (_in_ms(name), round(value * 1000))
    if isinstance(value, tuple):
        _demand_words(value)
        return name, list(value)
    if isinstance(value, bool | str) or (isinstance(value, int) and abs(value) <= LARGEST):
        return name, value
    raise NotPublic(f"{name} is a {type(value).__name__}.", remedy="Write down words, numbers and times.")


def _is_time(name: str) -> bool:
    return name == "at" or name.endswith(("_at", "_at_before"))


def _in_ms(name: str) -> str:
    """`seconds` → `ms`, `seconds_late` → `late_ms`."""
    rest = name.removeprefix("seconds").strip("_")
    return f"{rest}_ms" if rest else "ms"


def _demand_words(values: Iterable[object]) -> None:
    for value in values:
        if value is not None and not (isinstance(value, str) and _is_word(value)):
            raise NotPublic(
                "Something that is no single word would have been chained.",
                remedy="Give an id, a code or a pseudonym; names and texts belong to the private part.",
            )


_is_word = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:+/-]{0,127}").fullmatch
