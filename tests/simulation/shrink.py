"""From a story that fails to a short one that fails in the same way. The same story always ends the same."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from time import process_time

from msgspec.structs import replace

from simulation.broken import Broken
from simulation.story import Story, What
from simulation.world import BEGINS, Simulation

_LAST = 30.0
_WARM_UP = 5.0
"""Seconds until somebody keeps the org."""


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
    """Leave out what is not needed: what comes after, what was long before, then ever smaller parts; for so
    long, in this process's own time: how far it comes does not depend on who else is at work.
    """
    until = process_time() + seconds
    story, failure = _begun_late(_ended(story, failure), failure, until)
    progress(len(story.steps))
    size = max(1, len(story.steps) // 2)
    while size and process_time() < until:
        story, failure, shorter = _without_parts(story, failure, size, until)
        progress(len(story.steps))
        size = min(size, len(story.steps)) if shorter and size == 1 else size // 2
    return story, failure


def _without_parts(story: Story, failure: Failure, size: int, until: float) -> tuple[Story, Failure, bool]:
    """One pass, from the end to the beginning."""
    shorter = False
    for at in range(len(story.steps) - size, -size, -size):
        if process_time() > until:
            break
        left = (*story.steps[: max(0, at)], *story.steps[at + size :])
        fails = _fails(replace(story, steps=left), failure)
        if fails is not None:
            story, failure, shorter = replace(story, steps=left), fails, True
    return story, failure, shorter


def _fails(story: Story, failure: Failure) -> Failure | None:
    found = failure_of(story)
    return found if found is not None and found.kind == failure.kind else None


def _begun_late(story: Story, failure: Failure, until: float) -> tuple[Story, Failure]:
    """The last half minute is tried first, then the last minute, and so on."""
    for later in _later(story, failure.at):
        if process_time() > until:
            break
        fails = _fails(later, failure)
        if fails is not None:
            return _ended(later, fails), fails
    return story, failure


def _later(story: Story, failed_at: float) -> Iterator[Story]:
    last = _LAST
    while (begins := failed_at - last) > _WARM_UP:
        knobs = [step for step in story.steps if step.what is What.KNOBS and step.at < begins]
        first = [replace(step, at=begins) for step in knobs[-1:]]
        rest = [step for step in story.steps if step.at >= begins]
        yield replace(story, begins=begins - _WARM_UP, steps=(*first, *rest))
        last *= 2


def _ended(story: Story, failure: Failure) -> Story:
    """What comes after the failure cannot have caused it."""
    steps = tuple(step for step in story.steps if step.at <= failure.at)
    return replace(story, steps=steps, seconds=min(story.seconds, failure.at + 1))
