"""The platform says that it knows no such call, and the call goes on: a gateway's answer, or a mistake."""

import pytest

from micgate.control.microphone import State
from simulation.invariants import Invariants
from simulation.stage import Stage
from simulation.weather import Trouble


@pytest.fixture
def believed(monkeypatch):
    """Whoever is muted on such a call is lost sight of, and that is no wonder."""
    monkeypatch.setattr(Invariants, "_hidden", lambda *_: None)


def vanishes(stage, *, seconds):
    """Every read is answered so, and there is a gap, so that everything is read."""
    stage.trouble(seconds + 40)
    stage.simulation.weather.begin(Trouble.NOT_FOUND, seconds=seconds)
    for process in stage.simulation.processes:
        stage.simulation._cut(process, "cut")
    stage.run(seconds)


def test_a_mute_that_ends_while_its_call_is_said_to_be_unknown_is_given_back_after():
    with Stage() as stage:
        call = stage.call()
        mute = stage.place(call, seconds=30)
        vanishes(stage, seconds=60)
        assert stage.muted(call) is True
        assert stage.says(call) is State.RELEASING
        stage.run(5)
        assert stage.end_of(mute) == "expired"
        assert stage.muted(call) is False


def test_a_call_that_stays_unknown_is_over_and_read_no_more(believed):
    with Stage() as stage:
        call = stage.call()
        mute = stage.place(call, seconds=600)
        vanishes(stage, seconds=85)
        assert stage.end_of(mute) is None
        vanishes(stage, seconds=40)
        assert stage.end_of(mute) == "call_ended"
        told = stage.said()
        vanishes(stage, seconds=60)
        assert stage.said() == told


def test_whoever_was_given_up_too_early_is_found_by_the_next_overview(believed):
    with Stage() as stage:
        call = stage.call()
        stage.place(call, seconds=30)
        vanishes(stage, seconds=150)
        assert stage.says(call) is None
        stage.trouble(300)
        stage.run(260)
        assert stage.says(call) is State.LEFT_CLOSED
        assert stage.said()[-1] == "microphone.left_closed"
