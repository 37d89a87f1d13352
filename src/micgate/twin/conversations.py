"""Reads and changes of conversations: /api/v2/conversations/..."""

from collections.abc import Callable
from typing import Literal

import msgspec

from micgate.twin import answers
from micgate.twin.calls import Wrapup
from micgate.twin.changes import CallChange, Change
from micgate.twin.exchange import ACCEPTED, Answer, json_answer, moment
from micgate.twin.listings import paged
from micgate.twin.refusals import bad_request, not_found
from micgate.twin.routes import Ask, Route

CallState = Literal[
    "alerting", "dialing", "contacting", "offering", "connected", "disconnected", "terminated", "converting",
    "uploading", "transmitting", "parked", "none",
]  # fmt: skip
Recording = Literal["ACTIVE", "PAUSED", "NONE"]
SpeakTo = Literal["DESTINATION", "OBJECT", "BOTH", "CONFERENCE"]


class WrapupInput(msgspec.Struct, rename="camel"):
    code: str | None = None
    name: str | None = None
    notes: str | None = None
    tags: list[str] | None = None
    duration_seconds: int | None = None
    end_time: str | None = None
    provisional: bool | None = None


class MediaParticipantRequest(msgspec.Struct, rename="camel"):
    """Every member is optional; null and absent mean the same."""

    muted: bool | None = None
    held: bool | None = None
    confined: bool | None = None
    recording: bool | None = None
    state: CallState | None = None
    wrapup: WrapupInput | None = None
    wrapup_skipped: bool | None = None
    resume_time: str | None = None

    def change(self) -> Change:
        """Raises Refusal (400)."""
        if self.resume_time is not None:
            moment(self.resume_time)
        return Change(
            muted=self.muted,
            held=self.held,
            confined=self.confined,
            recording=self.recording,
            state=self._wanted_state(),
            wrapup=None if self.wrapup is None else _wrapup(self.wrapup),
            wrapup_skipped=self.wrapup_skipped,
        )

    def _wanted_state(self) -> str | None:
        if self.state in {None, "connected", "disconnected"}:
            return self.state
        raise bad_request(
            f"state {self.state} cannot be set, use connected or disconnected.", code="invalid.value"
        )


class ConversationBody(msgspec.Struct, rename="camel"):
    recording_state: Recording | None = None
    state: CallState | None = None


class SetRecordingState(msgspec.Struct, rename="camel"):
    recording_state: Recording | None = None


class ConsultTransferUpdate(msgspec.Struct, rename="camel"):
    speak_to: SpeakTo
    consulting_user_id: str | None = None


def list_conversations(ask: Ask) -> Answer:
    medium = (ask.query.text("communicationType") or "").lower()
    known = ask.world.access.own(ask.caller, media=medium or None)
    people = ask.world.people
    return _listing(ask, [answers.conversation(one, people) for one in known])


def list_calls(ask: Ask) -> Answer:
    people = ask.world.people
    known = ask.world.access.own(ask.caller, media="call")
    return _listing(ask, [answers.call_conversation(one, people) for one in known])


def _listing(ask: Ask, entities: list[answers.Wire]) -> Answer:
    total = len(entities)
    return json_answer(paged(entities, path=ask.path, size=max(1, total), number=1, total=total))


def get_conversation(ask: Ask) -> Answer:
    known = ask.world.access.conversation(ask.caller, ask.params[0])
    return json_answer(answers.conversation(known, ask.world.people))


def get_call(ask: Ask) -> Answer:
    known = ask.world.access.call(ask.caller, ask.params[0])
    return json_answer(answers.call_conversation(known, ask.world.people))


def patch_call(ask: Ask) -> Answer:
    wanted = ask.read(ConversationBody)
    changed = ask.world.changes.patch_call(
        ask.caller,
        conversation_id=ask.params[0],
        change=CallChange(recording_state=wanted.recording_state, state=wanted.state),
        request_id=ask.correlation_id,
        forget=ask.forget,
    )
    return json_answer(answers.conversation(changed, ask.world.people))


def patch_call_participant(ask: Ask) -> Answer:
    return _patch_participant(ask, any_media=False)


def patch_any_participant(ask: Ask) -> Answer:
    return _patch_participant(ask, any_media=True)


def _patch_participant(ask: Ask, *, any_media: bool) -> Answer:
    ask.world.changes.patch_participant(
        ask.caller,
        conversation_id=ask.params[0],
        participant_id=ask.params[1],
        change=ask.read(MediaParticipantRequest).change(),
        request_id=ask.correlation_id,
        any_media=any_media,
        forget=ask.forget,
    )
    return ACCEPTED


def patch_on_behalf(ask: Ask) -> Answer:
    ask.world.changes.patch_on_behalf(
        ask.caller,
        conversation_id=ask.params[0],
        participant_id=ask.params[1],
        user_id=ask.params[2],
        change=ask.read(MediaParticipantRequest).change(),
        request_id=ask.correlation_id,
        forget=ask.forget,
    )
    return ACCEPTED


def patch_communication(ask: Ask) -> Answer:
    """Made for hanging up one communication; every participant here has one."""
    change = ask.read(MediaParticipantRequest).change()
    conversation_id, participant_id, communication_id = ask.params
    known = ask.world.access.call(ask.caller, conversation_id)
    one = known.participant(participant_id)
    if one is None or one.communication_id != communication_id:
        raise not_found("communication", communication_id)
    ask.world.changes.patch_participant(
        ask.caller,
        conversation_id=conversation_id,
        participant_id=participant_id,
        change=change,
        request_id=ask.correlation_id,
        forget=ask.forget,
    )
    return json_answer({})


def patch_consult(ask: Ask) -> Answer:
    """Who hears whom during a consult; answers the participant that was consulted."""
    wanted = ask.read(ConsultTransferUpdate)
    known = ask.world.changes.speak_to(
        ask.caller,
        conversation_id=ask.params[0],
        participant_id=ask.params[1],
        speak_to=wanted.speak_to,
        request_id=ask.correlation_id,
        forget=ask.forget,
    )
    return json_answer({"destinationParticipantId": known})


def put_recording_state(ask: Ask) -> Answer:
    wanted = ask.read(SetRecordingState)
    if wanted.recording_state is None:
        raise bad_request("recordingState is required.")
    state = ask.world.changes.put_recording_state(
        ask.caller,
        conversation_id=ask.params[0],
        state=wanted.recording_state,
        request_id=ask.correlation_id,
        forget=ask.forget,
    )
    return json_answer(state)


def _wrapup(given: WrapupInput) -> Wrapup:
    return Wrapup(
        code=given.code,
        name=given.name,
        notes=given.notes,
        tags=tuple(given.tags or ()),
        duration_seconds=given.duration_seconds,
        provisional=given.provisional,
    )


_CALL = "/api/v2/conversations/calls/{conversationId}"
_LEG = _CALL + "/participants/{participantId}"


def _route(method: str, path: str, do: Callable[[Ask], Answer]) -> Route:
    return Route(method=method, path=path, do=do, area="conversations")


ROUTES = (
    _route("GET", "/api/v2/conversations", list_conversations),
    _route("GET", "/api/v2/conversations/calls", list_calls),
    _route("GET", "/api/v2/conversations/{conversationId}", get_conversation),
    _route("GET", _CALL, get_call),
    _route("PATCH", _CALL, patch_call),
    _route("PATCH", _LEG, patch_call_participant),
    _route("PATCH", _LEG + "/user/{userId}", patch_on_behalf),
    _route("PATCH", _LEG + "/communications/{communicationId}", patch_communication),
    _route("PATCH", _LEG + "/consult", patch_consult),
    _route(
        "PATCH", "/api/v2/conversations/{conversationId}/participants/{participantId}", patch_any_participant
    ),
    _route("PUT", _CALL + "/recordingstate", put_recording_state),
)
