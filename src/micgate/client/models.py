"""What the service shows, as read here. Unknown members are ignored and unknown words kept.

Times are aware `datetime`s in UTC.
"""

from datetime import datetime
from typing import Any, TypeAlias

import msgspec

Fact: TypeAlias = bool | int | str | list[str] | None

_UNDECIDED = frozenset({"pending", "releasing"})


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """An agent. `id` is the platform's user id."""

    id: str
    name: str | None = None
    email: str | None = None

    @property
    def label(self) -> str:
        return self.name or self.email or self.id


class Owner(msgspec.Struct, frozen=True):
    """Who placed a mute: the kind (`key`, `host`), its public id, and the name that the key was given."""

    kind: str
    id: str
    name: str | None = None

    def __str__(self) -> str:
        return f"{self.name} ({self.kind} {self.id})" if self.name else f"{self.kind} {self.id}"


class Mute(msgspec.Struct, frozen=True, kw_only=True):
    """A mute as it was when the service answered.

    `state` is `pending`, `confirmed`, `unconfirmed`, `contested`, `releasing`, `left_closed` or `ended`.
    `conversation_id` None: every call of the agent. `end` says why it ended: `released`, `expired`,
    `overridden`, `call_ended`, `cancelled`, `failed` or `owner_gone`. `renew_by`: its owner has to renew it
    before then. `said` is what its owner should know.
    """

    id: str
    agent: Person
    conversation_id: str | None
    covers: str
    owner: Owner
    reason: str
    state: str
    placed_at: datetime
    release_at: datetime
    on_override: str
    open_policy: str
    renew_by: datetime | None = None
    ended_at: datetime | None = None
    end: str | None = None
    ended_by: str | None = None
    note: str | None = None
    said: str | None = None
    batch_id: str | None = None

    @property
    def stands(self) -> bool:
        return self.ended_at is None

    @property
    def confirmed(self) -> bool:
        """Whether the platform shows the microphone muted."""
        return self.stands and self.state == "confirmed"

    @property
    def undecided(self) -> bool:
        """Whether the platform has yet to show what was asked."""
        return self.state in _UNDECIDED


class Rehearsal(msgspec.Struct, frozen=True, kw_only=True):
    """What placing would do; nothing was placed. What would be refused is raised instead."""

    places: bool
    agent: Person
    conversation_id: str | None
    covers: str
    release_at: datetime
    said: str | None = None


class Microphone(msgspec.Struct, frozen=True, kw_only=True):
    """One agent's end of one call, as last observed. None is unknown.

    `stale`: something may have been missed since. `state` is as in `Mute`, None when no mute is on it.
    """

    agent: Person
    conversation_id: str
    leg: str | None = None
    leg_state: str | None = None
    muted: bool | None = None
    held: bool | None = None
    seen_at: datetime | None = None
    way: str | None = None
    stale: bool = False
    state: str | None = None
    closed_by: str = "nobody"
    mutes: tuple[str, ...] = ()


class MutePage(msgspec.Struct, frozen=True, kw_only=True):
    """`next` leads to the following page."""

    mutes: tuple[Mute, ...]
    next: str | None = None


class MicrophonePage(msgspec.Struct, frozen=True, kw_only=True):
    microphones: tuple[Microphone, ...]
    next: str | None = None


class Happening(msgspec.Struct, frozen=True, kw_only=True):
    """One record without names and notes. `target` is the agent's pseudonym, or the id of something else."""

    seq: int
    at: datetime
    action: str
    actor: str
    target: str | None = None
    mute_id: str | None = None
    facts: dict[str, Fact] = {}


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """Why an agent is muted, or that nobody mutes them: `says` is the conclusion, for people.

    `mutes` stand or ended lately; `lately` is what happened last. `protected`: nobody mutes this agent alone.
    """

    agent: Person
    presence: str | None = None
    routing_status: str | None = None
    protected: bool = False
    microphones: tuple[Microphone, ...] = ()
    mutes: tuple[Mute, ...] = ()
    lately: tuple[Happening, ...] = ()
    says: str = ""


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that has to work. `warns`: it should, but mutes are served without it."""

    name: str
    ok: bool
    says: str
    remedy: str = ""
    warns: bool = False


class Readiness(msgspec.Struct, frozen=True, kw_only=True):
    """Whether mutes are served as they should be, and what speaks against it."""

    ready: bool
    checks: tuple[Check, ...] = ()


class Brake(msgspec.Struct, frozen=True, kw_only=True):
    """Whether new mutes are refused. `released`: how many this very request ended."""

    frozen: bool
    since: datetime | None = None
    by: str | None = None
    released: int = 0


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What a key is bounded by; None is no bound. As in the service's description."""

    agents: tuple[str, ...] | None = None
    queues: tuple[str, ...] | None = None
    longest: float = 600.0
    rate: int | None = 30
    standing: int | None = 5
    queue_share: float | None = 0.10


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """The problem that muting would be."""

    word: str
    status: int
    detail: str
    remedy: str = ""
    facts: dict[str, Any] = {}


class May(msgspec.Struct, frozen=True, kw_only=True):
    """What this key may do to one agent now. `longest`: seconds for which it may mute; `refused`: why not."""

    agent: Person
    mute: bool
    longest: float
    conversation_id: str | None = None
    reassert: bool = False
    refused: Refusal | None = None


class Me(msgspec.Struct, frozen=True, kw_only=True):
    """What this key is and may do. `standing`: mutes of it that stand. `may`: where that was asked for."""

    kind: str
    id: str
    name: str
    org: str
    scopes: tuple[str, ...] = ()
    limits: Limits = Limits()
    expires_at: datetime | None = None
    standing: int = 0
    may: tuple[May, ...] | None = None


class NextMinute(msgspec.Struct, frozen=True, kw_only=True):
    """The minute after: so many mutes end, so many requests are kept for that, so many are left."""

    ends: int
    reserved: int
    left: int


class Budget(msgspec.Struct, frozen=True, kw_only=True):
    """Requests to the platform in the minute that ends at `resets_at`, as the keeper counts them.

    `reserved` are kept for mutes that end in it, `left` is what new mutes may use. `source` is `keeper`, or
    `told` when another replica answered with what the keeper said at `as_of`. `fits`: so many mutes can be
    ended in a minute; `ends`: so many end in each of the minutes after this one.
    """

    org: str
    as_of: datetime
    source: str
    allowed: int
    used: int
    reserved: int
    left: int
    resets_at: datetime
    waiting: int
    next_minute: NextMinute
    closed_until: datetime | None = None
    fits: int = 0
    ends: tuple[int, ...] = ()


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """What a record holds about one person or call. `fields` None: erased."""

    fields: dict[str, str] | None = None


class Private(msgspec.Struct, frozen=True, kw_only=True):
    agent: Part | None = None
    actor: Part | None = None
    call: Part | None = None
    note: Part | None = None


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """What is chained of one record. `seq` counts from 1 without gaps."""

    seq: int
    at: datetime
    actor: str
    action: str
    target: str
    facts: dict[str, Fact] = {}
    mute_id: str | None = None
    command_id: str | None = None


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """A record with its hash. For a copy that can be verified, export it."""

    hash: str
    record: Entry
    private: Private | None = None

    @property
    def agent(self) -> str | None:
        """The name of the agent it is about, where it is still known and was asked for."""
        fields = (self.private.agent.fields if self.private and self.private.agent else None) or {}
        return fields.get("name") or fields.get("email")


class RecordPage(msgspec.Struct, frozen=True, kw_only=True):
    """`head` is the newest record's number."""

    records: tuple[Record, ...]
    head: int
    next: int | None = None
