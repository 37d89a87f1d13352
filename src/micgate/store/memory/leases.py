"""Who keeps which org, in memory."""

from msgspec.structs import replace

from micgate.store.database import fenced
from micgate.store.leases import Lease, Term
from micgate.store.memory.contents import Contents


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
