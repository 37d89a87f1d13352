"""Who asks, and what they may do. Pure."""

from enum import StrEnum
from typing import Annotated

import msgspec

from micgate.audit.entry import Actor, ActorKind
from micgate.control.mute import Owner
from micgate.control.policy import CAP_SECONDS, CEILING_SECONDS, Placer


class Scope(StrEnum):
    """What a key may be given. None implies another; looking is open to every key, within its limits."""

    MUTE = "mute"
    REASSERT = "mute:reassert"
    """Mute again when somebody opens the microphone."""
    RELEASE_ANY = "release:any"
    """Release the mutes of others, and pull the brake. No scope opens what an agent closed."""
    AUDIT = "audit:read"
    ADMIN = "admin"
    """Keys, protected agents and queues, and taking the brake off."""


_MANY = 100_000
_Id = Annotated[str, msgspec.Meta(pattern="^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")]
_Ref = Annotated[str, msgspec.Meta(min_length=1, max_length=320)]


class Limits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a key is bounded by. None is no bound.

    `agents` are user ids, `queues` ids of the queues that calls come from: of others it sees nothing either.
    `longest` is in seconds. `rate` counts mutes and extensions a minute, at all replicas together; a release
    is never turned away. `standing` mutes at once. `queue_share`: of the members of a queue, so many may be
    muted at once, but always one; for mutes of all calls it is that share of everybody here.
    """

    agents: tuple[_Ref, ...] | None = None
    queues: tuple[_Id, ...] | None = None
    longest: Annotated[float, msgspec.Meta(gt=0, le=CAP_SECONDS)] = CEILING_SECONDS[Placer.KEY]
    rate: Annotated[int, msgspec.Meta(ge=1, le=_MANY)] | None = 30
    standing: Annotated[int, msgspec.Meta(ge=1, le=_MANY)] | None = 5
    queue_share: Annotated[float, msgspec.Meta(gt=0, le=1)] | None = 0.10

    def within(self, other: "Limits") -> bool:
        """Whether nothing is allowed here that the other one does not allow."""
        return (
            _subset(self.agents, other.agents)
            and _subset(self.queues, other.queues)
            and self.longest <= other.longest
            and _at_most(self.rate, other.rate)
            and _at_most(self.standing, other.standing)
            and _at_most(self.queue_share, other.queue_share)
        )


UNLIMITED = Limits(longest=CAP_SECONDS, rate=None, standing=None, queue_share=None)


class Principal(msgspec.Struct, frozen=True, kw_only=True):
    """An authenticated caller. `id` is public: it stands in the record."""

    kind: ActorKind
    id: str
    name: str
    scopes: frozenset[Scope]
    limits: Limits
    ends_at: float | None = None

    @property
    def owner(self) -> Owner:
        return Owner(self.kind.value, self.id)

    @property
    def actor(self) -> Actor:
        return Actor(self.kind, self.id)

    @property
    def placer(self) -> Placer:
        return Placer.SUPERVISOR if self.kind is ActorKind.HOST else Placer.KEY

    def has(self, scope: Scope) -> bool:
        return scope in self.scopes

    def may_see(self, user_id: str) -> bool:
        return self.limits.agents is None or user_id in self.limits.agents


def _subset(mine: tuple[str, ...] | None, theirs: tuple[str, ...] | None) -> bool:
    return theirs is None or (mine is not None and set(mine) <= set(theirs))


def _at_most(mine: float | None, theirs: float | None) -> bool:
    return theirs is None or (mine is not None and mine <= theirs)
