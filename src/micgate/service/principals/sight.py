"""What a principal sees: its agents, and of them the calls that came from its queues. Pure.

A call whose queue the mirror has not shown is not seen by a key for certain queues; its own mutes always are.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from micgate.audit.privacy import restored
from micgate.control.mute import Mute, Owner
from micgate.service.principals.happening import is_open
from micgate.service.principals.principal import Principal, Scope
from micgate.store.entries import Sealed
from micgate.store.microphones import Remembered
from micgate.store.target import Target

Call: TypeAlias = tuple[str, str]
"""One agent on one call: the conversation's id and the user's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What has to be known to say what a key for certain queues sees; nobody else needs any of it.

    `queues`: where calls came from, None while nobody has shown it. `upon`: the ids of the mutes that stand
    on microphones, or are given back. `owners`: whose mutes those are. `users`: agents by their pseudonyms.
    """

    queues: Mapping[Call, str | None] = field(default_factory=dict)
    upon: Mapping[Call, tuple[str, ...]] = field(default_factory=dict)
    owners: Mapping[str, Owner] = field(default_factory=dict)
    users: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """Whoever has an equal one sees the same. `owner` only where queues are bounded."""

    agents: tuple[str, ...] | None = None
    queues: tuple[str, ...] | None = None
    owner: Owner | None = None
    audits: bool = False

    @property
    def bounded(self) -> bool:
        return self.agents is not None or self.queues is not None

    @property
    def needs_scene(self) -> bool:
        return self.queues is not None

    def agent(self, user_id: str) -> bool:
        return self.agents is None or user_id in self.agents

    def microphone(self, call: Call, scene: Scene) -> bool:
        """Also one that a mute of its own stands on."""
        if not self.agent(call[1]):
            return False
        if self.queues is None or scene.queues.get(call) in self.queues:
            return True
        return any(self._owns(mute_id, scene) for mute_id in scene.upon.get(call, ()))

    def mute(self, mute_id: str, *, of: str, on: str | None, scene: Scene) -> bool:
        """`of` an agent, `on` a call. One of all calls is seen while it is on a microphone that is seen."""
        if not self.agent(of):
            return False
        if self.queues is None or self._owns(mute_id, scene):
            return True
        if on is not None:
            return self.microphone((on, of), scene)
        met = (call for call, upon in scene.upon.items() if call[1] == of and mute_id in upon)
        return any(self.microphone(call, scene) for call in met)

    def record(self, sealed: Sealed, scene: Scene) -> bool:
        return (self.audits or is_open(sealed.entry.action)) and self.concerns(sealed, scene)

    def concerns(self, sealed: Sealed, scene: Scene) -> bool:
        """Whether it is about an agent, and a call, that is seen. Only its private part names the call."""
        entry = sealed.entry
        if not self.bounded:
            return True
        user_id = scene.users.get(entry.target)
        if user_id is None or not self.agent(user_id):
            return False
        if self.queues is None or (entry.mute_id and self._owns(entry.mute_id, scene)):
            return True
        call = _call_of(sealed, user_id)
        return call is not None and self.microphone(call, scene)

    def _owns(self, mute_id: str, scene: Scene) -> bool:
        return self.owner is not None and scene.owners.get(mute_id) == self.owner


def sight_of(principal: Principal) -> Sight:
    limits = principal.limits
    return Sight(
        agents=limits.agents,
        queues=limits.queues,
        owner=None if limits.queues is None else principal.owner,
        audits=principal.has(Scope.AUDIT),
    )


def scene(rows: Iterable[Remembered], mutes: Iterable[Mute], users: Mapping[str, str]) -> Scene:
    rows = tuple(rows)
    return Scene(
        queues={call_of(row.target): row.memory.seen.queue_id if row.memory.seen else None for row in rows},
        upon={call_of(row.target): (*row.memory.mutes, *row.memory.freed) for row in rows},
        owners={mute.id: mute.owner for mute in mutes},
        users=users,
    )


def call_of(target: Target) -> Call:
    return target.conversation_id, target.user_id


def _call_of(sealed: Sealed, user_id: str) -> Call | None:
    """None when that was erased, or it was about no call."""
    if sealed.body is None:
        return None
    part = restored(sealed.body).call
    conversation_id = part.fields.get("conversation_id") if part and part.fields else None
    return None if conversation_id is None else (conversation_id, user_id)
