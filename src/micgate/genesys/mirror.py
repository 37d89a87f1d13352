"""The calls as last observed: one way in for events and reads. Pure.

Events carry the whole call but neither a number nor the time of the change, and may come twice, late, out of
order or not at all. What tells an old one: a participant does not come back from the dead, does not ring
again once connected, and does not vanish. Nothing tells an old `muted`, so a change that is taken back within
moments is doubtful until read.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import msgspec

from micgate.genesys.models import BEFORE_STATES, Conversation, Participant
from micgate.genesys.notifications import Observation

TAKEN_BACK = 15.0
"""Seconds within which a change that is undone may be an old event instead."""
_KEPT = 300.0
_REMEMBERED = 3600.0


@dataclass(slots=True, kw_only=True)
class _Known:
    conversation: Conversation
    at: float
    flips: dict[str, float] = field(default_factory=dict)


class Mirror:
    def __init__(self) -> None:
        self._known: dict[str, _Known] = {}
        self._over: dict[str, float] = {}
        self._wanted: set[str] = set()

    def apply(self, observation: Observation) -> Observation | None:
        """What is new about it, as it is to be believed; None when nothing is."""
        conversation = observation.conversation
        if conversation is None:
            return observation
        if conversation.id in self._over:
            return None
        known = self._known.get(conversation.id)
        if known is None:
            self._known[conversation.id] = _Known(conversation=conversation, at=observation.at)
            return observation
        return self._update(known, observation, conversation)

    def doubt(self, conversation_id: str) -> None:
        """Something may be missing: read it."""
        if conversation_id in self._known:
            self._wanted.add(conversation_id)

    def doubt_all(self) -> None:
        self._wanted = {each for each, known in self._known.items() if _is_live(known.conversation)}

    def gone(self, conversation_id: str, now: float) -> None:
        """A read says that there is no such call, or that it is closed to us: no more reads for it."""
        self._known.pop(conversation_id, None)
        self._wanted.discard(conversation_id)
        self._over[conversation_id] = now

    @property
    def wanted(self) -> frozenset[str]:
        """The calls a read is wanted for."""
        return frozenset(self._wanted)

    def knows(self, conversation_id: str) -> bool:
        return conversation_id in self._known or conversation_id in self._over

    def oldest(self, *, before: float) -> str | None:
        """The live call that nothing was heard of for longest, if not since `before`."""
        live = [(known.at, each) for each, known in self._known.items() if _is_live(known.conversation)]
        at, conversation_id = min(live, default=(before, None))
        return conversation_id if at < before else None

    def get(self, conversation_id: str) -> Conversation | None:
        known = self._known.get(conversation_id)
        return known.conversation if known else None

    def live(self) -> Iterator[Conversation]:
        return (known.conversation for known in self._known.values() if _is_live(known.conversation))

    def forget(self, now: float) -> list[str]:
        """Let go of calls that are over, and return them. Late events of theirs are ignored for an hour."""
        done = [
            each
            for each, known in self._known.items()
            if known.at < now - _KEPT and not _is_live(known.conversation)
        ]
        for each in done:
            self.gone(each, now)
        for each in [each for each, at in self._over.items() if at < now - _REMEMBERED]:
            del self._over[each]
        return done

    def _update(self, known: _Known, observation: Observation, new: Conversation) -> Observation | None:
        if observation.source == "event" and is_older(known.conversation, new):
            self._wanted.add(new.id)
            return None
        if observation.source == "read":
            if observation.at < known.at:
                return None  # an event overtook the read
            self._wanted.discard(new.id)
        merged = _merged(known.conversation, new)
        known.at = observation.at
        if merged == known.conversation:
            return None
        doubtful = observation.source == "event" and self._taken_back(known, merged, observation.at)
        if doubtful:
            self._wanted.add(new.id)
        known.conversation = merged
        return msgspec.structs.replace(observation, conversation=merged, doubtful=doubtful)

    @staticmethod
    def _taken_back(known: _Known, new: Conversation, now: float) -> bool:
        doubtful = False
        for end in new.participants:
            before = known.conversation.participant(end.id)
            if before is None or (before.muted, before.held) == (end.muted, end.held):
                continue
            doubtful = doubtful or now - known.flips.get(end.id, float("-inf")) < TAKEN_BACK
            known.flips[end.id] = now
        return doubtful


def is_older(known: Conversation, new: Conversation) -> bool:
    """Whether this event is from before what is known."""
    return any(_went_back(end, new.participant(end.id)) for end in known.participants if end.state)


def _went_back(known: Participant, new: Participant | None) -> bool:
    if new is None:
        return True
    if known.ended:
        return not new.ended
    return known.live and new.state in BEFORE_STATES


def _merged(known: Conversation, new: Conversation) -> Conversation:
    """The new state, in which nobody rises from the dead."""
    ends = tuple(_believed(known.participant(end.id), end) for end in new.participants)
    missing = tuple(end for end in known.participants if end.ended and new.participant(end.id) is None)
    return msgspec.structs.replace(new, participants=(*ends, *missing))


def _believed(known: Participant | None, new: Participant) -> Participant:
    return known if known is not None and known.ended and not new.ended else new


def _is_live(conversation: Conversation) -> bool:
    return any(end.state and not end.ended for end in conversation.participants)
