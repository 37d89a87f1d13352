"""From the vendor's calls to microphones. Pure."""

from micgate.control.microphone import LegState
from micgate.control.recording import RecordingState
from micgate.genesys.models import BEFORE_STATES, Conversation, Participant
from micgate.genesys.reading import newest
from micgate.platform.port import CallShown, Shown


def call_shown(conversation: Conversation) -> CallShown:
    """Every agent's microphone in it, also of those who have left."""
    users = dict.fromkeys(end.user_id for end in conversation.participants if end.user_id and end.is_agent)
    ends = ((user, newest(conversation.ends_of(user))) for user in users)
    over = bool(conversation.participants) and all(end.ended for end in conversation.participants)
    return CallShown(
        conversation_id=conversation.id,
        microphones=tuple(_shown(user, end, call_over=over) for user, end in ends if end),
        recording=_recording(conversation),
    )


def _shown(user_id: str, end: Participant, *, call_over: bool) -> Shown:
    return Shown(
        user_id=user_id,
        leg=end.id,
        state=_state(end),
        muted=end.muted,
        held=end.held,
        queue_id=_queue(end),
        call_over=call_over,
    )


def _queue(end: Participant) -> str | None:
    """Whoever was reached directly has the purpose `user`; an `agent` without a queue is not told whole."""
    return end.queue_id or ("" if end.purpose == "user" else None)


def _state(end: Participant) -> LegState:
    if end.live:
        return LegState.LIVE
    if end.ended:
        return LegState.OVER
    return LegState.WAITING if end.state in BEFORE_STATES else LegState.UNKNOWN


def _recording(conversation: Conversation) -> RecordingState:
    ends = conversation.participants
    if ends and all(end.ended for end in ends if end.state):
        return RecordingState.OVER
    if conversation.recording_state == "none":
        return RecordingState.NONE
    paused = conversation.securely_paused
    if paused is None:
        return RecordingState.UNKNOWN
    return RecordingState.PAUSED if paused else RecordingState.ACTIVE
