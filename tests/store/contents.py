"""Building blocks of the store's tests: short ways to say what a test is about."""

import hashlib
import json
from typing import NamedTuple
from uuid import UUID

from msgspec.structs import replace

from micgate.control.command import Command, Kind, Lane, Outcome, Verb
from micgate.control.decide import Decision
from micgate.control.microphone import LegState, Memory, Observed, Way
from micgate.control.mute import Mute, Owner
from micgate.store.database import Database
from micgate.store.entries import Entry, NewEntry
from micgate.store.leases import Lease, Term
from micgate.store.postgres import PostgresStore
from micgate.store.target import Target
from micgate.store.verbs import Decided, Due, Place, Rules, Sighting

NOON = 1_763_640_000.0
_houses = [0]


def link(before: bytes, seq: int, entry: Entry) -> bytes:
    """A stand-in for the chain of the audit: order and content matter, spelling does not."""
    said = [seq, entry.org, entry.at, entry.actor, entry.action, entry.target, json.loads(entry.public)]
    return hashlib.sha256(before + json.dumps(said, sort_keys=True).encode()).digest()


def record(target: Target, facts: tuple[object, ...], now: float) -> tuple[NewEntry, ...]:
    return tuple(entry(type(fact).__name__, at=now, target=target.user_id) for fact in facts)


RULES = Rules(link=link, record=record)


def uuid(number: int) -> str:
    """Ids of the house made last: they are unique in the whole database."""
    return str(UUID(int=_houses[-1] << 64 | number))


def entry(action: str = "said", *, at: float = NOON, target: str = "ada", **more: object) -> NewEntry:
    return NewEntry(at=at, actor="test", action=action, target=target, **more)


def mute(
    number: int = 1,
    *,
    user: str = "ada",
    call: str | None = "call-1",
    at: float = NOON,
    seconds: float = 120.0,
    owner: str = "sam",
    **more: object,
) -> Mute:
    return Mute(
        id=uuid(number),
        user_id=user,
        conversation_id=call,
        owner=Owner("person", owner),
        placed_at=at,
        release_at=at + seconds,
        **more,
    )


def placing(org: str, *mutes: Mute, **more: object) -> Place:
    return Place(org=org, mutes=mutes, **more)


def sighting(
    target: Target, *, muted: bool | None = False, at: float = NOON, leg: str = "leg-1", **more: object
) -> Sighting:
    seen = Observed(leg=leg, state=LegState.LIVE, at=at, way=Way.EVENT, muted=muted, held=False)
    return Sighting(target=target, observed=replace(seen, **more))


def command(number: int = 1, *, at: float = NOON, leg: str = "leg-1") -> Command:
    return Command(id=uuid(number), verb=Verb.MUTE, lane=Lane.MUTE, made_at=at, deadline=at + 15, leg=leg)


def sending(due: Due, number: int = 1, **more: object) -> Decided:
    """A decision to send something, whatever control would say."""
    made = command(number)
    memory = replace(due.memory, pending=made, sent=made)
    decision = Decision(memory=memory, command=made, wake_at=NOON + 15, **more)
    return Decided(target=due.target, version=due.version, decision=decision)


def resting(due: Due, **more: object) -> Decided:
    return Decided(
        target=due.target, version=due.version, decision=Decision(memory=due.memory or Memory(), **more)
    )


def accepted(number: int = 1, *, at: float = NOON + 1) -> Outcome:
    return Outcome(command_id=uuid(number), kind=Kind.ACCEPTED, at=at, status=202)


class House(NamedTuple):
    """An organization with its keeper."""

    org: str
    store: PostgresStore
    term: Term
    lease: Lease


async def new_house(database: Database) -> House:
    _houses.append(len(_houses))
    org = f"org-{_houses[-1]}"
    store = PostgresStore(database, RULES)
    await store.orgs.ensure(org)
    lease = await store.leases.take(org, holder="first", seen=None)
    assert lease
    return House(org, store, Term(org, lease.epoch), lease)
