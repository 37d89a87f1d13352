"""What `micgate why` concludes. Pure: what was read in, what it means out."""

from typing import Any, Literal

import msgspec

from micgate.cli import show
from micgate.direct.journal import Standing
from micgate.genesys.errors import NoLiveCall
from micgate.genesys.models import User
from micgate.genesys.reading import Call

Whose = Literal["nobody", "micgate", "not_micgate", "unknown"]


class Recording(msgspec.Struct, frozen=True, kw_only=True):
    state: str | None
    secure_pause: bool | None
    says: str


class Ours(msgspec.Struct, frozen=True, kw_only=True):
    """What the journal of this OS user knows. Times are UTC; `running`: a command has the microphone now."""

    since: str
    reason: str | None
    running: bool
    deliberate: bool
    until: str | None = None


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """`whose` says who closed the microphone, as far as anything shows; Genesys names nobody."""

    user_id: str
    agent: str
    email: str | None
    presence: str | None
    routing_status: str | None
    whose: Whose
    says: str
    muted: bool | None = None
    held: bool | None = None
    ours: Ours | None = None
    call: Call | None = None
    recording: Recording | None = None
    no_call: str | None = None


def explain(
    user: User, call: Call | None, ours: Ours | None, *, why_no_call: NoLiveCall | None
) -> Explanation:
    whose = _whose(call, ours)
    return Explanation(
        user_id=user.id,
        agent=user.name or user.label,
        email=user.email,
        presence=user.presence.word if user.presence else None,
        routing_status=user.routing_status.status if user.routing_status else None,
        whose=whose,
        says=_says(whose, call, ours, why_no_call),
        muted=call.muted if call else None,
        held=call.held if call else None,
        ours=ours,
        call=call,
        recording=_recording(call) if call else None,
        no_call=why_no_call.word if why_no_call else None,
    )


def ours(standing: tuple[Standing, ...], call: Call, *, running: bool) -> Ours | None:
    """The journal's latest word on this leg."""
    for each in reversed(standing):
        if (each.conversation_id, each.participant_id) == (call.conversation_id, call.participant_id):
            return Ours(
                since=each.since,
                until=each.until,
                reason=each.reason,
                running=running,
                deliberate=each.deliberate,
            )
    return None


def lines(explanation: Explanation) -> list[str]:
    """As people read it: a line a fact, the conclusion last."""
    call, recording = explanation.call, explanation.recording
    facts = {
        "presence": _joined(explanation.presence, explanation.routing_status),
        "call": _call_line(call) if call else "none",
        "microphone": _microphone(call) if call else "",
        "recording": recording.says if recording else "",
    }
    rows = [f"  {name:<11} {text}" for name, text in facts.items() if text]
    who = f"{explanation.agent} <{explanation.email}>" if explanation.email else explanation.agent
    return [who, *rows, explanation.says]


def members(explanation: Explanation) -> dict[str, Any]:
    """As programs read it: `Explanation`, without what only this process understands."""
    shown: dict[str, Any] = msgspec.to_builtins(explanation)
    for name in ("read_at", "route") if shown["call"] else ():
        del shown["call"][name]
    return shown


def _whose(call: Call | None, ours: Ours | None) -> Whose:
    if call is None or call.muted is None:
        return "unknown"
    if not call.muted:
        return "nobody"
    return "micgate" if ours else "not_micgate"


def _says(whose: Whose, call: Call | None, ours: Ours | None, why_no_call: NoLiveCall | None) -> str:
    if call is None:
        return why_no_call.what if why_no_call else "There is no live call."
    if whose == "micgate" and ours:
        return _ours_says(ours)
    return _SAYS[whose] + (" The far side is on hold." if call.held else "")


_SAYS: dict[Whose, str] = {
    "nobody": "The microphone is open: nothing mutes this agent.",
    "not_micgate": (
        "Muted, and not by micgate as far as this user's journal on this machine shows: "
        "the agent, a device or another app; Genesys does not say."
    ),
    "unknown": "Genesys does not say whether the microphone is muted.",
}


def _ours_says(ours: Ours) -> str:
    reason = f", reason {ours.reason}" if ours.reason else ""
    if ours.running:
        until = f" until {ours.until}" if ours.until else ""
        return f"Muted by micgate since {ours.since}{until}{reason}; a command here will give it back."
    how = "on purpose" if ours.deliberate else "and the command that did it is gone"
    return f"Muted by micgate since {ours.since}{reason}, {how}. To open it: micgate unmute"


def _recording(call: Call) -> Recording:
    return Recording(state=call.recording_state, secure_pause=call.secure_pause, says=_recording_says(call))


def _recording_says(call: Call) -> str:
    if call.recording_state == "paused":
        return {
            True: "paused: a secure pause, by somebody else",
            False: "paused, but not by a secure pause (suppressed during hold)",
            None: "paused",
        }[call.secure_pause]
    return {"active": "runs", "none": "none"}.get(call.recording_state or "", "unknown")


def _call_line(call: Call) -> str:
    since = f"connected since {call.connected_at}" if call.connected_at else call.state
    queue = f"queue {call.queue_id}" if call.queue_id else None
    return _joined(call.conversation_id, call.direction, queue, since)


def _microphone(call: Call) -> str:
    word = {True: "muted", False: "open", None: "unknown"}[call.muted]
    held = "on Genesys hold" if call.held else None
    others = f"{call.others_held} other calls on hold" if call.others_held else None
    return _joined(word, held, others)


def _joined(*parts: str | None) -> str:
    return show.line(", ".join(part for part in parts if part))
