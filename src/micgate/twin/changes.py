"""What requests to the vendor's API change: checked at once, done a little later."""

from functools import partial

import msgspec

from micgate.twin import legs, refusals
from micgate.twin.access import Access, Caller
from micgate.twin.calls import Conversation, Participant, Wrapup
from micgate.twin.floor import Floor

PARTICIPANT_PERMISSIONS = (
    "conversation:participant:wrapup",
    "conversation:call:record",
    "conversation:communication:disconnect",
)
ON_BEHALF_PERMISSIONS = (*PARTICIPANT_PERMISSIONS, "conversation:agentlessCall:add")
CALL_PERMISSIONS = ("conversation:communication:disconnect", "conversation:recording:pause")
PAUSE_OTHERS = "conversation:recording:pauseOthers"
SPEAK_TO = ("DESTINATION", "OBJECT", "BOTH", "CONFERENCE")
RECORDING_STATES = {"PAUSED": True, "ACTIVE": False}


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """A MediaParticipantRequest: each member present is one action."""

    muted: bool | None = None
    held: bool | None = None
    confined: bool | None = None
    recording: bool | None = None
    state: str | None = None
    wrapup: Wrapup | None = None
    wrapup_skipped: bool | None = None

    @property
    def for_live_legs(self) -> bool:
        """Whether it asks for something that only a connected leg can do."""
        return not {self.muted, self.held, self.confined, self.recording} <= {None}


class CallChange(msgspec.Struct, frozen=True, kw_only=True):
    """The members of a `Conversation` body that PATCH conversations/calls/{id} acts on."""

    recording_state: str | None = None
    state: str | None = None


class Changes:
    """`forget` checks everything and then does nothing (fault accept_then_forget). All raise Refusal."""

    def __init__(self, floor: Floor, access: Access) -> None:
        self._floor = floor
        self._access = access
        self._last_due: dict[str, float] = {}

    def patch_participant(
        self,
        caller: Caller,
        *,
        conversation_id: str,
        participant_id: str,
        change: Change,
        request_id: str,
        any_media: bool = False,
        forget: bool = False,
    ) -> None:
        """The plain PATCH; `any_media` for the one under /conversations/{id}. Answer 202."""
        _check(change)
        behaviour = self._floor.behaviour
        if caller.user_id is None and behaviour.plain_without_user == "not_authorized":
            raise refusals.not_authorized()
        if caller.user_id is None:
            raise refusals.conversation_forbidden(conversation_id)
        conversation = self._access.find(caller, conversation_id, media=None if any_media else "call")
        leg = _leg(conversation, participant_id)
        if not self._may_patch(caller.user_id, conversation, leg):
            raise refusals.not_authorized()
        if leg.user_id != caller.user_id or behaviour.own_leg_without_permission == "forbid":
            caller.needs_any(*PARTICIPANT_PERMISSIONS)
        self._accept(conversation, leg, change, request_id=request_id, forget=forget)

    def patch_on_behalf(
        self,
        caller: Caller,
        *,
        conversation_id: str,
        participant_id: str,
        user_id: str,
        change: Change,
        request_id: str,
        forget: bool = False,
    ) -> None:
        """PATCH .../participants/{participantId}/user/{userId}. Answer 202.

        Refusals in this order: value, permission, conversation, participant, user, state.
        """
        _check(change)
        caller.needs_any(*ON_BEHALF_PERMISSIONS)
        behaviour = self._floor.behaviour
        if behaviour.on_behalf == "forbid":
            raise refusals.not_authorized()
        conversation = self._access.find(caller, conversation_id, media="call")
        caller.needs_any(*ON_BEHALF_PERMISSIONS, divisions=self._access.divisions(conversation))
        leg = _leg(conversation, participant_id)
        if user_id not in conversation.user_ids:
            raise refusals.user_not_in_conversation(user_id)
        if leg.user_id != user_id and behaviour.on_behalf_other_user == "forbid":
            raise refusals.not_authorized()
        ignored = forget or behaviour.on_behalf == "ignore"
        self._accept(conversation, leg, change, request_id=request_id, forget=ignored)

    def patch_call(
        self,
        caller: Caller,
        *,
        conversation_id: str,
        change: CallChange,
        request_id: str,
        forget: bool = False,
    ) -> Conversation:
        """PATCH conversations/calls/{id}: recording state, or `state: disconnected` for all. At once."""
        pause = _pause(change.recording_state)
        if change.state not in (None, "disconnected"):
            raise refusals.bad_request(f"Invalid value for state: {change.state}", code="invalid.value")
        caller.needs_any(*CALL_PERMISSIONS)
        conversation = self._access.find(caller, conversation_id, media="call")
        if caller.user_id is None or not _is_party(caller.user_id, conversation):
            raise refusals.not_authorized()
        if pause is not None:
            caller.needs_any("conversation:recording:pause")
        if forget:
            return conversation
        if pause is not None:
            conversation = legs.paused(conversation, value=pause)
        if change.state is not None:
            caller.needs_any("conversation:communication:disconnect")
            conversation = legs.ended(conversation, now=self._floor.clock.now, why="client")
        return self._floor.commit(conversation, cause="request", request_id=request_id)

    def put_recording_state(
        self, caller: Caller, *, conversation_id: str, state: str, request_id: str, forget: bool = False
    ) -> str:
        """PUT recordingstate, for callers that are no party. At once; answers PAUSED or ACTIVE."""
        pause = _pause(state)
        if pause is None:
            raise refusals.bad_request("recordingState is required", code="invalid.value")
        caller.needs_any(PAUSE_OTHERS)
        conversation = self._access.find(caller, conversation_id, media="call")
        caller.needs_any(PAUSE_OTHERS, divisions=self._access.divisions(conversation))
        if conversation.ended:
            raise refusals.wrong_state(409, conversation_id, "disconnected")
        if not forget:
            changed = legs.paused(conversation, value=pause)
            self._floor.commit(changed, cause="request", request_id=request_id)
        return state

    def speak_to(
        self,
        caller: Caller,
        *,
        conversation_id: str,
        participant_id: str,
        speak_to: str,
        request_id: str,
        forget: bool = False,
    ) -> str:
        """PATCH .../participants/{participantId}/consult: who hears the consulting agent. At once.

        Answers the participant that was consulted.
        """
        if speak_to not in SPEAK_TO:
            raise refusals.bad_request(f"Invalid value for speakTo: {speak_to}", code="invalid.value")
        conversation = self._access.find(caller, conversation_id, media="call")
        if caller.user_id is None or not _is_party(caller.user_id, conversation):
            raise refusals.not_authorized()
        leg = _leg(conversation, participant_id)
        consulted = legs.newest(
            conversation.participants, lambda one: one.consult_participant_id == leg.id and not one.ended
        )
        if consulted is None:
            raise refusals.wrong_state(409, leg.id, leg.state)
        if not forget:
            spoken = legs.put_aside(conversation, aside=speak_to == "DESTINATION")
            spoken = legs.confined(spoken, consulted.id, value=speak_to == "OBJECT")
            self._floor.commit(spoken, cause="request", request_id=request_id)
        return consulted.id

    def _may_patch(self, user_id: str, conversation: Conversation, leg: Participant) -> bool:
        if leg.user_id == user_id:
            return True
        own = [one for one in conversation.legs(user_id) if not one.ended]
        barged = all(one.barged_participant_id is not None for one in own)
        return bool(own) and (not barged or self._floor.behaviour.barged_may_mute)

    def _accept(
        self,
        conversation: Conversation,
        leg: Participant,
        change: Change,
        *,
        request_id: str,
        forget: bool,
    ) -> None:
        refuse = self._floor.behaviour.not_connected
        if _out_of_reach(leg, change):
            if refuse == "ignore":
                return
            raise refusals.wrong_state(refuse, leg.id, leg.state)
        if not forget:
            apply = partial(self._apply, conversation.id, leg.id, change, request_id)
            self._floor.clock.at(self._due(leg.id), apply)

    def _due(self, leg_id: str) -> float:
        """When an accepted change takes effect: not before an earlier one, unless a knob says so."""
        shortest, longest = self._floor.behaviour.apply_ms
        due = self._floor.clock.now + self._floor.lags.uniform(shortest, longest) / 1000
        if self._floor.behaviour.apply_order == "any":
            return due
        self._last_due[leg_id] = max(due, self._last_due.get(leg_id, 0.0))
        return self._last_due[leg_id]

    def _apply(self, conversation_id: str, leg_id: str, change: Change, request_id: str) -> None:
        if self._last_due.get(leg_id, 0.0) <= self._floor.clock.now:
            self._last_due.pop(leg_id, None)
        conversation = self._floor.calls.get(conversation_id)
        leg = None if conversation is None else conversation.participant(leg_id)
        if conversation is None or leg is None or _out_of_reach(leg, change):
            return
        after = self._changed(conversation, leg, change)
        always = self._floor.behaviour.same_value_event
        self._floor.commit(after, cause="request", request_id=request_id, always=always)

    def _changed(self, conversation: Conversation, leg: Participant, change: Change) -> Conversation:
        now, survives = self._floor.clock.now, self._floor.behaviour.mute_survives_hold
        if change.state == "connected" and not leg.connected:
            conversation = legs.answered(conversation, leg.id, now=now)
        if change.held is True:
            conversation = legs.held(conversation, leg.id, now=now, mute_survives=survives)
        if change.held is False:
            conversation = legs.retrieved(conversation, leg.id)
        if change.confined is not None:
            conversation = legs.confined(conversation, leg.id, value=change.confined)
        if change.recording is not None:
            conversation = legs.recorded(conversation, leg.id, value=change.recording)
        if change.muted is not None:
            conversation = legs.muted(conversation, leg.id, value=change.muted)
        if change.wrapup_skipped:
            conversation = legs.wrapup_skipped(conversation, leg.id, now=now)
        if change.wrapup is not None:
            conversation = legs.noted(conversation, leg.id, change.wrapup, now=now)
        if change.state == "disconnected":
            conversation = legs.left(conversation, leg.id, now=now)
        return conversation


def _check(change: Change) -> None:
    if change.state not in (None, "connected", "disconnected"):
        raise refusals.bad_request(f"Invalid value for state: {change.state}", code="invalid.value")


def _pause(state: str | None) -> bool | None:
    """True for a pause, False for its end. Raises Refusal for anything else that was said."""
    if state is None:
        return None
    if state not in RECORDING_STATES:
        raise refusals.bad_request(f"Invalid value for recordingState: {state}", code="invalid.value")
    return RECORDING_STATES[state]


def _leg(conversation: Conversation, participant_id: str) -> Participant:
    leg = conversation.participant(participant_id)
    if leg is None:
        raise refusals.not_found("participant", participant_id)
    return leg


def _is_party(user_id: str, conversation: Conversation) -> bool:
    return any(not leg.ended for leg in conversation.legs(user_id))


def _out_of_reach(leg: Participant, change: Change) -> bool:
    """Whether the leg is in no state to do all of it."""
    if change.for_live_legs and not leg.connected and change.state != "connected":
        return True
    return change.state is not None and leg.ended
