"""Calls of the vendor as microphones."""

from micgate.control.microphone import LegState
from micgate.genesys.models import Conversation, Participant
from micgate.platform.shown import call_shown

ADA = "11111111-aaaa-4aaa-8aaa-111111111111"


def agent(state, **about):
    return Participant(id="leg", purpose="agent", user_id=ADA, state=state, **about)


def customer(state, **about):
    return Participant(id="customer", purpose="customer", state=state, **about)


def shown(*ends):
    (microphone,) = call_shown(Conversation(id="call", participants=ends)).microphones
    return microphone


def test_a_call_that_an_agent_has_left_goes_on_while_anybody_is_on_it():
    left = shown(agent("disconnected", muted=True), customer("connected"))
    assert (left.state, left.call_over, left.muted) == (LegState.OVER, False, True)


def test_a_call_is_over_when_nobody_is_on_it_any_more():
    assert shown(agent("terminated"), customer("disconnected")).call_over


def test_somebody_of_whom_nothing_is_said_keeps_a_call_going():
    assert not shown(agent("disconnected"), customer(None)).call_over
    assert shown(agent("disconnected"), customer(None, end_time="2026-01-01T00:00:00Z")).call_over
