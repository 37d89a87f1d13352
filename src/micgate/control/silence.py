"""What to do while a mute stands."""

from dataclasses import replace

from micgate.control import fact
from micgate.control.command import Kind, Verb
from micgate.control.microphone import Phase
from micgate.control.mute import Covers, End
from micgate.control.policy import Baseline, OnOverride
from micgate.control.table import Act, Verdict, after
from micgate.control.turn import (
    Turn,
    checked,
    close_episode,
    end_mutes,
    look,
    met_until_now,
    seen_at,
    send_mute,
    turned_away_until,
)


def look_first(turn: Turn) -> Turn:
    ready = turn.memory.looks and turn.memory.live_leg
    return close(turn) if ready else look(turn)


def close(turn: Turn) -> Turn:
    memory, pace = turn.memory, turn.pace
    if memory.refusal and set(memory.refusal.mutes) & set(turn.ids):
        return _fail(turn) if checked(memory) else look(turn)
    if memory.tries and memory.outcome in {Kind.NOT_SENT, Kind.REFUSED}:
        turn = unconfirmed(turn) if pace.used_up(memory.tries) else turn
        return send_mute(turn, at=turned_away_until(turn))
    return send_mute(turn, at=turn.now)


def retry(turn: Turn) -> Turn:
    memory, pace = turn.memory, turn.pace
    if not memory.tries:
        return send_mute(turn, at=turn.now)
    if pace.used_up(memory.tries):
        return send_mute(unconfirmed(turn), at=memory.made_at + pace.slow)
    return send_mute(turn, at=seen_at(memory) + pace.after(memory.tries))


def unconfirmed(turn: Turn) -> Turn:
    if turn.memory.phase is Phase.UNCONFIRMED:
        return turn
    said = fact.Unconfirmed(mutes=turn.ids, tries=turn.memory.tries)
    return turn.to(after(Act.RETRY, Verdict.USED_UP)).say(said)


def confirm(turn: Turn) -> Turn:
    memory = turn.memory
    seconds = turn.now - memory.wished_at
    said = fact.Confirmed(
        mutes=turn.ids,
        leg=memory.leg or "",
        seconds=seconds,
        slow=seconds > turn.pace.slow_mute,
    )
    return turn.know(tries=0, looks=0, refusal=None, reasserting=False, confirmed=turn.ids).say(said)


def override(turn: Turn) -> Turn:
    """Each mute has said what it wants done when somebody opens the microphone."""
    for answer in OnOverride:
        mutes = tuple(mute for mute in turn.mutes if mute.on_override is answer)
        if mutes:
            turn = turn.say(fact.Overridden(mutes=tuple(mute.id for mute in mutes), answer=answer))
        if answer is OnOverride.YIELD:
            turn = end_mutes(turn, mutes, End.OVERRIDDEN)
    if not turn.mutes:
        return replace(turn, again=True)
    if not any(mute.on_override is OnOverride.REASSERT for mute in turn.mutes):
        return turn.to(after(Act.OVERRIDE, Verdict.GIVE_WAY))
    return _reassert(turn)


def leave(turn: Turn) -> Turn:
    """What we closed is remembered: the agent may come back on a leg that is still closed."""
    turn = end_mutes(turn, tuple(mute for mute in turn.mutes if mute.covers is Covers.CALL), End.CALL_ENDED)
    ours = turn.memory.ours
    baseline = turn.memory.baseline if ours else Baseline.NONE
    due, freed = turn.memory.due, turn.memory.freed
    if ours and not turn.mutes and due is None:
        due, freed = turn.now, met_until_now(turn)
    return close_episode(turn).know(baseline=baseline, due=due, freed=freed)


def _fail(turn: Turn) -> Turn:
    """A read stands behind it: the agent is on the call, and the platform will not."""
    refusal = turn.memory.refusal
    assert refusal is not None  # noqa: S101 -- `close` looked
    refused = tuple(mute for mute in turn.mutes if mute.id in refusal.mutes)
    turn = turn.say(
        fact.Refused(verb=Verb.MUTE, status=refusal.status, word=refusal.word, says=refusal.says, alert=False)
    )
    turn = end_mutes(turn.know(refusal=None), refused, End.FAILED, why=refusal.says or refusal.word)
    return replace(turn, again=True)


def _reassert(turn: Turn) -> Turn:
    overrides = turn.memory.overrides
    if len(overrides) >= turn.pace.reasserts:
        said = fact.Contested(mutes=turn.ids, reasserts=len(overrides))
        return turn.to(after(Act.OVERRIDE, Verdict.GIVE_WAY)).say(said)
    turn = turn.to(after(Act.OVERRIDE, Verdict.REASSERT)).know(
        overrides=(*overrides, turn.now), tries=0, wished_at=turn.now, reasserting=True
    )
    return replace(turn, again=True)
