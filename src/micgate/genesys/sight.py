"""Seeing that a change took effect: by event where a channel watches, else by reads.

The vendor accepts a change with 202 and applies it a little later; its own clients wait for the conversation
event (repository `genesys-cloud-webrtc-sdk`, `src/sessions/softphone-session-handler.ts`).
"""

from math import ceil
from typing import Literal

import msgspec

from micgate.genesys.absence import ended_unseen
from micgate.genesys.errors import Away, GenesysError, RateLimited, Unconfirmed
from micgate.genesys.io import Io
from micgate.genesys.locate import read_call
from micgate.genesys.models import BEFORE_STATES
from micgate.genesys.reading import Call, with_end

SeenBy = Literal["event", "read"]

_EVENT_PATIENCE = 1.0
"""How long a watching channel is given before a read, in seconds: events normally take 50 to 300 ms."""
_READ_AT = (0.0, 0.1, 0.25, 0.5, 1.0, 2.0)
_THEN_EVERY = 2.0
_READ_TIMEOUT, _LEAST_TIMEOUT = 3.0, 1.0


class Sighting(msgspec.Struct, frozen=True, kw_only=True):
    """What was last seen of a call. `fresh` says that it was seen since the looking began."""

    call: Call
    as_wanted: bool = False
    fresh: bool = False
    by: SeenBy = "read"
    error: GenesysError | None = None


async def look(io: Io, call: Call, muted: bool, *, until: float) -> Sighting:  # noqa: FBT001 -- as set_muted
    """Look until the call is seen with this value, has ended, or `until` (of `io.monotonic`) has come."""
    began = io.monotonic()
    sighting = await _watch(io, Sighting(call=call), muted, until=min(until, began + _EVENT_PATIENCE))
    while not _decided(sighting):
        sighting = await _read(io, sighting, muted, until=until)
        now = io.monotonic()
        if _decided(sighting) or now >= until:
            break
        sighting = await _pause(io, sighting, muted, until=min(until, next_read(began, now)))
    return sighting


async def confirm(io: Io, call: Call, muted: bool, *, until: float) -> Call:  # noqa: FBT001 -- as set_muted
    """The call as soon as it is seen with this value.

    Raises `Unconfirmed` at `until` (of `io.monotonic`), and `NotConnected` when the call has ended.
    """
    sighting = await look(io, call, muted, until=until)
    if sighting.as_wanted:
        return sighting.call
    raise not_seen(call, sighting, muted, answered=True)


def next_read(began: float, now: float) -> float:
    """When to read next: often at first, since a change normally takes a third of a second, then seldom."""
    elapsed = now - began
    for offset in _READ_AT:
        if offset > elapsed:
            return began + offset
    return now + _THEN_EVERY


def not_seen(
    before: Call,
    sighting: Sighting,
    muted: bool,  # noqa: FBT001 -- as set_muted
    *,
    answered: bool,
    correlation_id: str | None = None,
    lost: GenesysError | None = None,
) -> GenesysError:
    """Why a change was not seen. `answered` says that the platform took the command; `lost` is what came
    instead of an answer.
    """
    call = sighting.call
    if call.ended:
        return ended_unseen(call, muted=muted)
    cause = _cause(before, sighting, answered=answered)
    why, remedy = _TEXTS[cause]
    hidden_by = (sighting.error or lost) if cause in {"away", "unread"} else None
    if hidden_by is not None:
        why = hidden_by.what.rstrip(".")
        remedy = hidden_by.remedy if cause == "unread" else remedy
    done = "muted" if muted else "un-muted"
    return Unconfirmed(
        f"The platform has not reported the microphone {done}: {why}.",
        means="It may be either way. Nothing was sent again blindly.",
        remedy=remedy,
        wanted=muted,
        seen=call.muted if sighting.fresh else None,
        cause=cause,
        conversation_id=call.conversation_id,
        participant_id=call.participant_id,
        correlation_id=correlation_id or (sighting.error.correlation_id if sighting.error else None),
    )


_TEXTS = {
    "away": (
        "it cannot be reached, or did not answer",
        "Look again when Genesys Cloud answers; its status page and your network say more.",
    ),
    "unread": ("what would show it may not be read", "Look at the role of this OAuth client or person."),
    "alerting": ("this end is not connected yet", "Try again when the call is answered."),
    "transferring": (
        "the agent's end of the call changed meanwhile",
        "Try again: the new end is found by itself.",
    ),
    "held": ("the call is on hold", "Try again when the agent has taken it back from hold."),
    "stale": (
        "what it reports does not say whether this end is muted",
        "Try again; if it stays so, the role may not see all of this call.",
    ),
    "ignored": (
        "it accepted the request and did nothing",
        "Perhaps the organization does not honour this way of muting: use a token of the agent, or ask them.",
    ),
}


def _cause(before: Call, sighting: Sighting, *, answered: bool) -> str:
    call = sighting.call
    if sighting.error is not None and not _passing(sighting.error):
        return "unread"
    if sighting.error is not None or not sighting.fresh or not answered:
        return "away"
    if call.state in BEFORE_STATES:
        return "alerting"
    if call.participant_id != before.participant_id:
        return "transferring"
    if call.held:
        return "held"
    return "stale" if call.muted is None else "ignored"


def _decided(sighting: Sighting) -> bool:
    gone = sighting.fresh and sighting.by == "read" and sighting.call.ended
    return sighting.as_wanted or gone or (sighting.error is not None and not _passing(sighting.error))


def _passing(error: GenesysError) -> bool:
    return isinstance(error, (Away, RateLimited))


async def _watch(io: Io, sighting: Sighting, muted: bool, *, until: float) -> Sighting:  # noqa: FBT001 -- as set_muted
    """Take in events until one shows the value; back at once when no channel watches."""
    while not sighting.as_wanted:
        end = await io.observed(
            conversation_id=sighting.call.conversation_id,
            participant_id=sighting.call.participant_id,
            seconds=max(0.0, until - io.monotonic()),
        )
        if end is None:
            break
        call = with_end(sighting.call, end, at=io.monotonic())
        sighting = Sighting(call=call, as_wanted=call.live and call.muted is muted, fresh=True, by="event")
    return sighting


async def _pause(io: Io, sighting: Sighting, muted: bool, *, until: float) -> Sighting:  # noqa: FBT001 -- as set_muted
    sighting = await _watch(io, sighting, muted, until=until)
    left = until - io.monotonic()
    if left > 0 and not sighting.as_wanted:
        await io.sleep(left)
    return sighting


async def _read(io: Io, sighting: Sighting, muted: bool, *, until: float) -> Sighting:  # noqa: FBT001 -- as set_muted
    """One try: the loop is what retries."""
    within = min(_READ_TIMEOUT, max(_LEAST_TIMEOUT, float(ceil(until - io.monotonic()))))
    try:
        call = await read_call(io, sighting.call, within=within)
    except GenesysError as error:
        return msgspec.structs.replace(sighting, error=error)
    return Sighting(call=call, as_wanted=call.live and call.muted is muted, fresh=True)
