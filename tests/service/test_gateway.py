"""The service behind a company's proxy and gateway: all of it goes that way, as the direct commands do."""

import asyncio

from gateway import way_out
from keeping import until

from replica import START_SECONDS


async def test_everything_goes_through_proxy_gateway_and_its_own_certificates(start_house, embedded, twin):
    async with way_out(twin) as way:
        house = start_house(MICGATE_DATABASE_URL=embedded.conninfo(), MICGATE_ORG="behind", **way.environ)
        call = twin.place_call()
        await asyncio.to_thread(house.start)
        await until(lambda: asyncio.to_thread(lambda: house.ready), seconds=START_SECONDS)
        wish = {"agent": twin.agents[0].email, "for": "60s"}
        placed = await asyncio.to_thread(house.ask, "POST", "/v1/mutes", wish, Prefer="wait=20")
        assert placed["state"] == "confirmed"
        assert twin.leg(call)["muted"] is True
        assert await asyncio.to_thread(house.stop) == 0
    assert not way.turned_away
    assert {"POST /oauth/token", "POST /api/v2/notifications/channels", "SOCKET"} <= set(way.passed)
    assert [one for one in way.passed if one.startswith("PATCH ")]
    assert set(way.tunnels) == {"gateway.example:443"}
