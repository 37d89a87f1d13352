"""Who waits for the budget: by what it is for, and in turns by who asked. Pure."""

from collections import OrderedDict
from dataclasses import dataclass

from micgate.control.command import Lane
from micgate.store.target import Target
from micgate.store.verbs import Due


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A target for which there is something to send. `since`: service time at which it joined."""

    due: Due
    lane: Lane
    principal: str
    since: float

    @property
    def target(self) -> Target:
        return self.due.target


class WaitingLine:
    """Lanes in the order of their importance; within a lane everybody who asked is served in turn."""

    def __init__(self) -> None:
        self._lanes: dict[Lane, OrderedDict[str, OrderedDict[Target, Waiting]]] = {
            lane: OrderedDict() for lane in Lane
        }
        self._places: dict[Target, Waiting] = {}

    def __len__(self) -> int:
        return len(self._places)

    def join(self, waiting: Waiting) -> None:
        """At the end; whoever waits already for the same keeps the place."""
        before = self._places.get(waiting.target)
        if before is not None and (before.lane, before.principal) != (waiting.lane, waiting.principal):
            self.leave(waiting.target)
        self._places[waiting.target] = waiting
        theirs = self._lanes[waiting.lane].setdefault(waiting.principal, OrderedDict())
        theirs[waiting.target] = waiting

    def leave(self, target: Target) -> Waiting | None:
        waiting = self._places.pop(target, None)
        if waiting is not None:
            theirs = self._lanes[waiting.lane][waiting.principal]
            del theirs[target]
            if not theirs:
                del self._lanes[waiting.lane][waiting.principal]
        return waiting

    def get(self, target: Target) -> Waiting | None:
        return self._places.get(target)

    def first(self) -> Waiting | None:
        """Who is to be served now."""
        principals = next((each for each in self._lanes.values() if each), None)
        if principals is None:
            return None
        return next(iter(next(iter(principals.values())).values()))

    def serve(self, waiting: Waiting) -> None:
        """Take it out; it is somebody else's turn then."""
        self.leave(waiting.target)
        principals = self._lanes[waiting.lane]
        if waiting.principal in principals:
            principals.move_to_end(waiting.principal)

    def waiting_since(self) -> float | None:
        """When the one who has waited for longest joined."""
        return min((each.since for each in self._places.values()), default=None)
