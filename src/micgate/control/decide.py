"""What to do about one microphone now, and when to look again.

Level-based: it looks at what is, not at what woke it. Asked again at once it makes no second command, because
the first is pending from then on.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from micgate.control import fact, restore, silence
from micgate.control.command import Command, Kind, Outcome
from micgate.control.conclude import conclude
from micgate.control.fact import Fact
from micgate.control.microphone import Memory, Phase
from micgate.control.mute import Mute, strictest
from micgate.control.pace import Pace
from micgate.control.policy import Baseline, ClosedBy
from micgate.control.table import Act, Unlisted, seen_in, step
from micgate.control.turn import Ended, Turn, await_event, look, met_until_now, poll, wanted

_ROUNDS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """To be written down as a whole, before the command is sent.

    `gave_up` closes the command that was pending until now. `wake_at` is None when only news can change
    anything.
    """

    memory: Memory
    command: Command | None = None
    wake_at: float | None = None
    ended: tuple[Ended, ...] = ()
    facts: tuple[Fact, ...] = ()
    gave_up: Outcome | None = None


def decide(
    memory: Memory, mutes: tuple[Mute, ...], pace: Pace, now: float, new_id: Callable[[], str]
) -> Decision:
    """Decide about one microphone.

    `mutes` are those that meet it (`covering`), and those of `memory.mutes` that have ended since: their time
    of end is when the give-back was due.
    """
    turn = _begin(memory, mutes, pace, now, new_id)
    for _ in range(_ROUNDS):
        turn = _aim(replace(turn, again=False))
        memory = turn.memory
        pending = memory.pending is not None
        move = step(memory.phase, seen_in(memory), wanted(memory, turn.mutes), pending=pending)
        turn = _ACTS[move.act](turn.to(move.to))
        if not turn.again:
            return _decision(_watch(turn))
    raise Unlisted(f"no end to {turn.memory.phase}")


def _begin(
    memory: Memory, mutes: tuple[Mute, ...], pace: Pace, now: float, new_id: Callable[[], str]
) -> Turn:
    standing = tuple(mute for mute in mutes if mute.stands)
    ended_at = [mute.ended_at for mute in mutes if mute.ended_at is not None and mute.id in memory.mutes]
    turn = Turn(
        memory=memory,
        mutes=standing,
        last=standing,
        known=memory.mutes,
        due=max(ended_at, default=now),
        pace=pace,
        now=now,
        new_id=new_id,
    )
    return _expire(_welcome(_forget(_give_up(turn))))


def _give_up(turn: Turn) -> Turn:
    pending = turn.memory.pending
    if pending is None or turn.now < pending.deadline:
        return turn
    outcome = Outcome(command_id=pending.id, kind=Kind.UNKNOWN, at=turn.now, word="no_answer")
    memory = conclude(turn.memory, outcome, turn.now, pace=turn.pace)
    return replace(turn, memory=memory, gave_up=outcome)


def _forget(turn: Turn) -> Turn:
    memory = turn.memory
    doubts = tuple(doubt for doubt in memory.doubts if doubt.until > turn.now)
    overrides = tuple(at for at in memory.overrides if at > turn.now - turn.pace.window)
    return turn.know(doubts=doubts, overrides=overrides)


def _welcome(turn: Turn) -> Turn:
    """A mute not met before is a new wish: what was tried for earlier ones does not count against it."""
    if all(mute.id in turn.memory.mutes for mute in turn.mutes):
        return turn
    foreign, first = turn.memory.foreign, not turn.memory.mutes
    if foreign and first and turn.now - foreign.at <= turn.pace.foreign:
        turn = turn.say(
            fact.Changed(
                at=foreign.at,
                leg=foreign.leg,
                muted=foreign.muted,
                way=foreign.way,
                by=ClosedBy.NOT_US,
            )
        )
    if restore.is_left(turn):
        turn = turn.know(baseline=Baseline.UNPROVEN)  # before this mute it was closed, and up to the agent
    return turn.know(tries=0, looks=0, refusal=None, wished_at=turn.now, foreign=None, alerted=False)


def _expire(turn: Turn) -> Turn:
    grace = turn.pace.owner_grace
    over = [(mute, *mute.due(owner_grace=grace)) for mute in turn.mutes]
    ended = tuple(Ended(mute_id=mute.id, end=end, at=at) for mute, at, end in over if at <= turn.now)
    if not ended:
        return turn
    due = max(one.at for one in ended)
    gone = {one.mute_id for one in ended}
    mutes = tuple(mute for mute in turn.mutes if mute.id not in gone)
    return replace(turn, mutes=mutes, due=due, ended=(*turn.ended, *ended))


def _aim(turn: Turn) -> Turn:
    """Note when silence is no longer wanted, and start counting afresh then."""
    turn = turn.know(mutes=turn.ids)
    if turn.mutes:
        policy = strictest(turn.mutes)
        return turn.know(due=None, begun_at=None, settle_until=None, open_policy=policy)
    if turn.last:
        turn = turn.know(open_policy=strictest(turn.last))
    if turn.memory.due is not None or not turn.memory.touched:
        return turn
    return turn.know(
        due=turn.due,
        freed=met_until_now(turn),
        met=(),
        confirmed=(),
        tries=0,
        looks=0,
        outcome=None,
        refusal=None,
        reasserting=False,
        alerted=False,
    )


def _decision(turn: Turn) -> Decision:
    pending, grace = turn.memory.pending, turn.pace.owner_grace
    wakes = (
        *turn.wakes,
        *((pending.deadline,) if pending else ()),
        *(mute.due(owner_grace=grace)[0] for mute in turn.mutes),
    )
    return Decision(
        memory=turn.memory,
        command=turn.command,
        wake_at=min(wakes, default=None),
        ended=turn.ended,
        facts=turn.facts,
        gave_up=turn.gave_up,
    )


def _watch(turn: Turn) -> Turn:
    """Alarms go by the clock, whatever else is going on."""
    memory, pace = turn.memory, turn.pace
    if memory.away:
        return turn
    if memory.phase is Phase.APPLYING and (memory.tries or memory.looks):
        at = memory.wished_at + pace.alarm
        return turn.wake(at) if turn.now < at else silence.unconfirmed(turn)
    if memory.phase is Phase.OPENING and memory.due is not None and not memory.alerted:
        seconds = turn.now - memory.due
        if seconds < pace.grace:
            return turn.wake(memory.due + pace.grace)
        return turn.know(alerted=True).say(fact.ReleaseLate(seconds=seconds))
    return turn


def _rest(turn: Turn) -> Turn:
    return turn.know(looks=0)


def _wait(turn: Turn) -> Turn:
    return turn


_ACTS: dict[Act, Callable[[Turn], Turn]] = {
    Act.REST: _rest,
    Act.WAIT: _wait,
    Act.LOOK: look,
    Act.LOOK_FIRST: silence.look_first,
    Act.POLL: poll,
    Act.AWAIT: await_event,
    Act.CLOSE: silence.close,
    Act.RETRY: silence.retry,
    Act.CONFIRM: silence.confirm,
    Act.OVERRIDE: silence.override,
    Act.UNDO: restore.undo,
    Act.JUDGE: restore.judge,
    Act.SETTLE: restore.settle,
    Act.LEAVE: silence.leave,
    Act.FINISH: restore.finish,
}
