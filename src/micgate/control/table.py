"""What happens next, as a table: phase, what is seen, what is wanted, whether a command is pending.

Nothing else moves a phase. A combination that is not in the table raises in `step`, and nowhere else.
`docs/control.md` shows its diagram.
"""

from collections.abc import Iterable
from enum import StrEnum
from itertools import product
from typing import NamedTuple, TypeAlias

from micgate.control.command import Verb
from micgate.control.microphone import LegState, Memory, Phase


class Seen(StrEnum):
    """What is known about the microphone now."""

    UNKNOWN = "unknown"
    """Never seen, something may have been missed, or the platform does not say."""
    MUTE_SENT = "mute_sent"
    """Our mute was the last thing that happened."""
    OPEN_SENT = "open_sent"
    """Our un-mute was the last thing that happened."""
    WAITING = "waiting"
    """The agent's leg rings or is being dialled."""
    GONE_SAID = "gone_said"
    """An event says that the agent has left the call."""
    GONE = "gone"
    """A read says so."""
    OPEN_SAID = "open_said"
    """An event says that it is open."""
    OPEN = "open"
    """A read says so, or our own un-mute explains it."""
    MUTED = "muted"


class Desired(StrEnum):
    """What is wanted of the microphone now."""

    ANEW = "anew"
    """Silence, and a mute stands for which no command has been made."""
    SILENT = "silent"
    """Silence, and it has been asked for."""
    BACK = "back"
    """As it was: the last mute has ended."""
    NOTHING = "nothing"
    """No mute stands and nothing of ours was done to it."""


class Act(StrEnum):
    """What to do about it. Each has one function in `decide`."""

    REST = "rest"
    WAIT = "wait"
    """For the outcome of the pending command."""
    LOOK = "look"
    """Read now."""
    LOOK_FIRST = "look_first"
    """Read once to learn what was there before, then mute whatever came of it."""
    POLL = "poll"
    """Read now and then."""
    AWAIT = "await"
    """For an event, then read."""
    CLOSE = "close"
    """Mute now."""
    RETRY = "retry"
    """Mute again after a while."""
    CONFIRM = "confirm"
    """Say that silence was observed."""
    OVERRIDE = "override"
    """Somebody opened it: do what the mutes say."""
    UNDO = "undo"
    """Take back a mute that was not seen to take effect."""
    JUDGE = "judge"
    """It is closed and no mute stands: open it if that is safe."""
    SETTLE = "settle"
    """It is open: done when no command of ours can close it any more."""
    LEAVE = "leave"
    """The agent has left the call."""
    FINISH = "finish"
    """The episode is over."""


class Verdict(StrEnum):
    """What an act found out, where that decides about the phase."""

    REASSERT = "reassert"
    GIVE_WAY = "give_way"
    USED_UP = "used_up"
    OPENS = "opens"
    KEEPS = "keeps"
    LEAVES = "leaves"
    DOUBTS = "doubts"
    DONE = "done"


class Move(NamedTuple):
    to: Phase
    act: Act


Situation: TypeAlias = tuple[Phase, Seen, Desired, bool]
Row: TypeAlias = dict[Seen, Move]


class Unlisted(LookupError):
    """The table has a hole."""


AFTER: dict[tuple[Act, Verdict], Phase] = {
    (Act.OVERRIDE, Verdict.REASSERT): Phase.APPLYING,
    (Act.OVERRIDE, Verdict.GIVE_WAY): Phase.CONTESTED,
    (Act.RETRY, Verdict.USED_UP): Phase.UNCONFIRMED,
    (Act.JUDGE, Verdict.OPENS): Phase.OPENING,
    (Act.JUDGE, Verdict.KEEPS): Phase.IDLE,
    (Act.JUDGE, Verdict.LEAVES): Phase.LEFT_CLOSED,
    (Act.SETTLE, Verdict.DOUBTS): Phase.SETTLING,
    (Act.SETTLE, Verdict.DONE): Phase.IDLE,
}
"""Where an act leads when only the act can tell."""

_SENT = (Seen.MUTE_SENT, Seen.OPEN_SENT)
_UNDER_MUTES = (Phase.APPLYING, Phase.CONFIRMED, Phase.UNCONFIRMED, Phase.CONTESTED)
_AFTERWARDS = (Phase.IDLE, Phase.OPENING, Phase.SETTLING, Phase.LEFT_CLOSED)


def _row(here: Phase, cells: Iterable[tuple[tuple[Seen, ...], Phase, Act]]) -> Row:
    """Leaving the call is the same everywhere: an event about it is checked, a read settles it."""
    row = {Seen.GONE_SAID: Move(here, Act.LOOK), Seen.GONE: Move(Phase.IDLE, Act.LEAVE)}
    return row | {seen: Move(to, act) for seens, to, act in cells for seen in seens}


def _anew(to: Phase) -> Row:
    return _row(
        to,
        [
            ((Seen.UNKNOWN,), to, Act.LOOK_FIRST),
            ((*_SENT, Seen.OPEN_SAID, Seen.OPEN, Seen.MUTED), to, Act.CLOSE),
            ((Seen.WAITING,), Phase.APPLYING, Act.POLL),
        ],
    )


def _asked(here: Phase) -> Row:
    return _row(
        here,
        [
            ((Seen.UNKNOWN,), here, Act.LOOK),
            ((*_SENT, Seen.OPEN_SAID), here, Act.AWAIT),
            ((Seen.OPEN,), here, Act.RETRY),
            ((Seen.MUTED,), Phase.CONFIRMED, Act.CONFIRM),
            ((Seen.WAITING,), Phase.APPLYING, Act.POLL),
        ],
    )


def _giving_back() -> Row:
    here = Phase.OPENING
    return _row(
        here,
        [
            ((Seen.UNKNOWN, Seen.OPEN_SAID), here, Act.LOOK),
            ((Seen.MUTE_SENT,), here, Act.UNDO),
            ((Seen.OPEN_SENT,), here, Act.AWAIT),
            ((Seen.OPEN,), here, Act.SETTLE),
            ((Seen.MUTED,), here, Act.JUDGE),
            ((Seen.WAITING,), here, Act.POLL),
        ],
    )


_CONFIRMED = _row(
    Phase.CONFIRMED,
    [
        ((Seen.UNKNOWN, *_SENT, Seen.OPEN_SAID), Phase.CONFIRMED, Act.LOOK),
        ((Seen.OPEN,), Phase.CONFIRMED, Act.OVERRIDE),
        ((Seen.MUTED,), Phase.CONFIRMED, Act.REST),
        ((Seen.WAITING,), Phase.APPLYING, Act.POLL),
    ],
)
_CONTESTED = _row(
    Phase.CONTESTED,
    [
        ((Seen.UNKNOWN, *_SENT), Phase.CONTESTED, Act.LOOK),
        ((Seen.OPEN_SAID, Seen.OPEN), Phase.CONTESTED, Act.REST),
        ((Seen.MUTED,), Phase.CONFIRMED, Act.CONFIRM),
        ((Seen.WAITING,), Phase.APPLYING, Act.POLL),
    ],
)
_SETTLING = _row(
    Phase.SETTLING,
    [
        ((Seen.UNKNOWN,), Phase.SETTLING, Act.LOOK),
        ((Seen.MUTE_SENT,), Phase.OPENING, Act.UNDO),
        ((Seen.OPEN_SENT,), Phase.SETTLING, Act.AWAIT),
        ((Seen.OPEN_SAID, Seen.OPEN), Phase.SETTLING, Act.SETTLE),
        ((Seen.MUTED,), Phase.OPENING, Act.JUDGE),
        ((Seen.WAITING,), Phase.SETTLING, Act.POLL),
    ],
)
_LEFT_CLOSED = _row(
    Phase.LEFT_CLOSED,
    [
        ((Seen.UNKNOWN, *_SENT, Seen.WAITING), Phase.LEFT_CLOSED, Act.REST),
        ((Seen.OPEN_SAID,), Phase.LEFT_CLOSED, Act.LOOK),
        ((Seen.OPEN,), Phase.LEFT_CLOSED, Act.SETTLE),
        ((Seen.MUTED,), Phase.LEFT_CLOSED, Act.JUDGE),
    ],
)

_ROWS: dict[Desired, dict[Phase, Row]] = {
    Desired.ANEW: {
        phase: _anew(Phase.UNCONFIRMED if phase is Phase.UNCONFIRMED else Phase.APPLYING) for phase in Phase
    },
    Desired.SILENT: {
        Phase.APPLYING: _asked(Phase.APPLYING),
        Phase.UNCONFIRMED: _asked(Phase.UNCONFIRMED),
        Phase.CONFIRMED: _CONFIRMED,
        Phase.CONTESTED: _CONTESTED,
        **{phase: _anew(Phase.APPLYING) for phase in _AFTERWARDS},
    },
    Desired.BACK: {
        Phase.IDLE: {seen: Move(Phase.IDLE, Act.REST) for seen in Seen},
        **{phase: _giving_back() for phase in (*_UNDER_MUTES, Phase.OPENING)},
        Phase.SETTLING: _SETTLING,
        Phase.LEFT_CLOSED: _LEFT_CLOSED,
    },
    Desired.NOTHING: {
        phase: {seen: Move(Phase.IDLE, Act.REST if phase is Phase.IDLE else Act.FINISH) for seen in Seen}
        for phase in Phase
    },
}


def _while_pending(phase: Phase, desired: Desired, free: Move) -> Move:
    """Nothing is sent, but the phase follows what is wanted, and silence is said when it is seen."""
    if free.act is Act.CONFIRM or desired is Desired.NOTHING:
        return free
    if desired is Desired.BACK and phase in _UNDER_MUTES:
        return Move(Phase.OPENING, Act.WAIT)
    if desired is Desired.ANEW or (desired is Desired.SILENT and phase in _AFTERWARDS):
        return Move(Phase.UNCONFIRMED if phase is Phase.UNCONFIRMED else Phase.APPLYING, Act.WAIT)
    return Move(phase, Act.WAIT)


MOVES: dict[Situation, Move] = {
    (phase, seen, desired, pending): _while_pending(phase, desired, free) if pending else free
    for desired, phases in _ROWS.items()
    for phase, row in phases.items()
    for seen, free in row.items()
    for pending in (False, True)
}


def situations() -> Iterable[Situation]:
    return product(Phase, Seen, Desired, (False, True))


def step(phase: Phase, seen: Seen, desired: Desired, *, pending: bool) -> Move:
    try:
        return MOVES[phase, seen, desired, pending]
    except KeyError:
        raise Unlisted(f"{phase}, seen {seen}, wanted {desired}, pending {pending}") from None


def after(act: Act, verdict: Verdict) -> Phase:
    try:
        return AFTER[act, verdict]
    except KeyError:
        raise Unlisted(f"{act}: {verdict}") from None


def seen_in(memory: Memory) -> Seen:
    """What is known now. What arrived before our last change was sent says nothing about now."""
    seen = memory.seen
    if seen is None or memory.stale or seen.state is LegState.UNKNOWN:
        return Seen.UNKNOWN
    if seen.state is LegState.OVER:
        return Seen.GONE if memory.proven else Seen.GONE_SAID
    if seen.state is LegState.WAITING:
        return Seen.WAITING
    if memory.sent and not memory.fresh:
        return Seen.MUTE_SENT if memory.sent.verb is Verb.MUTE else Seen.OPEN_SENT
    return _known(memory, muted=seen.muted)


def _known(memory: Memory, *, muted: bool | None) -> Seen:
    if muted is None:
        return Seen.UNKNOWN
    if muted:
        return Seen.MUTED
    return Seen.OPEN if memory.proven else Seen.OPEN_SAID
