"""Something was seen: whose doing was it? The only place that compares two states."""

from typing import NamedTuple

import msgspec

from micgate.control.command import Verb
from micgate.control.fact import Changed, Fact, Moved
from micgate.control.microphone import Foreign, LegState, Memory, Observed, Phase, Way
from micgate.control.pace import PACE, Pace
from micgate.control.policy import Baseline, ClosedBy

_FORMER_LEGS = 8
_CHANGES = {Verb.MUTE: True, Verb.OPEN: False}
_replace = msgspec.structs.replace


class _Trace(NamedTuple):
    """A command of ours that explains a change."""

    sure: bool
    before: bool | None


def observe(
    memory: Memory, observed: Observed, now: float, *, pace: Pace = PACE
) -> tuple[Memory, tuple[Fact, ...]]:
    """Take in an event or the answer of a read. The answer comes first, its outcome after it."""
    if _outdated(memory, observed):
        return memory, ()
    if _impossible(memory, observed):
        return lose_sight(memory), ()
    if observed.state is not LegState.LIVE or observed.muted is None:
        return _indefinite(memory, observed), ()
    if observed.leg == memory.leg:
        return _stays(memory, observed, now, pace)
    return _arrives(memory, observed, now)


def lose_sight(memory: Memory) -> Memory:
    """Something may have been missed: what was seen is unknown until a read. Not of a call that is over."""
    return memory if memory.over else _replace(memory, stale=True, proven=False, looks=0)


def _outdated(memory: Memory, observed: Observed) -> bool:
    """An event never moves a leg that is over, or was left, back to life. That the call is over is news."""
    old = observed.way is Way.EVENT and observed.leg in memory.former
    return old and not (observed.call_over and memory.seen and memory.seen.leg == observed.leg)


def _impossible(memory: Memory, observed: Observed) -> bool:
    """An event that a live leg rings again is old, or the world is strange."""
    waiting = observed.state is LegState.WAITING and observed.leg == memory.leg
    return waiting and observed.way is Way.EVENT and memory.live_leg == observed.leg


def _indefinite(memory: Memory, observed: Observed) -> Memory:
    seen = _sighted(memory, observed)
    if observed.state in {LegState.WAITING, LegState.OVER}:
        looks = 0 if observed.way is Way.READ else seen.looks
        seen = _replace(seen, met=(), confirmed=(), refusal=None, looks=looks)
    if observed.state is LegState.OVER:
        seen = _replace(seen, former=_with(seen.former, observed.leg))
    return _replace(seen, closed_by=ClosedBy.NOBODY, baseline=Baseline.NONE, doubts=()) if seen.over else seen


def _sighted(memory: Memory, observed: Observed) -> Memory:
    read = observed.way is Way.READ
    return _replace(
        memory,
        seen=observed,
        stale=memory.stale and not read and _ours_to_watch(memory),
        proven=_proven(memory, observed),
        fresh=True,
        read_at=_began(observed) if read else memory.read_at,
    )


def _ours_to_watch(memory: Memory) -> bool:
    """Where something of ours may be, only a read makes up for what was missed; elsewhere an event does."""
    ours = memory.mutes or memory.doubts or memory.pending
    return memory.phase is not Phase.IDLE or bool(ours)


def _proven(memory: Memory, observed: Observed) -> bool:
    """A read that began before something else arrived proves nothing."""
    last = memory.seen
    same = last is not None and last.says == observed.says
    if observed.way is Way.EVENT:
        return same and memory.proven
    return same or last is None or _began(observed) >= last.at


def _began(observed: Observed) -> float:
    return observed.at if observed.asked_at is None else observed.asked_at


def _stays(memory: Memory, observed: Observed, now: float, pace: Pace) -> tuple[Memory, tuple[Fact, ...]]:
    muted = observed.muted is True
    trace = _explains(memory, muted=muted, now=now)
    changed = memory.known is not None and memory.known != muted
    seen = _landed(_looked(_sighted(memory, observed)), muted=muted)
    if muted:
        seen = _learn(seen, memory, trace)
    elif changed:
        seen = _opened(seen, memory, trace)
    phase = Phase.OPENING if muted and _never_left(memory) else memory.phase
    seen = _replace(seen, known=muted, phase=phase)
    if not changed:
        return seen, ()
    by = _author(trace, stale=memory.stale)
    return _recorded(seen, Changed(at=now, leg=observed.leg, muted=muted, way=observed.way, by=by), pace)


def _arrives(memory: Memory, observed: Observed, now: float) -> tuple[Memory, tuple[Fact, ...]]:
    """A leg not seen live before. A mute of ours may have come along with the agent."""
    muted = observed.muted is True
    trace = _explains(memory, muted=muted, now=now)
    closed_by, baseline, carried = _inherited(memory, trace) if muted else _FRESH
    seen = _landed(_looked(_sighted(memory, observed)), muted=muted)
    seen = _replace(
        seen,
        leg=observed.leg,
        former=_with(memory.former, memory.leg) if memory.leg else memory.former,
        known=muted,
        closed_by=closed_by,
        baseline=baseline,
        met=memory.met if carried else (),
        confirmed=memory.confirmed if carried else (),
        sent=None,
        tries=0,
        refusal=None,
        phase=Phase.OPENING if carried and _dormant(memory) else memory.phase,
    )
    if memory.leg is None or seen.phase is Phase.IDLE:
        return seen, ()
    moved = Moved(leg_before=memory.leg, leg=observed.leg, muted=muted, baseline=baseline, carried=carried)
    return seen, (moved,)


_FRESH = (ClosedBy.NOBODY, Baseline.NONE, False)


def _dormant(memory: Memory) -> bool:
    """The agent left the call closed by us, and no mute stands any more."""
    return memory.phase is Phase.IDLE and not memory.mutes


def _never_left(memory: Memory) -> bool:
    """The leg was said to be over, closed by us, and is not: what was to be done about it is still to be."""
    said = memory.seen is not None and memory.seen.state is LegState.OVER
    return said and memory.ours and _dormant(memory)


def _inherited(memory: Memory, trace: _Trace | None) -> tuple[ClosedBy, Baseline, bool]:
    """Whose doing it is that a new leg is muted."""
    if memory.leg and memory.ours and memory.known:
        return memory.closed_by, memory.baseline, True
    if trace:
        return ClosedBy.PROBABLY_US, _before(trace), memory.leg is not None
    return ClosedBy.NOT_US, Baseline.WAS_MUTED if memory.leg else Baseline.NONE, False


def _learn(seen: Memory, memory: Memory, trace: _Trace | None) -> Memory:
    """Closed: by whom, and what was it before?"""
    if memory.known is not True:
        seen = _replace(seen, closed_by=_author(trace, stale=memory.stale or memory.known is None))
        if trace:
            open_before = memory.known is False and not memory.stale
            seen = _replace(seen, baseline=Baseline.OPEN if open_before else _before(trace))
        return seen
    asked = memory.sent is not None and memory.sent.verb is Verb.MUTE
    return _already_closed(seen) if asked and seen.baseline is Baseline.NONE else seen


def _already_closed(seen: Memory) -> Memory:
    """The mirror said so before our mute. An event now speaks against it: nothing should have changed."""
    if seen.seen and seen.seen.way is Way.EVENT:
        return _replace(seen, baseline=Baseline.UNPROVEN, closed_by=ClosedBy.PROBABLY_US)
    return _replace(seen, baseline=Baseline.WAS_MUTED)


def _opened(seen: Memory, memory: Memory, trace: _Trace | None) -> Memory:
    """Open: an un-mute of ours or a hold explains it, and then it is no override."""
    seen = _replace(seen, closed_by=ClosedBy.NOBODY, confirmed=())
    if trace or _hold_changed(memory, seen):
        seen = _replace(seen, met=())
    return _replace(seen, proven=seen.proven or bool(trace and trace.sure))


def _hold_changed(memory: Memory, seen: Memory) -> bool:
    """Some organizations drop a mute when the agent puts the call on hold."""
    before = memory.seen.held if memory.seen else None
    after = seen.seen.held if seen.seen else None
    return before is not None and after is not None and before != after


def _before(trace: _Trace) -> Baseline:
    """What a command found, as the mirror had it when it was made."""
    return Baseline.OPEN if trace.before is False else Baseline.UNPROVEN


def _author(trace: _Trace | None, *, stale: bool) -> ClosedBy:
    if trace is None:
        return ClosedBy.NOT_US
    return ClosedBy.US if trace.sure and not stale else ClosedBy.PROBABLY_US


def _explains(memory: Memory, *, muted: bool, now: float) -> _Trace | None:
    pending = memory.pending
    if pending and _CHANGES.get(pending.verb) is muted:
        return _Trace(sure=True, before=pending.before)
    doubts = [
        doubt for doubt in memory.doubts if doubt.sets is muted and doubt.until > now and not doubt.landed
    ]
    best = next((doubt for doubt in doubts if doubt.sure), doubts[0] if doubts else None)
    return _Trace(sure=best.sure, before=best.before) if best else None


def _landed(seen: Memory, *, muted: bool) -> Memory:
    """What the platform accepted and is seen now explains no later change. An unknown outcome does.

    So does what was asked for behind the opposite that is still to come: close, open, close is seen twice.
    """
    if not seen.doubts and seen.pending is None:
        return seen
    doubts, met, turned = [], False, False
    for doubt in seen.doubts:
        open_yet = doubt.sure and not doubt.landed
        lands = open_yet and doubt.sets is muted and not turned
        met, turned = met or lands, turned or (open_yet and met and doubt.sets is not muted)
        doubts.append(_replace(doubt, landed=True) if lands else doubt)
    pending = seen.pending
    if pending and _CHANGES.get(pending.verb) is muted and not turned:
        pending = _replace(pending, landed=True)
    return _replace(seen, doubts=tuple(doubts), pending=pending)


def _looked(seen: Memory) -> Memory:
    return _replace(seen, looks=0) if seen.looks and seen.seen and seen.seen.way is Way.READ else seen


def _recorded(seen: Memory, change: Changed, pace: Pace) -> tuple[Memory, tuple[Fact, ...]]:
    """Other people's changes are nobody's business except close to a mute."""
    quiet = seen.quiet_since is None or change.at - seen.quiet_since > pace.foreign
    if seen.phase is not Phase.IDLE or seen.mutes or not quiet:
        return seen, (change,)
    foreign = Foreign(at=change.at, leg=change.leg, muted=change.muted, way=change.way)
    return _replace(seen, foreign=foreign), ()


def _with(legs: tuple[str, ...], leg: str) -> tuple[str, ...]:
    return legs if leg in legs else (*legs, leg)[-_FORMER_LEGS:]
