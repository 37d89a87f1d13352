"""Five mutes by one owner on one agent within seven days are told to auditors, once."""

import io

import pytest

from micgate.log import Log
from micgate.service.duties.frequency import Frequent

DAY = 86_400.0


class Watch:
    """Hears of every record as the service's stream does."""

    def __init__(self, desk):
        self.desk = desk
        self.told = io.StringIO()
        self.heard = 0
        self.frequent = Frequent(
            store=desk.store,
            org=desk.org,
            keeps=lambda: True,
            now=desk.clock.now,
            log=Log(stream=self.told),
        )

    async def alerts(self):
        await self.desk.entries()
        for sealed in await self.desk.store.entries.after(self.desk.org, self.heard):
            self.frequent.heard(sealed)
            self.heard = sealed.seq
        await self.frequent.turn()
        return await self.desk.entries("alert.frequent_mutes")


@pytest.fixture
async def watch(desk):
    for agent in (0, 1):
        await desk.on_call(agent)
    return Watch(desk)


async def mute(desk, times, *, agent=0, key=None):
    for _ in range(times):
        placed = await desk.mute(agent, key=key, **{"for": "5s"})
        assert placed.status == 201, placed.body
        await desk.ask("DELETE", f"/v1/mutes/{placed.body['id']}", key=key)
        desk.clock.ahead += 3600.0


async def test_the_fifth_mute_of_one_agent_by_one_owner_is_told_once(watch):
    desk = watch.desk
    await mute(desk, 4)
    assert await watch.alerts() == []
    await mute(desk, 1)
    (alert,) = await watch.alerts()
    assert '"owner": "host:' in alert.public
    assert '"mutes": 5' in alert.public
    (agent,) = await desk.store.agents.get(desk.org, [desk.twin.agents[0].id])
    assert alert.target == agent.pseudonym
    assert "alert.frequent_mutes" in watch.told.getvalue()
    assert agent.name not in watch.told.getvalue()
    await mute(desk, 3)
    assert len(await watch.alerts()) == 1
    listed = (await desk.ask("GET", "/v1/audit?limit=1000")).body["records"]
    assert "alert.frequent_mutes" in [one["record"]["action"] for one in listed]


async def test_two_owners_or_two_agents_or_two_weeks_are_not_added_up(watch):
    desk = watch.desk
    key = await desk.key(seconds=30 * DAY)
    await mute(desk, 4)
    await mute(desk, 4, key=key)
    await mute(desk, 4, agent=1)
    desk.clock.ahead += 7 * DAY
    await mute(desk, 4, key=key)
    assert await watch.alerts() == []


async def test_after_a_week_it_is_told_again(watch):
    desk = watch.desk
    await mute(desk, 5)
    assert len(await watch.alerts()) == 1
    desk.clock.ahead += 7 * DAY
    await mute(desk, 5)
    assert len(await watch.alerts()) == 2


async def test_what_could_not_be_counted_is_counted_with_the_next_turn(watch):
    desk = watch.desk
    await mute(desk, 5)
    other = Watch(desk)
    other.frequent.keeps = lambda: False
    assert await other.alerts() == []
    assert len(await watch.alerts()) == 1
