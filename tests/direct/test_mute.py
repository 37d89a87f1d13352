"""The rules of a mute that need a clock of their own, on the simulator."""

import time
from uuid import uuid4

import msgspec
import pytest

from micgate import settings
from micgate.direct.connect import from_settings
from micgate.direct.journal import Unrecorded
from micgate.direct.memory import Doubt
from micgate.direct.mute import Mute
from micgate.direct.wish import Wish
from micgate.genesys.io import drive
from micgate.genesys.locate import find_call, find_user
from micgate.genesys.session import Session
from micgate.genesys.transport_urllib3 import Urllib3Wire


class Shifted:
    """The real clock, put forward: what a process sees of a machine that was asleep."""

    ahead = 0.0

    def monotonic(self):
        return time.monotonic() + self.ahead

    def now(self):
        return time.time() + self.ahead


@pytest.fixture
def clock():
    return Shifted()


@pytest.fixture
def connection(environ, tmp_path):
    return from_settings(settings.load(environ, tmp_path / ".env"))


@pytest.fixture
def io(connection, clock):
    wire = Urllib3Wire(connection.region, connection.network)
    io = Session(wire, region=connection.region, credentials=connection.credentials, clock=clock)
    yield io
    drive(io.close())


@pytest.fixture
def placed(io, connection, microphone, twin):
    """A mute of 60 seconds that stands."""

    def place(**wish):
        call = drive(find_call(io, drive(find_user(io, twin.agents[0].id))))
        plan = Wish.checked(for_=60, **wish).plan(call, connection, has_user=False, now=io.monotonic())
        mute = Mute(plan, record=Unrecorded(), new_id=lambda: str(uuid4()))
        drive(mute.place(io))
        return mute

    return place


def test_up_to_a_minute_late_it_is_still_opened(placed, io, clock, microphone):
    mute = placed()
    clock.ahead = 115
    assert drive(mute.give_back(io)).word == "released"
    assert not microphone.muted


def test_more_than_a_minute_late_it_is_left_closed_and_said(placed, io, clock, microphone):
    mute = placed()
    clock.ahead = 125
    ended = drive(mute.give_back(io))
    assert (ended.word, ended.opening.why) == ("left_closed", "too_late")
    assert microphone.muted


def test_a_give_back_that_began_in_time_may_finish_later(placed, io, clock, microphone):
    mute = placed()
    going_on = Mute(
        mute.plan,
        record=Unrecorded(),
        new_id=lambda: str(uuid4()),
        memory=_with(mute.memory, began_late=0.0),
    )
    clock.ahead = 300
    assert drive(going_on.give_back(io)).word == "released"


def test_giving_back_twice_opens_nothing_that_was_closed_since(placed, io, microphone):
    mute = placed()
    drive(mute.give_back(io))
    microphone.press(muted=True)
    assert drive(mute.give_back(io)).word == "released"
    assert microphone.muted


def test_a_memory_handed_over_after_the_release_opens_nothing(placed, io, microphone):
    mute = placed()
    drive(mute.give_back(io))
    microphone.press(muted=True)
    successor = Mute(mute.plan, record=Unrecorded(), new_id=lambda: str(uuid4()), memory=mute.memory)
    assert drive(successor.give_back(io)).word == "nothing"
    assert microphone.muted


def test_a_second_mute_that_took_effect_late_is_undone_once(placed, io, clock, microphone):
    before = placed()
    memory = _with(before.memory, doubts=(Doubt("late", io.monotonic() + 15),))
    mute = Mute(before.plan, record=Unrecorded(), new_id=lambda: str(uuid4()), memory=memory)
    drive(mute.give_back(io))
    assert mute.unsettled(io)
    microphone.press(muted=True)
    drive(mute.settle(io))
    assert not microphone.muted
    assert not mute.unsettled(io)
    microphone.press(muted=True)
    drive(mute.settle(io))
    assert microphone.muted


def _with(memory, **changes):
    return msgspec.structs.replace(memory, **changes)
