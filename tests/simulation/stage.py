"""The same world for scenes that are written out: nothing happens but what the scene says."""

from typing import Self

from micgate.control.command import Verb
from micgate.control.microphone import State, state
from micgate.control.mute import Mute, Owner
from micgate.store.target import Target
from micgate.store.verbs import Change, Place, Release
from simulation.names import MUTES, ORG, named
from simulation.story import Story
from simulation.world import Simulation

SETTLE = 3.0


class Stage:
    """Two replicas, five agents, nobody on the telephone. `knobs` are the simulator's."""

    def __init__(self, **knobs) -> None:
        self.simulation = Simulation(Story(seed=1, seconds=0.0, steps=()))
        self.world = self.simulation.world
        self.telephony = self.world.telephony
        self.people = [user.id for user in self.world.agents]
        self._mutes = 0
        self.world.turn({"apply_ms": 100} | knobs)
        self.simulation.begin()
        self.run(SETTLE)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_) -> None:
        self.simulation.end()

    @property
    def now(self) -> float:
        return self.world.now

    def run(self, seconds: float = SETTLE) -> None:
        self.simulation.go_on(seconds)

    def trouble(self, seconds: float) -> None:
        """Something in this scene takes so long: until then a mute may be late, and a release too."""
        self.simulation.expect_trouble(seconds)

    # -- the telephone ------------------------------------------------------------------------------------

    def call(self, agent: int = 0, **about) -> str:
        """The agent is on a new call with a customer."""
        queue = self.world.agents[agent].queue_ids[0]
        call = self.telephony.place(agent=self.people[agent], queue=queue, **about)
        self.run()
        return call.id

    def do(self, verb: str, call: str, agent: int = 0, **about) -> None:
        if "to" in about:
            about["to"] = self.people[about["to"]]
        getattr(self.telephony, verb)(call, agent=self.people[agent], **about)
        self.run()

    def muted(self, call: str, agent: int = 0) -> bool | None:
        """Of the live leg; None: the agent is not on the call."""
        legs = [leg for leg in self.world.calls.get(call).legs(self.people[agent]) if leg.connected]
        return legs[-1].muted if legs else None

    # -- micgate ------------------------------------------------------------------------------------------

    def place(self, call: str | None, agent: int = 0, *, seconds: float = 120.0, **about) -> Mute:
        """Without a call it covers every call of the agent."""
        mute = self.mute(call, agent, release_at=self.now + seconds, **about)
        self.ask(Place(org=ORG, mutes=(mute,)))
        self.run()
        return mute

    def mute(self, call: str | None, agent: int, *, release_at: float, **about) -> Mute:
        self._mutes += 1
        return Mute(
            id=named(ORG, MUTES, self._mutes),
            user_id=self.people[agent],
            conversation_id=call,
            owner=Owner("person", "grace"),
            placed_at=self.now,
            release_at=release_at,
            **about,
        )

    def release(self, mute: Mute) -> None:
        self.ask(Release(org=ORG, mute_ids=(mute.id,), by="grace"))
        self.run()

    def ask(self, change: Change) -> None:
        process = next(one for one in self.simulation.processes if one.awake)

        async def place() -> None:
            await process.store.place(change, now=process.service_now())
            process.tell_keepers()

        process.do(place())

    def end_of(self, mute: Mute) -> str | None:
        return self.simulation.store.contents.mutes[mute.id][1].end

    def memory(self, call: str, agent: int = 0):
        return self.simulation.store.contents.rows[Target(ORG, call, self.people[agent])].memory

    def says(self, call: str, agent: int = 0) -> State | None:
        return state(self.memory(call, agent))

    def sent(self) -> list[Verb]:
        """What left for the platform and changes something, in order."""
        return [one.command.verb for one in self.simulation.invariants.sent.values() if one.left]

    def said(self) -> list[str]:
        """The actions in the record."""
        return [entry.action for entry in self.simulation.store.contents.entries]
