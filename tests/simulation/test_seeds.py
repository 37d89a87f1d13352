"""A hundred seeds, half an hour each: people and trouble at random, every invariant at every step."""

import pytest

from simulation.story import draw
from simulation.world import Simulation

MINUTES = 30


@pytest.mark.parametrize("seed", range(1, 101))
def test_every_invariant_holds_in_a_troubled_world(seed):
    Simulation(draw(seed, minutes=MINUTES)).run()
