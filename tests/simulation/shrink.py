"""From a story that fails to a short one that fails in the same way. The same story always ends the same."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import monotonic

from msgspec.structs import replace

from simulation.broken import Broken
from simulation.story import Step, Story
from simulation.world import BEGINS, Simulation


@dataclass(frozen=True, slots=True)
class Failure:
    """`kind` is what makes two failures the same one; `at` is in seconds since the story began."""

    kind: str
    says: str
    at: float


def failure_of(story: Story) -> Failure | None:
    simulation = Simulation(story)
    try:
        simulation.run()
    except Broken as broken:
        return Failure(f"invariant {broken.number}", str(broken), simulation.world.now - BEGINS)
    except Exception as error:  # noqa: BLE001 -- whatever the code under test raises is the finding
        kind = type(error).__name__
        return Failure(kind, f"{kind}: {error}", simulation.world.now - BEGINS)
    return None


def shrink(
    story: Story,
    failure: Failure,
    *,
    seconds: float = 120.0,
    progress: Callable[[int], None] = lambda _: None,
) -> tuple[Story, Failure]:
    """Leave out what is not needed: first what comes after, then ever smaller parts, for so long."""
    until = monotonic() + seconds
    story = _ended(story, failure)
    size = max(1, len(story.steps) // 2)
    while size and monotonic() < until:
        story, failure, shorter = _without_parts(story, failure, size, until)
        progress(len(story.steps))
        size = min(size, len(story.steps)) if shorter and size == 1 else size // 2
    return story, failure


def _without_parts(story: Story, failure: Failure, size: int, until: float) -> tuple[Story, Failure, bool]:
    """One pass, from the end to the beginning."""
    shorter = False
    for at in range(len(story.steps) - size, -size, -size):
        if monotonic() > until:
            break
        left = (*story.steps[: max(0, at)], *story.steps[at + size :])
        fails = _fails(story, left, failure)
        if fails is not None:
            story, failure, shorter = replace(story, steps=left), fails, True
    return story, failure, shorter


def _fails(story: Story, steps: Sequence[Step], failure: Failure) -> Failure | None:
    found = failure_of(replace(story, steps=tuple(steps)))
    return found if found is not None and found.kind == failure.kind else None


def _ended(story: Story, failure: Failure) -> Story:
    """What comes after the failure cannot have caused it."""
    steps = tuple(step for step in story.steps if step.at <= failure.at)
    return replace(story, steps=steps, seconds=min(story.seconds, failure.at + 1))
