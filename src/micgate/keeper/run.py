"""A replica's share in keeping an org: wait for the lease, keep while it is ours, start again."""

from collections.abc import Sequence
from dataclasses import replace

from micgate.keeper.clock import Follower
from micgate.keeper.holder import is_gone, new_holder
from micgate.keeper.lease import LeaseLostError, Tenure, win
from micgate.keeper.reign import Ports, Reign
from micgate.keeper.supervise import PASSING, Health, leaf
from micgate.store.errors import Fenced
from micgate.store.leases import Lease, Term
from micgate.store.verbs import Due

_PAUSE = 1.0


class Keeper:
    """`reign` is set while this replica keeps the org. `may_send` is for the guard of the wire."""

    def __init__(self, ports: Ports, *, holder: str | None = None) -> None:
        self.ports = ports
        self.holder = holder or new_holder()
        self.health = Health(ports.boot, ports.log)
        self.reign: Reign | None = None
        self._follower = Follower(ports.boot)

    def may_send(self) -> bool:
        return self.reign is not None and self.reign.sender.may_leave()

    def nudge(self, due: Sequence[Due] = ()) -> bool:
        """There may be work: what a replica's own API calls after placing, with all that is due, if that is
        known. False when another has the org.
        """
        if self.reign is None:
            return False
        self.reign.nudge(due)
        return True

    def follow(self, users: Sequence[str]) -> None:
        """Watch these agents from now on, in this term and in those to come."""
        self.ports = replace(self.ports, users=tuple(users))
        if self.reign is not None:
            self.reign.follow(users)

    async def run(self) -> None:
        """For ever. Cancelled, it hands the lease over."""
        self.health.started("lease")
        try:
            await self._keep_on()
        finally:
            if self.ports.close is not None:
                await self.ports.close()

    async def _keep_on(self) -> None:
        while True:
            try:
                await self._once()
            except Exception as error:  # noqa: BLE001 -- the outermost edge: nobody stays muted because of a mistake
                self._ended_by(leaf(error))
            await self.ports.boot.sleep(_PAUSE)

    async def _once(self) -> None:
        ports = self.ports
        lease, started = await win(
            ports.lessor,
            ports.org,
            holder=self.holder,
            boot=ports.boot,
            offset=0.0,
            is_gone=self._is_gone,
            follow=self._follow,
        )
        self.health.recovered("lease")
        ports.log.write("keeper.took_over", org=ports.org, epoch=lease.epoch)
        await self._reign(lease, started)

    async def _reign(self, lease: Lease, started: float) -> None:
        ports = self.ports
        clock = self._follower.take_over(await ports.books.time(), lease.clock_offset)
        tenure = Tenure(Term(ports.org, lease.epoch), good=started)
        self.reign = Reign(ports, tenure, clock, self.health)
        try:
            await self.reign.run()
        finally:
            self.reign, self._follower.clock = None, clock

    def _is_gone(self, holder: str) -> bool:
        """A term of our own that is over sends nothing, even if the database was not there to be told."""
        return holder == self.holder or is_gone(holder)

    async def _follow(self, lease: Lease) -> None:
        self.health.recovered("lease")
        if self._follower.is_due():
            self._follower.saw(await self.ports.books.time(), lease.clock_offset)

    def _ended_by(self, error: BaseException) -> None:
        """Losing the lease is nothing special; a mistake of ours is said loudly, and the term begun again."""
        log, org = self.ports.log, self.ports.org
        if isinstance(error, LeaseLostError | Fenced):
            log.write("keeper.fenced", org=org)
        elif isinstance(error, PASSING):
            self.health.failed("lease", error)
        else:
            log.write("keeper.broke", org=org, error=type(error).__name__, what=str(error))
