"""The verbs of the control surface, and what each does to the legs of a call."""

import json
from pathlib import Path

import pytest
from worlds import call_events, call_of, changes_of, leg_of, mute, pass_time, quiet_world

from micgate.twin import answers
from micgate.twin.refusals import Impossible

EVENTS = Path(__file__).parents[1] / "data" / "events"


def states(call):
    return [(one.purpose, one.state) for one in call.participants]


def test_a_call_through_a_queue_leaves_the_queue_when_it_is_answered():
    world = quiet_world()
    call, leg = call_of(world, world.agents[0], queue="Support", state="alerting")
    assert states(call) == [("customer", "connected"), ("acd", "connected"), ("agent", "alerting")]
    call = world.telephony.answer(call.id, agent=world.agents[0].email)
    assert states(call) == [("customer", "connected"), ("acd", "terminated"), ("agent", "connected")]
    assert leg_of(world, call, leg).connected_time == world.now


def test_a_direct_call_has_a_leg_with_the_purpose_user():
    world = quiet_world()
    _, leg = call_of(world, world.agents[0])
    assert (leg.purpose, leg.queue_id) == ("user", None)


def test_a_queued_call_is_given_to_the_agent_who_answers():
    world = quiet_world()
    call = world.telephony.place(agent=world.agents[0].id, queue="Support", state="queued")
    assert states(call) == [("customer", "connected"), ("acd", "connected")]
    call = world.telephony.answer(call.id, agent=world.agents[1].id)
    assert call.legs(world.agents[1].id)[0].connected


def test_an_outgoing_call_rings_at_both_ends_until_it_is_answered():
    world = quiet_world()
    call, _ = call_of(world, world.agents[0], direction="outbound", state="dialing")
    assert states(call) == [("customer", "dialing"), ("user", "dialing")]
    assert states(world.telephony.answer(call.id)) == [("customer", "connected"), ("user", "connected")]


@pytest.mark.parametrize("survives", [True, False])
def test_a_mute_survives_a_hold_by_knob(survives):
    world = quiet_world(mute_survives_hold=survives)
    call, leg = call_of(world, world.agents[0])
    world.telephony.press_mute(call.id, agent=world.agents[0].id, muted=True)
    world.telephony.hold(call.id, agent=world.agents[0].id)
    assert leg_of(world, call, leg).held
    world.telephony.retrieve(call.id, agent=world.agents[0].id)
    assert leg_of(world, call, leg).muted is survives


def test_the_agents_own_button_is_the_agents_change():
    world = quiet_world()
    call, _ = call_of(world, world.agents[0])
    world.telephony.press_mute(call.id, agent=world.agents[0].name, muted=True)
    assert changes_of(world, "muted") == [(False, True, "agent")]


def test_a_blind_transfer_ends_the_leg_and_rings_at_the_other():
    world = quiet_world()
    first, second = world.agents[:2]
    call, leg = call_of(world, first, queue="Support")
    call = world.telephony.transfer(call.id, agent=first.id, to=second.id)
    assert leg_of(world, call, leg).disconnect_type == "transfer"
    assert call.legs(second.id)[0].state == "alerting"
    assert world.telephony.answer(call.id, agent=second.id).legs(second.id)[0].connected


def test_an_attended_transfer_ends_the_leg_only_when_the_other_answers():
    world = quiet_world()
    first, second = world.agents[:2]
    call, leg = call_of(world, first)
    world.telephony.transfer(call.id, agent=first.id, to=second.id, blind=False)
    assert leg_of(world, call, leg).connected
    world.telephony.answer(call.id, agent=second.id)
    assert leg_of(world, call, leg).disconnect_type == "transfer.consult"


@pytest.mark.parametrize("survives", [True, False])
def test_a_call_transferred_back_is_a_second_leg_of_the_same_user(survives):
    world = quiet_world(mute_survives_transfer=survives)
    first, second = world.agents[:2]
    call, _ = call_of(world, first)
    world.telephony.press_mute(call.id, agent=first.id, muted=True)
    world.telephony.transfer(call.id, agent=first.id, to=second.id, connected=True)
    call = world.telephony.transfer(call.id, agent=second.id, to=first.id, connected=True)
    old, new = call.legs(first.id)
    assert (old.ended, new.connected, new.muted) == (True, True, survives)


def test_a_transfer_to_a_queue_leaves_the_caller_waiting():
    world = quiet_world()
    call, leg = call_of(world, world.agents[0])
    call = world.telephony.transfer(call.id, agent=world.agents[0].id, to="Sales")
    assert leg_of(world, call, leg).ended
    assert states(call)[-1] == ("acd", "connected")
    assert not call.ended


def test_a_consult_puts_the_customer_aside_until_it_becomes_a_transfer():
    world = quiet_world()
    first, second = world.agents[:2]
    call, leg = call_of(world, first)
    call = world.telephony.consult(call.id, agent=first.id, to=second.id, connected=True)
    assert call.participants[0].confined
    assert call.legs(second.id)[0].consult_participant_id == leg.id
    call = world.telephony.transfer(call.id, agent=first.id, to=second.id, blind=False)
    assert not call.participants[0].confined
    assert leg_of(world, call, leg).disconnect_type == "transfer.consult"
    assert len(call.legs(second.id)) == 1


def test_a_consult_becomes_a_conference_without_a_second_leg():
    world = quiet_world()
    first, second = world.agents[:2]
    call, _ = call_of(world, first)
    world.telephony.consult(call.id, agent=first.id, to=second.id, connected=True)
    call = world.telephony.conference(call.id, agent=first.id, to=second.id)
    assert not call.participants[0].confined
    (joined,) = call.legs(second.id)
    assert joined.connected
    assert joined.consult_participant_id is None


@pytest.mark.parametrize("verb", ["consult", "conference"])
def test_nobody_is_invited_to_a_call_twice(verb):
    world = quiet_world()
    first, second = world.agents[:2]
    call, _ = call_of(world, first)
    world.telephony.conference(call.id, agent=first.id, to=second.id)
    for to in (first, second):
        with pytest.raises(Impossible, match="on the call already"):
            getattr(world.telephony, verb)(call.id, agent=first.id, to=to.id)


def test_a_conference_goes_on_when_one_agent_leaves_and_ends_with_the_last():
    world = quiet_world()
    first, second = world.agents[:2]
    call, _ = call_of(world, first)
    world.telephony.conference(call.id, agent=first.id, to=second.id, connected=True)
    assert not world.telephony.disconnect(call.id, agent=first.id).ended
    call = world.telephony.disconnect(call.id, agent=second.id)
    assert call.ended
    assert call.participants[0].disconnect_type == "peer"


def test_a_call_that_nobody_answers_rings_again_as_another_leg():
    world = quiet_world()
    agent = world.agents[0]
    call, leg = call_of(world, agent, queue="Support", state="alerting")
    call = world.telephony.no_answer(call.id, agent=agent.id)
    assert leg_of(world, call, leg).disconnect_type == "transfer.noanswer"
    call = world.telephony.offer(call.id, agent=agent.id)
    assert [one.state for one in call.legs(agent.id)] == ["disconnected", "alerting"]


def test_voicemail_is_a_further_leg_of_the_same_user():
    world = quiet_world()
    call, _ = call_of(world, world.agents[0])
    call = world.telephony.voicemail(call.id, agent=world.agents[0].id)
    assert [one.purpose for one in call.legs(world.agents[0].id)] == ["user", "voicemail"]
    world.telephony.press_mute(call.id, agent=world.agents[0].id, muted=True)
    assert [one.muted for one in world.calls.get(call.id).legs(world.agents[0].id)] == [True, False]


def test_wrapup_follows_a_queue_call_and_ends_by_itself():
    world = quiet_world(acw_s=20)
    agent = world.agents[0]
    call, leg = call_of(world, agent, queue="Support")
    world.telephony.disconnect(call.id)
    assert leg_of(world, call, leg).in_acw
    assert agent.routing == "INTERACTING"
    pass_time(world, 20)
    assert not leg_of(world, call, leg).in_acw
    assert (agent.routing, world.calls.of_user(agent.id)) == ("IDLE", [])


def test_a_secure_pause_shows_on_the_call_and_on_the_recorded_leg():
    world = quiet_world()
    call, leg = call_of(world, world.agents[0])
    assert (call.recording_state, leg.recording) == ("active", True)
    call = world.telephony.press_record(call.id, paused=True)
    assert (call.recording_state, call.secure_pause) == ("paused", True)
    assert leg_of(world, call, leg).secure_pause
    assert changes_of(world, "secure_pause") == [(False, True, "agent")]


def test_a_call_that_is_not_recorded_cannot_be_paused():
    world = quiet_world()
    call, _ = call_of(world, world.agents[0], recording=False)
    assert world.telephony.press_record(call.id, paused=True).recording_state == "none"


def test_every_verb_is_an_event_for_everybody_in_the_call():
    world = quiet_world()
    first, second = world.agents[:2]
    call, _ = call_of(world, first)
    world.telephony.conference(call.id, agent=first.id, to=second.id)
    world.drain()
    world.telephony.answer(call.id, agent=second.id)
    world.telephony.hold(call.id, agent=first.id)
    world.telephony.retrieve(call.id, agent=first.id)
    assert [event.after.user_ids for event in call_events(world)] == [(first.id, second.id)] * 3


def test_calls_placed_by_hand_never_end_by_themselves():
    world = quiet_world()
    call, _ = call_of(world, world.agents[0], queue="Support")
    pass_time(world, 24 * 3600)
    assert not world.calls.get(call.id).ended


def test_two_calls_of_one_agent_stay_side_by_side():
    world = quiet_world()
    agent = world.agents[0]
    calls = [call_of(world, agent)[0].id for _ in range(2)]
    assert [call.id for call in world.calls.of_user(agent.id)] == calls


def test_a_chat_counts_as_a_chat():
    world = quiet_world()
    agent = world.agents[0]
    call_of(world, agent, queue="Support", media="chat")
    assert world.calls.summary(agent.id, "chat").contact_center_active == 1
    assert world.calls.summary(agent.id, "call").contact_center_active == 0


@pytest.mark.parametrize(
    ("verb", "arguments"),
    [
        ("answer", {}),
        ("hold", {"agent": "Nobody Inparticular"}),
        ("transfer", {"agent": "them", "to": "no such queue"}),
        ("press_mute", {"agent": "somebody else", "muted": True}),
    ],
)
def test_a_verb_that_makes_no_sense_says_so(verb, arguments):
    world = quiet_world()
    names = {"them": world.agents[0].id, "somebody else": world.agents[1].id}
    arguments = {name: names.get(value, value) for name, value in arguments.items()}
    call, _ = call_of(world, world.agents[0])
    with pytest.raises(Impossible):
        getattr(world.telephony, verb)(call.id, **arguments)


def test_people_of_another_organization_cannot_be_invited():
    world = quiet_world()
    other = world.add_org(name="Elsewhere")
    stranger = world.add_user(name="Sten Stranger", email="sten@else.example", org_id=other.id)
    call, _ = call_of(world, world.agents[0])
    with pytest.raises(Impossible):
        world.telephony.conference(call.id, agent=world.agents[0].id, to=stranger.email)


def test_a_muted_leg_keeps_its_mute_through_a_conference():
    world = quiet_world()
    first, second = world.agents[:2]
    call, leg = call_of(world, first)
    mute(world, call, leg)
    pass_time(world, 1)
    world.telephony.conference(call.id, agent=first.id, to=second.id, connected=True)
    assert leg_of(world, call, leg).muted


@pytest.mark.parametrize("state", ["alerting", "connected"])
def test_the_calls_event_has_every_member_of_the_vendors_example(state):
    world = quiet_world()
    call, _ = call_of(world, world.agents[0], queue=next(iter(world.people.queues)), state=state)
    example = json.loads((EVENTS / f"call_{state}.json").read_bytes())["eventBody"]

    shown = answers.call_event(call)

    assert set(example) <= set(shown)
    for wanted, found in zip(example["participants"], shown["participants"], strict=True):
        assert set(wanted) - set(found) == set(), wanted["purpose"]
