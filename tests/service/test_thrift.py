"""Look-ups leave the budget to mutes and releases."""

import pytest

from micgate.genesys.errors import RateLimited
from micgate.service.people.thrift import Thrifty


class Clock:
    """An `Io` that answers nothing, at a time that tests move."""

    def __init__(self):
        self.at = 0.0
        self.sent = 0

    def monotonic(self):
        return self.at

    async def send(self, request):
        self.sent += 1


@pytest.fixture
def io():
    return Clock()


async def test_a_minute_has_so_many_look_ups_and_the_next_one_as_many(io):
    thrifty = Thrifty(io, has_room=lambda: True, most=3)
    for _ in range(3):
        await thrifty.send(None)
    io.at = 20.0
    with pytest.raises(RateLimited) as raised:
        await thrifty.send(None)
    assert (raised.value.retry_after, io.sent) == (40.0, 3)
    io.at = 60.0
    await thrifty.send(None)
    assert io.sent == 4


async def test_what_is_kept_for_ends_is_not_spent_on_looking(io):
    with pytest.raises(RateLimited) as raised:
        await Thrifty(io, has_room=lambda: False).send(None)
    assert raised.value.retry_after
    assert io.sent == 0
