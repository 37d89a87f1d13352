import asyncio

import pytest

from micgate.keeper.clock import anchored
from micgate.keeper.lease import STILL, TRUST, LeaseLostError, Rivalry, Tenure, beat, beat_on, win
from micgate.store.errors import Busy, Unavailable
from micgate.store.leases import Lease, Term
from micgate.store.memory.store import MemoryStore
from micgate.store.verbs import Rules

TERM = Term("org", 1)


class Boot:
    """Time that only sleeping moves."""

    def __init__(self) -> None:
        self.at = 100.0

    def boot(self) -> float:
        return self.at

    async def sleep(self, seconds: float) -> None:
        self.at += seconds
        await asyncio.sleep(0)

    async def wait(self, event: asyncio.Event, seconds: float) -> None:
        if not event.is_set():
            await self.sleep(seconds)


def nobody(_holder):
    """Is surely gone."""
    return False


def lease(beat, holder="first", epoch=1):
    return Lease("org", holder, epoch, beat, 0.0)


@pytest.fixture
def leases():
    return MemoryStore(Rules(link=lambda *_: b"")).leases


@pytest.fixture
def boot():
    return Boot()


def test_a_lease_that_beats_is_never_taken():
    rivalry = Rivalry(nobody)
    assert not any(rivalry.may_take(lease(number), float(number)) for number in range(100))


def test_a_lease_that_stands_still_is_taken_after_three_seconds_of_ones_own_clock():
    rivalry = Rivalry(nobody)
    assert not rivalry.may_take(lease(1), 50.0)
    assert not rivalry.may_take(lease(1), 50.0 + STILL - 0.01)
    assert rivalry.may_take(lease(1), 50.0 + STILL)


@pytest.mark.parametrize("free", [None, lease(7, holder=None)])
def test_a_lease_nobody_has_is_taken_at_once(free):
    assert Rivalry(nobody).may_take(free, 50.0)


def test_a_keeper_stops_sending_two_seconds_after_the_start_of_its_last_good_beat():
    tenure = Tenure(TERM, good=10.0)
    tenure.beaten(11.0)
    assert tenure.may_send(11.0 + TRUST - 0.01)
    assert not tenure.may_send(11.0 + TRUST)


def test_a_slow_beat_that_began_earlier_takes_nothing_back():
    tenure = Tenure(TERM, good=11.0)
    tenure.beaten(10.0)
    assert tenure.good == 11.0


def test_a_keeper_has_stopped_before_any_rival_may_begin():
    assert TRUST < STILL


async def test_the_second_waits_until_the_first_is_silent(leases, boot):
    first, _ = await win(leases, "org", holder="first", boot=boot, offset=0.0, is_gone=nobody)
    began = boot.at
    second, _ = await win(leases, "org", holder="second", boot=boot, offset=0.0, is_gone=nobody)
    assert STILL <= boot.at - began <= STILL + 0.5
    assert (first.epoch, second.epoch) == (1, 2)


async def test_a_lease_that_a_transaction_holds_is_taken_as_soon_as_that_is_over(leases, boot):
    class Held:
        read = leases.read
        refusals = 3

        async def take(self, name, **told):
            self.refusals -= 1
            if self.refusals >= 0:
                raise Busy("locked", remedy="wait")
            return await leases.take(name, **told)

    await win(leases, "org", holder="first", boot=boot, offset=0.0, is_gone=nobody)
    began = boot.at
    second, _ = await win(Held(), "org", holder="second", boot=boot, offset=0.0, is_gone=nobody)
    assert second.epoch == 2
    assert STILL <= boot.at - began < STILL + 2.0


async def test_a_lease_that_was_given_up_is_taken_at_once(leases, boot):
    first, _ = await win(leases, "org", holder="first", boot=boot, offset=0.0, is_gone=nobody)
    await leases.resign(Term("org", first.epoch))
    began = boot.at
    await win(leases, "org", holder="second", boot=boot, offset=0.0, is_gone=nobody)
    assert boot.at == began


async def test_a_lease_whose_holder_is_surely_gone_is_taken_at_once(leases, boot):
    await win(leases, "org", holder="first", boot=boot, offset=0.0, is_gone=nobody)
    began = boot.at
    await win(leases, "org", holder="second", boot=boot, offset=0.0, is_gone=lambda name: name == "first")
    assert boot.at == began


async def test_whoever_lost_the_lease_hears_so_at_the_next_beat(leases, boot):
    await win(leases, "org", holder="first", boot=boot, offset=0.0, is_gone=nobody)
    await win(leases, "org", holder="second", boot=boot, offset=0.0, is_gone=nobody)
    tenure = Tenure(TERM, good=boot.at)
    with pytest.raises(LeaseLostError):
        await beat(leases, tenure, boot=boot, offset=anchored(boot, database=0.0, offset=0.0))
    assert not tenure.may_send(boot.at)


async def test_a_beat_that_finds_no_database_is_tried_again_and_counts_for_nothing(leases, boot):
    class Away:
        fails = 20

        async def beat(self, term, *, clock_offset=None):
            self.fails -= 1
            if self.fails >= 0:
                raise Unavailable("away", remedy="wait")
            return await leases.beat(term, clock_offset=clock_offset)

    await win(leases, "org", holder="first", boot=boot, offset=0.0, is_gone=nobody)
    tenure = Tenure(TERM, good=boot.at)
    clock = anchored(boot, database=0.0, offset=0.0)
    beating = asyncio.create_task(beat_on(Away(), tenure, boot=boot, offset=clock))
    may = []
    for _ in range(100):
        await asyncio.sleep(0)
        may.append(tenure.may_send(boot.at))
    beating.cancel()
    lost = may.index(False)
    assert any(may[lost:])


def test_service_time_follows_the_boot_clock_whatever_the_database_says(boot):
    clock = anchored(boot, database=5000.0, offset=0.0)
    boot.at += 10
    assert clock.now() == 5010
    assert clock.compare(5010.0) is None
    assert clock.compare(8610.0) == 3600
    assert clock.now() == 5010
    assert clock.compare(8610.0) is None


def test_a_successor_does_not_follow_a_step_either(boot):
    clock = anchored(boot, database=5000.0, offset=0.0)
    clock.compare(8600.0)
    assert anchored(boot, database=8605.0, offset=clock.offset).now() == 5005


def test_a_successor_ignores_what_is_no_step(boot):
    assert anchored(boot, database=5000.0, offset=-0.4).now() == 5000
