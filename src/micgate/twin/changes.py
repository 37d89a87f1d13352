"""What requests to the vendor's API change: checked at once, done a little later."""

import msgspec

from micgate.twin.access import Caller
from micgate.twin.calls import Conversation, Wrapup
from micgate.twin.floor import Floor
from micgate.twin.telephony import Telephony


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """A MediaParticipantRequest: each member present is one action."""

    muted: bool | None = None
    held: bool | None = None
    confined: bool | None = None
    recording: bool | None = None
    state: str | None = None
    wrapup: Wrapup | None = None
    wrapup_skipped: bool | None = None


class CallChange(msgspec.Struct, frozen=True, kw_only=True):
    """The members of a `Conversation` body that PATCH conversations/calls/{id} acts on."""

    recording_state: str | None = None
    state: str | None = None


class Changes:
    """`forget` checks everything and then does nothing (fault accept_then_forget). All raise Refusal."""

    def __init__(self, floor: Floor, telephony: Telephony) -> None:
        self._floor = floor
        self._telephony = telephony

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
        raise NotImplementedError

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
        """PATCH .../participants/{pid}/user/{uid}. Refusals in this order: permission, conversation, participant, user, state.
        Answer 202.
        """
        raise NotImplementedError

    def patch_call(
        self,
        caller: Caller,
        *,
        conversation_id: str,
        change: CallChange,
        request_id: str,
        forget: bool = False,
    ) -> Conversation:
        """PATCH conversations/calls/{id}: recording state, or `state: disconnected` for all. At once; answer 200."""
        raise NotImplementedError

    def put_recording_state(
        self, caller: Caller, *, conversation_id: str, state: str, request_id: str, forget: bool = False
    ) -> str:
        """PUT recordingstate, for callers that are no party. At once; answers the state as the vendor spells it (upper case)."""
        raise NotImplementedError
