"""The six verbs. No others change what is wanted of, seen of, or done to a microphone.

`place` is everybody's: it changes mutes and wakes what they stand on. The other five are the keeper's; each
begins by holding the lease at its term, and raises `Fenced` when that is over. Every verb is one transaction,
and may be repeated with the same ids: what was done already is not done twice.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from micgate.control.command import Outcome
from micgate.control.conclude import conclude
from micgate.control.decide import Decision
from micgate.control.fact import Fact
from micgate.control.microphone import Memory, Observed, Phase
from micgate.control.mute import End, Mute
from micgate.control.observe import lose_sight, observe
from micgate.control.pace import PACE
from micgate.store.entries import Link, NewEntry, Sealed
from micgate.store.idempotency import Answer, Claim
from micgate.store.leases import Term
from micgate.store.target import Subject, Target


def _nothing(_: Mute) -> tuple[NewEntry, ...]:
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Change:
    """`entries` are added in any case; `tell` makes those about a mute that was really changed."""

    org: str
    entries: tuple[NewEntry, ...] = ()
    tell: Callable[[Mute], tuple[NewEntry, ...]] = _nothing
    claim: Claim | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Place(_Change):
    """New mutes. `at_most`: more than this many standing mutes of one owner are refused. `rate`: so many an
    owner places and extends in a minute; only changes that have a rate are counted.

    `within`: mutes of one owner, agent and call may last so many seconds together. `beside`: the only others
    of the owner that may stand, as what was checked depends on them; else `Overtaken`. `notes` are pairs of a
    reference and a text. A mute that is there already is left as it is.
    """

    mutes: tuple[Mute, ...]
    notes: tuple[tuple[str, str], ...] = ()
    at_most: int | None = None
    rate: int | None = None
    within: float | None = None
    beside: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Release(_Change):
    """The end of mutes that stand; the others are left as they are."""

    mute_ids: tuple[str, ...]
    by: str
    end: End = End.RELEASED


@dataclass(frozen=True, slots=True, kw_only=True)
class Extend(_Change):
    """A later (or earlier) end, a renewed presence, or both. The cap counts from the placing.

    `rate` and `within` as for `Place`.
    """

    mute_ids: tuple[str, ...]
    release_at: float | None = None
    renew_by: float | None = None
    rate: int | None = None
    within: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Freeze(_Change):
    """The brake: ends all mutes of the org, and `Place` is refused from then on."""

    by: str
    end: End = End.RELEASED


@dataclass(frozen=True, slots=True, kw_only=True)
class Unfreeze(_Change):
    """Mutes may be placed again."""


Change: TypeAlias = Place | Release | Extend | Freeze | Unfreeze


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """A target to decide about. `mutes` stand on it, or are remembered by it and have ended since."""

    target: Target
    version: int
    memory: Memory
    mutes: tuple[Mute, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """`mutes` are those that were changed, as they are now. `replayed`: it was asked and answered before.

    `due`: all that is due because of it, as `load_due` would have found it at that moment; empty where only
    `load_due` knows.
    """

    mutes: tuple[Mute, ...] = ()
    replayed: Answer | None = None
    due: tuple[Due, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DueNow:
    """`lapsed`: due mutes of agents on no call. `next_at`: when something else is due, perhaps now too."""

    due: tuple[Due, ...]
    lapsed: tuple[Mute, ...]
    next_at: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """Something arrived about a target. `observed` None: something may have been missed."""

    target: Target
    observed: Observed | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Noted:
    """What a sighting did. `woken`: the target is due now; `due` as it will be found, if that can be told."""

    target: Target
    memory: Memory
    facts: tuple[Fact, ...]
    woken: bool
    due: Due | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """A decision, about the target as it was at `version`."""

    target: Target
    version: int
    decision: Decision
    entries: tuple[NewEntry, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Lapse:
    """The end of a mute of an agent on no call, if the mute still is as it was read."""

    mute: Mute
    at: float
    end: End
    entries: tuple[NewEntry, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Intended:
    """`done` are written down and may be sent. `stale` have changed since; they are still due.

    `blocked` have a command that is neither answered nor given up: nothing was written for them. `due_at`:
    when the first is due of what was written down, or woken because a mute ended that stands on it too.
    """

    done: tuple[Target, ...] = ()
    stale: tuple[Target, ...] = ()
    blocked: tuple[Target, ...] = ()
    lapsed: tuple[str, ...] = ()
    due_at: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Closing:
    """The outcome of a command. `entries` if it comes in time, `late` if the command was closed before."""

    target: Target
    outcome: Outcome
    sent_at: float | None = None
    entries: tuple[NewEntry, ...] = ()
    late: tuple[NewEntry, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Concluded:
    """`late`: the command was closed before, by another outcome. `due_at`: when to look at the target."""

    target: Target
    command_id: str
    memory: Memory
    late: bool
    due_at: float | None = None


def _no_entries(_target: Target, _facts: tuple[Fact, ...], _now: float) -> tuple[NewEntry, ...]:
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Core:
    """What is done to the memory of one kind of target."""

    observe: Callable[[Memory, Observed, float], tuple[Memory, tuple[Fact, ...]]] = observe
    lose_sight: Callable[[Memory], Memory] = lose_sight
    conclude: Callable[[Memory, Outcome, float], Memory] = conclude


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What the store asks back while it has rows locked. Pure functions, all of them.

    `record` says which facts of an observation become entries; `link` chains them.
    """

    link: Link
    record: Callable[[Target, tuple[Fact, ...], float], tuple[NewEntry, ...]] = _no_entries
    microphone: Core = Core()
    recording: Core = Core()

    def core(self, target: Target) -> Core:
        return self.microphone if target.subject is Subject.MICROPHONE else self.recording


class Verbs(Protocol):
    """One protocol, two stores: PostgreSQL, and memory for the simulation."""

    async def place(self, change: Change, *, now: float) -> Placed:
        """Change mutes and wake what they stand on.

        Raises a kind of `Refused`, `Overtaken`, or `LengthRefused` for too long a chain of mutes.
        """

    async def load_due(
        self, term: Term, *, now: float, limit: int = 500, owner_grace: float = PACE.owner_grace
    ) -> DueNow:
        """What is due by now, longest overdue first. Changes nothing: what is not decided stays due."""

    async def observe(self, term: Term, sightings: Sequence[Sighting], *, now: float) -> tuple[Noted, ...]:
        """Take in what arrived, in its order; at most 500 or so at once. Makes microphones that are new.

        Wakes a target when anything is at stake: a mute stands on it, or it is not at rest.
        """

    async def intend(
        self, term: Term, decided: Sequence[Decided], lapses: Sequence[Lapse] = (), *, now: float
    ) -> Intended:
        """Write down memory, ends of mutes, commands, when to look again. Then commands may be sent."""

    async def conclude(self, term: Term, closings: Sequence[Closing], *, now: float) -> tuple[Concluded, ...]:
        """Close commands. Of a fenced-off keeper only `late` entries are kept; then `Fenced` is raised."""

    async def seal(self, term: Term, *, limit: int = 1000) -> tuple[Sealed, ...]:
        """Give the entries of finished transactions their numbers and hashes."""


def at_stake(memory: Memory) -> bool:
    """Whether news may call for something to be done, even if no mute stands."""
    return memory.phase is not Phase.IDLE or memory.pending is not None or memory.touched


def outdated(lapse: Lapse, now: Mute | None) -> bool:
    return now is None or (now.release_at, now.renew_by) != (lapse.mute.release_at, lapse.mute.renew_by)
