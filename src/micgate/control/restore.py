"""What to do when no mute stands any more: give the microphone back, if that is safe."""

from micgate.control import fact
from micgate.control.command import Kind, Verb
from micgate.control.microphone import Phase
from micgate.control.policy import (
    LATEST_OPENING,
    WAS_MUTED,
    Baseline,
    ClosedBy,
    Opening,
    OpenPolicy,
    may_open,
)
from micgate.control.table import Act, Verdict, after
from micgate.control.turn import (
    Turn,
    await_event,
    checked,
    close_episode,
    look,
    remember,
    seen_at,
    send_unmute,
    turned_away_until,
)

BLIND_AFTER = 2
"""So many unanswered reads, and a give-back is sent again without one."""


def undo(turn: Turn) -> Turn:
    """The opposite at once, if the microphone was known to be open before and could be opened now."""
    memory = turn.memory
    found_open = memory.sent is not None and memory.sent.before is False
    opening = _judgement(turn, baseline=Baseline.OPEN, closed_by=ClosedBy.PROBABLY_US)
    if found_open and opening.opens:
        return send_unmute(_begun(turn), at=turn.now)
    return await_event(turn)


def judge(turn: Turn) -> Turn:
    memory = turn.memory
    if memory.seen and memory.seen.held is None and not memory.proven:
        return look(turn)
    opening = _judgement(turn, baseline=memory.baseline, closed_by=memory.closed_by)
    if opening.opens:
        return _insist(_begun(turn.to(after(Act.JUDGE, Verdict.OPENS))))
    if opening is WAS_MUTED:
        kept = turn.to(after(Act.JUDGE, Verdict.KEEPS)).say(fact.Kept(leg=memory.leg or ""))
        return close_episode(kept)
    return _leave_closed(turn, opening)


def settle(turn: Turn) -> Turn:
    memory = turn.memory
    by_us = memory.sent is not None and memory.sent.verb is Verb.OPEN
    doubts = [doubt.until for doubt in memory.doubts if doubt.sets and not (doubt.landed and by_us)]
    if doubts:
        until = max(doubts)
        return turn.to(after(Act.SETTLE, Verdict.DOUBTS)).know(settle_until=until, tries=0).wake(until)
    if memory.settle_until is not None:
        until = min(memory.settle_until, turn.now)  # doubts may be gone early
        if (memory.read_at or 0.0) < until:
            return look(turn.to(after(Act.SETTLE, Verdict.DOUBTS)).know(settle_until=until))
    late = turn.now - memory.due if by_us and memory.due is not None else None
    said = fact.GivenBack(by_us=by_us, seconds_late=late)
    turn = turn.know(doubts=tuple(doubt for doubt in memory.doubts if not doubt.sets))
    return close_episode(turn.to(after(Act.SETTLE, Verdict.DONE)).say(said))


def finish(turn: Turn) -> Turn:
    return close_episode(turn)


def is_left(turn: Turn) -> bool:
    """Whether what we closed was to be given back before, and that is the agent's business by now."""
    memory = turn.memory
    if memory.due is None or not memory.ours:
        return False
    return memory.open_policy is not OpenPolicy.RESTORE or _begun_at(turn) - memory.due > LATEST_OPENING


def _insist(turn: Turn) -> Turn:
    """Open, and keep at it for ever."""
    memory, pace = turn.memory, turn.pace
    if not memory.tries:
        return send_unmute(turn, at=turn.now)
    if memory.refusal:
        return _insist_refused(turn)
    if memory.outcome in {Kind.NOT_SENT, Kind.REFUSED}:
        return send_unmute(turn, at=turned_away_until(turn))
    if not memory.proven and memory.looks < BLIND_AFTER:
        return await_event(turn)
    wait = pace.after(memory.tries)
    if memory.outcome is Kind.UNKNOWN:
        return send_unmute(turn, at=memory.made_at + min(wait, pace.unreachable))
    return send_unmute(turn, at=seen_at(memory) + wait)


def _insist_refused(turn: Turn) -> Turn:
    """A read between the attempts finds out when the agent has left."""
    turn = _tell_refusal(turn)
    if not checked(turn.memory):
        return look(turn)
    return send_unmute(turn, at=turn.memory.made_at + turn.pace.after(turn.memory.tries))


def _leave_closed(turn: Turn, opening: Opening) -> Turn:
    if turn.memory.phase is not Phase.LEFT_CLOSED:
        said = fact.LeftClosed(leg=turn.memory.leg or "", why=opening.why, says=opening.says)
        turn = turn.say(said)
    return turn.to(after(Act.JUDGE, Verdict.LEAVES)).know(begun_at=None, tries=0, looks=0)


def _judgement(turn: Turn, *, baseline: Baseline, closed_by: ClosedBy) -> Opening:
    memory = turn.memory
    return may_open(
        policy=memory.open_policy,
        baseline=baseline,
        closed_by=closed_by,
        same_leg=True,  # `observe` gives a leg that the baseline was not carried to a baseline of its own
        held=memory.seen is None or memory.seen.held is not False,
        seconds_late=0.0 if memory.due is None else _begun_at(turn) - memory.due,
    )


def _begun_at(turn: Turn) -> float:
    return turn.now if turn.memory.begun_at is None else turn.memory.begun_at


def _begun(turn: Turn) -> Turn:
    return turn if turn.memory.begun_at is not None else turn.know(begun_at=turn.now)


def _tell_refusal(turn: Turn) -> Turn:
    refusal = turn.memory.refusal
    if refusal is None or refusal.told:
        return turn
    said = fact.Refused(
        verb=Verb.OPEN, status=refusal.status, word=refusal.word, says=refusal.says, alert=True
    )
    return turn.know(refusal=remember(refusal, told=True)).say(said)
