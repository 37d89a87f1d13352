"""The two forms in which the vendor describes a call, and the one converter each.

- *call*: `GET /conversations/calls/{id}` and the `conversations.calls` topics; state and `muted` are on the
  participant (`CallMediaParticipant`, `ConversationCallEventTopicCallMediaParticipant`).
- *whole*: `GET /conversations/{id}` and the `conversations` topic; they are in `calls[]` of the participant
  (`Participant` and `Call`, `ConversationEventTopicParticipant` and `ConversationEventTopicCall`).

Models of those names are in `PureCloudPlatformClientV2/models/` of the vendor's Python SDK (v269).
"""

from micgate.genesys.models import CONNECTED, ENDED_STATES, Conversation, Participant, Reference, Shape

# The events spell two disconnect types differently from REST (models of both in the SDK).
_DISCONNECT_TYPES = {
    "endpoint.dnd": "endpoint.donotdisturb",
    "transfer.dnd": "transfer.donotdisturb",
}


class _CallEnd(Shape, frozen=True, kw_only=True):
    id: str | None = None
    name: str | None = None
    user: Reference | None = None
    queue: Reference | None = None
    purpose: str | None = None
    state: str | None = None
    muted: bool | None = None
    held: bool | None = None
    confined: bool | None = None
    direction: str | None = None
    start_time: str | None = None
    connected_time: str | None = None
    end_time: str | None = None
    start_acw_time: str | None = None
    end_acw_time: str | None = None
    disconnect_type: str | None = None
    recording_state: str | None = None
    secure_pause: bool | None = None
    consult_participant_id: str | None = None
    monitored_participant_id: str | None = None
    coached_participant_id: str | None = None
    barged_participant_id: str | None = None
    media_roles: tuple[str, ...] | None = None


class CallShape(Shape, frozen=True, kw_only=True):
    """`CallConversation`, from REST and from the calls topics."""

    id: str
    participants: tuple[_CallEnd, ...] | None = None
    recording_state: str | None = None
    secure_pause: bool | None = None


class _CallLeg(Shape, frozen=True, kw_only=True):
    id: str | None = None
    state: str | None = None
    muted: bool | None = None
    held: bool | None = None
    confined: bool | None = None
    direction: str | None = None
    connected_time: str | None = None
    disconnected_time: str | None = None
    disconnect_type: str | None = None
    recording_state: str | None = None
    secure_pause: bool | None = None


class _Other(Shape, frozen=True, kw_only=True):
    """Something of another medium: only that it is there matters."""

    state: str | None = None


class _WholeEnd(Shape, frozen=True, kw_only=True):
    id: str | None = None
    name: str | None = None
    user_id: str | None = None
    user_uri: str | None = None
    queue_id: str | None = None
    purpose: str | None = None
    start_time: str | None = None
    connected_time: str | None = None
    end_time: str | None = None
    start_acw_time: str | None = None
    end_acw_time: str | None = None
    consult_participant_id: str | None = None
    monitored_participant_id: str | None = None
    coached_participant_id: str | None = None
    barged_participant_id: str | None = None
    media_roles: tuple[str, ...] | None = None
    calls: tuple[_CallLeg, ...] | None = None
    callbacks: tuple[_Other, ...] | None = None
    chats: tuple[_Other, ...] | None = None
    cobrowsesessions: tuple[_Other, ...] | None = None
    emails: tuple[_Other, ...] | None = None
    messages: tuple[_Other, ...] | None = None
    internal_messages: tuple[_Other, ...] | None = None
    social_expressions: tuple[_Other, ...] | None = None
    videos: tuple[_Other, ...] | None = None


class WholeShape(Shape, frozen=True, kw_only=True):
    """`Conversation`, from REST and from the conversations topics."""

    id: str
    participants: tuple[_WholeEnd, ...] | None = None
    recording_state: str | None = None
    secure_pause: bool | None = None
    start_time: str | None = None
    end_time: str | None = None


_OTHER_MEDIA = {
    "callbacks": "callback",
    "chats": "chat",
    "cobrowsesessions": "cobrowse",
    "emails": "email",
    "messages": "message",
    "internal_messages": "internal message",
    "social_expressions": "social expression",
    "videos": "video",
}


def from_call(shape: CallShape) -> Conversation:
    ends = tuple(_from_call_end(end, end.id) for end in shape.participants or () if end.id)
    return Conversation(
        id=shape.id,
        participants=ends,
        recording_state=_lower(shape.recording_state),
        secure_pause=shape.secure_pause,
        media=("call",) if any(end.state for end in ends) else (),
    )


def from_whole(shape: WholeShape) -> Conversation:
    return Conversation(
        id=shape.id,
        participants=tuple(_from_whole_end(end, end.id) for end in shape.participants or () if end.id),
        recording_state=_lower(shape.recording_state),
        secure_pause=shape.secure_pause,
        media=_media(shape),
        start_time=shape.start_time,
        end_time=shape.end_time,
    )


def _from_call_end(end: _CallEnd, end_id: str) -> Participant:
    return Participant(
        id=end_id,
        user_id=end.user.id if end.user else None,
        name=end.name or (end.user.name if end.user else None),
        purpose=_lower(end.purpose),
        state=end.state,
        muted=end.muted,
        held=end.held,
        confined=end.confined,
        direction=end.direction,
        queue_id=end.queue.id if end.queue else None,
        start_time=end.start_time,
        connected_time=end.connected_time,
        end_time=end.end_time,
        wrapup_since=None if end.end_acw_time else end.start_acw_time,
        disconnect_type=_disconnect_type(end.disconnect_type),
        recording_state=_lower(end.recording_state),
        secure_pause=end.secure_pause,
        consult_participant_id=end.consult_participant_id,
        monitored_participant_id=end.monitored_participant_id,
        coached_participant_id=end.coached_participant_id,
        barged_participant_id=end.barged_participant_id,
        media_roles=end.media_roles or (),
    )


def _from_whole_end(end: _WholeEnd, end_id: str) -> Participant:
    leg = _current_leg(end.calls or ())
    return Participant(
        id=end_id,
        user_id=end.user_id or _last_segment(end.user_uri),
        name=end.name,
        purpose=_lower(end.purpose),
        state=leg.state,
        muted=leg.muted,
        held=leg.held,
        confined=leg.confined,
        direction=leg.direction,
        queue_id=end.queue_id,
        communication_id=leg.id,
        start_time=end.start_time,
        connected_time=leg.connected_time or end.connected_time,
        end_time=end.end_time or leg.disconnected_time,
        wrapup_since=None if end.end_acw_time else end.start_acw_time,
        disconnect_type=_disconnect_type(leg.disconnect_type),
        recording_state=_lower(leg.recording_state),
        secure_pause=leg.secure_pause,
        consult_participant_id=end.consult_participant_id,
        monitored_participant_id=end.monitored_participant_id,
        coached_participant_id=end.coached_participant_id,
        barged_participant_id=end.barged_participant_id,
        media_roles=end.media_roles or (),
    )


def _current_leg(legs: tuple[_CallLeg, ...]) -> _CallLeg:
    """The connected communication, else the latest that is not over, else the latest."""
    for wanted in (lambda leg: leg.state == CONNECTED, lambda leg: leg.state not in ENDED_STATES):
        for leg in reversed(legs):
            if wanted(leg):
                return leg
    return legs[-1] if legs else _CallLeg()


def _media(shape: WholeShape) -> tuple[str, ...]:
    ends = shape.participants or ()
    calls = ("call",) if any(end.calls for end in ends) else ()
    others = (word for name, word in _OTHER_MEDIA.items() if any(getattr(end, name) for end in ends))
    return (*calls, *others)


def _lower(text: str | None) -> str | None:
    return text.lower() if text else text


def _last_segment(uri: str | None) -> str | None:
    return uri.rsplit("/", 1)[-1] if uri else None


def _disconnect_type(text: str | None) -> str | None:
    return _DISCONNECT_TYPES.get(text, text) if text else None
