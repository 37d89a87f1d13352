"""Does a mute take effect here, and does the platform tell? Two seconds on a live call.

Only an open microphone is closed: whoever closed one meant it.
"""

import time
from collections.abc import Callable

import msgspec

from micgate.doctor import places
from micgate.doctor.case import Case, Heard, Socket
from micgate.doctor.finding import Fact, Finding, fail, from_error, ok, skipped, warn
from micgate.doctor.probe import find
from micgate.genesys import requests
from micgate.genesys.errors import GenesysError
from micgate.genesys.io import drive
from micgate.genesys.locate import Call
from micgate.genesys.models import Channel
from micgate.genesys.notifications import Line, Observation, calls_topic

AUDIBLE_SECONDS = 2.0
EVENT_SECONDS = 3.0


class Flipped(msgspec.Struct, frozen=True, kw_only=True):
    """What became of closing a microphone for a while.

    `asked_at` is when, by `time.monotonic`; `given_back` is false when it may still be closed.
    """

    asked_at: float
    confirmed_ms: float | None = None
    given_back: bool = False
    how: str = ""
    error: Exception | None = None


Flip = Callable[[Call, float], Flipped]
"""Close this microphone for so many seconds and give it back, in every case."""


def audible(case: Case, ref: str, *, flip: Flip) -> Finding:
    """Closes the microphone for two seconds, waits for the event, gives it back."""
    call, finding = find(case, ref)
    if call is None:
        return finding
    if call.muted is not False:
        return skipped("audible", "The microphone is not open, and micgate opens none that it did not close.")
    if case.channel is None or call.user_id is None:
        return _judge_flip(flip(call, AUDIBLE_SECONDS), heard=None)
    return _flip_and_listen(case, call, case.channel, flip=flip)


def _flip_and_listen(case: Case, call: Call, channel: Channel, *, flip: Flip) -> Finding:
    topic = calls_topic(call.user_id or "")
    try:
        drive(_subscribe(case, channel.id, topic))
        with case.listen(channel.connect_uri or "") as socket:
            flipped = flip(call, AUDIBLE_SECONDS)
            heard = _heard(socket, call, since=flipped.asked_at) if flipped.confirmed_ms else {}
    except GenesysError as error:
        return from_error("audible", error)
    return _judge_flip(flipped, heard=heard)


async def _subscribe(case: Case, channel_id: str, topic: str) -> None:
    await case.io.send(requests.put_subscriptions(channel_id, (topic,)))


def _heard(socket: Socket, call: Call, *, since: float) -> dict[bool, float]:
    """Milliseconds from the start to the first event with each value; waits for those still missing."""
    heard: dict[bool, float] = {}
    until = time.monotonic() + EVENT_SECONDS
    while len(heard) < 2 and (message := socket.hear(until - time.monotonic())):  # noqa: PLR2004 -- muted and not
        muted = _muted(message, call)
        if muted is not None and (muted or True in heard):
            heard.setdefault(muted, (message.at - since) * 1000)
    return heard


def _muted(message: Heard, call: Call) -> bool | None:
    observation = Line(now=message.at).received(message.text, message.at)
    conversation = observation.conversation if isinstance(observation, Observation) else None
    if conversation is None or conversation.id != call.conversation_id:
        return None
    end = conversation.participant(call.participant_id)
    return end.muted if end else None


def _judge_flip(flipped: Flipped, *, heard: dict[bool, float] | None) -> Finding:
    facts: dict[str, Fact] = {
        "confirmed_ms": flipped.confirmed_ms,
        "event_ms": round(heard[True], 1) if heard and True in heard else None,
        "given_back": flipped.given_back,
        "how": flipped.how,
    }
    if not flipped.given_back:
        return fail(
            "audible",
            f"THE MICROPHONE MAY STILL BE CLOSED ({flipped.how}). {flipped.error or ''}",
            "Tell the agent to press the mute button; micgate unmute tries it again.",
            **facts,
        )
    if flipped.confirmed_ms is None:
        return fail(
            "audible", f"It did not take effect. {flipped.error or ''}", "See the finding above.", **facts
        )
    if heard is not None and True not in heard:
        return warn(
            "audible",
            "The microphone closed and opened again, but no event told of it: watch does not work here.",
            f"{places.ROLES}: see which topics are refused; the channel must pass the proxy unchanged.",
            **facts,
        )
    proof = f"event after {heard[True]:.0f} ms" if heard else "seen by a read; no channel listened"
    return ok(
        "audible",
        f"The microphone closed ({flipped.confirmed_ms:.0f} ms, {proof}) and is open again.",
        **facts,
    )
