"""One reading of a call, and the agent's end of it."""

from collections.abc import Sequence
from typing import Literal

import msgspec

from micgate.genesys.errors import Forbidden, NoLiveCall, NotFound
from micgate.genesys.io import Io
from micgate.genesys.models import CONNECTED, Conversation, Participant, User
from micgate.genesys.requests import get_call, get_conversation, read_call, read_conversation

Route = Literal["calls", "conversations"]


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """One agent's end of one call, as it was read at `read_at` (seconds of `io.monotonic`).

    `participant_id` is the leg: it changes on transfer and rejoin. `muted` None is unknown. `held` True means
    that the far side is on hold. `others_held` counts this agent's other connected calls, all on hold, when
    the call was inferred. `route` is the operation that may be read with this token.
    """

    conversation_id: str
    participant_id: str
    read_at: float
    user_id: str | None = None
    agent_name: str | None = None
    purpose: str | None = None
    muted: bool | None = None
    held: bool | None = None
    confined: bool | None = None
    state: str | None = None
    ended: bool = False
    queue_id: str | None = None
    direction: str | None = None
    connected_at: str | None = None
    disconnect_type: str | None = None
    recording_state: str | None = None
    secure_pause: bool | None = None
    others_held: int = 0
    route: Route = "calls"

    @property
    def live(self) -> bool:
        return self.state == CONNECTED and not self.ended


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    conversation: Conversation
    route: Route
    at: float


async def read(
    io: Io, conversation_id: str, *, route: Route = "calls", within: float | None = None
) -> Reading:
    """One read of the conversation; two when the first operation is closed to this token or knows no call.

    With `within` seconds it is not retried: for callers that look again themselves.
    """
    at = io.monotonic()
    missing: NotFound | None = None
    if route == "calls":
        try:
            conversation = read_call(await io.send(get_call(conversation_id, within=within)))
        except Forbidden:
            pass
        except NotFound as error:
            missing = error
        else:
            if conversation.media or not conversation.participants:
                return Reading(conversation=conversation, route="calls", at=at)
    try:
        conversation = read_conversation(await io.send(get_conversation(conversation_id, within=within)))
    except NotFound as error:
        raise _no_conversation(conversation_id, error) from error
    except Forbidden:
        if missing is None:
            raise
        raise _no_conversation(conversation_id, missing) from missing
    return Reading(conversation=conversation, route="conversations", at=at)


def _no_conversation(conversation_id: str, error: NotFound) -> NoLiveCall:
    return NoLiveCall(
        f"There is no call {conversation_id}.",
        remedy="Check the id; it may belong to another organization or region.",
        conversation_id=conversation_id,
        status=error.status,
        correlation_id=error.correlation_id,
    )


def newest(ends: Sequence[Participant]) -> Participant | None:
    """The newest connected end of an agent, else the newest that is not over, else the newest."""
    agents = [end for end in ends if end.is_agent]
    live = [end for end in agents if end.live]
    going_on = [end for end in agents if not end.ended]
    return next(iter(live or going_on or agents), None)


def call_at(reading: Reading, end: Participant, user: User | None) -> Call:
    blank = Call(
        conversation_id=reading.conversation.id,
        participant_id=end.id,
        read_at=reading.at,
        user_id=user.id if user else None,
        agent_name=user.name if user else None,
    )
    return with_reading(blank, reading, end)


def with_reading(call: Call, reading: Reading, end: Participant) -> Call:
    """The call as this reading shows it; the recording is the conversation's."""
    found = with_end(call, end, at=reading.at)
    conversation = reading.conversation
    paused = end.secure_pause if conversation.secure_pause is None else conversation.secure_pause
    return msgspec.structs.replace(
        found,
        route=reading.route,
        recording_state=conversation.recording_state or end.recording_state,
        secure_pause=paused,
    )


def with_end(call: Call, end: Participant, *, at: float) -> Call:
    """The call as this end shows it, by an event or a read."""
    return msgspec.structs.replace(
        call,
        participant_id=end.id,
        read_at=at,
        user_id=end.user_id or call.user_id,
        agent_name=call.agent_name or end.name,
        purpose=end.purpose or call.purpose,
        muted=end.muted,
        held=end.held,
        confined=end.confined,
        state=end.state,
        ended=end.ended,
        queue_id=end.queue_id or call.queue_id,
        direction=end.direction or call.direction,
        connected_at=end.connected_time or call.connected_at,
        disconnect_type=end.disconnect_type,
        recording_state=end.recording_state,
        secure_pause=end.secure_pause,
    )
