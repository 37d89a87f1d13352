"""What will happen, drawn from a seed: every step stands for itself, so that a story can be cut short."""

import random
from collections.abc import Iterator
from enum import StrEnum

import msgspec

from simulation.weather import Trouble

AGENTS = 5
OWNERS = 4
REPLICAS = 2


class What(StrEnum):
    CALL = "call"
    ANSWER = "answer"
    LEAVE = "leave"
    HANG_UP = "hang_up"
    HOLD = "hold"
    PRESS = "press"
    TRANSFER = "transfer"
    CONSULT = "consult"
    CONFERENCE = "conference"
    COME_BACK = "come_back"
    RECORD = "record"
    MEDDLE = "meddle"
    """The agent of the next command does something just when it is written down."""

    PLACE = "place"
    RELEASE = "release"
    EXTEND = "extend"
    FREEZE = "freeze"

    KNOBS = "knobs"
    TROUBLE = "trouble"
    LINE_CUT = "line_cut"
    LINE_SILENT = "line_silent"
    CRASH = "crash"
    PAUSE = "pause"
    CLOCK = "clock"


class Step(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`number` names it for good, `dice` is its own source of chance."""

    number: int
    at: float
    what: What
    agent: int = 0
    other: int = 0
    seconds: float = 0.0
    share: float = 1.0
    trouble: Trouble | None = None
    dice: int = 0

    def chance(self) -> random.Random:
        return random.Random(self.dice)


class Story(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that a run depends on. It goes from `begins` to `seconds`."""

    seed: int
    seconds: float
    steps: tuple[Step, ...]
    begins: float = 0.0

    def told(self, *, most: int | None = None) -> str:
        """One line for each step; of the last ones only, if there are many."""
        left_out = len(self.steps) - most if most and len(self.steps) > most else 0
        before = [f"  ... {left_out} steps before"] if left_out else []
        told = [f"  {step.at:8.2f} s  {_spelled(step)}" for step in self.steps[left_out:]]
        return "\n".join([*before, *told])


_PEOPLE: dict[What, int] = {
    What.CALL: 12,
    What.LEAVE: 4,
    What.HANG_UP: 2,
    What.HOLD: 10,
    What.PRESS: 16,
    What.TRANSFER: 5,
    What.CONSULT: 4,
    What.CONFERENCE: 4,
    What.COME_BACK: 6,
    What.RECORD: 3,
    What.MEDDLE: 16,
    What.PLACE: 24,
    What.RELEASE: 10,
    What.EXTEND: 3,
}
_PAUSE_BETWEEN = 3.0
_SPELL, _CALM = (15.0, 60.0), (45.0, 120.0)
_GENTLE = (1.0, 20.0)


def draw(seed: int, *, minutes: float, troubled: bool = True) -> Story:
    rng = random.Random(f"{seed}:story")
    until = minutes * 60
    steps = [*_people(rng, until), *(_troubles(rng, until) if troubled else ())]
    within = [step for step in steps if step["at"] < until]  # a spell may last longer than the story
    ordered = sorted([{"at": 0.0, "what": What.KNOBS}, *within], key=lambda step: step["at"])
    return Story(
        seed=seed,
        seconds=until,
        steps=tuple(
            Step(number=number, dice=rng.getrandbits(48), **step) for number, step in enumerate(ordered)
        ),
    )


def _people(rng: random.Random, until: float) -> Iterator[dict]:
    for agent in range(AGENTS - 1):
        yield {"at": rng.uniform(0, 5), "what": What.CALL, "agent": agent, "seconds": rng.uniform(60, 400)}
    at = 5.0
    kinds, weights = list(_PEOPLE), list(_PEOPLE.values())
    while (at := at + rng.expovariate(1 / _PAUSE_BETWEEN)) < until:
        yield {
            "at": at,
            "what": rng.choices(kinds, weights)[0],
            "agent": rng.randrange(AGENTS),
            "other": rng.randrange(AGENTS),
            "seconds": _length(rng),
        }


def _troubles(rng: random.Random, until: float) -> Iterator[dict]:
    """Spells with several troubles each, and calm between them."""
    at = rng.uniform(*_CALM)
    while at < until:
        ends = at + rng.uniform(*_SPELL)
        for _ in range(rng.choice([1, 1, 2, 3, 5])):
            yield from _trouble(rng, rng.uniform(at, ends), ends)
        if rng.random() < 0.3:
            yield {"at": ends, "what": What.KNOBS}
        at = ends + rng.uniform(*_CALM)


def _trouble(rng: random.Random, at: float, ends: float) -> Iterator[dict]:
    victim = rng.randrange(REPLICAS)
    what = rng.choices(
        [What.TROUBLE, What.LINE_CUT, What.LINE_SILENT, What.CRASH, What.PAUSE, What.CLOCK, What.FREEZE],
        [14, 2, 2, 7, 7, 1, 1],
    )[0]
    step = {"at": at, "what": what, "agent": victim, "seconds": rng.uniform(0.2, max(0.3, ends - at))}
    if what is What.TROUBLE:
        trouble = rng.choice([*Trouble, Trouble.STORE_SLOW, Trouble.STORE_SLOW])
        step |= {"trouble": trouble, "share": rng.choice([0.2, 0.5, 1.0])}
        if trouble is Trouble.UNREACHABLE and step["share"] == 1.0:
            yield {"at": at, "what": What.LINE_CUT, "agent": victim}
    yield step


def _length(rng: random.Random) -> float:
    low, high = rng.choice([_GENTLE, _GENTLE, (20.0, 90.0), (60.0, 400.0)])
    return rng.uniform(low, high)


def _spelled(step: Step) -> str:
    about = msgspec.to_builtins(step)
    words = (f"{name} {value:.2f}" if isinstance(value, float) else f"{name} {value}"
             for name, value in about.items() if name not in {"number", "at", "what", "dice"})  # fmt: skip
    return f"#{step.number} {step.what}  {', '.join(words)}"
