"""Conversations and their participants: immutable values, and an index that always knows the present ones.

A change makes a new value, so an event, an old state and a query about a moment ago need no copies.
"""

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from itertools import islice
from types import MappingProxyType
from typing import Literal

import msgspec

Media = Literal["call", "chat", "email"]
State = Literal[
    "alerting", "dialing", "contacting", "offering", "connected", "disconnected", "terminated", "none"
]
Direction = Literal["inbound", "outbound"]
RecordingState = Literal["none", "active", "paused"]
Purpose = Literal["customer", "external", "acd", "ivr", "agent", "user", "voicemail", "supervisor"]

ENDED = frozenset({"disconnected", "terminated"})
ENDED_KEPT = 20_000
RECENT_OF_USER = 50
_NO_ATTRIBUTES: Mapping[str, str] = MappingProxyType({})


class Wrapup(msgspec.Struct, frozen=True, kw_only=True):
    code: str | None = None
    name: str | None = None
    notes: str | None = None
    tags: tuple[str, ...] = ()
    duration_seconds: int | None = None
    end_time: float | None = None
    provisional: bool | None = None


class Participant(msgspec.Struct, frozen=True, kw_only=True):
    """One end of a conversation. Times are seconds since 1970."""

    id: str
    communication_id: str
    peer_id: str | None = None
    name: str
    address: str
    purpose: Purpose
    state: State
    initial_state: State
    direction: Direction
    start_time: float
    alerting_time: float | None = None
    connected_time: float | None = None
    end_time: float | None = None
    hold_time: float | None = None
    acw_start: float | None = None
    acw_end: float | None = None
    disconnect_type: str | None = None
    user_id: str | None = None
    queue_id: str | None = None
    team_id: str | None = None
    muted: bool = False
    held: bool = False
    confined: bool = False
    recording: bool = False
    recording_state: RecordingState = "none"
    secure_pause: bool = False
    wrapup_required: bool = False
    wrapup_skipped: bool = False
    wrapup: Wrapup | None = None
    consult_participant_id: str | None = None
    barged_participant_id: str | None = None
    barged_time: float | None = None
    transfer_source: str | None = None
    completes: str | None = None
    """The leg that leaves when this one is answered (a transfer after a consult). Not on the wire."""
    alerting_timeout_ms: int | None = None
    ani: str | None = None
    dnis: str | None = None
    attributes: Mapping[str, str] = _NO_ATTRIBUTES

    @property
    def ended(self) -> bool:
        return self.state in ENDED

    @property
    def connected(self) -> bool:
        return self.state == "connected"

    @property
    def in_acw(self) -> bool:
        """Wrap-up goes on after the leg has ended."""
        return self.acw_start is not None and self.acw_end is None

    @property
    def occupies(self) -> bool:
        """The user is not through with this leg."""
        return not self.ended or self.in_acw


class Conversation(msgspec.Struct, frozen=True, kw_only=True):
    """One conversation at one moment: so since `changed_at`; `version` counts its changes from 1."""

    id: str
    org_id: str
    media: Media
    participants: tuple[Participant, ...]
    start_time: float
    end_time: float | None = None
    address: str | None = None
    recording_state: RecordingState = "none"
    secure_pause: bool = False
    division_users: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """Division ids, each with the users that brought the conversation into it."""
    recorded: bool = True
    """Recording starts with the first connected user."""
    from_traffic: bool = False
    """Made by the built-in contact centre: it may end by itself."""
    version: int = 1
    changed_at: float = 0.0

    @property
    def ended(self) -> bool:
        return self.end_time is not None

    @property
    def division_ids(self) -> tuple[str, ...]:
        return tuple(division_id for division_id, _ in self.division_users)

    @property
    def user_ids(self) -> tuple[str, ...]:
        """Every user who has or had a leg, each once, in order of appearance."""
        return tuple(dict.fromkeys(one.user_id for one in self.participants if one.user_id is not None))

    @property
    def queue_ids(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(one.queue_id for one in self.participants if one.queue_id is not None))

    def participant(self, participant_id: str) -> Participant | None:
        return next((one for one in self.participants if one.id == participant_id), None)

    def legs(self, user_id: str) -> tuple[Participant, ...]:
        """All participants of one user, oldest first."""
        return tuple(one for one in self.participants if one.user_id == user_id)

    def occupies(self, user_id: str) -> bool:
        return any(one.occupies for one in self.participants if one.user_id == user_id)


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """Counts of one medium of one user, as `conversationSummary` has them."""

    contact_center_active: int = 0
    contact_center_acw: int = 0
    enterprise_active: int = 0
    enterprise_acw: int = 0


class Calls:
    """All conversations: `live` by id, those of one user without a search, ended ones up to a limit."""

    def __init__(self) -> None:
        self.live: dict[str, Conversation] = {}
        self._ended: OrderedDict[str, Conversation] = OrderedDict()
        self._of_user: dict[str, dict[str, None]] = {}
        self._recent_of_user: dict[str, OrderedDict[str, None]] = {}
        self._older: dict[str, list[Conversation]] = {}

    def get(self, conversation_id: str) -> Conversation | None:
        """As it is now, ended or not."""
        return self.live.get(conversation_id) or self._ended.get(conversation_id)

    def put(self, conversation: Conversation, *, keep_since: float) -> None:
        """Make this the present value. Older ones are kept that were present at or after `keep_since`."""
        before = self.get(conversation.id)
        if before is not None:
            self._keep_older(before, present_until=conversation.changed_at, keep_since=keep_since)
        self._file(conversation)
        for user_id in conversation.user_ids:
            self._occupy(user_id, conversation)

    def of_user(self, user_id: str) -> list[Conversation]:
        """What occupies the user now (alerting, connected, wrap-up), oldest first, any medium."""
        kept = (self.get(conversation_id) for conversation_id in self._of_user.get(user_id, ()))
        return [conversation for conversation in kept if conversation is not None]

    def recent_of_user(self, user_id: str) -> list[Conversation]:
        """The above and the user's latest ended ones, oldest first."""
        kept = (self.get(conversation_id) for conversation_id in self._recent_of_user.get(user_id, ()))
        return [conversation for conversation in kept if conversation is not None]

    def as_of(self, conversation_id: str, at: float) -> Conversation | None:
        """What it was at a moment a little ago; None if it did not exist yet."""
        present = self.get(conversation_id)
        if present is None or present.changed_at <= at:
            return present
        older = self._older.get(conversation_id, [])
        return next((version for version in reversed(older) if version.changed_at <= at), None)

    def all(self) -> Iterator[Conversation]:
        """Ended ones first, then live ones, each oldest first."""
        yield from self._ended.values()
        yield from self.live.values()

    def latest_ended(self, count: int) -> list[Conversation]:
        """The newest first."""
        return list(islice(reversed(self._ended.values()), count))

    def summary(self, user_id: str, media: Media) -> Summary:
        """Alerting is not active yet; `contact_center` is what came through a queue."""
        legs = [
            leg
            for conversation in self.of_user(user_id)
            if conversation.media == media
            for leg in conversation.legs(user_id)
        ]
        queued = [leg for leg in legs if leg.queue_id is not None]
        direct = [leg for leg in legs if leg.queue_id is None]
        return Summary(
            contact_center_active=sum(leg.connected for leg in queued),
            contact_center_acw=sum(leg.in_acw for leg in queued),
            enterprise_active=sum(leg.connected for leg in direct),
            enterprise_acw=sum(leg.in_acw for leg in direct),
        )

    def _file(self, conversation: Conversation) -> None:
        if not conversation.ended:
            self.live[conversation.id] = conversation
            return
        self.live.pop(conversation.id, None)
        self._ended[conversation.id] = conversation
        while len(self._ended) > ENDED_KEPT:
            forgotten, _ = self._ended.popitem(last=False)
            self._older.pop(forgotten, None)

    def _occupy(self, user_id: str, conversation: Conversation) -> None:
        present = self._of_user.setdefault(user_id, {})
        if conversation.occupies(user_id):
            present[conversation.id] = None
        else:
            present.pop(conversation.id, None)
        recent = self._recent_of_user.setdefault(user_id, OrderedDict())
        recent[conversation.id] = None
        if len(recent) > RECENT_OF_USER:
            forgettable = next((one for one in recent if one not in present), None)
            if forgettable is not None:
                del recent[forgettable]

    def _keep_older(self, version: Conversation, *, present_until: float, keep_since: float) -> None:
        older = self._older.setdefault(version.id, [])
        if present_until > version.changed_at:
            older.append(version)
        stale = 0
        while stale + 1 < len(older) and older[stale + 1].changed_at <= keep_since:
            stale += 1
        if stale:
            del older[:stale]
