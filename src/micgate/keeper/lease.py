"""One keeper for each org: when one may send, and when another may take over.

Nobody compares wall clocks. A rival watches the lease by its own boot clock; the keeper stops sending well
before any rival may begin. Arithmetic first, time is passed in; then the shell.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from micgate.keeper.clock import Boot
from micgate.store.errors import Busy, Full, Unavailable
from micgate.store.leases import Lease, Term

BEAT = 1.0
"""Seconds between beats."""
STILL = 3.0
"""A lease that does not beat for so long may be taken over."""
TRUST = 2.0
"""So long after the start of its last good beat may the keeper send."""
LOOK = 0.25
"""A rival looks this often."""
_AGAIN = 0.2

Gone = Callable[[str], bool]


class Lessor(Protocol):
    """The part of the store that keeps leases."""

    async def read(self, name: str) -> Lease | None: ...

    async def take(
        self, name: str, *, holder: str, seen: Lease | None, clock_offset: float = 0.0
    ) -> Lease | None: ...

    async def beat(self, term: Term, *, clock_offset: float | None = None) -> bool: ...

    async def resign(self, term: Term) -> None: ...


@dataclass(slots=True)
class Rivalry:
    """Somebody else's lease, as one who would take it over sees it. `is_gone`: that holder cannot send any
    more, for sure.
    """

    is_gone: Gone
    seen: Lease | None = None
    since: float | None = None

    def may_take(self, lease: Lease | None, boot: float) -> bool:
        """Whether nobody has it, or whoever had it is gone, or silent for long enough."""
        if self.since is None or lease != self.seen:
            self.seen, self.since = lease, boot
        if lease is None or lease.holder is None:
            return True
        return boot - self.since >= STILL or self.is_gone(lease.holder)


@dataclass(slots=True)
class Tenure:
    """One's own term. `good` is when the last good beat began, by the boot clock."""

    term: Term
    good: float
    over: bool = False

    def beaten(self, started: float) -> None:
        self.good = max(self.good, started)

    def may_send(self, boot: float) -> bool:
        return not self.over and boot < self.good + TRUST


class LeaseLostError(Exception):
    """Somebody else keeps the org now."""


async def win(
    lessor: Lessor,
    org: str,
    *,
    holder: str,
    boot: Boot,
    offset: float,
    is_gone: Gone,
    follow: Callable[[Lease], Awaitable[None]] | None = None,
) -> tuple[Lease, float]:
    """Wait for the org to be free, and take it. Also: when the take-over began, by the boot clock.

    `follow` is called at every look at somebody else's lease.
    """
    rivalry = Rivalry(is_gone)
    while True:
        lease = await lessor.read(org)
        started = boot.boot()
        if rivalry.may_take(lease, started):
            kept = offset if lease is None else lease.clock_offset
            try:
                won = await lessor.take(org, holder=holder, seen=lease, clock_offset=kept)
            except Busy:
                won = None  # held by a transaction of the term before: how long that is silent stays known
            if won is not None:
                return won, started
        elif follow is not None and lease is not None:
            await follow(lease)
        await boot.sleep(LOOK)


async def beat_on(lessor: Lessor, tenure: Tenure, *, boot: Boot, offset: "Offset") -> None:
    """Beat until somebody else has the lease: `LeaseLostError`. A database that is away is waited for."""
    while True:
        started = boot.boot()
        try:
            await beat(lessor, tenure, boot=boot, offset=offset)
        except (Unavailable, Busy, Full):
            await boot.sleep(_AGAIN)
            continue
        await boot.sleep(max(0.0, started + BEAT - boot.boot()))


async def beat(lessor: Lessor, tenure: Tenure, *, boot: Boot, offset: "Offset") -> None:
    """One beat. Raises `LeaseLostError`."""
    started = boot.boot()
    if not await lessor.beat(tenure.term, clock_offset=offset.offset):
        tenure.over = True
        raise LeaseLostError
    tenure.beaten(started)


class Offset(Protocol):
    """A clock that knows by how much it differs from the database's."""

    @property
    def offset(self) -> float: ...
