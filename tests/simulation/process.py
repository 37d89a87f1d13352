"""One process of micgate: a keeper with all its parts, on a loop, a wire and a link of its own."""

import asyncio
import io
import random
from collections.abc import Callable, Collection, Coroutine, Sequence
from dataclasses import dataclass
from math import inf, nextafter
from typing import Any

from micgate.control.mute import Mute
from micgate.genesys.oauth import ClientCredentials
from micgate.genesys.regions import Region
from micgate.genesys.session import Session
from micgate.keeper.lease import LOOK
from micgate.keeper.record import Recorder
from micgate.keeper.reign import Ports
from micgate.keeper.run import Keeper
from micgate.keeper.supervise import leaf
from micgate.log import Log
from micgate.platform.genesys import GenesysPlatform
from micgate.platform.port import Answer, CallShown, Errand, KeptChannel
from micgate.store.commands import OpenCommand
from micgate.store.leases import Term
from micgate.store.memory.store import MemoryStore
from micgate.store.microphones import Remembered
from micgate.store.verbs import Due
from micgate.twin.world import World
from simulation.broken import Broken
from simulation.invariants import Invariants
from simulation.lines import SimulatedLine, Switchboard
from simulation.link import Committed, Link, LinkedLeases, LinkedStore, Moment
from simulation.loop import Loop
from simulation.names import COMMANDS, named
from simulation.weather import Weather
from simulation.wire import ERRAND, Platform, Wire

_REGION = Region(name="simulated", api_url="https://api.invalid", login_url="https://login.invalid")
_BROKEN = {"keeper.broke", "keeper.no_rule"}
"""Events of the log that no world may cause."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What all processes share."""

    org: str
    world: World
    store: MemoryStore
    weather: Weather
    board: Switchboard
    platform: Platform
    pseudonyms: dict[str, str]
    invariants: Invariants
    committed: Committed
    leaving: Callable[[str, tuple[Any, ...]], float]
    database_time: Callable[[], float]
    tell_keepers: Callable[[], None]
    kept: Callable[[], bool]
    service_now: Callable[[], float]
    shelves: dict[int, KeptChannel]
    strategies: dict[str, str]


def _nothing() -> None:
    return


class Process:
    """`kill_at` kills it like SIGKILL; a paused one is stopped like SIGSTOP and knows nothing of it."""

    def __init__(self, around: Surroundings, number: int, rng: random.Random) -> None:
        self.number = number
        self.paused = False
        self.dead = True
        self.lives = 0
        self.began_at = 0.0
        self._around = around
        self._rng = rng
        self._boot_offset = rng.uniform(-1e6, 1e6)
        self._ids = 0

    # -- life and death -----------------------------------------------------------------------------------

    def start(self) -> None:
        if not self.dead:
            return
        self.dead = False
        self.lives += 1
        self.began_at = self._around.world.now
        around = self._around
        self.loop = Loop(self.boot)
        self.link = Link(
            around.world,
            around.store,
            around.weather,
            self.number,
            self._rng,
            committed=around.committed,
            leaving=around.leaving,
            interrupted=_nothing,
        )
        self.store = LinkedStore(self.link)
        self._tasks: list[asyncio.Task] = []
        self.keeper = Keeper(self._ports(), holder=f"{self.number}/{self.lives}")
        self.do(self.keeper.run())

    def kill_at(self, moment: Moment | None, then: Callable[[], None] = _nothing) -> None:
        """Now, or at that moment. A later plan replaces an earlier one."""
        self._stop(moment, lambda: (self._die(), then()))

    def pause_at(self, moment: Moment | None, then: Callable[[], None]) -> None:
        self._stop(moment, lambda: (self._fall_asleep(), then()))

    def forget_plans(self) -> None:
        if not self.dead:
            self.link.stop_at = None

    def go_on(self) -> None:
        self.paused = False

    def _stop(self, moment: Moment | None, how: Callable[[], object]) -> None:
        if self.dead:
            return
        if moment is None:
            how()
        else:
            self.link.stop_at, self.link.interrupted = moment, how

    def _fall_asleep(self) -> None:
        self.paused = True

    def _die(self) -> None:
        """Nothing that it does on its way out has an effect: its wire and its link are cut."""
        self.dead, self.paused, self.link.dead = True, False, True
        for line in tuple(self._around.board.lines.values()):
            if line.replica == self.number:
                self._around.board.unplug(line)
        self.loop.bury()

    # -- time ---------------------------------------------------------------------------------------------

    @property
    def awake(self) -> bool:
        return not self.dead and not self.paused

    def boot(self) -> float:
        return self._around.world.now + self._boot_offset

    async def sleep(self, seconds: float) -> None:
        """A rival of a healthy keeper oversleeps, as it may: that saves a lot of work."""
        if seconds == LOOK and self._around.kept():
            seconds = 4 * LOOK
        await asyncio.sleep(seconds)

    async def wait(self, event: asyncio.Event, seconds: float) -> None:
        """As `asyncio.timeout` around `event.wait`, at a fraction of the price: no task is cancelled."""
        if event.is_set():
            return
        loop = asyncio.get_running_loop()
        woken = loop.create_future()
        event._waiters.append(woken)
        timer = loop.call_later(seconds, lambda: woken.done() or woken.set_result(None))
        try:
            await woken
        finally:
            timer.cancel()
            event._waiters.remove(woken)

    def next_due(self) -> float:
        if self.dead or self.paused:
            return inf
        due = self.loop.next_due()
        at = due - self._boot_offset
        return at if at + self._boot_offset >= due else nextafter(at, inf)  # else rounding stops the world

    def turn(self) -> None:
        self.loop.turn()
        self.look_at_failures()

    def look_at_failures(self) -> None:
        """What a task died of, if nobody waited for it, shows when the task is collected."""
        for failure in self.loop.failures:
            raise leaf(failure.get("exception") or Broken(0, failure["message"]))

    # -- what it does -------------------------------------------------------------------------------------

    def do(self, work: Coroutine[Any, Any, None]) -> None:
        task = self.loop.create_task(work)
        self._tasks = [one for one in self._tasks if not one.done()] + [task]
        task.add_done_callback(_look_at)

    def hint(self) -> None:
        """A notification of the database."""
        if not self.dead:
            self.loop.call_soon(self.keeper.nudge)

    def hand(self, due: Sequence[Due]) -> bool:
        """As the store of a replica tells its own keeper."""
        return self.keeper.nudge(due)

    def tell_keepers(self) -> None:
        self._around.tell_keepers()

    @property
    def epoch(self) -> int | None:
        reign = self.keeper.reign
        return reign.tenure.term.epoch if reign else None

    def service_now(self) -> float:
        """As whoever places a mute knows it."""
        return self._around.service_now()

    def _ports(self) -> Ports:
        around = self._around
        wire = Wire(
            around.platform,
            around.weather,
            self.number,
            self._rng,
            guard=lambda: self.keeper.may_send(),  # noqa: PLW0108 -- the keeper is made after its wire
            left=lambda errand: around.invariants.left(self.number, errand),
        )
        books = _Books(self.link, around)
        names = _Names(around.pseudonyms)
        client = around.world.client
        session = Session(
            wire,
            region=_REGION,
            credentials=ClientCredentials(client.id, client.secret or ""),
            clock=_SessionClock(self, around.world),
            random=self._rng,
        )
        return Ports(
            org=around.org,
            verbs=self.store,
            lessor=LinkedLeases(self.link),
            books=books,
            shelf=lambda term: _Shelf(self.link, around, term),
            names=names,
            recorder=Recorder(names, salt=lambda: "salt"),
            platform=_Platform(session, around=around, number=self.number),
            boot=self,
            new_id=self._new_id,
            users=tuple(user.id for user in around.world.agents),
            log=_Log(self._around.world),
        )

    def _new_id(self) -> str:
        self._ids += 1
        return named(self._around.org, COMMANDS + self.number, self._ids)


class _Log(Log):
    """Keeps what was written, and ends the run at what must never be written."""

    def __init__(self, world: World) -> None:
        super().__init__(stream=io.StringIO(), now=lambda: world.now)

    def write(self, event, **fields):
        super().write(event, **fields)
        if event in _BROKEN:
            raise Broken(0, f"{event} {fields}")


class _Platform(GenesysPlatform):
    """The real adapter, but for the socket of the live line."""

    def __init__(self, session: Session, *, around: Surroundings, number: int) -> None:
        super().__init__(session)
        self._around = around
        self._number = number

    async def carry_out(self, errand: Errand) -> Answer:
        ERRAND.set(errand)
        return await super().carry_out(errand)

    def line(self, users, *, kept, heard, changed, toll):
        return SimulatedLine(
            self._around.board,
            users,
            replica=self._number,
            kept=kept,
            heard=heard,
            changed=changed,
            toll=toll,
            spy=_Spy(self._around, self._number),
        )


@dataclass(frozen=True, slots=True)
class _Spy:
    """Tells the judges what the process was told."""

    around: Surroundings
    replica: int

    def told(self, call: CallShown) -> None:
        self.around.invariants.delivered(self.replica, call)

    def missed(self, users: Collection[str]) -> None:
        self.around.invariants.missed(self.replica, users)


class _Books:
    """See `micgate.keeper.ports.Books`."""

    def __init__(self, link: Link, around: Surroundings) -> None:
        self._link = link
        self._around = around

    async def remembered(self) -> Sequence[Remembered]:
        return await self._link.go(
            "remembered", _answering(lambda: self._around.store.remembered(self._around.org))
        )

    async def standing(self) -> Sequence[Mute]:
        mutes = self._around.store.mutes
        return await self._link.go(
            "standing", _answering(lambda: [one for one in mutes(self._around.org) if one.stands])
        )

    async def open_commands(self) -> Sequence[OpenCommand]:
        return await self._link.go(
            "open", _answering(lambda: self._around.store.open_commands(self._around.org))
        )

    async def time(self) -> float:
        return await self._link.go("time", _answering(self._around.database_time))

    async def strategy(self) -> str | None:
        return self._around.strategies.get(self._around.org)

    async def remember_strategy(self, strategy: str) -> None:
        self._around.strategies[self._around.org] = strategy

    async def sweep(self, *, before: float) -> int:
        return await self._link.go(
            "sweep", _answering(lambda: self._around.store.sweep(self._around.org, before=before))
        )


class _Shelf:
    """See `micgate.keeper.ports.Shelf`."""

    def __init__(self, link: Link, around: Surroundings, term: Term) -> None:
        self._link = link
        self._around = around
        self._term = term

    async def load(self) -> dict[int, KeptChannel]:
        return await self._link.go("load", _answering(lambda: dict(self._around.shelves)))

    async def store(self, slot: int, channel: KeptChannel, users: Sequence[str]) -> None:
        def put() -> None:
            self._around.store.leases.fence(self._term)
            self._around.shelves[slot] = channel

        await self._link.go("store", _answering(put))


class _Names(dict[str, str]):
    """Every agent has a pseudonym from the beginning; a process knows those that it asked for."""

    def __init__(self, everybody: dict[str, str]) -> None:
        super().__init__()
        self._everybody = everybody

    async def learn(self, users: Collection[str]) -> None:
        self.update((user, self._everybody[user]) for user in users)


class _SessionClock:
    def __init__(self, process: Process, world: World) -> None:
        self._process = process
        self._world = world

    def monotonic(self) -> float:
        return self._process.boot()

    def now(self) -> float:
        return self._world.now


def _answering(ask: Callable[[], Any]) -> Callable[[], Coroutine[Any, Any, Any]]:
    async def answer() -> Any:
        return ask()

    return answer


def _look_at(task: asyncio.Task) -> None:
    """Whatever a task of a living process dies of ends the run."""
    if not task.cancelled() and task.exception() is not None:
        task.get_loop().call_exception_handler({"exception": task.exception(), "message": "a task died"})
