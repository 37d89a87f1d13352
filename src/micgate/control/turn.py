"""A decision in the making, and the requests it may make."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import msgspec

from micgate.control.command import Command, Kind, Lane, Outcome, Verb
from micgate.control.fact import Fact
from micgate.control.microphone import Memory, Phase
from micgate.control.mute import End, Mute
from micgate.control.pace import Pace
from micgate.control.policy import Baseline
from micgate.control.table import Desired

remember = msgspec.structs.replace


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A mute that no longer stands. `at` is when it ended, which may be before now."""

    mute_id: str
    end: End
    at: float
    why: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """A decision in the making.

    `mutes` still stand, `last` did when it began, `known` did the time before; `due` is when the last ended.
    """

    memory: Memory
    mutes: tuple[Mute, ...]
    last: tuple[Mute, ...]
    known: tuple[str, ...]
    due: float
    pace: Pace
    now: float
    new_id: Callable[[], str]
    command: Command | None = None
    wakes: tuple[float, ...] = ()
    ended: tuple[Ended, ...] = ()
    facts: tuple[Fact, ...] = ()
    gave_up: Outcome | None = None
    again: bool = False

    def know(self, **changes: object) -> "Turn":
        return replace(self, memory=remember(self.memory, **changes))

    def say(self, *facts: Fact) -> "Turn":
        return replace(self, facts=(*self.facts, *facts))

    def wake(self, at: float) -> "Turn":
        return replace(self, wakes=(*self.wakes, at))

    def to(self, phase: Phase) -> "Turn":
        return self if phase is self.memory.phase else self.know(phase=phase, since=self.now)

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(mute.id for mute in self.mutes)


def end_mutes(turn: Turn, mutes: tuple[Mute, ...], end: End, *, why: str | None = None) -> Turn:
    """End these mutes now."""
    ended = tuple(Ended(mute_id=mute.id, end=end, at=turn.now, why=why) for mute in mutes)
    left = tuple(mute for mute in turn.mutes if mute not in mutes)
    return replace(turn, mutes=left, due=turn.now, ended=(*turn.ended, *ended)).know(
        mutes=tuple(mute.id for mute in left)
    )


def met_until_now(turn: Turn) -> tuple[str, ...]:
    """The ids of the mutes that a give-back is for."""
    return tuple(dict.fromkeys((*turn.known, *(mute.id for mute in turn.last))))


def close_episode(turn: Turn) -> Turn:
    return turn.know(
        baseline=Baseline.NONE,
        sent=None,
        fresh=True,
        met=(),
        confirmed=(),
        tries=0,
        looks=0,
        outcome=None,
        refusal=None,
        due=None,
        begun_at=None,
        settle_until=None,
        reasserting=False,
        alerted=False,
        quiet_since=turn.now,
    )


def wanted(memory: Memory, mutes: tuple[Mute, ...]) -> Desired:
    """What the standing mutes want of the microphone."""
    if mutes:
        return Desired.SILENT if all(mute.id in memory.met for mute in mutes) else Desired.ANEW
    return Desired.BACK if memory.touched else Desired.NOTHING


def send_mute(turn: Turn, *, at: float) -> Turn:
    lane = Lane.REASSERT if turn.memory.reasserting else Lane.MUTE
    sent = _change(turn, Verb.MUTE, lane, at=at)
    return sent.know(met=sent.ids) if sent.command else sent


def send_unmute(turn: Turn, *, at: float) -> Turn:
    return _change(turn, Verb.OPEN, Lane.RELEASE, at=at)


def send_read(turn: Turn, *, at: float) -> Turn:
    at = max(at, turn.memory.not_before, turn.memory.put_off)
    if turn.now < at:
        return turn.wake(at)
    command = _command(turn, Verb.READ, _reading(turn))
    looks = turn.memory.looks + 1
    return replace(turn, command=command).know(pending=command, looks=looks, looked_at=turn.now)


def look(turn: Turn) -> Turn:
    """Read: at once, and again less and less often while no answer comes."""
    memory = turn.memory
    at = memory.looked_at + _patience(turn, memory.looks) if memory.looks else turn.now
    return send_read(turn, at=at)


def poll(turn: Turn) -> Turn:
    """An event is expected, nobody knows when; it may be lost already if it was due before the wish."""
    memory = turn.memory
    if memory.looks or seen_at(memory) < _wished_at(memory) - turn.pace.confirm:
        return look(turn)
    return send_read(turn, at=max(memory.looked_at, memory.since) + turn.pace.slow)


def await_event(turn: Turn) -> Turn:
    """An event is expected; without one a read is due."""
    memory, pace = turn.memory, turn.pace
    if memory.looks:
        return look(turn)
    same = memory.sent is not None and memory.sent.before is (memory.sent.verb is Verb.MUTE)
    return send_read(turn, at=memory.made_at + (pace.confirm_same if same else pace.confirm))


def turned_away_until(turn: Turn) -> float:
    """When to try again after a change that was not carried out. Once, an invitation is taken up at once."""
    memory = turn.memory
    if memory.outcome is Kind.NOT_SENT:
        return memory.made_at + _patience(turn, memory.tries)
    return memory.made_at + (_patience(turn, memory.tries - 1) if memory.tries > 1 else 0.0)


def _patience(turn: Turn, times: int) -> float:
    wait = turn.pace.after(times)
    return wait if turn.mutes else min(wait, turn.pace.unreachable)


def _reading(turn: Turn) -> Lane:
    if not turn.mutes:
        return Lane.RELEASE
    return Lane.MUTE if wanted(turn.memory, turn.mutes) is Desired.ANEW else Lane.CONFIRM


def _change(turn: Turn, verb: Verb, lane: Lane, *, at: float) -> Turn:
    at = max(at, turn.memory.not_before, turn.memory.put_off)
    if turn.now < at:
        return turn.wake(at)
    command = _command(turn, verb, lane)
    return replace(turn, command=command).know(
        pending=command,
        sent=command,
        fresh=False,
        proven=False,
        tries=turn.memory.tries + 1,
        looks=0,
        made_at=turn.now,
        outcome=None,
        refusal=None,
    )


def _command(turn: Turn, verb: Verb, lane: Lane) -> Command:
    memory = turn.memory
    return Command(
        id=turn.new_id(),
        verb=verb,
        lane=lane,
        made_at=turn.now,
        deadline=turn.now + turn.pace.deadline,
        leg=memory.live_leg or memory.leg or "",
        mutes=turn.ids or memory.freed,
        before=None if memory.stale else memory.known,
    )


def _wished_at(memory: Memory) -> float:
    """Since when what is wanted now has been wanted."""
    return memory.wished_at if memory.due is None else memory.due


def checked(memory: Memory) -> bool:
    """Whether a read was tried since the refusal."""
    refused_at = memory.refusal.at if memory.refusal else 0.0
    return memory.looks > 0 or (memory.read_at is not None and memory.read_at >= refused_at)


def seen_at(memory: Memory) -> float:
    return memory.seen.at if memory.seen else memory.made_at
