"""Finding the microphone: which end of which live call.

The order of look-ups for a service account, and which participant counts, follow the vendor's own softphone
(repository `genesys-cloud-webrtc-sdk`, `src/sessions/softphone-session-handler.ts`): the user's ends, newest
first, connected ones before others, never voicemail.
"""

from collections.abc import Sequence

import msgspec

from micgate.genesys.absence import refuse
from micgate.genesys.errors import AmbiguousAgent, AmbiguousCall, BadRequest, NoLiveCall, NotAnAgent
from micgate.genesys.io import Io
from micgate.genesys.lookup import live_calls
from micgate.genesys.models import Conversation, Participant, User
from micgate.genesys.people import find_me, find_user
from micgate.genesys.reading import Call, Reading, call_at, newest, read, with_end, with_reading

__all__ = ["Call", "find_call", "find_me", "find_user", "read_call", "with_end"]


async def find_call(
    io: Io,
    user: User | None,
    *,
    conversation_id: str | None = None,
    participant_id: str | None = None,
    own: bool = False,
) -> Call:
    """The microphone to mute: the user's one connected end.

    With a `conversation_id` it is one read, and `user` may be None when `participant_id` is given or when one
    agent alone is on the call. `own` says that the token is this user's own: their calls are then asked for
    directly.

    Raises `NoLiveCall` (or `NotConnected`), `AmbiguousCall`, `NotAnAgent`.
    """
    if conversation_id is not None:
        reading = await read(io, conversation_id)
        return _named(reading, user, participant_id)
    if user is None:
        raise BadRequest(
            "Neither an agent nor a conversation was named.",
            remedy="Name the agent, or give the conversation id.",
        )
    calls = [
        call for call in await live_calls(io, user, own=own) if participant_id in {None, call.participant_id}
    ]
    return _choose(calls, user)


async def read_call(io: Io, call: Call, *, within: float | None = None) -> Call:
    """The same microphone, read again: on the user's newest connected leg when this one ended.

    Raises nothing for an ended call: `ended` says it. With `within` seconds it is not retried.
    """
    reading = await read(io, call.conversation_id, route=call.route, within=within)
    end = _followed(reading.conversation, call)
    if end is None:
        return msgspec.structs.replace(call, read_at=reading.at, state=None, ended=True, muted=None)
    return with_reading(call, reading, end)


def _named(reading: Reading, user: User | None, participant_id: str | None) -> Call:
    """The end meant in a conversation that the caller named."""
    conversation = reading.conversation
    end: Participant | None
    if participant_id is not None:
        end = _end_with_id(conversation, participant_id, user)
    elif user is not None:
        end = newest(conversation.ends_of(user.id))
    else:
        end = _only_agent(conversation)
    if end is None or not end.live:
        refuse(conversation, end, user)
    return call_at(reading, end, user)


def _end_with_id(conversation: Conversation, participant_id: str, user: User | None) -> Participant:
    end = conversation.participant(participant_id)
    if end is None:
        raise NoLiveCall(
            f"Conversation {conversation.id} has no participant {participant_id}.",
            remedy="Name the agent instead, and micgate finds the participant.",
            conversation_id=conversation.id,
            participant_id=participant_id,
        )
    if not end.is_agent:
        raise NotAnAgent(
            f"This end of the call is a {end.purpose or 'participant without a user'}, not an agent.",
            means="Only agents and users are muted, never customers, queues or flows.",
            remedy="Give the participant id of the agent.",
            purpose=end.purpose,
            conversation_id=conversation.id,
            participant_id=participant_id,
        )
    if user is not None and end.user_id not in {None, user.id}:
        raise NotAnAgent(
            f"This end of the call is not {user.label} but somebody else.",
            remedy="Leave out the participant id, or name the agent it belongs to.",
            purpose=end.purpose,
            conversation_id=conversation.id,
            participant_id=participant_id,
        )
    return end


def _only_agent(conversation: Conversation) -> Participant | None:
    ends = [end for end in conversation.participants if end.is_agent]
    live = [end for end in ends if end.live]
    if len(live) > 1:
        names = tuple(sorted(end.name or end.user_id or end.id for end in live))
        raise AmbiguousAgent(
            f"Several agents are on this call: {', '.join(names)}.",
            remedy="Name the agent.",
            candidates=names,
            conversation_id=conversation.id,
        )
    return newest(live or ends)


def _followed(conversation: Conversation, call: Call) -> Participant | None:
    same = conversation.participant(call.participant_id)
    if call.user_id is None or (same is not None and not same.ended):
        return same
    latest = newest(conversation.ends_of(call.user_id))
    return latest if latest is not None and latest.live else same


def _choose(calls: Sequence[Call], user: User) -> Call:
    """The one that is not on hold: an agent with several calls speaks on one and holds the rest."""
    speaking = [call for call in calls if call.held is not True]
    if len(speaking) == 1:
        return msgspec.structs.replace(speaking[0], others_held=len(calls) - 1)
    if len(calls) == 1:
        return calls[0]
    if not calls:
        raise NoLiveCall(f"{user.label} has no live call with that participant.", remedy="Leave out its id.")
    ids = tuple(call.conversation_id for call in speaking or calls)
    raise AmbiguousCall(
        f"{user.label} has {len(ids)} live calls{'' if speaking else ', all on hold'}: {', '.join(ids)}.",
        remedy="Give the conversation id.",
        conversation_ids=ids,
    )
