"""Services and databases killed and stopped at random; then the simulator's ledger against the record.

Each round is drawn from its seed; `make kills` draws others, a hundred of them.
"""

import pytest

from kills.house import House
from kills.storm import Storm

SEED = "suite"
ROUNDS = 4
BUSY, HEARD = 10.0, 2.0
"""A machine that runs other tests beside may be slow; `make kills` is strict."""


@pytest.mark.parametrize(
    ("replicas", "embedded"),
    [
        pytest.param(1, True, id="one replica", marks=pytest.mark.xdist_group("kills of one")),
        pytest.param(2, False, id="two replicas", marks=pytest.mark.xdist_group("kills of two")),
    ],
)
async def test_nobody_stays_muted_and_every_request_is_accounted_for(replicas, embedded):
    async with House(replicas=replicas, embedded=embedded) as house:
        storm = Storm(house)
        for number in range(ROUNDS):
            await storm.round(f"{SEED}/{replicas}/{number}")
        verdict = await storm.verdict(grace=BUSY, heard=HEARD)
    assert verdict.findings == []
    assert verdict.figures["requests"] > ROUNDS, "nothing happened"
    assert verdict.figures["opened"] > 0
    assert sum(storm.blows.values()) >= ROUNDS
