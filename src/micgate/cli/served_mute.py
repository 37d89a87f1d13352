"""`micgate mute` where there is a service: it keeps the mute, so the command returns."""

import time

import msgspec

from micgate.cli import show, signals
from micgate.cli.standing import End, clock, conclude, members, until
from micgate.client.models import Mute
from micgate.client.requests import Wish
from micgate.client.sync import Gate
from micgate.settings import Settings

_FAILED, _NOT_CONFIRMED, _NO_CALL = 1, 3, 4


def run(gate: Gate, wish: Wish, settings: Settings, output: show.Output, *, wait: bool) -> int:
    """Place it, say so, and wait until the platform shows it."""
    began = time.monotonic()
    mute = gate.place(wish, wait=0.0)
    try:
        tell_placed(output, mute)
        mute = _read(gate, mute, settings) if wait else mute
        signals.rest()
    except signals.Stopped as stopped:
        return conclude_with(output, mute, _stopped(mute, stopped), confirmed_ms=None)
    took = (time.monotonic() - began) * 1000 if mute.confirmed else None
    if took and took > settings.slow_mute * 1000:
        output.note(f"Warning: it took {took / 1000:.1f} s to be confirmed (MICGATE_SLOW_MUTE).")
    return conclude_with(output, mute, _ending(mute, waited=wait, took=took), confirmed_ms=took)


def rehearse(gate: Gate, wish: Wish, output: show.Output) -> int:
    """`--dry-run`: everything but the change."""
    found = gate.rehearse(wish)
    where = f"call {found.conversation_id}" if found.conversation_id else "every call"
    said = f" {found.said}" if found.said else ""
    output.result(
        f"It would mute {found.agent.label} until {clock(found.release_at.timestamp())}, {where}.{said}",
        {
            "event": "dry_run",
            "would_send": found.places,
            "agent": found.agent.name,
            "user_id": found.agent.id,
            "conversation_id": found.conversation_id,
            "covers": found.covers,
            "release_at": found.release_at,
            "said": found.said,
        },
    )
    return 0


def _read(gate: Gate, placed: Mute, settings: Settings) -> Mute:
    """What was said when it was placed is said only then."""
    return msgspec.structs.replace(gate.read(placed, wait=settings.timeout), said=placed.said)


def tell_placed(output: show.Output, mute: Mute) -> None:
    if output.as_json:
        output.json({"event": "placed", **members(mute)})
    where = f"call {mute.conversation_id}" if mute.conversation_id else "every call"
    output.note(f"Muting {mute.agent.label} until {until(mute)}, reason {mute.reason}, {where}.")
    output.note(f"To end it before: micgate unmute {mute.id}")
    if mute.said:
        output.note(mute.said)


def tell_state(output: show.Output, mute: Mute) -> str:
    """Whether the platform shows it, while a command stays with its mute. The state that was told."""
    if output.as_json:
        output.json({"event": mute.state, **members(mute)})
    who = mute.agent.label
    shown = "Muted: Genesys Cloud shows {who} muted. Ctrl-C gives the microphone back."
    text = shown if mute.confirmed else _NOT_SHOWN.get(mute.state, _IS)
    output.note(text.format(who=who, state=mute.state))
    return mute.state


def conclude_with(output: show.Output, mute: Mute, end: End, *, confirmed_ms: float | None) -> int:
    return conclude(output, end, {"event": "result", "confirmed_ms": confirmed_ms, **members(mute)})


def _ending(mute: Mute, *, waited: bool, took: float | None) -> End:
    who, end = mute.agent.label, until(mute)
    if not mute.stands:
        return over(mute)
    if mute.confirmed:
        return End(
            outcome="confirmed",
            message=f"Muted: Genesys Cloud shows {who} muted after {took or 0:.0f} ms. It ends at {end}.",
        )
    if not waited:
        return End(outcome=mute.state, message=f"The mute of {who} is placed. It ends at {end}.")
    return End(
        outcome=mute.state,
        message=_NOT_SHOWN.get(mute.state, _IS).format(who=who, state=mute.state),
        remedy=f"The service keeps it until {end}. See: micgate why {mute.agent.id}",
        exit_code=_NOT_CONFIRMED,
    )


_IS = "The mute of {who} is {state}."
_NOT_SHOWN = {
    "pending": "The mute of {who} stands, and Genesys Cloud does not show it yet.",
    "unconfirmed": "The mute of {who} stands, but Genesys Cloud does not show it: {who} may be heard.",
    "contested": "The mute of {who} stands, but somebody opens the microphone again and again: it is open.",
}


def over(mute: Mute) -> End:
    """It ended before the platform showed it."""
    text, remedy, code = _OVER.get(
        mute.end or "", ("The mute of {who} has ended: {end}.", "See: micgate why", _FAILED)
    )
    return End(
        outcome=mute.end or mute.state,
        message=text.format(who=mute.agent.label, end=mute.end),
        remedy=remedy,
        exit_code=code,
    )


_OVER = {
    "failed": (
        "{who} could not be muted: Genesys Cloud refused it.",
        "micgate why shows what it said, micgate doctor looks for the cause.",
        _FAILED,
    ),
    "overridden": (
        "The microphone of {who} was opened, and not by micgate: the mute has ended.",
        "It was the agent, a device or another app; Genesys does not say. Talk to the agent first.",
        _FAILED,
    ),
    "call_ended": ("The call of {who} ended before the mute did.", "", _NO_CALL),
    "expired": ("The mute of {who} is over.", "", 0),
}


def _stopped(mute: Mute, stopped: signals.Stopped) -> End:
    return End(
        outcome="stopped",
        message=f"Not waiting any longer. The mute of {mute.agent.label} stands until {until(mute)}.",
        remedy=f"To end it: micgate unmute {mute.id}",
        exit_code=stopped.code,
    )
