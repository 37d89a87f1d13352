"""What a mute does when the call moves on, in organizations of every kind (docs/control.md)."""

import pytest

from micgate.control.command import Verb
from micgate.control.microphone import Phase, State
from micgate.store.verbs import Release
from simulation.names import ORG
from simulation.stage import Stage
from simulation.weather import Trouble

MUTE, OPEN = Verb.MUTE, Verb.OPEN
BOTH = pytest.mark.parametrize("kept", [False, True], ids=["dropped", "kept"])
EVERYWHERE = pytest.mark.parametrize("everywhere", [False, True], ids=["this call", "every call"])


def muted(stage, *, everywhere=False, **about):
    call = stage.call()
    mute = stage.place(None if everywhere else call, **about)
    assert stage.says(call) is State.CONFIRMED
    assert stage.muted(call) is True
    return call, mute


# -- transfer ---------------------------------------------------------------------------------------------


@BOTH
@pytest.mark.parametrize("blind", [True, False], ids=["blind", "consulted"])
def test_a_transfer_ends_the_mute_of_the_call(kept, blind):
    with Stage(mute_survives_transfer=kept) as stage:
        call, mute = muted(stage)
        stage.do("transfer", call, to=1, blind=blind)
        stage.do("answer", call, 1)
        assert stage.end_of(mute) == "call_ended"
        assert stage.muted(call, 1) is False
        assert stage.sent() == [MUTE]


@BOTH
def test_a_transfer_leaves_the_mute_of_the_agent_for_the_next_call(kept):
    with Stage(mute_survives_transfer=kept) as stage:
        call, mute = muted(stage, everywhere=True)
        stage.do("transfer", call, to=1, connected=True)
        assert stage.end_of(mute) is None
        following = stage.call()
        assert stage.muted(following) is True
        stage.release(mute)
        assert stage.muted(following) is False
        assert stage.sent() == [MUTE, MUTE, OPEN]


@BOTH
def test_who_comes_back_to_a_call_is_not_muted_again(kept):
    """Where the organization carries the mute over to the new leg, it is given back."""
    with Stage(mute_survives_transfer=kept) as stage:
        call, mute = muted(stage)
        stage.do("transfer", call, to=1, connected=True)
        stage.do("transfer", call, 1, to=0, connected=True)
        assert stage.end_of(mute) == "call_ended"
        assert stage.muted(call) is False
        assert stage.sent() == ([MUTE, OPEN] if kept else [MUTE])


@BOTH
def test_who_comes_back_under_a_mute_of_every_call_is_muted_on_the_new_leg(kept):
    with Stage(mute_survives_transfer=kept) as stage:
        call, mute = muted(stage, everywhere=True)
        stage.do("transfer", call, to=1, connected=True)
        stage.do("transfer", call, 1, to=0)
        assert stage.says(call) is State.PENDING
        stage.do("answer", call)
        assert stage.muted(call) is True
        assert stage.says(call) is State.CONFIRMED
        stage.release(mute)
        assert stage.muted(call) is False


@BOTH
@EVERYWHERE
def test_a_mute_follows_to_another_leg(kept, everywhere):
    """The agent takes the call over to another phone."""
    with Stage(mute_survives_transfer=kept) as stage:
        call, mute = muted(stage, everywhere=everywhere)
        stage.do("transfer", call, to=0, connected=True)
        assert stage.end_of(mute) is None
        assert stage.muted(call) is True
        assert stage.says(call) is State.CONFIRMED
        stage.release(mute)
        assert stage.muted(call) is False


# -- consult and conference -------------------------------------------------------------------------------


@EVERYWHERE
@pytest.mark.parametrize("verb", ["consult", "conference"])
@pytest.mark.parametrize("connected", [True, False], ids=["at once", "rings"])
def test_a_mute_silences_towards_everybody_who_joins(verb, connected, everywhere):
    with Stage() as stage:
        call, mute = muted(stage, everywhere=everywhere)
        stage.do(verb, call, to=1, connected=connected)
        if not connected:
            stage.do("answer", call, 1)
        assert stage.end_of(mute) is None
        assert stage.muted(call) is True
        assert stage.muted(call, 1) is False
        stage.do("disconnect", call, 1)
        stage.release(mute)
        assert stage.muted(call) is False
        assert stage.sent() == [MUTE, OPEN]


def test_the_agent_who_hands_over_after_a_consult_leaves_the_mute_behind():
    with Stage() as stage:
        call, mute = muted(stage)
        stage.do("consult", call, to=1, connected=True)
        stage.do("transfer", call, to=1, blind=False)
        assert stage.end_of(mute) == "call_ended"
        assert stage.muted(call, 1) is False


# -- hold -------------------------------------------------------------------------------------------------


@BOTH
@EVERYWHERE
def test_a_mute_stands_through_a_hold(kept, everywhere):
    """Where hold drops the mute, the agent is muted again, and nobody calls it an override."""
    with Stage(mute_survives_hold=kept) as stage:
        call, mute = muted(stage, everywhere=everywhere)
        stage.do("hold", call)
        assert stage.muted(call) is True
        stage.do("retrieve", call)
        assert stage.muted(call) is True
        assert stage.end_of(mute) is None
        assert "overridden" not in stage.said()
        stage.release(mute)
        assert stage.muted(call) is False
        assert stage.sent() == ([MUTE, OPEN] if kept else [MUTE, MUTE, OPEN])


@BOTH
def test_a_mute_that_ends_during_a_hold_is_left_closed_until_the_call_is_retrieved(kept):
    with Stage(mute_survives_hold=kept) as stage:
        call, mute = muted(stage)
        stage.do("hold", call)
        stage.release(mute)
        assert stage.muted(call) is True
        assert stage.says(call) is State.LEFT_CLOSED
        stage.do("retrieve", call)
        assert stage.muted(call) is False
        assert stage.memory(call).phase is Phase.IDLE


@BOTH
def test_a_hold_of_more_than_a_minute_after_the_end_leaves_it_closed(kept):
    with Stage(mute_survives_hold=kept) as stage:
        call, mute = muted(stage)
        stage.do("hold", call)
        stage.release(mute)
        stage.run(70)
        stage.do("retrieve", call)
        assert stage.muted(call) is True
        assert stage.says(call) is State.LEFT_CLOSED
        assert OPEN not in stage.sent()


# -- the end of a call ------------------------------------------------------------------------------------


@EVERYWHERE
def test_nothing_is_sent_in_wrap_up(everywhere):
    with Stage(acw_s=60) as stage:
        call, mute = muted(stage, everywhere=everywhere)
        stage.telephony.hang_up(call)
        stage.run()
        assert any(leg.in_acw for leg in stage.world.calls.get(call).participants)
        assert stage.end_of(mute) == (None if everywhere else "call_ended")
        stage.run(30)
        assert stage.sent() == [MUTE]


@EVERYWHERE
def test_a_leg_that_rings_is_muted_when_it_is_answered(everywhere):
    with Stage() as stage:
        call = stage.call(state="alerting")
        mute = stage.place(None if everywhere else call)
        assert stage.says(call) is State.PENDING
        assert stage.sent() == []
        stage.do("answer", call)
        assert stage.muted(call) is True
        assert stage.says(call) is State.CONFIRMED
        stage.release(mute)
        assert stage.muted(call) is False


# -- what cannot be told apart ----------------------------------------------------------------------------


def test_an_outdated_message_that_says_open_leaves_it_closed_and_says_so():
    """It looks like an agent who opened it and closed it again; opening what they closed would be worse."""
    with Stage() as stage:
        call = stage.call()
        stage.simulation.weather.begin(Trouble.EVENT_STALE, seconds=1)
        mute = stage.place(call)
        assert stage.says(call) is State.CONFIRMED
        assert stage.end_of(mute) is None
        stage.release(mute)
        assert stage.muted(call) is True
        assert stage.says(call) is State.LEFT_CLOSED
        assert "microphone.left_closed" in stage.said()


@pytest.mark.parametrize("first", [True, False], ids=["the first", "the second"])
def test_a_mute_stays_confirmed_while_another_one_is_released(first):
    with Stage() as stage:
        call, one = muted(stage)
        other = stage.place(call)
        stage.ask(Release(org=ORG, mute_ids=((one if first else other).id,), by="grace"))
        for _ in range(100):
            stage.run(0.01)
            assert stage.says(call) is State.CONFIRMED
        assert stage.sent() == [MUTE, MUTE]
