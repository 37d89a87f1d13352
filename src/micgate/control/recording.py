"""The recording of a call, paused while somebody wants it paused. A second subject beside the microphone.

The same commands, outcomes and doubts; simpler wishes. Those who want it paused are counted, we resume only
what we paused, and somebody who resumes it meanwhile is not fought.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum

import msgspec

from micgate.control.command import Command, Doubt, Kind, Lane, Outcome, Verb
from micgate.control.fact import Fact, RecordingLeft, RecordingPaused, RecordingResumed, Refused
from micgate.control.microphone import Way
from micgate.control.pace import PACE, Pace

_replace = msgspec.structs.replace


class RecordingState(StrEnum):
    ACTIVE = "active"
    PAUSED = "paused"
    NONE = "none"
    """The call is not recorded."""
    OVER = "over"
    """The call is over."""
    UNKNOWN = "unknown"


class RecordingPhase(StrEnum):
    IDLE = "idle"
    PAUSING = "pausing"
    PAUSED = "paused"
    RESUMED = "resumed"
    """Somebody else resumed it while a pause was wanted; it is left so."""
    RESUMING = "resuming"


class PausedBy(StrEnum):
    NOBODY = "nobody"
    US = "us"
    NOT_US = "not_us"


class Recorded(msgspec.Struct, frozen=True, kw_only=True):
    """What the platform told about the recording. `at` in service time."""

    state: RecordingState
    at: float
    way: Way


class Recording(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """All that is remembered of the recording of one call. The words mean what they mean in `Memory`."""

    seen: Recorded | None = None
    known: bool | None = None
    stale: bool = False
    proven: bool = False
    fresh: bool = True
    phase: RecordingPhase = RecordingPhase.IDLE
    paused_by: PausedBy = PausedBy.NOBODY
    pending: Command | None = None
    sent: Command | None = None
    doubts: tuple[Doubt, ...] = ()
    met: tuple[str, ...] = ()
    tries: int = 0
    looks: int = 0
    looked_at: float = 0.0
    made_at: float = 0.0
    outcome: Outcome | None = None
    told: bool = False

    @property
    def touched(self) -> bool:
        return self.paused_by is PausedBy.US or self.sent is not None or bool(self.doubts)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingDecision:
    """As `Decision`, for a recording."""

    recording: Recording
    command: Command | None = None
    wake_at: float | None = None
    facts: tuple[Fact, ...] = ()
    gave_up: Outcome | None = None


def lose_sight(recording: Recording) -> Recording:
    return _replace(recording, stale=True, proven=False, looks=0)


def observe(recording: Recording, recorded: Recorded) -> Recording:
    """Take in an event or the answer of a read."""
    read = recorded.way is Way.READ
    same = recording.seen is not None and recording.seen.state is recorded.state
    seen = _replace(
        recording,
        seen=recorded,
        stale=recording.stale and not read and recording.phase is not RecordingPhase.IDLE,
        proven=read or (same and recording.proven),
        fresh=True,
        looks=0 if read and recorded.state is not RecordingState.UNKNOWN else recording.looks,
    )
    if recorded.state is RecordingState.PAUSED:
        return _paused(seen, recording)
    if recorded.state is RecordingState.ACTIVE:
        return _replace(_landed(seen, paused=False), known=False, paused_by=PausedBy.NOBODY)
    return seen


def conclude(recording: Recording, outcome: Outcome, now: float, *, pace: Pace = PACE) -> Recording:
    """The pending command's outcome."""
    pending = recording.pending
    if pending is None or pending.id != outcome.command_id:
        return recording
    recording = _replace(recording, pending=None)
    if pending.verb is Verb.READ:
        return recording
    recording = _replace(recording, outcome=outcome)
    if outcome.kind in {Kind.REFUSED, Kind.NOT_SENT}:
        met = tuple(owner for owner in recording.met if owner not in pending.mutes)
        return _replace(recording, sent=None, fresh=True, met=met)
    if outcome.kind is Kind.ACCEPTED and pending.landed:
        return recording
    doubt = Doubt(
        command_id=pending.id,
        sets=pending.verb is Verb.PAUSE,
        until=now + pace.doubt,
        sure=outcome.kind is Kind.ACCEPTED,
        before=pending.before,
    )
    return _replace(recording, doubts=(*recording.doubts, doubt))


def decide(
    recording: Recording, owners: tuple[str, ...], pace: Pace, now: float, new_id: Callable[[], str]
) -> RecordingDecision:
    """`owners` are those who want it paused now: ids of mutes, or of pauses placed by themselves."""
    turn = _Turn(recording=recording, owners=owners, pace=pace, now=now, new_id=new_id)
    turn = turn.give_up().forget()
    if turn.recording.pending is None:
        turn = _wanted(turn) if owners else _unwanted(turn)
    pending = turn.recording.pending
    wakes = (*turn.wakes, *((pending.deadline,) if pending else ()))
    return RecordingDecision(
        recording=turn.recording,
        command=turn.command,
        wake_at=min(wakes, default=None),
        facts=turn.facts,
        gave_up=turn.gave_up,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Turn:
    recording: Recording
    owners: tuple[str, ...]
    pace: Pace
    now: float
    new_id: Callable[[], str]
    command: Command | None = None
    wakes: tuple[float, ...] = ()
    facts: tuple[Fact, ...] = ()
    gave_up: Outcome | None = None

    def know(self, **changes: object) -> "_Turn":
        return replace(self, recording=_replace(self.recording, **changes))

    def say(self, fact: Fact) -> "_Turn":
        return replace(self, facts=(*self.facts, fact))

    def wake(self, at: float) -> "_Turn":
        return replace(self, wakes=(*self.wakes, at))

    def give_up(self) -> "_Turn":
        pending = self.recording.pending
        if pending is None or self.now < pending.deadline:
            return self
        outcome = Outcome(command_id=pending.id, kind=Kind.UNKNOWN, at=self.now, word="no_answer")
        recording = conclude(self.recording, outcome, self.now, pace=self.pace)
        return replace(self, recording=recording, gave_up=outcome)

    def forget(self) -> "_Turn":
        doubts = tuple(doubt for doubt in self.recording.doubts if doubt.until > self.now)
        return self.know(doubts=doubts)

    def send(self, verb: Verb, lane: Lane, *, at: float) -> "_Turn":
        if self.now < at:
            return self.wake(at)
        recording = self.recording
        command = Command(
            id=self.new_id(),
            verb=verb,
            lane=lane,
            made_at=self.now,
            deadline=self.now + self.pace.deadline,
            mutes=self.owners,
            before=None if recording.stale else recording.known,
        )
        turn = replace(self, command=command).know(pending=command)
        if verb is Verb.READ:
            return turn.know(looks=recording.looks + 1, looked_at=self.now)
        return turn.know(
            sent=command,
            fresh=False,
            proven=False,
            tries=recording.tries + 1,
            looks=0,
            made_at=self.now,
            outcome=None,
            met=self.owners,
        )

    def look(self, lane: Lane, *, at: float) -> "_Turn":
        looks = self.recording.looks
        again = self.recording.looked_at + min(self.pace.after(looks), self.pace.unreachable)
        return self.send(Verb.READ, lane, at=again if looks else at)


def _paused(seen: Recording, before: Recording) -> Recording:
    """Paused: by us when a command of ours explains it and it was not paused before."""
    by = before.paused_by
    if before.known is not True:
        found_running = (before.known is False and not before.stale) or _found_running(before)
        by = PausedBy.US if found_running and _explains(before) else PausedBy.NOT_US
    return _replace(_landed(seen, paused=True), known=True, paused_by=by)


def _explains(recording: Recording) -> bool:
    pending = recording.pending
    return bool(pending and pending.verb is Verb.PAUSE) or any(doubt.sets for doubt in recording.doubts)


def _found_running(recording: Recording) -> bool:
    pending = recording.pending
    ours = bool(pending and pending.verb is Verb.PAUSE and pending.before is False)
    return ours or any(doubt.sets and doubt.before is False for doubt in recording.doubts)


def _landed(recording: Recording, *, paused: bool) -> Recording:
    pending = recording.pending
    if pending and pending.verb is (Verb.PAUSE if paused else Verb.RESUME):
        pending = _replace(pending, landed=True)
    doubts = tuple(doubt for doubt in recording.doubts if not (doubt.sure and doubt.sets is paused))
    return _replace(recording, pending=pending, doubts=doubts)


def _state(recording: Recording) -> RecordingState:
    """What is known now; unknown while our last change was not followed by anything."""
    if recording.seen is None or recording.stale:
        return RecordingState.UNKNOWN
    waiting = recording.sent is not None and not recording.fresh
    over = recording.seen.state is RecordingState.OVER
    return RecordingState.UNKNOWN if waiting and not over else recording.seen.state


def _wanted(turn: _Turn) -> _Turn:
    recording, state = turn.recording, _state(turn.recording)
    if state in {RecordingState.NONE, RecordingState.OVER}:
        return turn.know(phase=RecordingPhase.IDLE)
    if not set(turn.owners) <= set(recording.met):
        return _ask(turn, state)
    if recording.phase is RecordingPhase.RESUMED:
        return turn
    if state is RecordingState.PAUSED:
        return _say_paused(turn)
    if state is RecordingState.ACTIVE and recording.proven:
        return _still_running(turn)
    return turn.look(Lane.CONFIRM, at=recording.made_at + turn.pace.confirm)


def _ask(turn: _Turn, state: RecordingState) -> _Turn:
    """Pause, also when it is said to be paused: one lost event must not fool us. Look first when unknown."""
    recording = turn.recording
    turn = turn.know(phase=RecordingPhase.PAUSING)
    first = recording.sent is None and recording.outcome is None and not recording.looks
    if state is RecordingState.UNKNOWN and first:
        return turn.look(Lane.MUTE, at=turn.now)
    turn, at = _turned_away(turn, Verb.PAUSE)
    return turn.send(Verb.PAUSE, Lane.MUTE, at=at)


def _turned_away(turn: _Turn, verb: Verb) -> tuple[_Turn, float]:
    """When to send again after a refusal or a request that did not leave."""
    recording, outcome = turn.recording, turn.recording.outcome
    if outcome is None or outcome.kind not in {Kind.REFUSED, Kind.NOT_SENT}:
        return turn, turn.now
    if outcome.again_at is not None:
        return turn, outcome.again_at
    if outcome.final and not recording.told:
        turn = turn.know(told=True).say(
            Refused(verb=verb, status=outcome.status, word=outcome.word, says=outcome.says, alert=True)
        )
    return turn, recording.made_at + turn.pace.after(recording.tries)


def _say_paused(turn: _Turn) -> _Turn:
    if turn.recording.phase is RecordingPhase.PAUSED:
        return turn
    ours = turn.recording.paused_by is PausedBy.US
    return turn.know(phase=RecordingPhase.PAUSED, tries=0, looks=0).say(RecordingPaused(ours=ours))


def _still_running(turn: _Turn) -> _Turn:
    recording = turn.recording
    if recording.phase is RecordingPhase.PAUSED:
        resumed = RecordingResumed(ours=False, alert=True)
        return turn.know(phase=RecordingPhase.RESUMED).say(resumed)
    seen_at = recording.seen.at if recording.seen else turn.now
    return turn.send(Verb.PAUSE, Lane.MUTE, at=seen_at + turn.pace.after(recording.tries))


def _unwanted(turn: _Turn) -> _Turn:
    recording, state = turn.recording, _state(turn.recording)
    if state is RecordingState.OVER or not recording.touched:
        return _left(turn)
    if recording.phase is not RecordingPhase.RESUMING:
        turn = turn.know(phase=RecordingPhase.RESUMING, tries=0, looks=0, outcome=None, told=False, met=())
    if state is RecordingState.PAUSED:
        return _resume(turn)
    resumed = _resumed_by_us(recording)
    if state in {RecordingState.ACTIVE, RecordingState.NONE} and (recording.proven or resumed):
        return _settle(turn)
    at = recording.made_at + turn.pace.confirm if resumed else turn.now
    return turn.look(Lane.RELEASE, at=at)


def _resumed_by_us(recording: Recording) -> bool:
    return recording.sent is not None and recording.sent.verb is Verb.RESUME


def _resume(turn: _Turn) -> _Turn:
    recording = turn.recording
    if recording.paused_by is not PausedBy.US:
        return _left(turn)
    if not recording.tries:
        return turn.send(Verb.RESUME, Lane.RELEASE, at=turn.now)
    if recording.sent is None:
        turn, at = _turned_away(turn, Verb.RESUME)
        return turn.send(Verb.RESUME, Lane.RELEASE, at=at)
    if not recording.proven:
        return turn.look(Lane.RELEASE, at=recording.made_at + turn.pace.confirm)
    seen_at = recording.seen.at if recording.seen else turn.now
    return turn.send(Verb.RESUME, Lane.RELEASE, at=seen_at + turn.pace.after(recording.tries))


def _settle(turn: _Turn) -> _Turn:
    """Running again. A pause of ours may still come through; then it is taken back."""
    doubts = [doubt.until for doubt in turn.recording.doubts if doubt.sets]
    if doubts:
        return turn.know(tries=0).wake(max(doubts))
    return _done(turn.say(RecordingResumed(ours=_resumed_by_us(turn.recording), alert=False)))


def _left(turn: _Turn) -> _Turn:
    recording = turn.recording
    wanted = recording.phase is not RecordingPhase.IDLE
    if wanted and _state(recording) is RecordingState.PAUSED:
        turn = turn.say(RecordingLeft())
    return _done(turn)


def _done(turn: _Turn) -> _Turn:
    return turn.know(
        phase=RecordingPhase.IDLE,
        sent=None,
        fresh=True,
        doubts=(),
        met=(),
        tries=0,
        looks=0,
        outcome=None,
        told=False,
    )
