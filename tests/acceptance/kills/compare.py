"""The two accounts against each other: what invariant 6 of the design says, and 2 and 3 beside it. Pure.

- stuck: at the end a microphone is closed by us, no mute stands, and it is not listed as left closed.
- opened: we opened a microphone that somebody else had closed, and that had been told to us in time.
- no intent: a request that no command explains. Only an unknown outcome may match one request or none.
- no request: a command whose outcome says that the platform answered, which knows of no such request.
- late: a microphone was opened more than a grace after its last mute had ended, or what kept us from it had.
- lost: what a client was told was accepted is not in the record.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from statistics import quantiles

from kills.books import Change, Command, Ledger, Record, Request, Stand

BEFORE = 1.0
AFTER = 8.0
"""Seconds by which the clocks of service and simulator may seem to differ while one of them stands still."""
GRACE = 5.0
HEARD = 0.25
"""Seconds after it was told in which a keeper that runs surely knows."""
UNDERWAY = 15.0
"""So long after it left may a mute that was not seen to change anything still do so."""

_TAKEN = {None, 202}
"""Nobody knows, or the platform said that it would be done."""

Place = tuple[str, str]
"""A microphone: conversation and user."""
Span = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What clients were told and what the simulator shows at the end.

    `placed` and `ended` are ids of mutes that were accepted and taken back with a 2xx. `closed` are the live
    microphones that are muted at the end. `deaf` are the times in which no keeper may have listened, `away`
    those in which nobody could be served: in both, seconds since 1970.
    """

    placed: frozenset[str] = frozenset()
    ended: frozenset[str] = frozenset()
    closed: frozenset[Place] = frozenset()
    left_closed: frozenset[Place] = frozenset()
    deaf: tuple[Span, ...] = ()
    away: tuple[Span, ...] = ()
    grace: float = GRACE
    heard: float = HEARD


@dataclass(slots=True, kw_only=True)
class Verdict:
    """`findings` is empty when all is well. `late` are the seconds from the end of mutes to the opening,
    `overdue` those from then on, or from when we could serve again.
    """

    findings: list[str] = field(default_factory=list)
    figures: Counter[str] = field(default_factory=Counter)
    late: list[float] = field(default_factory=list)
    overdue: list[float] = field(default_factory=list)

    def says(self) -> str:
        counts = ", ".join(f"{count} {what}" for what, count in sorted(self.figures.items()))
        worst = f"latest release {max(self.late):.2f} s after its end" if self.late else "no release"
        p99 = f", p99 {quantiles(self.late, n=100)[98]:.2f} s" if len(self.late) > 1 else ""
        return f"{counts}; {worst}{p99}; {max(self.overdue, default=0):.2f} s after it could be made"


def compare(ledger: Ledger, record: Record, told: Told) -> Verdict:
    verdict = Verdict()
    verdict.figures["requests"] = len(ledger.requests)
    verdict.figures["mutes"] = len(told.placed)
    verdict.findings += _commands(ledger, record, verdict.figures)
    verdict.findings += _lost(record, told)
    verdict.findings += _stuck(ledger, told, verdict.figures)
    verdict.findings += _opened(ledger, told, verdict.figures)
    _lateness(ledger, record, told, verdict)
    return verdict


def _commands(ledger: Ledger, record: Record, figures: Counter[str]) -> Iterator[str]:
    """Each request has one intent, each intent one closing word."""
    changes = sorted(
        (one for one in record.commands.values() if one.verb in {"mute", "open"}), key=lambda one: one.at
    )
    figures["intents"] = len(changes)
    left = {request.seq: request for request in ledger.requests}
    for command in changes:
        if len(command.closings) != 1:
            words = [one.kind for one in command.closings]
            yield f"command {command.id} has {len(command.closings)} closing words: {words}"
        figures["late entries"] += len(command.late)
        figures[f"{_kind(command)} outcomes"] += 1
    yield from _exactly(changes, left)
    yield from _roughly(changes, left, figures)
    for request in left.values():
        yield f"no intent: {request}"


def _exactly(commands: Sequence[Command], left: dict[int, Request]) -> Iterator[str]:
    """Those whose correlation id is known."""
    by_id = {request.correlation_id: request for request in left.values()}
    for command in commands:
        for answer in (*command.closings, *command.late):
            if answer.correlation_id is None:
                continue
            request = by_id.get(answer.correlation_id)
            if request is None:
                yield f"no request: command {command.id} was answered as {answer.correlation_id}"
            elif not _fits(command, request):
                yield f"another's answer: command {command.id} was answered for {request}"
            else:
                left.pop(request.seq, None)


def _roughly(commands: Sequence[Command], left: dict[int, Request], figures: Counter[str]) -> Iterator[str]:
    """The others: by microphone, verb and time. What was surely sent goes first."""
    for sure in (True, False):
        for command in commands:
            if _is_matched(command) or (_kind(command) in {"accepted", "refused"}) is not sure:
                continue
            if _kind(command) == "not_sent":
                continue
            request = next(
                (one for one in left.values() if _fits(command, one) and _in_time(command, one)), None
            )
            if request is not None:
                del left[request.seq]
                figures["unknown matched"] += not sure
            elif sure:
                yield f"no request: command {command.id} is {_kind(command)}"


def _lost(record: Record, told: Told) -> Iterator[str]:
    for mute_id in told.placed:
        stand = record.mutes.get(mute_id)
        if stand is None or stand.placed_at is None:
            yield f"lost: mute {mute_id} was accepted and is not in the record"
    for mute_id in told.ended | told.placed:
        stand = record.mutes.get(mute_id)
        if stand is not None and len(stand.ends) != 1:
            yield f"lost: mute {mute_id} has {len(stand.ends)} ends in the record"


def _stuck(ledger: Ledger, told: Told, figures: Counter[str]) -> Iterator[str]:
    ours = {request.correlation_id for request in ledger.requests}
    figures["left closed"] = len(told.left_closed & told.closed)
    for place in sorted(told.closed - told.left_closed):
        closing = next(
            (one for one in reversed(ledger.changes) if (one.conversation, one.user) == place), None
        )
        if closing is not None and closing.by == "request" and closing.correlation_id in ours:
            yield f"stuck: {place} is closed by us since {closing.at:.2f}"


def _opened(ledger: Ledger, told: Told, figures: Counter[str]) -> Iterator[str]:
    ours = {request.correlation_id: request for request in ledger.requests}
    before: dict[Place, Change] = {}
    for change in ledger.changes:
        place = change.conversation, change.user
        closing = before.get(place)
        before[place] = change
        request = ours.get(change.correlation_id) if change.by == "request" else None
        if change.muted or request is None:
            continue
        figures["opened"] += 1
        if closing is None or not closing.muted or closing.by == "request":
            continue
        if _was_known(ledger, closing, request, told):
            yield f"opened: {change} although {closing} was told in time"
        else:
            figures["opened unknowing"] += 1


def _was_known(ledger: Ledger, closing: Change, opening: Request, told: Told) -> bool:
    """Whether a keeper that listened was told of the closing before the mute that led to this opening left.

    Somebody who closes while our own mute is on its way cannot be told from it.
    """
    if _passes_for_ours(ledger, closing):
        return False
    mutes = [
        one
        for one in ledger.requests
        if one.verb == "mute" and one.conversation == closing.conversation and one.seq < opening.seq
    ]
    limit = mutes[-1].at if mutes else opening.at
    tellings = (one for one in ledger.tellings if one.conversation == closing.conversation)
    return any(
        closing.seq < one.seq
        and one.at + told.heard < limit
        and not any(since <= one.at <= until + told.heard for since, until in told.deaf)
        for one in tellings
    )


def _passes_for_ours(ledger: Ledger, closing: Change) -> bool:
    """Whether a mute of ours had left and had not changed anything yet: of the two that then close the
    microphone only the first is told, and nobody is told whose it was.
    """
    left = [
        one
        for one in ledger.requests
        if one.verb == "mute"
        and one.conversation == closing.conversation
        and one.seq < closing.seq
        and closing.at - one.at < UNDERWAY
    ]
    effects = {one.correlation_id for one in ledger.changes if one.muted and one.seq < closing.seq}
    return any(one.status in _TAKEN and one.correlation_id not in effects for one in left[-1:])


def _lateness(ledger: Ledger, record: Record, told: Told, verdict: Verdict) -> None:
    ours = {request.correlation_id for request in ledger.requests}
    for change in ledger.changes:
        if change.muted or change.by != "request" or change.correlation_id not in ours:
            continue
        end = _end_before(record.mutes.values(), change)
        if end is None:
            continue
        late = max(0.0, change.at - end)
        overdue = max(0.0, change.at - _possible(end, told.away))
        verdict.late.append(late)
        verdict.overdue.append(overdue)
        if overdue > told.grace:
            verdict.findings.append(
                f"late: {change} was due at {end:.2f} and could be made {overdue:.2f} s before"
            )


def _possible(end: float, away: Sequence[Span]) -> float:
    """When it could be made: what began within the grace and lasted longer kept us from it."""
    possible = end
    for since, until in sorted(away):
        if since <= possible + GRACE and until > possible:
            possible = until
    return possible


def _end_before(mutes: Iterable[Stand], change: Change) -> float | None:
    """The end of the last mute that had stood there, if none stood any more."""
    ends = [
        one.ends[0]
        for one in mutes
        if one.ends
        and one.user == change.user
        and one.conversation in {"", change.conversation}
        and one.placed_at is not None
        and one.placed_at <= change.at
    ]
    return max((end for end in ends if end <= change.at + BEFORE), default=None)


def _kind(command: Command) -> str:
    return command.closings[0].kind if command.closings else "unclosed"


def _is_matched(command: Command) -> bool:
    return any(one.correlation_id for one in (*command.closings, *command.late))


def _fits(command: Command, request: Request) -> bool:
    same_leg = not command.leg or command.leg == request.leg
    return command.verb == request.verb and command.conversation == request.conversation and same_leg


def _in_time(command: Command, request: Request) -> bool:
    ends = [one.at for one in (*command.closings, *command.late)]
    return command.at - BEFORE <= request.at <= max(ends, default=request.at) + AFTER
