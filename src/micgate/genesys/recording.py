"""The secure pause of a recording. It is not a mute: the customer still hears the agent.

The operation that needs no participant: https://developer.genesys.cloud/forum/t/
secure-pause-recordings-without-being-a-conversation-s-participant/14779
"""

from collections.abc import Callable

import msgspec

from micgate.genesys.commands import Command, Outcome, Witness, carry_out
from micgate.genesys.errors import Away, GenesysError, RateLimited, Unconfirmed
from micgate.genesys.io import Io
from micgate.genesys.reading import read
from micgate.genesys.requests import set_recording_state as set_recording_state_request
from micgate.genesys.sight import next_read

_DOUBT = 1.5


class _Seen(msgspec.Struct, frozen=True, kw_only=True):
    paused: bool | None = None
    fresh: bool = False
    error: GenesysError | None = None


async def set_recording_state(
    io: Io,
    conversation_id: str,
    *,
    paused: bool,
    witness: Witness,
    new_id: Callable[[], str],
    patience: float = 10.0,
) -> bool:
    """Start or end the secure pause, and return when the platform reports it: True when this changed it.

    False means that it was so already: whoever paused it owns the resume. Raises `Unconfirmed` and refusals.
    """
    deadline = io.monotonic() + patience
    reading = await read(io, conversation_id)
    if reading.conversation.securely_paused is paused:
        return False
    outcome = await _command(io, conversation_id, paused=paused, witness=witness, new_id=new_id)
    if outcome.kind == "unknown":
        doubt = min(deadline, io.monotonic() + _DOUBT)
        seen = await _look(io, conversation_id, paused=paused, until=doubt)
        if seen.paused is paused or not seen.fresh:
            return _concluded(conversation_id, seen, paused=paused)
        outcome = await _command(io, conversation_id, paused=paused, witness=witness, new_id=new_id)
    if outcome.error is not None and outcome.kind != "unknown":
        raise outcome.error
    seen = await _look(io, conversation_id, paused=paused, until=deadline)
    return _concluded(conversation_id, seen, paused=paused)


async def _command(
    io: Io, conversation_id: str, *, paused: bool, witness: Witness, new_id: Callable[[], str]
) -> Outcome:
    command = Command(
        id=new_id(),
        action="pause" if paused else "resume",
        conversation_id=conversation_id,
        at=io.now(),
    )
    return await carry_out(io, set_recording_state_request(conversation_id, paused=paused), command, witness)


async def _look(io: Io, conversation_id: str, *, paused: bool, until: float) -> _Seen:
    """Read until it is so, or `until` (of `io.monotonic`) has come."""
    began = io.monotonic()
    seen = _Seen()
    while True:
        try:
            seen = _Seen(paused=(await read(io, conversation_id)).conversation.securely_paused, fresh=True)
        except (Away, RateLimited) as error:
            seen = msgspec.structs.replace(seen, error=error)
        now = io.monotonic()
        if seen.paused is paused or now >= until:
            return seen
        await io.sleep(min(until, next_read(began, now)) - now)


def _concluded(conversation_id: str, seen: _Seen, *, paused: bool) -> bool:
    if seen.paused is paused:
        return True
    raise Unconfirmed(
        f"The platform has not reported the recording {'paused' if paused else 'resumed'}.",
        means="It may be either way.",
        remedy="Look at the call in Genesys Cloud, and try again.",
        wanted=paused,
        seen=seen.paused,
        cause="ignored" if seen.fresh else "away",
        conversation_id=conversation_id,
    ) from seen.error
