"""What happens in a round, drawn from a seed: mutes, people, and what is struck when. Pure.

The same seed draws the same round. When a process dies exactly is the machine's business, so a round that
failed is likely to fail again, not sure to.
"""

from dataclasses import dataclass
from random import Random
from typing import TypeAlias

AGENTS = 8
"""On a call each, in every round."""
SECONDS = 3.0
"""In which everything of a round begins."""
SHORTEST, LONGEST = 1.0, 4.0
"""Seconds of a mute."""
DATABASE = -1

KILLED, STOPPED = "killed", "stopped"
FAULTS = ("apply_then_reset", "reset", "hang", "event_lost", "accept_then_forget", "socket_cut", "slow")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """`agent` and `owner` are numbers."""

    at: float
    agent: int
    owner: int
    seconds: float
    on_override: str
    released_after: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Press:
    """The agent's own button."""

    at: float
    agent: int
    muted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class HangUp:
    at: float
    agent: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """A fault of the platform, for one request or event."""

    at: float
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Blow:
    """A replica, or the database, is killed or stopped; after `seconds` it is started again, or woken."""

    at: float
    target: int
    kind: str
    seconds: float

    @property
    def name(self) -> str:
        return f"{'database' if self.target == DATABASE else 'service'} {self.kind}"


Step: TypeAlias = Place | Press | HangUp | Trouble | Blow


def draw(seed: str, *, replicas: int, owners: int) -> tuple[Step, ...]:
    rng = Random(seed)
    steps: list[Step] = []
    for agent in range(AGENTS):
        steps += _of_agent(rng, agent, owners=owners)
    for _ in range(rng.randint(0, 2)):
        steps.append(Trouble(at=rng.uniform(0, SECONDS), kind=rng.choice(FAULTS)))
    steps += _blows(rng, replicas)
    return tuple(sorted(steps, key=lambda step: step.at))


def _of_agent(rng: Random, agent: int, *, owners: int) -> list[Step]:
    """Some close their own microphone before anybody mutes them, some open it under a mute; some hang up."""
    steps: list[Step] = []
    nature = rng.random()
    if nature < 0.2:
        steps.append(Press(at=rng.uniform(0, 0.6), agent=agent, muted=True))
    elif nature < 0.4:
        steps.append(Press(at=rng.uniform(0.5, SECONDS), agent=agent, muted=False))
    elif nature < 0.5:
        steps.append(HangUp(at=rng.uniform(1.0, SECONDS), agent=agent))
    for _ in range(rng.choice((1, 1, 2))):
        steps.append(
            Place(
                at=rng.uniform(0, SECONDS),
                agent=agent,
                owner=rng.randrange(owners),
                seconds=round(rng.uniform(SHORTEST, LONGEST), 1),
                on_override=rng.choice(("yield", "yield", "notify")),
                released_after=rng.uniform(0.2, 2.0) if rng.random() < 0.3 else None,
            )
        )
    return steps


def _blows(rng: Random, replicas: int) -> list[Step]:
    targets = [*range(replicas), DATABASE]
    struck = rng.sample(targets, k=min(len(targets), rng.choice((1, 1, 2))))
    return [_blow(rng, target) for target in struck]


def _blow(rng: Random, target: int) -> Blow:
    """A stopped service is sometimes stopped for longer than its lease lasts."""
    kind = rng.choice((KILLED, STOPPED))
    longest = 6.0 if kind == STOPPED and target != DATABASE else 2.0
    return Blow(at=rng.uniform(0.2, SECONDS), target=target, kind=kind, seconds=rng.uniform(0.1, longest))
