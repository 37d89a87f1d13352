"""What can happen to the legs of a conversation: values in, values out."""

from collections.abc import Callable

from msgspec.structs import replace

from micgate.twin.calls import Conversation, Participant, RecordingState, Wrapup

_WAITING_ROOMS = ("acd", "ivr")


def changed(
    conversation: Conversation,
    wanted: Callable[[Participant], bool],
    change: Callable[[Participant], Participant],
) -> Conversation:
    """The conversation with every leg that is `wanted` changed."""
    return replace(
        conversation,
        participants=tuple(change(one) if wanted(one) else one for one in conversation.participants),
    )


def joined(conversation: Conversation, leg: Participant) -> Conversation:
    """One leg more, recorded like the rest when it is already connected."""
    conversation = replace(conversation, participants=(*conversation.participants, leg))
    return _record(conversation, leg.id) if leg.connected else conversation


def answered(conversation: Conversation, leg_id: str, *, now: float) -> Conversation:
    """A leg becomes connected: what still rings outside answers too, the queue lets go, and an agent who
    waited for this to hand over leaves.
    """
    leg = conversation.participant(leg_id)
    conversation = changed(
        conversation,
        lambda one: one.id == leg_id or (one.purpose in ("customer", "external") and one.state == "dialing"),
        lambda one: replace(one, state="connected", connected_time=now),
    )
    conversation = changed(
        conversation,
        lambda one: one.purpose in _WAITING_ROOMS and not one.ended,
        lambda one: _over(one, now=now, why="transfer"),
    )
    conversation = _record(conversation, leg_id)
    if leg is None or leg.completes is None:
        return conversation
    return put_aside(left(conversation, leg.completes, now=now, why="transfer.consult"), aside=False)


def held(conversation: Conversation, leg_id: str, *, now: float, mute_survives: bool) -> Conversation:
    return _one(
        conversation,
        leg_id,
        lambda leg: (
            leg if leg.held else replace(leg, held=True, hold_time=now, muted=leg.muted and mute_survives)
        ),
    )


def retrieved(conversation: Conversation, leg_id: str) -> Conversation:
    return _one(conversation, leg_id, lambda leg: replace(leg, held=False, hold_time=None))


def muted(conversation: Conversation, leg_id: str, *, value: bool) -> Conversation:
    return _one(conversation, leg_id, lambda leg: replace(leg, muted=value))


def confined(conversation: Conversation, leg_id: str, *, value: bool) -> Conversation:
    return _one(conversation, leg_id, lambda leg: replace(leg, confined=value))


def recorded(conversation: Conversation, leg_id: str, *, value: bool) -> Conversation:
    """Ad-hoc recording of one leg."""
    state: RecordingState = "active" if value else "none"
    return _one(conversation, leg_id, lambda leg: replace(leg, recording=value, recording_state=state))


def paused(conversation: Conversation, *, value: bool) -> Conversation:
    """A secure pause begins or ends. Nothing happens to a conversation that is not recorded."""
    state: RecordingState = "paused" if value else "active"
    if conversation.recording_state == "none":
        return conversation
    conversation = replace(conversation, recording_state=state, secure_pause=value)
    return changed(
        conversation,
        lambda one: one.recording and not one.ended,
        lambda one: replace(one, recording_state=state, secure_pause=value),
    )


def put_aside(conversation: Conversation, *, aside: bool) -> Conversation:
    """The outside world hears music while the inside talks, or comes back."""
    return changed(
        conversation,
        lambda one: one.purpose in ("customer", "external") and not one.ended,
        lambda one: replace(one, confined=aside),
    )


def left(conversation: Conversation, leg_id: str, *, now: float, why: str = "client") -> Conversation:
    """A leg ends; wrap-up begins where it is due. The rest ends as well when nobody is left to talk to."""
    conversation = _one(conversation, leg_id, lambda leg: _over(leg, now=now, why=why))
    present = [one for one in conversation.participants if not one.ended]
    if any(one.purpose in _WAITING_ROOMS for one in present) and len(present) > 1:
        return conversation
    if len(present) < 2:  # noqa: PLR2004 -- nobody talks to oneself
        return ended(conversation, now=now, why="peer")
    if not any(one.consult_participant_id for one in present):
        return put_aside(conversation, aside=False)
    return conversation


def ended(conversation: Conversation, *, now: float, why: str) -> Conversation:
    return changed(conversation, lambda one: not one.ended, lambda one: _over(one, now=now, why=why))


def wrapped_up(conversation: Conversation, leg_id: str, *, now: float) -> Conversation:
    return _one(conversation, leg_id, lambda leg: replace(leg, acw_end=now) if leg.in_acw else leg)


def wrapup_skipped(conversation: Conversation, leg_id: str, *, now: float) -> Conversation:
    conversation = _one(conversation, leg_id, lambda leg: replace(leg, wrapup_skipped=True))
    return wrapped_up(conversation, leg_id, now=now)


def noted(conversation: Conversation, leg_id: str, wrapup: Wrapup, *, now: float) -> Conversation:
    """A wrap-up code ends the wrap-up, unless it is provisional."""
    conversation = _one(conversation, leg_id, lambda leg: replace(leg, wrapup=wrapup))
    return conversation if wrapup.provisional else wrapped_up(conversation, leg_id, now=now)


def newest(legs: tuple[Participant, ...], wanted: Callable[[Participant], bool]) -> Participant | None:
    return next((leg for leg in reversed(legs) if wanted(leg)), None)


def _one(
    conversation: Conversation, leg_id: str, change: Callable[[Participant], Participant]
) -> Conversation:
    return changed(conversation, lambda one: one.id == leg_id, change)


def _over(leg: Participant, *, now: float, why: str) -> Participant:
    if leg.ended:
        return leg
    wraps_up = leg.wrapup_required and leg.connected and not leg.wrapup_skipped
    return replace(
        leg,
        state="terminated" if leg.purpose in _WAITING_ROOMS else "disconnected",
        end_time=now,
        disconnect_type=why,
        held=False,
        hold_time=None,
        confined=False,
        recording=False,
        recording_state="none",
        secure_pause=False,
        acw_start=now if wraps_up else None,
    )


def _record(conversation: Conversation, leg_id: str) -> Conversation:
    leg = conversation.participant(leg_id)
    if not conversation.recorded or leg is None or leg.user_id is None:
        return conversation
    state = conversation.recording_state
    conversation = replace(conversation, recording_state="active" if state == "none" else state)
    return _one(
        conversation,
        leg_id,
        lambda one: replace(
            one,
            recording=True,
            recording_state=conversation.recording_state,
            secure_pause=conversation.secure_pause,
        ),
    )
