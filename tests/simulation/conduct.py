"""What a keeper has to obey beside the invariants: who may write, when mutes end, when nobody opens.

Reckoned from what is stored and told, by rules written down once more: the rules under test may be wrong.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from micgate.control.command import Command
from micgate.control.fact import LeftClosed, Overridden
from micgate.control.microphone import Phase
from micgate.control.mute import End, Mute
from micgate.control.policy import OnOverride, OpenPolicy
from micgate.store.leases import Term
from micgate.store.memory.store import MemoryStore
from micgate.store.target import Target
from micgate.store.verbs import Decided
from micgate.twin.world import World
from simulation.broken import Broken
from simulation.judge import Judge

OWNER_GRACE = 60.0
REASSERTS, WINDOW = 3, 60.0
LATEST = 60.0
_ROUNDING = 2.5
"""Service time may differ by so much from the world's."""
_DELAY = 30.0
"""Between the decision to open and the request, while the platform takes nothing."""
_KEEPERS = frozenset({"observe", "intend", "conclude", "seal"})


def due(mute: Mute) -> float:
    """When it ends by itself."""
    return mute.release_at if mute.renew_by is None else min(mute.release_at, mute.renew_by + OWNER_GRACE)


@dataclass(slots=True)
class Conduct:
    world: World
    store: MemoryStore
    reasserts: dict[Target, list[float]] = field(default_factory=dict)
    opened_for: dict[Target, tuple[str, ...]] = field(default_factory=dict)
    left: set[Target] = field(default_factory=set)

    def wrote(self, verb: str, term: Term) -> None:
        """A transaction of a keeper was committed."""
        lease = self.store.contents.leases[term.org]
        if verb in _KEEPERS and (lease.epoch != term.epoch or lease.holder is None):
            raise Broken(6, f"a keeper of term {term.epoch} writes in term {lease.epoch}: {verb}")

    def decided(self, one: Decided, judge: Judge) -> None:
        for ended in one.decision.ended:
            if ended.end is End.OVERRIDDEN and not (judge.looked and judge.muted is False):
                raise Broken(0, f"{one.target.user_id} counts as overridden, and no read says so")
        self.ended(ended.mute_id for ended in one.decision.ended)
        whys = {fact.why for fact in one.decision.facts if isinstance(fact, LeftClosed)}
        if whys & {"policy", "too_late"}:
            self.left.add(one.target)
        again = any(
            isinstance(fact, Overridden) and fact.answer is OnOverride.REASSERT for fact in one.decision.facts
        )
        if again and one.decision.memory.phase is Phase.APPLYING:
            self._reasserted(one.target)

    def told(self, target: Target, judge: Judge) -> None:
        if judge.muted is False:
            self.left.discard(target)

    def ended(self, mute_ids: Iterable[str]) -> None:
        """None ends by itself before its time."""
        for mute_id in mute_ids:
            mute = self.store.contents.mutes[mute_id][1]
            if mute.end in {End.EXPIRED, End.OWNER_GONE} and self.world.now < due(mute) - _ROUNDING:
                raise Broken(2, f"{mute_id} ends as {mute.end} {due(mute) - self.world.now:.1f} s too early")

    def opens(self, target: Target, command: Command, judge: Judge) -> None:
        if judge.held:
            raise Broken(2, f"opens {target.user_id}, who has the call on hold")
        if target in self.left:
            raise Broken(2, f"opens {target.user_id}, which was left to the agent")
        mutes = [self.store.contents.mutes[one][1] for one in command.mutes]
        last = max(mutes, key=lambda mute: mute.ended_at or 0.0, default=None)
        if last is None or last.ended_at is None:
            return
        if last.open_policy is not OpenPolicy.RESTORE:
            raise Broken(2, f"opens {target.user_id}, whose last mute says {last.open_policy}")
        first = self.opened_for.get(target) != command.mutes
        self.opened_for[target] = command.mutes
        late = self.world.now - last.ended_at
        if first and late > LATEST + _DELAY:
            raise Broken(2, f"opens {target.user_id} {late:.0f} s after the end")

    def _reasserted(self, target: Target) -> None:
        now = self.world.now
        times = [at for at in self.reasserts.get(target, ()) if at > now - WINDOW + _ROUNDING] + [now]
        self.reasserts[target] = times
        if len(times) > REASSERTS:
            raise Broken(0, f"a mute war: {target.user_id} is muted {len(times)} times in a minute")
