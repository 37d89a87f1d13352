"""The overview of the calls that go on, and what it costs."""

from contextlib import suppress

from desk import Desk, Platform

from micgate.keeper.catch_up import OVERVIEW, CatchUp
from micgate.store.errors import Unavailable


class Overviews(Platform):
    asked = 0

    async def going_on(self, *, page):
        self.asked += 1
        return ()


class Books:
    """Of a database that is away."""

    async def sweep(self, *, before):
        raise Unavailable("It is away.", remedy="Wait.")


async def test_a_database_that_is_away_does_not_cost_an_overview_at_every_try():
    desk = await Desk.open()
    platform = Overviews()

    async def toll():
        return

    catch_up = CatchUp(
        platform, desk.mirror, Books(), desk.term, clock=desk.clock, toll=toll, spare=lambda: False
    )
    desk.boot.at = began = desk.boot.at + OVERVIEW
    while platform.asked < 10:
        with suppress(Unavailable):
            await catch_up.turn()
    assert desk.boot.at - began >= 9 * 15
