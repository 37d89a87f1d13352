"""The keeper within the service: whom it watches, and how it is."""

import asyncio
from collections.abc import Callable, Sequence

from micgate.genesys.errors import GenesysError, OursToFix
from micgate.genesys.io import Io
from micgate.keeper.run import Keeper
from micgate.log import Log
from micgate.service.duties.roster import read_roster
from micgate.service.resources.health import Check
from micgate.service.telemetry.tasks import Task
from micgate.store.errors import StoreError
from micgate.store.leases import Term
from micgate.store.postgres import PostgresStore
from micgate.store.verbs import Due

REFRESH = 600.0
"""Seconds between two looks who works there."""
AGAIN = 15.0
"""After a look that told of nobody."""
SOON = 0.25
"""After a database that could not be asked."""

STILL = 30.0
_TURNING = frozenset({"keeper.wake", "keeper.seal", "keeper.chores"})
"""They turn at least every two seconds, whether there is work or not."""

Make = Callable[[tuple[str, ...]], Keeper]


class Kept:
    """Runs the keeper. `make` makes one that watches these users. `started` is told once the platform was
    asked, and has not turned us down.
    """

    def __init__(
        self,
        make: Make,
        io: Io,
        store: PostgresStore,
        org: str,
        *,
        log: Log,
        started: Callable[[], None] = lambda: None,
    ) -> None:
        self._make = make
        self._io = io
        self._store = store
        self._org = org
        self._log = log
        self._started = started
        self._asked = False
        self._users: tuple[str, ...] = ()
        self._told = False
        self._next = 0.0
        self.keeper: Keeper | None = None

    async def run(self) -> None:
        """Until cancelled: then the lease is handed over. Raises what no waiting can mend."""
        self._users = await self._known()
        if not self._users:
            await self._ask()
        self.keeper = self._make(self._users)
        works = [
            asyncio.create_task(self.keeper.run(), name="keeper"),
            asyncio.create_task(self._follow(self.keeper), name="roster"),
        ]
        try:
            await asyncio.wait(works, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for work in works:
                work.cancel()
            ended = await asyncio.gather(*works, return_exceptions=True)
        for one in ended:
            if isinstance(one, Exception):
                raise one

    def nudge(self, due: Sequence[Due] = ()) -> bool:
        """There may be work; `due` is all there is, if it is known. False when this replica does not keep the
        org.
        """
        return self.keeper is not None and self.keeper.nudge(due)

    def term(self) -> Term | None:
        """Of the keeper, while this replica has the lease."""
        reign = self.keeper.reign if self.keeper else None
        return reign.tenure.term if reign else None

    def roster(self) -> tuple[str, ...]:
        """Who works there, as the platform told; empty while it has not."""
        return self._users if self._told else ()

    def check(self) -> Check | None:
        """What of the keeper does not work, if this replica has it."""
        failing = {task.name: task.failing for task in self.tasks() if task.failing}
        failing |= {
            task.name: f"silent for {task.beat_seconds:.0f} s" for task in self.tasks() if _still(task)
        }
        if not failing:
            return None
        told = ", ".join(f"{name}: {word}" for name, word in sorted(failing.items()))
        return Check(name="work", ok=False, says=f"Not working now: {told}.", remedy="It is tried again.")

    def line(self) -> Check | None:
        """Whether changes are heard at once; without that they are found by reading, later."""
        reign = self.keeper.reign if self.keeper else None
        if reign is None or reign.channels.up:
            return None
        faults = {slot.fault or "connecting" for slot in reign.channels.slots if not slot.up}
        told = ", ".join(sorted(faults))
        return Check(
            name="notifications",
            ok=False,
            warns=True,
            says=f"Not connected: {told}.",
            remedy="micgate doctor",
        )

    def crowd(self) -> Check | None:
        """Whether there is a channel for everybody who works there."""
        reign = self.keeper.reign if self.keeper else None
        if reign is None or not reign.channels.left_out:
            return None
        out, heard = len(reign.channels.left_out), sum(len(slot.users) for slot in reign.channels.slots)
        return Check(
            name="watched",
            ok=False,
            warns=True,
            says=f"Of {out + heard:,} people {out:,} are not listened to: there is room for {heard:,}.",
            remedy="Make those inactive in Genesys Cloud who take no calls.",
        )

    def tasks(self) -> list[Task]:
        """Those of the keeper; while another replica keeps the org, there is only the wait for the lease."""
        if self.keeper is None:
            return []
        now, health = self.keeper.ports.boot.boot(), self.keeper.health
        return [
            Task(name=f"keeper.{name}", beat_seconds=round(now - task.beat, 3), failing=task.failing)
            for name, task in health.tasks.items()
            if self.keeper.reign or name == "lease"
        ]

    def budget(self) -> dict[str, float]:
        reign = self.keeper.reign if self.keeper else None
        return {"used": reign.budget.used, "allowed": reign.budget.allowed} if reign else {}

    async def _known(self) -> tuple[str, ...]:
        """Who worked there before: releases must not wait for a platform that is away, or tells slowly. A
        database that went away again is waited for.
        """
        while True:
            try:
                return tuple(agent.user_id for agent in await self._store.agents.all(self._org))
            except StoreError as error:
                self._log.failed("roster.unread", word=error.word)
                await asyncio.sleep(SOON)

    async def _follow(self, keeper: Keeper) -> None:
        """Whoever comes is watched, whoever leaves is not, without a break for the others."""
        while True:
            await asyncio.sleep(self._next)
            before = set(self._users)
            await self._ask()
            if set(self._users) != before:
                keeper.follow(self._users)

    async def _ask(self) -> None:
        await self._look()
        if not self._asked:
            self._asked = True
            self._started()

    async def _look(self) -> None:
        """Who works there now. Credentials that are refused from the start are for people to correct."""
        try:
            self._users = await read_roster(self._io, self._store.agents, self._org)
        except (GenesysError, StoreError) as error:
            if isinstance(error, OursToFix) and not self._told:
                raise
            self._log.failed("roster.unread", word=error.word)
            self._next = AGAIN
            return
        self._told = True
        self._next = REFRESH if self._users else AGAIN
        self._log.recovered("roster.unread")


def _still(task: Task) -> bool:
    return task.name in _TURNING and task.beat_seconds > STILL
