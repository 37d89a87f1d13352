"""`micgate why`, `agents`, `mutes` and `budget` where there is a service: it knows whose mute stands."""

import time
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any

import msgspec

from micgate.cli import show
from micgate.cli.standing import clock, members, until
from micgate.client.models import Budget, Explanation, Happening, Microphone, Mute
from micgate.client.sync import Gate

_NO_CALL = 4
_MINUTE = timedelta(minutes=1)


def why(gate: Gate, output: show.Output, *, agent: str, conversation_id: str | None) -> int:
    found = _about(gate.explain(agent), conversation_id)
    live = [one for one in found.microphones if one.leg_state != "over"]
    output.result(show.joined(_lines(found, live)), _explained(found, live))
    return 0 if live else _NO_CALL


def agents(gate: Gate, output: show.Output) -> None:
    found = gate.microphones()
    if output.as_json:
        output.json({"agents": [_on_call(one) for one in found]})
    elif found:
        output.table(_AGENTS, [_agent_row(one) for one in found])
    else:
        output.say("Nobody is on a call.")


def mutes(gate: Gate, output: show.Output, *, agent: str | None, ended: bool) -> None:
    found = gate.mutes(agent=agent, standing=not ended)
    if output.as_json:
        output.json({"mutes": [members(mute) for mute in found]})
    elif found:
        output.table(_MUTES, [_mute_row(mute) for mute in found])
    else:
        output.say("No mute stands." if not ended else "There was no mute lately.")


def budget(gate: Gate, output: show.Output) -> None:
    found = gate.budget()
    output.result("\n".join(_budget_lines(found)), msgspec.to_builtins(found))


def _budget_lines(found: Budget) -> Iterator[str]:
    yield f"{found.allowed} requests a minute, until {_at(found.resets_at)}:"
    yield f"  used      {found.used}"
    yield f"  kept      {found.reserved} for mutes that end until then"
    yield f"  left      {found.left} for new mutes"
    if found.waiting:
        yield f"  waiting   {found.waiting} microphones, for room"
    if found.closed_until:
        yield f"  closed    until {_at(found.closed_until)}: Genesys Cloud asked for quiet"
    coming = found.next_minute
    ending = "1 mute ends" if coming.ends == 1 else f"{coming.ends} mutes end"
    yield f"  after it  {ending}, {coming.left} requests are left"
    for minute, ends in enumerate(found.ends):
        if ends > found.fits:
            begins = found.resets_at + minute * _MINUTE
            yield f"  crowded   {ends} mutes end in the minute from {_at(begins)}, and {found.fits} can"


def _about(found: Explanation, conversation_id: str | None) -> Explanation:
    if conversation_id is None:
        return found
    return msgspec.structs.replace(
        found,
        microphones=tuple(one for one in found.microphones if one.conversation_id == conversation_id),
        mutes=tuple(one for one in found.mutes if one.conversation_id in {None, conversation_id}),
    )


def _lines(found: Explanation, live: list[Microphone]) -> Iterator[str]:
    who = found.agent
    yield f"{who.label} <{who.email}>" if who.email and who.email != who.label else who.label
    mood = ", ".join(part for part in (found.presence, found.routing_status) if part)
    rows = [("presence", mood)] if mood else []
    rows += [("call", f"{one.conversation_id}, {_microphone(one)}") for one in live] or [("call", "none")]
    rows += [("mute", _mute_line(mute)) for mute in found.mutes if mute.stands]
    rows += [("before", _mute_line(mute)) for mute in _latest_first(found.mutes)][:_SHOWN]
    rows += [("lately", _happening(one)) for one in found.lately[:_SHOWN]]
    if found.protected:
        rows.append(("protected", "nobody mutes this agent alone"))
    yield from (f"  {name:<11} {text}" for name, text in rows)
    yield found.says


def _latest_first(mutes: Iterable[Mute]) -> list[Mute]:
    over = [mute for mute in mutes if mute.ended_at is not None]
    return sorted(over, key=lambda mute: (mute.ended_at, mute.id), reverse=True)


_SHOWN = 5


def _explained(found: Explanation, live: list[Microphone]) -> dict[str, Any]:
    """The members that `why` has without a service too, and what only a service knows."""
    one = live[0] if live else None
    return {
        "user_id": found.agent.id,
        "agent": found.agent.label,
        "email": found.agent.email,
        "presence": found.presence,
        "routing_status": found.routing_status,
        "whose": _whose(found, live),
        "says": found.says,
        "muted": one.muted if one else None,
        "held": one.held if one else None,
        "protected": found.protected,
        "microphones": [_on_call(each) for each in found.microphones],
        "mutes": [members(mute) for mute in found.mutes],
        "lately": found.lately,
        "no_call": None if live else "no_live_call",
    }


def _whose(found: Explanation, live: list[Microphone]) -> str:
    if any(mute.stands for mute in found.mutes) or any(one.muted and one.state for one in live):
        return "micgate"  # also while it gives the microphone back, or left it closed
    seen = {one.muted for one in live}
    if True in seen:
        return "not_micgate"
    return "nobody" if seen == {False} else "unknown"


def _on_call(one: Microphone) -> dict[str, Any]:
    return {
        "user_id": one.agent.id,
        "name": one.agent.name,
        "email": one.agent.email,
        "conversation_id": one.conversation_id,
        "participant_id": one.leg,
        "muted": one.muted,
        "held": one.held,
        "leg_state": one.leg_state,
        "state": one.state,
        "stale": one.stale,
        "seen_at": one.seen_at,
        "mutes": one.mutes,
    }


_AGENTS = ("agent", "e-mail", "microphone", "mutes", "call")


def _agent_row(one: Microphone) -> tuple[str, ...]:
    mutes = f"{len(one.mutes)} ({one.state})" if one.mutes else ""
    return (one.agent.label, one.agent.email or "", _microphone(one), mutes, one.conversation_id)


_MUTES = ("id", "agent", "state", "left", "owner", "reason", "call")


def _mute_row(mute: Mute) -> tuple[str, ...]:
    left = show.span(mute.release_at.timestamp() - time.time()) if mute.stands else f"ended: {mute.end}"
    where = mute.conversation_id or "every call"
    return (mute.id, mute.agent.label, mute.state, left, str(mute.owner), mute.reason, where)


def _mute_line(mute: Mute) -> str:
    ends = f"until {until(mute)}" if mute.stands else f"{mute.end} at {_at(mute.ended_at)}"
    note = f", note: {mute.note}" if mute.note else ""
    return f"{mute.state}, {ends}, by {mute.owner}, reason {mute.reason}{note}"


def _happening(one: Happening) -> str:
    return f"{_at(one.at)} {one.action} by {one.actor}"


def _microphone(one: Microphone) -> str:
    word = {True: "muted", False: "open", None: "unknown"}[one.muted]
    more = ["on hold"] * bool(one.held) + ["not seen lately"] * one.stale
    return ", ".join([word, *more])


def _at(moment: datetime | None) -> str:
    return clock(moment.timestamp()) if moment else "?"
