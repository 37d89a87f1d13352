"""Who closed a microphone, as far as anything delivered shows? Knows what was sent and told, and no more."""

from dataclasses import dataclass, field

from micgate.control.command import Command, Kind, Outcome, Verb
from micgate.control.microphone import LegState, Memory, Observed, Phase, Way

DOUBT = 15.0


@dataclass(slots=True)
class Judge:
    """Of one microphone. `foreign`: closed, and no command of ours explains it. `blind`: something may have
    been missed; where nothing of ours is (`at_rest`), or no leg was seen and no mute made yet, the next event
    makes up for it, elsewhere only a read.
    `looked`: a read stands behind what is known, and nothing said otherwise since it began.
    """

    leg: str | None = None
    muted: bool | None = None
    held: bool | None = None
    looked: bool = False
    foreign: bool = False
    blind: bool = True
    at_rest: bool = True
    untouched: bool = True
    former: set[str] = field(default_factory=set)
    mutes: dict[str, tuple[Kind | None, float]] = field(default_factory=dict)
    landed: set[str] = field(default_factory=set)
    last: Observed | None = None

    def missed(self) -> None:
        """Of an agent who has left, and left nothing of ours: coming back is another leg, which speaks for
        itself, even if a mute of all calls was placed in between.
        """
        if self.leg not in self.former or not self.untouched:
            self.blind = True
        self.looked = False

    def told(self, seen: Observed) -> None:
        if seen.way is Way.EVENT and seen.leg in self.former:
            return
        self._look(seen)
        if seen.way is Way.READ or self.at_rest or (self.leg is None and not self.mutes):
            self.blind = False
        if seen.state is LegState.OVER:
            self.former.add(seen.leg)
        if seen.state is not LegState.LIVE or seen.muted is None:
            return
        if self.leg and seen.leg != self.leg:
            self.former.add(self.leg)
        closed = seen.muted and (self.muted is not True or self.leg is None)
        if closed and not self._explained(seen.at):
            self.foreign = True
        if not seen.muted:
            self.foreign = False
        if seen.muted:
            self.landed |= {one for one, (kind, _) in self.mutes.items() if kind is None}
            self.mutes = {one: about for one, about in self.mutes.items() if about[0] is not Kind.ACCEPTED}
        self.leg, self.muted, self.held = seen.leg, seen.muted, seen.held

    def _look(self, seen: Observed) -> None:
        same = self.last is not None and self.last.says == seen.says
        if seen.way is Way.READ:
            began = seen.at if seen.asked_at is None else seen.asked_at
            self.looked = same or self.last is None or began >= self.last.at
        else:
            self.looked = self.looked and same
        self.last = seen

    def remembered(self, memory: Memory) -> None:
        """What is stored of it now."""
        ours = memory.mutes or memory.doubts or memory.pending
        self.at_rest = memory.phase is Phase.IDLE and not ours
        self.untouched = self.at_rest and not memory.touched

    def made(self, command: Command) -> None:
        if command.verb is Verb.MUTE:
            self.mutes[command.id] = (None, float("inf"))

    def closed(self, outcome: Outcome, now: float) -> None:
        one = outcome.command_id
        if one not in self.mutes:
            return
        landed = outcome.kind is Kind.ACCEPTED and one in self.landed
        if landed or outcome.kind in {Kind.REFUSED, Kind.NOT_SENT}:
            del self.mutes[one]
        else:
            self.mutes[one] = (outcome.kind, now + DOUBT)

    def _explained(self, at: float) -> bool:
        """A mute of ours is unanswered, accepted and not yet seen, or unknown and not yet expired."""
        return any(until > at for _, until in self.mutes.values())
