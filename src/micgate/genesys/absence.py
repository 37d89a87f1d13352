"""Why there is no microphone to mute, each case in its own words."""

from typing import NoReturn, TypedDict

from micgate.genesys.errors import NoLiveCall, NotConnected
from micgate.genesys.models import Conversation, ConversationSummary, Participant, User
from micgate.genesys.reading import Call

# What a state means for somebody who wants to mute: state, what happened, what to do.
_NOT_YET = {
    "alerting": ("the call is still ringing", "Try again when it is answered."),
    "offering": ("the call is still being offered", "Try again when it is answered."),
    "contacting": ("the agent is still being called", "Try again when the call is answered."),
    "dialing": ("the call is still being dialled", "Try again when the other side has answered."),
    "parked": ("the call is parked", "Try again when it is picked up."),
    "queue": ("the call is still waiting in the queue", "Try again when an agent has answered."),
    "wrapup": ("the call is over and the agent is in after-call work", "There is nothing to mute."),
    "ended": ("the call is over", "There is nothing to mute."),
}


class _Ids(TypedDict):
    conversation_id: str
    participant_id: str | None


def refuse(conversation: Conversation, end: Participant | None, user: User | None) -> NoReturn:
    """Why this conversation has no microphone to mute."""
    state = _state_of(conversation, end)
    facts = _Ids(conversation_id=conversation.id, participant_id=end.id if end else None)
    who = user.label if user else (end.name if end else None) or "The agent"
    if state in _NOT_YET:
        why, remedy = _NOT_YET[state]
        raise NotConnected(f"{who} cannot be muted: {why}.", remedy=remedy, state=state, **facts)
    if state is not None:
        raise NotConnected(
            f"{who} is not connected: the state of this end is {state!r}.",
            remedy="Try again when the call is connected.",
            state=state,
            **facts,
        )
    others = tuple(medium for medium in conversation.media if medium != "call")
    if others:
        raise NoLiveCall(
            f"Conversation {conversation.id} is no call but {' and '.join(others)}.",
            remedy="Only voice calls have a microphone.",
            media=others,
            **facts,
        )
    raise NoLiveCall(
        f"{who} is not on conversation {conversation.id}.",
        remedy="Check the conversation id, or leave it out.",
        **facts,
    )


def _state_of(conversation: Conversation, end: Participant | None) -> str | None:
    if end is None:
        waiting = any(each.live and each.purpose == "acd" for each in conversation.participants)
        return "queue" if waiting else None
    if end.in_wrapup:
        return "wrapup"
    if end.ended:
        return "ended"
    return end.state if "call" in conversation.media else None


def refuse_by_summary(summary: ConversationSummary, user: User) -> NoReturn:
    if summary.calls_in_wrapup:
        why, remedy = _NOT_YET["wrapup"]
        raise NotConnected(f"{user.label} cannot be muted: {why}.", remedy=remedy, state="wrapup")
    others = summary.other_media
    if others:
        raise NoLiveCall(
            f"{user.label} has no live call, only {' and '.join(others)}.",
            remedy="Only voice calls have a microphone.",
            media=others,
        )
    raise NoLiveCall(
        f"{user.label} has no live call.",
        means="Nothing was sent.",
        remedy="Try again when a call is connected.",
    )


def not_connected(call: Call) -> NotConnected:
    """A call that was there and is not, or not yet."""
    state = "ended" if call.ended else call.state or "unknown"
    why, remedy = _NOT_YET.get(state, (f"its state is {state!r}", "Try again when the call is connected."))
    return NotConnected(
        f"{call.agent_name or 'The agent'} cannot be muted: {why}.",
        remedy=remedy,
        state=state,
        conversation_id=call.conversation_id,
        participant_id=call.participant_id,
    )


def ended_unseen(call: Call, *, muted: bool) -> NotConnected:
    """The request has left, and the call ended before anything was seen of it."""
    change = "mute" if muted else "un-mute"
    return NotConnected(
        f"The call of {call.agent_name or 'the agent'} ended before the {change} was seen.",
        means="The request was sent; whether it took effect in time nobody can tell.",
        remedy="Nothing is left to do.",
        state="ended",
        conversation_id=call.conversation_id,
        participant_id=call.participant_id,
    )
