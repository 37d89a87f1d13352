"""The deterministic world: the simulated contact centre, processes of micgate, a store, and trouble.

One run is one story told from its seed. Time is a number that jumps from event to event.
"""

import gc
from collections.abc import Callable
from dataclasses import dataclass, field
from math import inf

import msgspec

from micgate.audit.chain import link
from micgate.keeper.record import Recorder
from micgate.store.errors import StoreError
from micgate.store.memory.store import MemoryStore
from micgate.store.verbs import Rules
from micgate.twin.floor import ConversationChanged
from micgate.twin.world import World
from simulation.actors import Desk, Telephones
from simulation.broken import Broken
from simulation.chance import Chance
from simulation.invariants import Invariants
from simulation.lines import Switchboard
from simulation.link import Moment, commands
from simulation.names import ORG
from simulation.process import Process, Surroundings
from simulation.story import REPLICAS, Step, Story, What
from simulation.weather import Trouble, Weather
from simulation.wire import Platform

BEGINS = 1_767_225_600.0
LOOK = 0.5
"""Seconds between two looks at what is true."""
QUIET = 90.0
"""So long after the story does everything settle."""
_TAKE_OVER = 5.0
_RETRIED = 36.0
"""What the platform refuses or forgets is tried again after 30 s at the latest."""
_CONSEQUENCES = {
    Trouble.UNREACHABLE: 1.0,
    Trouble.CUT_BEFORE: 4.0,
    Trouble.CUT_AFTER: 4.0,
    Trouble.SLOW: 10.0,
    Trouble.LOST: 8.0,
    Trouble.HANGS: 8.0,
    Trouble.FORGOTTEN: _RETRIED,
    Trouble.FAILED: 4.0,
    Trouble.HALF_DONE: 4.0,
    Trouble.GATEWAY: 4.0,
    Trouble.LIMITED: 10.0,
    Trouble.REVOKED: 4.0,
    Trouble.FORBIDDEN: _RETRIED,
    Trouble.NOT_FOUND: _RETRIED,
    Trouble.EVENT_LOST: 3.0,
    Trouble.EVENT_LATE: 9.0,
    Trouble.EVENT_TWICE: 3.0,
    Trouble.EVENTS_SWAPPED: 3.0,
    Trouble.EVENT_STALE: 5.0,
    Trouble.STORE_AWAY: 6.0,
    Trouble.STORE_CUT: 6.0,
    Trouble.STORE_SILENT: 14.0,
    Trouble.STORE_SLOW: 6.0,
    Trouble.STORE_BUSY: 6.0,
}
"""How long after the end of a spell it may still be felt, in seconds, beside the grace of a give-back."""


_LONG_COMMIT = 0.2
_NOTED_AFTER = 12.0
"""So long after a step of the database's clock does everybody know of it, also who has started meanwhile."""
_AFTERWARDS = 5.0
"""What the keeper before had on its way has an unknown outcome: it is looked at and perhaps done again."""

Do = Callable[[Moment | None, Callable[[], None]], None]


@dataclass(slots=True)
class Simulation:
    """`run` raises `Broken`, or whatever a process died of."""

    story: Story
    org: str = ORG
    store_for: Callable[[Rules], MemoryStore] = MemoryStore
    world: World = field(init=False)
    store: MemoryStore = field(init=False)
    weather: Weather = field(init=False)
    board: Switchboard = field(init=False)
    processes: list[Process] = field(init=False)
    invariants: Invariants = field(init=False)
    telephones: Telephones = field(init=False)
    desk: Desk = field(init=False)
    clock_offset: float = 0.0
    _calm_at: float = 0.0
    _served_since: float = inf
    _next_look: float = 0.0
    _noted_at: float = 0.0
    _service_offset: float = 0.0
    _meddlers: list[Step] = field(default_factory=list)
    _chance: Chance = field(init=False)

    def __post_init__(self) -> None:
        seed = self.story.seed
        self.world = World(seed=seed, agents=5, quiet=True, now=BEGINS + self.story.begins)
        self._chance = Chance(seed)
        self._chance.keep(self.world._floor.lags)
        pseudonyms: dict[str, str] = {user.id: f"a-{at}" for at, user in enumerate(self.world.agents)}
        recorder = Recorder(pseudonyms, salt=lambda: "salt")
        self.store = self.store_for(Rules(link=link, record=recorder.observed))
        self.weather = Weather(lambda: self.world.now, self._chance.stream())
        self.board = Switchboard(self.world, self.weather, self._chance.stream())
        self.invariants = Invariants(
            world=self.world,
            store=self.store,
            org=self.org,
            epoch_of=self._epoch_of,
            calm_at=lambda: self._calm_at,
            served_since=lambda: self._served_since,
        )
        platform = Platform(self.world, self._chance.stream(), self.invariants.arrived)
        around = Surroundings(
            org=self.org,
            world=self.world,
            store=self.store,
            weather=self.weather,
            board=self.board,
            platform=platform,
            pseudonyms=pseudonyms,
            invariants=self.invariants,
            committed=self._committed,
            leaving=self._leaving,
            database_time=lambda: self.world.now + self.clock_offset,
            tell_keepers=self._tell_keepers,
            shelves={},
            strategies={},
            kept=self._kept,
            service_now=self._service_now,
        )
        self.processes = [Process(around, number, self._chance.stream()) for number in range(REPLICAS)]
        self.telephones = Telephones(self.world)
        self.desk = Desk(
            self.world, self.telephones, lambda: [one for one in self.processes if one.awake], self.org
        )

    def run(self) -> "Simulation":
        gc.disable()  # it is a tenth of the time; and the same run ends at the same moment
        try:
            return self._run()
        finally:
            gc.enable()

    def _run(self) -> "Simulation":
        self.begin()
        for step in self.story.steps:
            self.world.clock.at(BEGINS + step.at, self._stepping(step))
        try:
            self.go_on(self.story.seconds - self.story.begins)
            self.weather.clear()
            for process in self.processes:
                process.forget_plans()
            self._calm(_RETRIED)
            self.go_on(QUIET)
            self.invariants.closing()
            gc.collect()
            for process in self.processes:
                process.look_at_failures()
        finally:
            self.end()
        return self

    def begin(self) -> None:
        for process in self.processes:
            process.start()

    def go_on(self, seconds: float) -> None:
        """Let so much time pass, and everything happen that is due in it."""
        self._until(self.world.now + seconds)

    def expect_trouble(self, seconds: float) -> None:
        self._calm(seconds)

    def end(self) -> None:
        for process in self.processes:
            process.kill_at(None)

    def history(self) -> list[tuple[float, str]]:
        """What was written down, with times: two runs that agree in this were the same run."""
        entries = self.store.contents.entries
        return [(entry.at, f"{entry.action} {entry.target} {entry.command_id}") for entry in entries]

    # -- time ---------------------------------------------------------------------------------------------

    def _until(self, until: float) -> None:
        world, clock, processes = self.world, self.world.clock, self.processes
        while True:
            due = min([process.next_due() for process in processes])
            timer = clock.next_due()
            if timer is not None and timer < due:
                due = timer
            if due > until:
                break
            self._chance.turn(max(due, clock.now))
            world.advance(max(due, clock.now))
            self._publish()
            for process in processes:
                if process.next_due() <= clock.now:
                    process.turn()
            if clock.now >= self._next_look:
                self._next_look = clock.now + LOOK
                self._serving()
                self.invariants.look()
        world.advance(until)

    def _publish(self) -> None:
        for published in self.world.drain():
            if isinstance(published, ConversationChanged):
                self.board.publish(published)

    # -- what happens -------------------------------------------------------------------------------------

    def _stepping(self, step: Step) -> Callable[[], None]:
        def happen() -> None:
            if self.telephones.knows(step.what):
                self.telephones.act(step)
            elif self.desk.knows(step.what):
                self.desk.act(step)
            elif step.what is What.MEDDLE:
                self._meddlers.append(step)
            else:
                self._trouble(step)

        return happen

    def _committed(self, replica: int, verb: str, args: tuple, result: object, left_at: float) -> None:
        self.invariants.committed(replica, verb, args, result, left_at)
        if self._meddlers and not isinstance(result, StoreError):
            for decided in commands(verb, args)[:1]:
                self._meddle(self._meddlers.pop(), decided.target.user_id)

    def _leaving(self, verb: str, args: tuple) -> float:
        """Now and then somebody does something while an intent is under way, and that takes long."""
        for decided in commands(verb, args)[:1] if self._meddlers else ():
            if self._meddlers[-1].number % 2:
                self._meddle(self._meddlers.pop(), decided.target.user_id)
                return _LONG_COMMIT
        return 0.0

    def _meddle(self, step: Step, user_id: str) -> None:
        """Around the moment at which a request is written down, sent, done and told of."""
        chance = step.chance()
        what = chance.choice([What.PRESS, What.PRESS, What.PRESS, What.HOLD, What.LEAVE, What.COME_BACK])
        agent = next(at for at, user in enumerate(self.world.agents) if user.id == user_id)
        act = msgspec.structs.replace(step, what=what, agent=agent)
        self.world.later(chance.choice([0.0, 0.002, 0.02, 0.1, 0.3, 1.0]), lambda: self.telephones.act(act))

    def _trouble(self, step: Step) -> None:
        process = self.processes[step.agent % REPLICAS]
        match step.what:
            case What.KNOBS:
                self._turn_knobs(step)
            case What.TROUBLE if step.trouble is not None:
                self._begin(step, step.trouble)
            case What.LINE_CUT:
                self._cut(process, "cut")
            case What.LINE_SILENT:
                self._fall_silent(process, step.seconds)
            case What.CRASH:
                self._crash(process, step)
            case What.PAUSE:
                self._pause(process, step)
            case What.CLOCK:
                self._step_clock(step)

    def _begin(self, step: Step, trouble: Trouble) -> None:
        if self.world.now < self._noted_at:
            return
        alone = step.chance().random() < 0.4
        self.weather.begin(
            trouble, seconds=step.seconds, share=step.share, victim=step.agent if alone else None
        )
        self._calm(step.seconds + _CONSEQUENCES[trouble])

    def _cut(self, process: Process, reason: str) -> None:
        self._calm(1.0)
        for line in tuple(self.board.lines.values()):
            if line.replica == process.number:
                line.break_off(reason)

    def _fall_silent(self, process: Process, seconds: float) -> None:
        seconds = min(seconds, 60.0)
        for line in self.board.lines.values():
            line.silent = line.silent or line.replica == process.number
        self._calm(seconds + 1.0)
        self.world.later(seconds, lambda: self._cut(process, "silent"))

    def _crash(self, process: Process, step: Step) -> None:
        """In the middle of whatever it does, or exactly before or after its next commit of a kind."""

        def killed() -> None:
            self._gone(process, step.seconds)
            self.world.later(step.seconds, process.start)

        self._at_a_moment(process, step, killed, process.kill_at)

    def _pause(self, process: Process, step: Step) -> None:
        """Like a crash, but one day it goes on, and knows nothing."""

        def paused() -> None:
            self._gone(process, step.seconds)
            self.world.later(step.seconds, process.go_on)

        self._at_a_moment(process, step, paused, process.pause_at)

    def _at_a_moment(self, process: Process, step: Step, then: Callable[[], None], do: Do) -> None:
        chance = step.chance()
        verb = chance.choice(
            ["command", "command", "command", "intend", "observe", "conclude", "beat", "place"]
        )
        moment = chance.choice([None, (verb, "before"), (verb, "after"), (verb, "after")])
        if process.awake and self._may_fall(process):
            do(moment, then)

    def _may_fall(self, process: Process) -> bool:
        """Just after a step of the clock one may, if the other has followed the clock for a while."""
        now = self.world.now
        if now >= self._noted_at:
            return True
        followed = any(
            one.awake and now - one.began_at > _NOTED_AFTER for one in self.processes if one is not process
        )
        if followed and process.epoch:
            self._noted_at = now + _TAKE_OVER + _NOTED_AFTER
        return followed and process.epoch is not None

    def _gone(self, process: Process, seconds: float) -> None:
        """The others take over, if there are any."""
        others = any(one.awake for one in self.processes if one is not process)
        self._calm((0.0 if others else seconds) + _TAKE_OVER + _AFTERWARDS)

    def _step_clock(self, step: Step) -> None:
        """Of the database. While nobody keeps the org nobody can know."""
        if self._kept() and not self.weather.now() and self.world.now > max(self._calm_at, self._noted_at):
            self.clock_offset += step.chance().choice([-3600.0, -30.0, -5.0, 5.0, 30.0, 86_400.0])
            self._noted_at = self.world.now + _NOTED_AFTER
            for process in self.processes:
                process.forget_plans()

    def _turn_knobs(self, step: Step) -> None:
        chance = step.chance()
        self.world.turn(
            {
                "mute_survives_hold": chance.random() < 0.5,
                "mute_survives_transfer": chance.random() < 0.5,
                "same_value_event": chance.random() < 0.3,
                "correlation_in_events": "on" if chance.random() < 0.3 else "off",
                "not_connected": chance.choice([409, 400, 404, "ignore"]),
                "apply_ms": chance.choice([[50, 300], [0, 20], [100, 1500]]),
                "apply_order": chance.choice(["in_order", "in_order", "any"]),
                "activity_covers_direct": chance.random() < 0.7,
            }
        )

    def _calm(self, seconds: float) -> None:
        self._calm_at = max(self._calm_at, self.world.now + seconds)

    def _tell_keepers(self) -> None:
        """A hint through the database, which may get lost."""
        for process in self.processes:
            if not self.weather.store(process.number):
                self.world.later(0.002, process.hint)

    def _serving(self) -> None:
        """Without a keeper, or without a store, nobody can list or alert anything: that shows by itself."""
        served = not self.weather.away() and any(one.awake and one.epoch for one in self.processes)
        self._served_since = min(self._served_since, self.world.now) if served else inf

    def _kept(self) -> bool:
        return self.weather.store(0) is None and any(one.awake and one.epoch for one in self.processes)

    def _service_now(self) -> float:
        """By the keeper's clock; while there is none, as the last one left it."""
        for process in self.processes:
            if process.awake and process.keeper.reign:
                self._service_offset = process.keeper.reign.clock.now() - self.world.now
        return self.world.now + self._service_offset

    def _epoch_of(self, replica: int) -> int | None:
        return self.processes[replica].epoch


__all__ = ["Broken", "Simulation"]
