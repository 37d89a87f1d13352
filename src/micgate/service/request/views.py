"""What the API shows: mutes, microphones, people. Times are RFC 3339 in UTC, lengths seconds."""

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

import msgspec

from micgate.audit.canonical import stamp
from micgate.control.microphone import Memory, Phase, State, state, state_of
from micgate.control.mute import Covers, End, Mute
from micgate.control.policy import OnOverride, OpenPolicy
from micgate.store.agents import Agent
from micgate.store.microphones import Remembered
from micgate.store.target import Target

ENDED = "ended"


class Person(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An agent. `id` is the platform's user id."""

    id: str
    name: str | None = None
    email: str | None = None


class OwnerView(msgspec.Struct, frozen=True, omit_defaults=True):
    """Who placed it: the kind (key, host), its public id, and the name that the key was given."""

    kind: str
    id: str
    name: str | None = None

    @property
    def label(self) -> str:
        return f"{self.name} ({self.kind} {self.id})" if self.name else f"{self.kind} {self.id}"


class MuteView(msgspec.Struct, frozen=True, kw_only=True):
    """A mute. `state` is `pending`, `confirmed`, `unconfirmed`, `contested`, `releasing`, `left_closed` or
    `ended`; muted is only said (`confirmed`) when the platform showed it. `conversation_id` null covers every
    call of the agent. `renew_by`: its owner has to renew it before then, and may be late by a grace. `said`
    is what its owner should know about it.
    """

    id: str
    agent: Person
    conversation_id: str | None
    covers: Covers
    owner: OwnerView
    reason: str
    state: str
    placed_at: str
    release_at: str
    on_override: OnOverride
    open_policy: OpenPolicy
    renew_by: str | None = None
    ended_at: str | None = None
    end: End | None = None
    ended_by: str | None = None
    note: str | None = None
    said: str | None = None
    batch_id: str | None = None


class MicrophoneView(msgspec.Struct, frozen=True, kw_only=True):
    """One agent's end of one call, as last observed. Null is unknown. `stale`: something may have been missed
    since. `state` is what is said of the mutes on it, null when there are none.
    """

    agent: Person
    conversation_id: str
    leg: str | None
    leg_state: str | None
    muted: bool | None
    held: bool | None
    seen_at: str | None
    way: str | None
    stale: bool
    state: State | None
    closed_by: str
    mutes: tuple[str, ...]


def person(user_id: str, agents: Mapping[str, Agent]) -> Person:
    agent = agents.get(user_id)
    return Person(id=user_id, name=agent.name, email=agent.email) if agent else Person(id=user_id)


def mute(
    one: Mute,
    *,
    agents: Mapping[str, Agent],
    memories: Sequence[Memory] = (),
    names: Mapping[str, str] = MappingProxyType({}),
    note: str | None = None,
    said: str | None = None,
) -> MuteView:
    """`memories` are those of the microphones it meets, `names` those of owners by their ids."""
    return MuteView(
        id=one.id,
        agent=person(one.user_id, agents),
        conversation_id=one.conversation_id,
        covers=one.covers,
        owner=OwnerView(one.owner.kind, one.owner.id, names.get(one.owner.id)),
        reason=one.reason,
        state=state_word(one, memories),
        placed_at=stamp(one.placed_at),
        release_at=stamp(one.release_at),
        on_override=one.on_override,
        open_policy=one.open_policy,
        renew_by=_stamp(one.renew_by),
        ended_at=_stamp(one.ended_at),
        end=one.end,
        ended_by=one.ended_by,
        note=note,
        said=said,
        batch_id=one.batch_id,
    )


def microphone(row: Remembered, *, agents: Mapping[str, Agent]) -> MicrophoneView:
    memory, seen = row.memory, row.memory.seen
    return MicrophoneView(
        agent=person(row.target.user_id, agents),
        conversation_id=row.target.conversation_id,
        leg=seen.leg if seen else None,
        leg_state=seen.state if seen else None,
        muted=memory.known,
        held=seen.held if seen else None,
        seen_at=_stamp(seen.at if seen else None),
        way=seen.way if seen else None,
        stale=memory.stale,
        state=state(memory),
        closed_by=memory.closed_by,
        mutes=memory.mutes,
    )


def state_word(one: Mute, memories: Sequence[Memory]) -> str:
    """A mute that has ended still shows its give-back."""
    if one.stands:
        return state_of(one.id, tuple(memory for memory in memories if _shows(memory)))
    freed = {memory.phase for memory in memories if one.id in memory.freed}
    if Phase.LEFT_CLOSED in freed:
        return State.LEFT_CLOSED
    undecided = any(one.id in memory.mutes and memory.phase is not Phase.IDLE for memory in memories)
    return State.RELEASING if undecided or freed & {Phase.OPENING, Phase.SETTLING} else ENDED


def met(one: Mute, rows: Iterable[Remembered]) -> tuple[Memory, ...]:
    """The memories of the microphones that a mute covers."""
    return tuple(row.memory for row in rows if _meets(one, row.target))


def _meets(one: Mute, target: Target) -> bool:
    return target.user_id == one.user_id and one.conversation_id in {None, target.conversation_id}


def _shows(memory: Memory) -> bool:
    """A call that is over says nothing about a mute of all calls."""
    return memory.phase is not Phase.IDLE


def _stamp(at: float | None) -> str | None:
    return None if at is None else stamp(at)
