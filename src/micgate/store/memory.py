"""The six verbs in memory, for the simulation. A verb is done between two steps of the event loop, whole.

Written for itself, not after the SQL: the same machine of actions runs on both and compares.
"""

import copy
import math
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

from msgspec.structs import replace

from micgate.control.command import Command, Outcome
from micgate.control.microphone import LegState, Memory, Phase
from micgate.control.mute import Mute, Owner
from micgate.control.pace import PACE
from micgate.control.placing import check_spent, spent
from micgate.control.policy import CAP_SECONDS
from micgate.store import fold, paces
from micgate.store.commands import OpenCommand, is_same
from micgate.store.database import fenced, invariant_broken
from micgate.store.due import is_cut
from micgate.store.entries import Entry, NewEntry, Sealed, chained
from micgate.store.errors import Fenced
from micgate.store.idempotency import Answer, Claim, key_reused
from micgate.store.leases import Lease, Term
from micgate.store.microphones import BLANK, Remembered
from micgate.store.mutes import Ending, too_many
from micgate.store.orgs import Brake, frozen
from micgate.store.place import overtaken
from micgate.store.target import Subject, Target
from micgate.store.verbs import (
    Change,
    Closing,
    Concluded,
    Decided,
    Due,
    DueNow,
    Extend,
    Freeze,
    Intended,
    Lapse,
    Noted,
    Place,
    Placed,
    Release,
    Rules,
    Sighting,
    Unfreeze,
)


@dataclass(slots=True)
class _Issued:
    command: Command
    target: Target
    epoch: int
    outcome: Outcome | None = None


@dataclass(slots=True)
class Contents:
    """Everything that is stored. A copy is a backup. What is looked at all the time has an index."""

    mutes: dict[str, tuple[str, Mute]] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)
    rows: dict[Target, Remembered] = field(default_factory=dict)
    commands: dict[str, _Issued] = field(default_factory=dict)
    entries: list[Entry] = field(default_factory=list)
    private: dict[int, bytes] = field(default_factory=dict)
    seals: dict[str, list[Sealed]] = field(default_factory=dict)
    standing: dict[str, tuple[str, Mute]] = field(default_factory=dict)
    open: dict[str, _Issued] = field(default_factory=dict)
    unsealed: dict[str, list[Entry]] = field(default_factory=dict)
    claims: dict[tuple[str, str], Claim] = field(default_factory=dict)
    paces: dict[tuple[str, Owner], list[float]] = field(default_factory=dict)
    brakes: dict[str, Brake] = field(default_factory=dict)
    leases: dict[str, Lease] = field(default_factory=dict)


class MemoryLeases:
    """As `leases.Leases`."""

    def __init__(self, contents: Contents) -> None:
        self._leases = contents.leases

    async def read(self, name: str) -> Lease | None:
        return self._leases.get(name)

    async def take(
        self, name: str, *, holder: str, seen: Lease | None, clock_offset: float = 0.0
    ) -> Lease | None:
        now = self._leases.get(name)
        if (now is None) != (seen is None):
            return None
        if now and seen and (now.epoch, now.beat) != (seen.epoch, seen.beat):
            return None
        epoch, beat = (now.epoch, now.beat) if now else (0, 0)
        self._leases[name] = Lease(name, holder, epoch + 1, beat + 1, clock_offset)
        return self._leases[name]

    async def beat(self, term: Term, *, clock_offset: float | None = None) -> bool:
        lease = self._of(term)
        if lease is None:
            return False
        offset = lease.clock_offset if clock_offset is None else clock_offset
        self._leases[term.org] = replace(lease, beat=lease.beat + 1, clock_offset=offset)
        return True

    async def resign(self, term: Term) -> None:
        if lease := self._of(term):
            self._leases[term.org] = replace(lease, beat=lease.beat + 1, holder=None)

    def fence(self, term: Term) -> None:
        if self._of(term) is None:
            raise fenced(term.org)

    def _of(self, term: Term) -> Lease | None:
        lease = self._leases.get(term.org)
        return lease if lease and lease.epoch == term.epoch and lease.holder is not None else None


class MemoryStore:
    """See `verbs.Verbs`. What a verb raises leaves everything as it was."""

    def __init__(self, rules: Rules) -> None:
        self.contents = Contents()
        self.leases = MemoryLeases(self.contents)
        self._rules = rules

    async def place(self, change: Change, *, now: float) -> Placed:
        if change.claim and (replayed := self._replayed(change.claim, now)):
            return Placed(replayed=replayed)
        changed = self._changed(change, now)
        told = [entry for mute in changed for entry in change.tell(mute)]
        if change.claim:
            self.contents.claims[change.claim.principal, change.claim.key] = change.claim
        self._keep(change, changed, now)
        self._wake_under(change.org, changed, now)
        self._add(change.org, (*change.entries, *told))
        return Placed(mutes=changed)

    async def load_due(
        self, term: Term, *, now: float, limit: int = 500, owner_grace: float = PACE.owner_grace
    ) -> DueNow:
        self.leases.fence(term)
        wakes = {row.target: row.wake_at for row in self._rows(term.org) if row.wake_at is not None}
        timed = {target.user_id for target in wakes}
        alone = [mute for mute in self._standing(term.org) if _has_no_timer(mute, timed)]
        ends = {mute.id: mute.due(owner_grace=owner_grace)[0] for mute in alone}
        late = sorted((at, target) for target, at in wakes.items() if at <= now)
        due = [target for subject in Subject for target in _of(subject, late)[:limit]]
        later = [at for at in wakes.values() if at > now]
        rows = [self.contents.rows[target] for target in due]
        return DueNow(
            due=tuple(self._due(row) for row in rows),
            lapsed=tuple(mute for mute in alone if ends[mute.id] <= now)[:limit],
            next_at=now if is_cut(rows, limit) else min((*later, *ends.values()), default=None),
        )

    async def observe(self, term: Term, sightings: Sequence[Sighting], *, now: float) -> tuple[Noted, ...]:
        self.leases.fence(term)
        memories = {
            one.target: self.contents.rows[one.target].memory if one.target in self.contents.rows else BLANK
            for one in sightings
        }
        standing = self._standing(term.org)
        noted = tuple(
            fold.take_in(self._rules, memories, one, standing=standing, now=now) for one in sightings
        )
        woken = {one.target for one in noted if one.woken}
        for target, memory in memories.items():
            self._put(target, memory, wake=now if target in woken else None)
        for one in noted:
            self._add(term.org, self._rules.record(one.target, one.facts, now))
        return noted

    async def intend(
        self, term: Term, decided: Sequence[Decided], lapses: Sequence[Lapse] = (), *, now: float
    ) -> Intended:
        self.leases.fence(term)
        sorted_ = fold.sort_out(
            decided,
            lapses,
            versions={target: row.version for target, row in self.contents.rows.items()},
            standing={mute.id: mute for mute in self._standing(term.org)},
            open_commands={one.target: one.command.id for one in self._open(term.org)},
        )
        done = {one.target for one in sorted_.done}
        ended = self._ended(sorted_.endings)
        self._write(term.org, ended)
        woken = self._under(term.org, ended) & self.contents.rows.keys() - done
        for target in woken:
            self._wake(target, now)
        wakes = sorted_.wakes(now)
        for one in sorted_.done:
            self._write_down(term, one, wakes[one.target])
        self._add(term.org, sorted_.told)
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
                self._add(term.org, closing.late)
            raise
        in_time = {closing.outcome.command_id for closing in closings if self._close(closing.outcome)}
        taken = fold.take_back(
            self._rules,
            {closing.target: self.contents.rows[closing.target].memory
             for closing in closings if closing.target in self.contents.rows},
            closings,
            in_time=in_time,
            repeated={
                closing.outcome.command_id for closing in closings
                if closing.outcome.command_id not in in_time and self._was_said(closing.outcome)
            },
            now=now,
        )  # fmt: skip
        for target, memory in taken.changed.items():
            self._put(target, memory, wake=taken.wakes[target])
        self._add(term.org, taken.told)
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
        found = (mute for theirs, mute in self.contents.mutes.values() if theirs == org)
        return tuple(sorted(found, key=lambda mute: mute.id))

    def remembered(self, org: str) -> tuple[Remembered, ...]:
        """Microphones and recordings, in their order."""
        return tuple(sorted(self._rows(org), key=lambda row: row.target))

    def open_commands(self, org: str) -> tuple[OpenCommand, ...]:
        return tuple(_shown(one) for one in self._open(org))

    def sweep(self, org: str, *, before: float) -> int:
        """As `microphones.sweep`."""
        over = [row for row in self._rows(org) if self._is_done_with(org, row, before)]
        for row in over:
            del self.contents.rows[row.target]
        return len(over)

    def backup(self) -> Contents:
        return copy.deepcopy(self.contents)

    def _is_done_with(self, org: str, row: Remembered, before: float) -> bool:
        seen, target = row.memory.seen, row.target
        return (
            target.subject is Subject.MICROPHONE
            and row.memory.phase is Phase.IDLE
            and row.wake_at is None
            and seen is not None
            and seen.state is LegState.OVER
            and seen.at < before
            and all(one.target != target for one in self._open(org))
            and all(mute.conversation_id != target.conversation_id for mute in self._standing(org))
        )

    def _replayed(self, claim: Claim, now: float) -> Answer | None:
        before = self.contents.claims.get((claim.principal, claim.key))
        if before is None or before.expires_at <= now:
            return None
        if before.body_digest != claim.body_digest:
            raise key_reused()
        return Answer(before.status, before.response)

    def _changed(self, change: Change, now: float) -> tuple[Mute, ...]:
        org = change.org
        match change:
            case Place():
                return self._placed(change, now)
            case Release() | Freeze():
                found = self._standing(org)
                if isinstance(change, Release):
                    found = [mute for mute in found if mute.id in change.mute_ids]
                return self._ended(
                    [Ending(mute_id=mute.id, at=now, end=change.end, by=change.by) for mute in found]
                )
            case Extend():
                found = [mute for mute in self._standing(org) if mute.id in change.mute_ids]
                longer = tuple(_extended(mute, change) for mute in found)
                self._check_chains(org, longer, within=change.within)
                self._check_pace(change, longer, now)
                return longer
            case Unfreeze():
                return ()

    def _placed(self, change: Place, now: float) -> tuple[Mute, ...]:
        if brake := self.contents.brakes.get(change.org):
            raise frozen(brake.by)
        new = [mute for mute in change.mutes if mute.id not in self.contents.mutes]
        self._check_pace(change, new, now)
        for mute in new:
            owned = [
                one for one in (*self._standing(change.org), *new) if one.stands and one.owner == mute.owner
            ]
            if change.at_most is not None and len(owned) > change.at_most:
                raise too_many(change.at_most)
        self._check_beside(change, new)
        self._check_chains(change.org, new, within=change.within)
        for mute in new:
            _check(mute)
        return tuple(sorted(new, key=lambda mute: mute.id))

    def _check_pace(self, change: Place | Extend, mutes: Sequence[Mute], now: float) -> None:
        if change.rate is None:
            return
        for mute in mutes:
            made = self.contents.paces.get((change.org, mute.owner), [])
            counting = [at for at in made if math.floor(at) >= math.floor(now) - paces.MINUTE]
            together = len(counting) + sum(one.owner == mute.owner for one in mutes)
            if together > change.rate:
                raise paces.too_often(change.rate, since=math.floor(min(counting, default=now)), now=now)

    def _check_beside(self, change: Place, new: Sequence[Mute]) -> None:
        owners = {mute.owner for mute in new}
        for one in self._standing(change.org):
            if change.beside is not None and one.owner in owners and one.id not in change.beside:
                raise overtaken()

    def _check_chains(self, org: str, new: Sequence[Mute], *, within: float | None) -> None:
        """Of the new ones, together with all others."""
        if within is not None:
            changed = {mute.id for mute in new}
            others = [*new, *(mute for mute in self.mutes(org) if mute.id not in changed)]
            for mute in new:
                check_spent(mute, spent=spent(mute, others), within=within)

    def _keep(self, change: Change, changed: Iterable[Mute], now: float) -> None:
        contents = self.contents
        self._write(change.org, changed)
        if isinstance(change, Place | Extend) and change.rate is not None:
            for mute in changed:
                contents.paces.setdefault((change.org, mute.owner), []).append(now)
        if isinstance(change, Place):
            contents.notes |= {ref: body for ref, body in change.notes if ref not in contents.notes}
        elif isinstance(change, Freeze):
            contents.brakes.setdefault(change.org, Brake(now, change.by))
        elif isinstance(change, Unfreeze):
            contents.brakes.pop(change.org, None)

    def _ended(self, endings: Iterable[Ending]) -> tuple[Mute, ...]:
        found = [(self.contents.mutes[ending.mute_id][1], ending) for ending in endings]
        ended = [replace(mute, ended_at=one.at, end=one.end, ended_by=one.by) for mute, one in found]
        return tuple(sorted(ended, key=lambda mute: mute.id))

    def _write_down(self, term: Term, one: Decided, wake_at: float | None) -> None:
        decision, row = one.decision, self.contents.rows[one.target]
        self.contents.rows[one.target] = replace(
            row, memory=decision.memory, wake_at=wake_at, version=row.version + 1
        )
        if decision.gave_up:
            self._close(decision.gave_up)
        if decision.command:
            self._issue(term, one.target, decision.command)

    def _issue(self, term: Term, target: Target, command: Command) -> None:
        if any(one.target == target for one in self._open(term.org)) or command.id in self.contents.commands:
            raise invariant_broken("commands_one_open")
        issued = _Issued(command, target, term.epoch)
        self.contents.commands[command.id] = self.contents.open[command.id] = issued

    def _close(self, outcome: Outcome) -> bool:
        issued = self.contents.commands.get(outcome.command_id)
        if issued is None or issued.outcome is not None:
            return False
        issued.outcome = outcome
        del self.contents.open[outcome.command_id]
        return True

    def _was_said(self, outcome: Outcome) -> bool:
        issued = self.contents.commands.get(outcome.command_id)
        before = issued.outcome if issued else None
        return before is not None and is_same(outcome, before.kind, before.at)

    def _wake_under(self, org: str, mutes: Iterable[Mute], now: float) -> None:
        for target in self._under(org, mutes):
            if target in self.contents.rows:
                self._wake(target, now)
            else:
                self.contents.rows[target] = Remembered(target=target, version=1, memory=BLANK, wake_at=now)

    def _under(self, org: str, mutes: Iterable[Mute]) -> set[Target]:
        return fold.under(org, mutes, [row.target for row in self._rows(org)])

    def _wake(self, target: Target, now: float) -> None:
        self._put(target, self.contents.rows[target].memory, wake=now)

    def _put(self, target: Target, memory: Memory, *, wake: float | None) -> None:
        row = self.contents.rows.get(target)
        wakes = [at for at in (wake, row.wake_at if row else None) if at is not None]
        version = row.version + 1 if row else 1
        self.contents.rows[target] = Remembered(
            target=target, version=version, memory=memory, wake_at=min(wakes, default=None)
        )

    def _add(self, org: str, entries: Iterable[NewEntry]) -> None:
        for new in entries:
            number = len(self.contents.entries) + 1
            digest = new.private.digest if new.private else None
            entry = Entry(
                id=number,
                org=org,
                at=new.at,
                actor=new.actor,
                action=new.action,
                target=new.target,
                public=new.public,
                mute_id=new.mute_id,
                command_id=new.command_id,
                private_digest=digest,
            )
            self.contents.entries.append(entry)
            self.contents.unsealed.setdefault(org, []).append(entry)
            if new.private:
                self.contents.private[number] = new.private.body

    def _write(self, org: str, mutes: Iterable[Mute]) -> None:
        for mute in mutes:
            self.contents.mutes[mute.id] = (org, mute)
            if mute.stands:
                self.contents.standing[mute.id] = (org, mute)
            else:
                self.contents.standing.pop(mute.id, None)

    def _standing(self, org: str) -> list[Mute]:
        """By id."""
        found = (mute for theirs, mute in self.contents.standing.values() if theirs == org)
        return sorted(found, key=lambda mute: mute.id)

    def _due(self, row: Remembered) -> Due:
        kept = (self.contents.mutes.get(mute_id) for mute_id in row.memory.mutes)
        ended = (one[1] for one in kept if one is not None and not one[1].stands)
        mutes = sorted((*self._standing(row.target.org), *ended), key=lambda mute: mute.id)
        return fold.due(row, mutes)

    def _rows(self, org: str) -> list[Remembered]:
        return [row for row in self.contents.rows.values() if row.target.org == org]

    def _open(self, org: str) -> list[_Issued]:
        return [one for one in self.contents.open.values() if one.target.org == org]


def _has_no_timer(mute: Mute, timed: Collection[str]) -> bool:
    """A mute of all calls, of an agent no microphone of whom is due one day."""
    return mute.conversation_id is None and mute.user_id not in timed


def _of(subject: Subject, late: Iterable[tuple[float, Target]]) -> list[Target]:
    return [target for _, target in late if target.subject is subject]


def _extended(mute: Mute, change: Extend) -> Mute:
    release_at = mute.release_at if change.release_at is None else change.release_at
    renew_by = mute.renew_by if change.renew_by is None else change.renew_by
    longer = replace(mute, release_at=release_at, renew_by=renew_by)
    _check(longer)
    return longer


def _check(mute: Mute) -> None:
    if not mute.placed_at <= mute.release_at <= mute.placed_at + CAP_SECONDS:
        raise invariant_broken("mutes_end")


def _shown(one: _Issued) -> OpenCommand:
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
