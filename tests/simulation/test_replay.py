"""A failing seed is worth something only if it fails again, and can be told in a few steps."""

import json
import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from micgate.control import decide
from simulation.shrink import failure_of, shrink
from simulation.story import Story, What, draw
from simulation.world import BEGINS, Simulation

PRINT = """
import json, sys
from simulation.story import draw
from simulation.world import Simulation
done = Simulation(draw(int(sys.argv[1]), minutes=5)).run()
print(json.dumps([[at, who] for at, who in done.history()]))
"""


def run_elsewhere(seed: int, *, hash_seed: str) -> list:
    about = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1]), "PYTHONHASHSEED": hash_seed}
    done = subprocess.run(
        [sys.executable, "-c", PRINT, str(seed)], capture_output=True, text=True, check=True, env=about
    )
    return json.loads(done.stdout)


def test_the_same_seed_is_the_same_run_in_every_process():
    first, second = (run_elsewhere(3, hash_seed=hash_seed) for hash_seed in ("1", "2"))
    assert len(first) > 100
    assert first == second


def test_other_seeds_are_other_runs():
    first, second = (Simulation(draw(seed, minutes=5)).run().history() for seed in (3, 4))
    assert first != second


def test_nothing_happens_in_the_quiet_after_a_story():
    story = draw(20137, minutes=120)
    assert max(step.at for step in story.steps) < story.seconds


@pytest.fixture
def mutes_that_never_end(monkeypatch):
    monkeypatch.setattr(decide, "_expire", lambda turn: turn)


@pytest.mark.usefixtures("mutes_that_never_end")
def test_a_failing_story_shrinks_to_what_is_needed():
    story = draw(2, minutes=5)
    failure = failure_of(story)
    assert failure.kind == "invariant 2"
    shorter, again = shrink(story, failure, seconds=20)
    assert again.kind == failure.kind
    assert len(shorter.steps) <= 4
    assert What.PLACE in {step.what for step in shorter.steps}
    assert "place" in shorter.told()


def test_a_failure_late_in_a_long_story_is_told_without_what_came_before(monkeypatch):
    expire = decide._expire
    late = BEGINS + 1500
    monkeypatch.setattr(decide, "_expire", lambda turn: turn if turn.now > late else expire(turn))
    story = draw(2, minutes=30)
    failure = failure_of(story)
    shorter, again = shrink(story, failure, seconds=5)
    assert again.kind == failure.kind
    assert shorter.begins > 1200
    assert failure_of(msgspec.json.decode(msgspec.json.encode(shorter), type=Story)) == again


def test_of_a_long_story_the_last_steps_are_told():
    told = draw(2, minutes=30).told(most=60).splitlines()
    assert len(told) == 61
    assert "steps before" in told[0]
