"""Twenty seeds end to end on a real PostgreSQL, which has to agree with the model step by step."""

import pytest

from simulation.both import Real
from simulation.story import draw
from simulation.world import Simulation

MINUTES = 1.5


@pytest.mark.parametrize("seed", range(501, 521))
def test_every_invariant_holds_on_a_real_database(seed, embedded):
    org = f"simulated-{seed}"
    with Real(embedded.conninfo()) as real:
        done = Simulation(draw(seed, minutes=MINUTES), org=org, store_for=real.store(org)).run()
        done.store.hold_the_same(org)
        assert done.history()
