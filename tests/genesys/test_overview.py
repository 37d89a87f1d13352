"""Every call that goes on is found, however the platform counts its pages."""

import pytest

from micgate.genesys.resync import calls_going_on
from micgate.keeper.catch_up import overview
from micgate.platform.genesys import GenesysPlatform

CALLS = 60


@pytest.fixture
def busy(twin):
    twin.reset(agents=CALLS)
    return {twin.place_call(agent.id)["id"] for agent in twin.agents}


@pytest.mark.parametrize("most", [25, 10_000])
async def test_calls_on_further_pages_are_found_by_a_watch(twin, busy, session, most):
    twin.turn(activity_page_most=most)

    found = await calls_going_on(
        session, users={agent.id for agent in twin.agents}, queues=(), known=lambda _: False
    )

    assert set(found) == busy


@pytest.mark.parametrize("most", [25, 10_000])
async def test_calls_on_further_pages_are_found_by_the_keeper(twin, busy, session, most):
    twin.turn(activity_page_most=most)
    asked = []

    async def toll():
        asked.append(most)

    found = await overview(GenesysPlatform(session), toll=toll)

    assert {one.conversation_id for one in found} == busy
    assert len(asked) <= 4
