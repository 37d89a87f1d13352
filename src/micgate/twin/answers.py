"""The vendor's wire shapes, spelled from the official SDKs' models; events carry no `selfUri`.

Members without a value are left out, as the platform does.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TypeAlias

from micgate.twin.calls import Conversation, Media, Participant, Wrapup
from micgate.twin.people import People

Wire: TypeAlias = dict[str, object]

CONVERSATIONS = "/api/v2/conversations"
CALLS = "/api/v2/conversations/calls"
MEDIA_MEMBER: Mapping[Media, str] = {"call": "calls", "chat": "chats", "email": "emails"}
EVENT_DISCONNECTS = {"endpoint.donotdisturb": "endpoint.dnd", "transfer.donotdisturb": "transfer.dnd"}


def stamp(at: float) -> str:
    """ISO 8601, UTC, milliseconds."""
    seconds, milliseconds = divmod(int(at * 1000), 1000)
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{milliseconds:03d}Z"


def stamped(at: float | None) -> str | None:
    return None if at is None else stamp(at)


def present(shape: Wire) -> Wire:
    return {name: value for name, value in shape.items() if value is not None}


def reference(kind: str, identity: str | None, name: str | None = None) -> Wire | None:
    """A REST reference, with `selfUri`."""
    if identity is None:
        return None
    return present({"id": identity, "name": name, "selfUri": f"/api/v2/{kind}/{identity}"})


def bare_reference(identity: str | None) -> Wire | None:
    """A reference in an event, without `selfUri`."""
    return None if identity is None else {"id": identity}


def call_conversation(conversation: Conversation, people: People) -> Wire:
    """CallConversation: what `GET conversations/calls/{id}` answers."""
    return {
        "id": conversation.id,
        "participants": [call_participant(one, people) for one in conversation.participants],
        "otherMediaUris": [],
        "recordingState": conversation.recording_state,
        "divisions": divisions(conversation, reference),
        "maxParticipants": 0,
        "securePause": conversation.secure_pause,
        "selfUri": f"{CALLS}/{conversation.id}",
    }


def call_participant(one: Participant, people: People) -> Wire:
    """CallMediaParticipant: state and muted on the participant, no `initialState`."""
    user = people.users.get(one.user_id or "")
    queue = people.queues.get(one.queue_id or "")
    shape = _shared(one) | {
        "startAlertingTime": stamped(one.alerting_time),
        "disconnectType": one.disconnect_type,
        "user": reference("users", one.user_id, None if user is None else user.name),
        "queue": reference("routing/queues", one.queue_id, None if queue is None else queue.name),
        "team": reference("teams", one.team_id),
    }
    return present(shape)


def call_event(conversation: Conversation) -> Wire:
    """ConversationCallEventTopicCallConversation, also the queue topic's body."""
    return {
        "id": conversation.id,
        "participants": [call_event_participant(one) for one in conversation.participants],
        "otherMediaUris": [],
        "recordingState": conversation.recording_state,
        "divisions": divisions(conversation, lambda _, identity: bare_reference(identity)),
        "securePause": conversation.secure_pause,
        "maxParticipants": 0,
    }


def call_event_participant(one: Participant) -> Wire:
    shape = _shared(one) | {
        "initialState": one.initial_state,
        "disconnectType": _event_disconnect(one),
        "user": bare_reference(one.user_id),
        "queue": bare_reference(one.queue_id),
        "team": bare_reference(one.team_id),
    }
    return present(shape)


def _shared(one: Participant) -> Wire:
    return {
        "id": one.id,
        "name": one.name,
        "address": one.address,
        "startTime": stamp(one.start_time),
        "connectedTime": stamped(one.connected_time),
        "endTime": stamped(one.end_time),
        "startHoldTime": stamped(one.hold_time),
        "purpose": one.purpose,
        "state": one.state,
        "direction": one.direction,
        "held": one.held,
        "wrapupRequired": one.wrapup_required,
        "wrapupPrompt": "optional" if one.wrapup_required else None,
        "wrapupSkipped": one.wrapup_skipped or None,
        "wrapup": wrapup(one.wrapup),
        "startAcwTime": stamped(one.acw_start),
        "endAcwTime": stamped(one.acw_end),
        "mediaRoles": ["full"],
        "attributes": dict(one.attributes),
        "alertingTimeoutMs": one.alerting_timeout_ms,
        "provider": "Edge",
        "peer": one.peer_id,
        "muted": one.muted,
        "confined": one.confined,
        "recording": one.recording,
        "recordingState": one.recording_state,
        "securePause": one.secure_pause,
        "ani": one.ani,
        "dnis": one.dnis,
        "consultParticipantId": one.consult_participant_id,
        "bargedParticipantId": one.barged_participant_id,
        "bargedTime": stamped(one.barged_time),
        "transferSource": one.transfer_source,
    }


def conversation(known: Conversation, people: People) -> Wire:
    """Conversation: what `GET conversations/{id}` answers; the legs' states are inside `calls`."""
    return present(
        {
            "id": known.id,
            "startTime": stamp(known.start_time),
            "endTime": stamped(known.end_time),
            "address": known.address,
            "participants": [participant(one, known.media, people) for one in known.participants],
            "conversationIds": [],
            "maxParticipants": 0,
            "recordingState": known.recording_state.upper(),
            "divisions": divisions(known, reference),
            "recentTransfers": [],
            "securePause": known.secure_pause,
            "selfUri": f"{CONVERSATIONS}/{known.id}",
        }
    )


def participant(one: Participant, media: Media, people: People) -> Wire:
    """Participant of a Conversation."""
    queue = people.queues.get(one.queue_id or "")
    shape = _whole_participant(one) | {
        "startTime": stamp(one.start_time),
        "userUri": None if one.user_id is None else f"/api/v2/users/{one.user_id}",
        "queueName": None if queue is None else queue.name,
        "participantType": "Internal" if one.user_id else "External",
        "ani": one.ani,
        "dnis": one.dnis,
        "wrapupSkipped": one.wrapup_skipped or None,
        MEDIA_MEMBER[media]: [call(one) if media == "call" else other_media(one)],
    }
    return present(shape)


def conversation_event(known: Conversation) -> Wire:
    """ConversationEventTopicConversation."""
    return present(
        {
            "id": known.id,
            "maxParticipants": 0,
            "participants": [conversation_event_participant(one, known.media) for one in known.participants],
            "recentTransfers": [],
            "recordingState": known.recording_state,
            "address": known.address,
            "securePause": known.secure_pause,
            "divisions": divisions(known, lambda _, identity: bare_reference(identity)),
        }
    )


def conversation_event_participant(one: Participant, media: Media) -> Wire:
    medium = call_in_event(one) if media == "call" else other_media(one)
    return present(_whole_participant(one) | {MEDIA_MEMBER[media]: [medium]})


def _whole_participant(one: Participant) -> Wire:
    return {
        "id": one.id,
        "name": one.name,
        "connectedTime": stamped(one.connected_time),
        "endTime": stamped(one.end_time),
        "userId": one.user_id,
        "queueId": one.queue_id,
        "teamId": one.team_id,
        "purpose": one.purpose,
        "address": one.address,
        "wrapupRequired": one.wrapup_required,
        "wrapupPrompt": "optional" if one.wrapup_required else None,
        "wrapup": wrapup(one.wrapup),
        "startAcwTime": stamped(one.acw_start),
        "endAcwTime": stamped(one.acw_end),
        "mediaRoles": ["full"],
        "alertingTimeoutMs": one.alerting_timeout_ms,
        "consultParticipantId": one.consult_participant_id,
        "bargedParticipantId": one.barged_participant_id,
        "attributes": dict(one.attributes),
    }


def call(one: Participant) -> Wire:
    """Call of a Participant: one communication."""
    shape = _communication(one) | {
        "startAlertingTime": stamped(one.alerting_time),
        "disconnectType": one.disconnect_type,
        "segments": [],
    }
    return present(shape)


def call_in_event(one: Participant) -> Wire:
    return present(_communication(one) | {"disconnectType": _event_disconnect(one)})


def _communication(one: Participant) -> Wire:
    address = {"name": one.name, "addressNormalized": one.address, "addressRaw": one.address}
    return {
        "id": one.communication_id,
        "state": one.state,
        "initialState": one.initial_state,
        "direction": one.direction,
        "recording": one.recording,
        "recordingState": one.recording_state,
        "muted": one.muted,
        "confined": one.confined,
        "held": one.held,
        "securePause": one.secure_pause,
        "startHoldTime": stamped(one.hold_time),
        "connectedTime": stamped(one.connected_time),
        "disconnectedTime": stamped(one.end_time),
        "provider": "Edge",
        "peerId": one.peer_id,
        "self": address,
        "wrapup": wrapup(one.wrapup),
        "afterCallWorkRequired": one.wrapup_required,
        "transferSource": one.transfer_source,
    }


def other_media(one: Participant) -> Wire:
    """Chats and e-mails: known to exist, without call control."""
    return present(
        {
            "id": one.communication_id,
            "state": one.state,
            "direction": one.direction,
            "held": one.held,
            "connectedTime": stamped(one.connected_time),
            "disconnectedTime": stamped(one.end_time),
            "provider": "PureCloud",
            "peerId": one.peer_id,
        }
    )


def wrapup(given: Wrapup | None) -> Wire | None:
    if given is None:
        return None
    return present(
        {
            "code": given.code,
            "name": given.name,
            "notes": given.notes,
            "tags": list(given.tags) or None,
            "durationSeconds": given.duration_seconds,
            "endTime": stamped(given.end_time),
            "provisional": given.provisional,
        }
    )


def divisions(known: Conversation, refer: Callable[[str, str], Wire | None]) -> list[Wire]:
    return [
        {
            "division": refer("authorization/divisions", division_id),
            "entities": [refer("users", user_id) for user_id in user_ids],
        }
        for division_id, user_ids in known.division_users
    ]


def _event_disconnect(one: Participant) -> str | None:
    kind = one.disconnect_type
    return None if kind is None else EVENT_DISCONNECTS.get(kind, kind)
