"""Everything that is stored, in memory, and the rows of it."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from msgspec.structs import replace

from micgate.control.command import Command, Outcome
from micgate.control.microphone import Memory
from micgate.control.mute import Mute, Owner
from micgate.store import fold
from micgate.store.commands import is_same
from micgate.store.database import invariant_broken
from micgate.store.entries import Entry, NewEntry, Sealed
from micgate.store.idempotency import Claim
from micgate.store.leases import Lease, Term
from micgate.store.microphones import BLANK, Remembered
from micgate.store.mutes import Ending
from micgate.store.orgs import Brake
from micgate.store.target import Target
from micgate.store.verbs import Due


@dataclass(slots=True)
class Issued:
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
    commands: dict[str, Issued] = field(default_factory=dict)
    entries: list[Entry] = field(default_factory=list)
    private: dict[int, bytes] = field(default_factory=dict)
    seals: dict[str, list[Sealed]] = field(default_factory=dict)
    standing: dict[str, tuple[str, Mute]] = field(default_factory=dict)
    open: dict[str, Issued] = field(default_factory=dict)
    unsealed: dict[str, list[Entry]] = field(default_factory=dict)
    claims: dict[tuple[str, str], Claim] = field(default_factory=dict)
    paces: dict[tuple[str, Owner], list[float]] = field(default_factory=dict)
    brakes: dict[str, Brake] = field(default_factory=dict)
    leases: dict[str, Lease] = field(default_factory=dict)

    def mutes_of(self, org: str) -> tuple[Mute, ...]:
        """All of them, by id."""
        found = (mute for theirs, mute in self.mutes.values() if theirs == org)
        return tuple(sorted(found, key=lambda mute: mute.id))

    def standing_of(self, org: str) -> list[Mute]:
        """By id."""
        found = (mute for theirs, mute in self.standing.values() if theirs == org)
        return sorted(found, key=lambda mute: mute.id)

    def rows_of(self, org: str) -> list[Remembered]:
        return [row for row in self.rows.values() if row.target.org == org]

    def open_of(self, org: str) -> list[Issued]:
        return [one for one in self.open.values() if one.target.org == org]

    def due(self, row: Remembered) -> Due:
        kept = (self.mutes.get(mute_id) for mute_id in row.memory.mutes)
        ended = (one[1] for one in kept if one is not None and not one[1].stands)
        mutes = sorted((*self.standing_of(row.target.org), *ended), key=lambda mute: mute.id)
        return fold.due(row, mutes)

    def ended(self, endings: Iterable[Ending]) -> tuple[Mute, ...]:
        """They as they are then, by id; `write` keeps them."""
        found = [(self.mutes[ending.mute_id][1], ending) for ending in endings]
        ended = [replace(mute, ended_at=one.at, end=one.end, ended_by=one.by) for mute, one in found]
        return tuple(sorted(ended, key=lambda mute: mute.id))

    def write(self, org: str, mutes: Iterable[Mute]) -> None:
        for mute in mutes:
            self.mutes[mute.id] = (org, mute)
            if mute.stands:
                self.standing[mute.id] = (org, mute)
            else:
                self.standing.pop(mute.id, None)

    def issue(self, term: Term, target: Target, command: Command) -> None:
        if any(one.target == target for one in self.open_of(term.org)) or command.id in self.commands:
            raise invariant_broken("commands_one_open")
        issued = Issued(command, target, term.epoch)
        self.commands[command.id] = self.open[command.id] = issued

    def close(self, outcome: Outcome) -> bool:
        """False when it was closed before, or is not known."""
        issued = self.commands.get(outcome.command_id)
        if issued is None or issued.outcome is not None:
            return False
        issued.outcome = outcome
        del self.open[outcome.command_id]
        return True

    def was_said(self, outcome: Outcome) -> bool:
        """Whether this very outcome closed it."""
        issued = self.commands.get(outcome.command_id)
        before = issued.outcome if issued else None
        return before is not None and is_same(outcome, before.kind, before.at)

    def wake_under(self, org: str, mutes: Iterable[Mute], now: float) -> None:
        for target in self.under(org, mutes):
            if target in self.rows:
                self.wake(target, now)
            else:
                self.rows[target] = Remembered(target=target, version=1, memory=BLANK, wake_at=now)

    def under(self, org: str, mutes: Iterable[Mute]) -> set[Target]:
        """What these mutes stand on."""
        return fold.under(org, mutes, [row.target for row in self.rows_of(org)])

    def wake(self, target: Target, now: float) -> None:
        self.put(target, self.rows[target].memory, wake=now)

    def put(self, target: Target, memory: Memory, *, wake: float | None) -> None:
        """A wake is only ever brought forward here."""
        row = self.rows.get(target)
        wakes = [at for at in (wake, row.wake_at if row else None) if at is not None]
        version = row.version + 1 if row else 1
        self.rows[target] = Remembered(
            target=target, version=version, memory=memory, wake_at=min(wakes, default=None)
        )

    def add(self, org: str, entries: Iterable[NewEntry]) -> None:
        for new in entries:
            number = len(self.entries) + 1
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
            self.entries.append(entry)
            self.unsealed.setdefault(org, []).append(entry)
            if new.private:
                self.private[number] = new.private.body
