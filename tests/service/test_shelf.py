"""What was found out lately is not sought twice at the same moment."""

import asyncio

import pytest

from micgate.service.people.shelf import Shelf


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def shelf(clock):
    return Shelf(2.0, clock)


class Seeker:
    """Answers when it is let go."""

    def __init__(self):
        self.asked = 0
        self.began = asyncio.Event()
        self.go = asyncio.Event()

    async def __call__(self):
        self.asked += 1
        self.began.set()
        answer = self.asked
        await self.go.wait()
        return answer


async def started(shelf, seek, *, times):
    tasks = [asyncio.create_task(shelf.found("key", seek)) for _ in range(times)]
    await seek.began.wait()
    return tasks


async def test_many_who_ask_at_once_are_answered_by_one_look(shelf):
    seek = Seeker()
    tasks = await started(shelf, seek, times=5)
    seek.go.set()
    assert await asyncio.gather(*tasks) == [1] * 5
    assert await shelf.found("key", seek) == 1


async def test_it_is_sought_again_when_it_is_too_old(shelf, clock):
    seek = Seeker()
    seek.go.set()
    assert await shelf.found("key", seek) == 1
    clock.now = 2.0
    assert await shelf.found("key", seek) == 2


async def test_who_leaves_takes_the_answer_of_nobody_else(shelf):
    seek = Seeker()
    first, second = await started(shelf, seek, times=2)
    first.cancel()
    seek.go.set()
    assert await second == 1


async def test_what_was_being_sought_before_a_change_is_not_kept(shelf):
    seek = Seeker()
    (before,) = await started(shelf, seek, times=1)
    shelf.drop("key")
    seek.go.set()
    assert await before == 1
    assert "key" not in shelf
    assert await shelf.found("key", seek) == 2


async def test_an_error_is_everybodys_and_is_not_kept(shelf):
    async def fails():
        raise LookupError

    with pytest.raises(LookupError):
        await shelf.found("key", fails)
    seek = Seeker()
    seek.go.set()
    assert await shelf.found("key", seek) == 1
