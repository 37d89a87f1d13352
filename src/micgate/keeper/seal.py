"""Finished entries are chained, a batch at a time, and only then shown to anybody."""

import asyncio
from collections.abc import Callable, Sequence

from micgate.keeper.clock import Boot
from micgate.store.entries import Sealed
from micgate.store.leases import Term
from micgate.store.verbs import Verbs

TICK = 0.02
"""Seconds from one batch to the next: one costs as much as a transaction, however many entries it has."""
LOOK = 1.0
"""Without a hint, look this often."""
BATCH = 1000

Published = Callable[[Sequence[Sealed]], None]


class Sealer:
    """`published` gets each batch once, in the order of the chain."""

    def __init__(
        self, verbs: Verbs, term: Term, *, boot: Boot, published: Published = lambda _: None
    ) -> None:
        self._verbs = verbs
        self._term = term
        self._boot = boot
        self._published = published
        self._something = asyncio.Event()
        self._something.set()

    def nudge(self) -> None:
        """There are entries."""
        self._something.set()

    async def step(self) -> None:
        """Wait for entries; one batch, and the pause after it: until the tick is over, or for as long as the
        batch took.
        """
        await self._boot.wait(self._something, LOOK)
        began = self._boot.boot()
        if await self.turn():
            took = self._boot.boot() - began
            await self._boot.sleep(min(TICK, max(TICK - took, took)))

    async def turn(self) -> int:
        """Chain what is there. The number of entries."""
        self._something.clear()
        sealed = await self._verbs.seal(self._term, limit=BATCH)
        if sealed:
            self._published(sealed)
        if len(sealed) == BATCH:
            self._something.set()
        return len(sealed)
