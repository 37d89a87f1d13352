"""The six verbs in memory, for the simulation. A verb is done between two steps of the event loop, whole.

Written for itself, not after the SQL: the same machine of actions runs on both and compares.
"""

import copy
from collections.abc import Collection, Iterable, Sequence

from msgspec.structs import replace

from micgate.control.microphone import LegState, Phase
from micgate.control.mute import Mute
from micgate.control.pace import PACE
from micgate.store import fold
from micgate.store.commands import OpenCommand
from micgate.store.due import is_cut
from micgate.store.entries import Sealed, chained
from micgate.store.errors import Fenced
from micgate.store.leases import Term
from micgate.store.memory import changes
from micgate.store.memory.contents import Contents, Issued
from micgate.store.memory.leases import MemoryLeases
from micgate.store.microphones import BLANK, Remembered
from micgate.store.target import Subject, Target
from micgate.store.verbs import (
    Change,
    Closing,
    Concluded,
    Decided,
    Due,
    DueNow,
    Intended,
    Lapse,
    Noted,
    Place,
    Placed,
    Rules,
    Sighting,
)


class MemoryStore:
    """See `verbs.Verbs`. What a verb raises leaves everything as it was."""

    def __init__(self, rules: Rules) -> None:
        self.contents = Contents()
        self.leases = MemoryLeases(self.contents)
        self._rules = rules

    async def place(self, change: Change, *, now: float) -> Placed:
        if change.claim and (replayed := changes.replayed(self.contents, change.claim, now)):
            return Placed(replayed=replayed)
        changed = changes.changed(self.contents, change, now)
        told = [entry for mute in changed for entry in change.tell(mute)]
        if change.claim:
            self.contents.claims[change.claim.principal, change.claim.key] = change.claim
        busy = {mute.user_id for mute in self.contents.standing_of(change.org)}
        changes.keep(self.contents, change, changed, now)
        self.contents.wake_under(change.org, changed, now)
        self.contents.add(change.org, (*change.entries, *told))
        return Placed(mutes=changed, due=self._due_by(change, changed, busy))

    async def load_due(
        self, term: Term, *, now: float, limit: int = 500, owner_grace: float = PACE.owner_grace
    ) -> DueNow:
        self.leases.fence(term)
        wakes = {
            row.target: row.wake_at for row in self.contents.rows_of(term.org) if row.wake_at is not None
        }
        timed = {target.user_id for target in wakes}
        alone = [mute for mute in self.contents.standing_of(term.org) if _has_no_timer(mute, timed)]
        ends = {mute.id: mute.due(owner_grace=owner_grace)[0] for mute in alone}
        late = sorted((at, target) for target, at in wakes.items() if at <= now)
        due = [target for subject in Subject for target in _of(subject, late)[:limit]]
        later = [at for at in wakes.values() if at > now]
        rows = [self.contents.rows[target] for target in due]
        return DueNow(
            due=tuple(self.contents.due(row) for row in rows),
            lapsed=tuple(mute for mute in alone if ends[mute.id] <= now)[:limit],
            next_at=now if is_cut(rows, limit) else min((*later, *ends.values()), default=None),
        )

    async def observe(self, term: Term, sightings: Sequence[Sighting], *, now: float) -> tuple[Noted, ...]:
        self.leases.fence(term)
        rows = self.contents.rows
        before = {one.target: rows[one.target] for one in sightings if one.target in rows}
        memories = {
            one.target: before[one.target].memory if one.target in before else BLANK for one in sightings
        }
        standing = self.contents.standing_of(term.org)
        noted = tuple(
            fold.take_in(self._rules, memories, one, standing=standing, now=now) for one in sightings
        )
        woken = {one.target for one in noted if one.woken}
        for target, memory in memories.items():
            self.contents.put(target, memory, wake=now if target in woken else None)
        for one in noted:
            self.contents.add(term.org, self._rules.record(one.target, one.facts, now))
        return fold.with_due(noted, before, standing)

    async def intend(
        self, term: Term, decided: Sequence[Decided], lapses: Sequence[Lapse] = (), *, now: float
    ) -> Intended:
        self.leases.fence(term)
        sorted_ = fold.sort_out(
            decided,
            lapses,
            versions={target: row.version for target, row in self.contents.rows.items()},
            standing={mute.id: mute for mute in self.contents.standing_of(term.org)},
            open_commands={one.target: one.command.id for one in self.contents.open_of(term.org)},
        )
        done = {one.target for one in sorted_.done}
        ended = self.contents.ended(sorted_.endings)
        self.contents.write(term.org, ended)
        woken = self.contents.under(term.org, ended) & self.contents.rows.keys() - done
        for target in woken:
            self.contents.wake(target, now)
        wakes = sorted_.wakes(now)
        for one in sorted_.done:
            self._write_down(term, one, wakes[one.target])
        self.contents.add(term.org, sorted_.told)
        return Intended(
            done=tuple(one.target for one in sorted_.done),
            stale=sorted_.stale,
            blocked=sorted_.blocked,
            lapsed=tuple(one.mute.id for one in sorted_.lapsed),
            due_at=sorted_.due_at(now, woken),
        )

    async def conclude(self, term: Term, closings: Sequence[Closing], *, now: float) -> tuple[Concluded, ...]:
        try:
            self.leases.fence(term)
        except Fenced:
            for closing in closings:
                self.contents.add(term.org, closing.late)
            raise
        in_time = {closing.outcome.command_id for closing in closings if self.contents.close(closing.outcome)}
        taken = fold.take_back(
            self._rules,
            {closing.target: self.contents.rows[closing.target].memory
             for closing in closings if closing.target in self.contents.rows},
            closings,
            in_time=in_time,
            repeated={
                closing.outcome.command_id for closing in closings
                if closing.outcome.command_id not in in_time and self.contents.was_said(closing.outcome)
            },
            now=now,
        )  # fmt: skip
        for target, memory in taken.changed.items():
            self.contents.put(target, memory, wake=taken.wakes[target])
        self.contents.add(term.org, taken.told)
        return taken.concluded

    async def seal(self, term: Term, *, limit: int = 1000) -> tuple[Sealed, ...]:
        self.leases.fence(term)
        seals = self.contents.seals.setdefault(term.org, [])
        last = (seals[-1].seq, seals[-1].hash) if seals else (0, b"")
        waiting = self.contents.unsealed.get(term.org, [])
        sealed = chained(last, waiting[:limit], self._rules.link)
        seals.extend(sealed)
        del waiting[: len(sealed)]
        return sealed

    def mutes(self, org: str) -> tuple[Mute, ...]:
        """All of them, by id."""
        return self.contents.mutes_of(org)

    def remembered(self, org: str) -> tuple[Remembered, ...]:
        """Microphones and recordings, in their order."""
        return tuple(sorted(self.contents.rows_of(org), key=lambda row: row.target))

    def open_commands(self, org: str) -> tuple[OpenCommand, ...]:
        return tuple(_shown(one) for one in self.contents.open_of(org))

    def sweep(self, org: str, *, before: float) -> int:
        """As `microphones.sweep`."""
        over = [row for row in self.contents.rows_of(org) if self._is_done_with(org, row, before)]
        for row in over:
            del self.contents.rows[row.target]
        return len(over)

    def backup(self) -> Contents:
        return copy.deepcopy(self.contents)

    def _due_by(self, change: Change, changed: Sequence[Mute], busy: Collection[str]) -> tuple[Due, ...]:
        """`busy`: the agents of whom a mute stood before."""
        if not isinstance(change, Place) or not changed or changed[0].user_id in busy:
            return ()
        target = Target(change.org, changed[0].conversation_id or "", changed[0].user_id)
        return fold.placed_due(change, changed, self.contents.rows.get(target))

    def _is_done_with(self, org: str, row: Remembered, before: float) -> bool:
        seen, target = row.memory.seen, row.target
        return (
            target.subject is Subject.MICROPHONE
            and row.memory.phase is Phase.IDLE
            and row.wake_at is None
            and seen is not None
            and seen.state is LegState.OVER
            and seen.at < before
            and all(one.target != target for one in self.contents.open_of(org))
            and all(mute.conversation_id != target.conversation_id for mute in self.contents.standing_of(org))
        )

    def _write_down(self, term: Term, one: Decided, wake_at: float | None) -> None:
        decision, row = one.decision, self.contents.rows[one.target]
        self.contents.rows[one.target] = replace(
            row, memory=decision.memory, wake_at=wake_at, version=row.version + 1
        )
        if decision.gave_up:
            self.contents.close(decision.gave_up)
        if decision.command:
            self.contents.issue(term, one.target, decision.command)


def _has_no_timer(mute: Mute, timed: Collection[str]) -> bool:
    """A mute of all calls, of an agent no microphone of whom is due one day."""
    return mute.conversation_id is None and mute.user_id not in timed


def _of(subject: Subject, late: Iterable[tuple[float, Target]]) -> list[Target]:
    return [target for _, target in late if target.subject is subject]


def _shown(one: Issued) -> OpenCommand:
    return OpenCommand(
        id=one.command.id,
        target=one.target,
        leg=one.command.leg,
        verb=one.command.verb,
        lane=one.command.lane,
        epoch=one.epoch,
        intended_at=one.command.made_at,
        deadline=one.command.deadline,
    )
