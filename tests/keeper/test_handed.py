"""What is due, handed over by whoever wrote it: acted on without looking, and never believed too long."""

import asyncio

import pytest
from desk import ADA, ORG, Desk, StillBoot

from micgate.control.command import Kind
from micgate.control.microphone import Phase
from micgate.control.mute import End, Mute, Owner
from micgate.store.ids import new_id
from micgate.store.target import Target
from micgate.store.verbs import Place

BOB = Target(ORG, "call", "bob")


@pytest.fixture
async def desk():
    desk = await Desk.open()
    desk.shows(muted=False)
    desk.shows(muted=False, target=BOB)
    await desk.rounds()
    desk.clock.boot = still = StillBoot()
    still.at = desk.boot.at
    desk.boot = still
    desk.looks = 0
    look = desk.store.load_due

    async def looked(*about, **more):
        desk.looks += 1
        return await look(*about, **more)

    desk.store.load_due = looked
    return desk


async def placed(desk, target=ADA, *, seconds=60.0):
    now = desk.clock.now()
    mute = Mute(
        id=new_id(),
        user_id=target.user_id,
        conversation_id=target.conversation_id,
        owner=Owner("key", "sam"),
        placed_at=now,
        release_at=now + seconds,
    )
    done = await desk.store.place(Place(org=ORG, mutes=(mute,)), now=now)
    assert len(done.due) == 1
    return mute, done.due[0]


async def waiting(desk):
    """The loop, with nothing to do."""
    next_at = await desk.wake.turn()
    loop = asyncio.create_task(desk.wake.wait(next_at))
    await asyncio.sleep(0)
    desk.looks = 0
    return loop


async def sent(desk):
    for _ in range(5):
        await asyncio.sleep(0)
    return desk.verbs()


async def test_a_loop_that_waits_acts_on_it_without_looking(desk):
    loop = await waiting(desk)
    _, due = await placed(desk)
    desk.wake.hand(due)
    await loop
    await desk.wake.turn()
    assert await sent(desk) == ["mute"]
    assert desk.looks == 0


async def test_several_are_acted_on_together(desk):
    loop = await waiting(desk)
    for target in (ADA, BOB):
        desk.wake.hand((await placed(desk, target))[1])
    await loop
    await desk.wake.turn()
    assert await sent(desk) == ["mute", "mute"]
    assert desk.looks == 0


async def test_a_loop_that_is_at_work_looks(desk):
    _, due = await placed(desk)
    desk.wake.hand(due)
    await desk.wake.wait(desk.clock.now() + 60)
    await desk.wake.turn()
    assert await sent(desk) == ["mute"]
    assert desk.looks == 1


async def test_a_mute_that_was_released_meanwhile_is_not_sent(desk):
    loop = await waiting(desk)
    mute, due = await placed(desk)
    desk.wake.hand(due)
    await desk.release(mute)
    await loop
    next_at = await desk.wake.turn()
    assert next_at <= desk.clock.now() + 0.02  # it looks
    await desk.wake.turn()
    assert await sent(desk) == []
    assert desk.memory().phase is Phase.IDLE
    assert desk.budget.used == 0


async def test_an_old_one_does_not_touch_what_is_about_to_leave(desk):
    """A database far away may tell a replica of its commit after the keeper has found it."""
    never = asyncio.Event()
    desk.platform.carry_out = lambda _: never.wait()  # for a connection
    _, due = await placed(desk)
    loop = await waiting(desk)
    assert desk.mirror.holds(ADA)
    desk.wake.hand(due)
    await loop
    await desk.wake.turn()
    assert desk.mirror.holds(ADA)
    assert desk.outcomes() == [("mute", None)]
    await desk.sender.finish(seconds=0)


async def test_an_old_one_is_no_second_command(desk):
    _, due = await placed(desk)
    await desk.wake.turn()
    assert await sent(desk) == ["mute"]
    loop = await waiting(desk)
    desk.wake.hand(due)
    await loop
    await desk.wake.turn()
    assert await sent(desk) == ["mute"]
    assert desk.outcomes() in ([("mute", None)], [("mute", Kind.ACCEPTED)])


async def test_it_puts_off_no_end_that_falls_due(desk):
    loop = await waiting(desk)
    _, brief = await placed(desk, BOB, seconds=1.0)
    desk.wake.hand(brief)
    await loop
    next_at = await desk.wake.turn()
    assert next_at <= desk.clock.now() + 1.0
    assert await sent(desk) == ["mute"]
    await desk.mirror.flush()
    loop = asyncio.create_task(desk.wake.wait(next_at))
    await asyncio.sleep(0)
    desk.boot.at += 1.5
    desk.tenure.beaten(desk.boot.at)
    desk.looks = 0
    _, due = await placed(desk, ADA)
    desk.wake.hand(due)
    await loop
    await desk.wake.turn()
    assert desk.looks == 1
    assert {mute.user_id: mute.end for mute in desk.store.mutes(ORG)} == {"ada": None, "bob": End.EXPIRED}
