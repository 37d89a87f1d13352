"""The vendor's answers and events, as little of them as micgate reads.

Unknown members are ignored and unknown enum values are kept, because Genesys adds both without notice. Absent
and null mean the same; an absent `muted` is unknown (None), never false.

Member names: `PureCloudPlatformClientV2/models/` of the vendor's Python SDK (v269). `Participant` and
`Conversation` are ours: `shapes` makes them from the two forms in which the vendor describes a call.
"""

from typing import Generic, TypeVar

import msgspec

Entity = TypeVar("Entity")

CONNECTED = "connected"
ENDED_STATES = frozenset({"disconnected", "terminated"})
BEFORE_STATES = frozenset({"alerting", "dialing", "contacting", "offering"})
AGENT_PURPOSES = frozenset({"agent", "user"})


class Participant(msgspec.Struct, frozen=True, kw_only=True):
    """One end of a conversation.

    `purpose` is in lower case. `state` is the vendor's word, possibly one nobody has seen yet; None when
    this end has no call. Times are the vendor's ISO 8601 text in UTC, which sorts as text.
    """

    id: str
    user_id: str | None = None
    name: str | None = None
    purpose: str | None = None
    state: str | None = None
    muted: bool | None = None
    held: bool | None = None
    confined: bool | None = None
    direction: str | None = None
    queue_id: str | None = None
    communication_id: str | None = None
    start_time: str | None = None
    connected_time: str | None = None
    end_time: str | None = None
    wrapup_since: str | None = None
    disconnect_type: str | None = None
    recording_state: str | None = None
    secure_pause: bool | None = None
    consult_participant_id: str | None = None
    monitored_participant_id: str | None = None
    coached_participant_id: str | None = None
    barged_participant_id: str | None = None
    media_roles: tuple[str, ...] = ()

    @property
    def live(self) -> bool:
        """Connected now: the only state in which a mute means anything."""
        return self.state == CONNECTED and self.end_time is None

    @property
    def ended(self) -> bool:
        return self.state in ENDED_STATES or self.end_time is not None

    @property
    def is_agent(self) -> bool:
        """An end of one of our people: through a queue (`agent`) or direct (`user`)."""
        if self.purpose is None:
            return self.user_id is not None
        return self.purpose in AGENT_PURPOSES

    @property
    def in_wrapup(self) -> bool:
        return self.ended and self.wrapup_since is not None


class Conversation(msgspec.Struct, frozen=True, kw_only=True):
    """`media` names the kinds of media found (`("call",)`); `recording_state` is in lower case."""

    id: str
    participants: tuple[Participant, ...] = ()
    recording_state: str | None = None
    secure_pause: bool | None = None
    media: tuple[str, ...] = ()
    start_time: str | None = None
    end_time: str | None = None

    @property
    def securely_paused(self) -> bool | None:
        """A recording also pauses on hold; `secure_pause` tells the two apart where it is sent.

        https://developer.genesys.cloud/forum/t/conversation-api-change-for-secure-pause-state/24290
        """
        if self.secure_pause is not None or self.recording_state is None:
            return self.secure_pause
        return self.recording_state == "paused"

    def participant(self, participant_id: str) -> Participant | None:
        return next((each for each in self.participants if each.id == participant_id), None)

    def ends_of(self, user_id: str) -> tuple[Participant, ...]:
        """The user's ends, newest first. Voicemail is not one: it carries the same user id.

        As the official softphone chooses (repository `genesys-cloud-webrtc-sdk`,
        `src/sessions/softphone-session-handler.ts`).
        """
        ends = [each for each in self.participants if each.user_id == user_id and each.purpose != "voicemail"]
        return tuple(sorted(ends, key=_began, reverse=True))


def _began(end: Participant) -> str:
    return end.connected_time or end.start_time or ""


class Shape(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A wire shape: members in camel case, all optional."""


class Reference(Shape, frozen=True, kw_only=True):
    """`{"id", "name"}`, as the vendor points at things."""

    id: str | None = None
    name: str | None = None


class _MediaCounts(Shape, frozen=True, kw_only=True):
    active: int | None = None
    acw: int | None = None


class _MediaSummary(Shape, frozen=True, kw_only=True):
    contact_center: _MediaCounts | None = None
    enterprise: _MediaCounts | None = None

    def total(self, name: str) -> int:
        sides = (self.contact_center, self.enterprise)
        return sum(getattr(side, name) or 0 for side in sides if side)


class ConversationSummary(Shape, frozen=True, kw_only=True):
    """How many interactions of each medium a user has now; no conversation ids."""

    user_id: str | None = None
    call: _MediaSummary | None = None
    callback: _MediaSummary | None = None
    email: _MediaSummary | None = None
    message: _MediaSummary | None = None
    chat: _MediaSummary | None = None
    social_expression: _MediaSummary | None = None
    video: _MediaSummary | None = None

    @property
    def active_calls(self) -> int:
        return self.call.total("active") if self.call else 0

    @property
    def calls_in_wrapup(self) -> int:
        return self.call.total("acw") if self.call else 0

    @property
    def other_media(self) -> tuple[str, ...]:
        """Media other than calls in which the user is active."""
        found = {
            "callback": self.callback,
            "chat": self.chat,
            "email": self.email,
            "message": self.message,
            "social expression": self.social_expression,
            "video": self.video,
        }
        return tuple(word for word, summary in found.items() if summary and summary.total("active"))


class RoutingStatus(Shape, frozen=True, kw_only=True):
    status: str | None = None
    start_time: str | None = None


class PresenceDefinition(Shape, frozen=True, kw_only=True):
    id: str | None = None
    system_presence: str | None = None


class Presence(Shape, frozen=True, kw_only=True):
    presence_definition: PresenceDefinition | None = None
    message: str | None = None
    modified_date: str | None = None

    @property
    def word(self) -> str | None:
        return self.presence_definition.system_presence if self.presence_definition else None


class UserPermissions(Shape, frozen=True, kw_only=True):
    permissions: tuple[str, ...] | None = None


class User(Shape, frozen=True, kw_only=True):
    """A person. `authorization` and `organization` come with `users/me` only."""

    id: str
    name: str | None = None
    email: str | None = None
    username: str | None = None
    state: str | None = None
    division: Reference | None = None
    presence: Presence | None = None
    routing_status: RoutingStatus | None = None
    conversation_summary: ConversationSummary | None = None
    authorization: UserPermissions | None = None
    organization: Reference | None = None

    @property
    def label(self) -> str:
        """How a person would name this person."""
        if self.name and self.email:
            return f"{self.name} <{self.email}>"
        return self.name or self.email or self.id


class Queue(Shape, frozen=True, kw_only=True):
    id: str
    name: str | None = None
    division: Reference | None = None
    member_count: int | None = None


class QueueMember(Shape, frozen=True, kw_only=True):
    id: str
    name: str | None = None
    user: User | None = None
    joined: bool | None = None
    routing_status: RoutingStatus | None = None


class Page(Shape, Generic[Entity], frozen=True, kw_only=True):
    """One page of a listing. Some listings have no `total` and no `page_count`; `next_uri` ends them."""

    entities: tuple[Entity, ...] | None = None
    page_number: int | None = None
    page_count: int | None = None
    page_size: int | None = None
    total: int | None = None
    next_uri: str | None = None

    @property
    def items(self) -> tuple[Entity, ...]:
        return self.entities or ()


class ActivityRow(Shape, frozen=True, kw_only=True):
    """One interaction that is going on, from the activity query. `metric` says oInteracting or oAlerting."""

    conversation_id: str | None = None
    user_id: str | None = None
    queue_id: str | None = None
    media_type: str | None = None
    direction: str | None = None
    metric: str | None = None
    activity_date: str | None = None


class DetailParticipant(Shape, frozen=True, kw_only=True):
    participant_id: str | None = None
    user_id: str | None = None
    purpose: str | None = None


class DetailRow(Shape, frozen=True, kw_only=True):
    """One conversation of the details query. It trails real time."""

    conversation_id: str | None = None
    conversation_start: str | None = None
    conversation_end: str | None = None
    participants: tuple[DetailParticipant, ...] | None = None


class Channel(Shape, frozen=True, kw_only=True):
    """A notification channel. Whoever knows `connect_uri` can listen, so the repr hides it."""

    id: str
    connect_uri: str | None = None
    expires: str | None = None

    def __repr__(self) -> str:
        return f"Channel(expires={self.expires!r})"


class ChannelTopic(Shape, frozen=True, kw_only=True):
    """A subscription. `state` is "Permitted" or "Rejected" when errors were ignored, else None."""

    id: str
    state: str | None = None
    rejection_reason: str | None = None
    missing_permissions: tuple[str, ...] | None = None

    @property
    def refused(self) -> bool:
        return self.state is not None and self.state.lower() == "rejected"


class TopicPermission(Shape, frozen=True, kw_only=True):
    type: str | None = None
    permissions: tuple[str, ...] | None = None
    allows_current_user: bool | None = None
    enforced: bool | None = None


class AvailableTopic(Shape, frozen=True, kw_only=True):
    """A topic that exists, as a template (`v2.users.{id}.conversations.calls`), and who may follow it."""

    id: str
    requires_permissions: tuple[str, ...] | None = None
    requires_current_user: bool | None = None
    requires_current_user_or_permission: bool | None = None
    requires_division_permissions: bool | None = None
    permission_details: tuple[TopicPermission, ...] | None = None


class TokenInfo(Shape, frozen=True, kw_only=True):
    """What a token is good for. `scopes` says nothing for client credentials: they have none.

    `idles_at` is when the token ends unless it is used before: there is an inactivity timeout.
    """

    organization: Reference | None = None
    home_organization: Reference | None = None
    client: Reference | None = msgspec.field(name="OAuthClient", default=None)
    scopes: tuple[str, ...] | None = msgspec.field(name="authorizedScope", default=None)
    idles_at: str | None = msgspec.field(name="dateTokenIdles", default=None)


class GrantPolicy(Shape, frozen=True, kw_only=True):
    domain: str | None = None
    entity_name: str | None = None
    actions: tuple[str, ...] | None = None


class GrantRole(Shape, frozen=True, kw_only=True):
    id: str | None = None
    name: str | None = None
    policies: tuple[GrantPolicy, ...] | None = None


class Grant(Shape, frozen=True, kw_only=True):
    division: Reference | None = None
    role: GrantRole | None = None


class Subject(Shape, frozen=True, kw_only=True):
    """The caller's roles, each in a division."""

    id: str | None = None
    name: str | None = None
    grants: tuple[Grant, ...] | None = None


class Limit(Shape, frozen=True, kw_only=True):
    key: str | None = None
    namespace: str | None = None
    value: int | None = None


class ErrorDetail(Shape, frozen=True, kw_only=True):
    error_code: str | None = None
    field_name: str | None = None


class ErrorBody(Shape, frozen=True, kw_only=True):
    """The vendor's refusal. Any member may be missing; a gateway may answer something else altogether."""

    message: str | None = None
    code: str | None = None
    status: int | None = None
    context_id: str | None = None
    message_with_params: str | None = None
    message_params: dict[str, str] | None = None
    details: tuple[ErrorDetail, ...] | None = None
    limit: Limit | None = None
