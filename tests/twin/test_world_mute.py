"""A mute through the vendor's API, as the pure world does it."""

import pytest
from worlds import (
    MUTE,
    UNMUTE,
    call_events,
    call_of,
    changes_of,
    leg_of,
    mute,
    pass_time,
    person,
    quiet_world,
    service,
)

from micgate.twin.changes import Change
from micgate.twin.refusals import Refusal


def refused(act):
    with pytest.raises(Refusal) as caught:
        act()
    return caught.value.status, caught.value.code


def test_a_mute_takes_effect_only_after_its_lag():
    world = quiet_world(apply_ms=[50, 300])
    call, leg = call_of(world, world.agents[0])
    mute(world, call, leg)
    pass_time(world, 0.049)
    assert not leg_of(world, call, leg).muted
    pass_time(world, 0.252)
    assert leg_of(world, call, leg).muted


def test_a_mute_is_one_event_and_one_ledger_entry_with_the_request_behind_it():
    world = quiet_world()
    call, leg = call_of(world, world.agents[0])
    world.drain()
    mute(world, call, leg, request_id="r-9")
    pass_time(world, 1)
    (event,) = call_events(world)
    assert (event.before.participant(leg.id).muted, event.after.participant(leg.id).muted) == (False, True)
    entry = world.ledger.after(0)[-1]
    assert (entry.field, entry.from_, entry.to, entry.cause) == ("muted", False, True, "request")
    assert (entry.correlation_id, entry.user) == ("r-9", leg.user_id)


@pytest.mark.parametrize("knob", ["on", "off"])
def test_an_event_carries_the_requests_correlation_id_only_when_the_knob_says_so(knob):
    world = quiet_world(correlation_in_events=knob)
    call, leg = call_of(world, world.agents[0])
    world.drain()
    mute(world, call, leg, request_id="r-9")
    pass_time(world, 1)
    (event,) = call_events(world)
    assert (event.correlation_id == "r-9") is (knob == "on")


@pytest.mark.parametrize(("knob", "events"), [(False, 0), (True, 1)])
def test_the_same_value_again_is_accepted_and_an_event_only_by_knob(knob, events):
    world = quiet_world(same_value_event=knob)
    call, leg = call_of(world, world.agents[0])
    world.drain()
    mute(world, call, leg, UNMUTE)
    pass_time(world, 1)
    assert len(call_events(world)) == events
    assert changes_of(world, "muted") == []


def test_quick_opposite_changes_of_one_leg_stay_in_order():
    world = quiet_world(apply_ms=[0, 1000])
    call, leg = call_of(world, world.agents[0])
    for _ in range(20):
        mute(world, call, leg)
        mute(world, call, leg, UNMUTE)
    pass_time(world, 2)
    assert not leg_of(world, call, leg).muted


def test_quick_opposite_changes_may_overtake_each_other_by_knob():
    world = quiet_world(apply_ms=[0, 1000], apply_order="any")
    finally_muted = set()
    call, leg = call_of(world, world.agents[0])
    for _ in range(20):
        mute(world, call, leg)
        mute(world, call, leg, UNMUTE)
        pass_time(world, 2)
        finally_muted.add(leg_of(world, call, leg).muted)
    assert finally_muted == {True, False}


def test_a_forgotten_request_is_checked_but_changes_nothing():
    world = quiet_world()
    call, leg = call_of(world, world.agents[0])
    mute(world, call, leg, forget=True)
    pass_time(world, 5)
    assert not leg_of(world, call, leg).muted


def test_a_change_accepted_before_the_call_ended_does_nothing_after_it():
    world = quiet_world()
    call, leg = call_of(world, world.agents[0])
    mute(world, call, leg)
    world.telephony.disconnect(call.id)
    pass_time(world, 1)
    assert not leg_of(world, call, leg).muted


def test_the_plain_patch_is_not_for_tokens_without_a_user():
    world = quiet_world()
    call, leg = call_of(world, world.agents[0])
    assert refused(lambda: plain(world, service(world), call, leg)) == (403, "not.authorized")


def test_the_plain_patch_is_not_for_people_outside_the_call():
    world = quiet_world()
    call, leg = call_of(world, world.agents[0])
    outsider = person(world, world.supervisor)
    assert refused(lambda: plain(world, outsider, call, leg)) == (403, "not.authorized")


def test_the_plain_patch_works_for_the_agent():
    world = quiet_world()
    call, leg = call_of(world, world.agents[0])
    plain(world, person(world, world.agents[0]), call, leg)
    pass_time(world, 1)
    assert leg_of(world, call, leg).muted


def test_an_agent_without_any_listed_permission_may_mute_the_own_leg_only_by_knob():
    world = quiet_world()
    agent = world.add_user(name="Nora Null", email="nora@x.example", permissions=())
    call, leg = call_of(world, agent)
    caller = person(world, agent)
    assert refused(lambda: plain(world, caller, call, leg)) == (403, "missing.any.permissions")
    world.turn({"own_leg_without_permission": "accept"})
    plain(world, caller, call, leg)


@pytest.mark.parametrize(("knob", "muted"), [(True, True), (False, False)])
def test_a_supervisor_who_barged_in_may_mute_the_agent_by_knob(knob, muted):
    world = quiet_world(barged_may_mute=knob)
    call, leg = call_of(world, world.agents[0])
    world.telephony.barge(call.id, agent=world.supervisor.id)
    caller = person(world, world.supervisor)
    if muted:
        plain(world, caller, call, leg)
    else:
        assert refused(lambda: plain(world, caller, call, leg)) == (403, "not.authorized")
    pass_time(world, 1)
    assert leg_of(world, call, leg).muted is muted


def test_on_behalf_refuses_value_permission_conversation_participant_user_state_in_this_order():
    world = quiet_world()
    call, leg = call_of(world, world.agents[0])
    world.telephony.disconnect(call.id)
    poor, rich = service(world, permissions=()), service(world)

    def ask(caller, *, conversation="gone", participant="gone", user="gone", change=MUTE):
        return refused(
            lambda: world.changes.patch_on_behalf(
                caller,
                conversation_id=conversation,
                participant_id=participant,
                user_id=user,
                change=change,
                request_id="r",
            )
        )

    assert ask(poor, change=Change(state="dialing")) == (400, "invalid.value")
    assert ask(poor) == (403, "missing.any.permissions")
    assert ask(rich) == (404, "not.found")
    assert ask(rich, conversation=call.id) == (404, "not.found")
    assert ask(rich, conversation=call.id, participant=leg.id) == (404, "not.found")
    present = {"conversation": call.id, "participant": leg.id, "user": leg.user_id}
    assert ask(rich, **present) == (409, "conflict")


@pytest.mark.parametrize(
    "held", ["agentlessCall:add", "communication:disconnect", "call:record", "participant:wrapup"]
)
def test_on_behalf_is_content_with_any_one_of_the_four_permissions(held):
    world = quiet_world()
    call, leg = call_of(world, world.agents[0])
    mute(world, call, leg, caller=service(world, permissions=[f"conversation:{held}"]))
    pass_time(world, 1)
    assert leg_of(world, call, leg).muted


def test_on_behalf_needs_the_permission_in_a_division_of_the_call():
    world = quiet_world()
    home, care = world.people.divisions_of(world.org.id)
    world.agents[0].division_id = care.id
    call, leg = call_of(world, world.agents[0])
    elsewhere = service(world, divisions=[home.id])
    assert refused(lambda: mute(world, call, leg, caller=elsewhere)) == (403, "missing.any.permissions")
    mute(world, call, leg, caller=service(world, divisions=[care.name]))


def test_on_behalf_is_not_for_another_organization():
    world = quiet_world()
    call, leg = call_of(world, world.agents[0])
    stranger = service(world, org_id=world.add_org(name="Elsewhere").id)
    assert refused(lambda: mute(world, call, leg, caller=stranger)) == (404, "not.found")


def test_on_behalf_can_be_forbidden_or_ignored_by_knob():
    world = quiet_world(on_behalf="forbid")
    call, leg = call_of(world, world.agents[0])
    assert refused(lambda: mute(world, call, leg)) == (403, "not.authorized")
    world.turn({"on_behalf": "ignore"})
    mute(world, call, leg)
    pass_time(world, 5)
    assert not leg_of(world, call, leg).muted


def test_another_legs_user_on_behalf_is_a_knob():
    world = quiet_world()
    call, leg = call_of(world, world.agents[0])
    customer = call.participants[0]

    def ask():
        world.changes.patch_on_behalf(
            service(world),
            conversation_id=call.id,
            participant_id=customer.id,
            user_id=leg.user_id,
            change=MUTE,
            request_id="r",
        )

    ask()
    world.turn({"on_behalf_other_user": "forbid"})
    assert refused(ask) == (403, "not.authorized")


@pytest.mark.parametrize(("knob", "status"), [(409, 409), ("400", 400), (404, 404)])
def test_an_alerting_leg_cannot_be_muted(knob, status):
    world = quiet_world(not_connected=knob)
    call, leg = call_of(world, world.agents[0], state="alerting")
    assert refused(lambda: mute(world, call, leg))[0] == status


def test_a_mute_of_an_alerting_leg_may_be_accepted_and_ignored():
    world = quiet_world(not_connected="ignore")
    call, leg = call_of(world, world.agents[0], state="alerting")
    mute(world, call, leg)
    pass_time(world, 1)
    world.telephony.answer(call.id)
    assert not leg_of(world, call, leg).muted


def test_each_member_of_the_body_is_an_action():
    world = quiet_world()
    call, leg = call_of(world, world.agents[0])
    mute(world, call, leg, Change(muted=True, held=True))
    pass_time(world, 1)
    now = leg_of(world, call, leg)
    assert (now.muted, now.held) == (True, True)
    mute(world, call, leg, Change(state="disconnected"))
    pass_time(world, 1)
    assert world.calls.get(call.id).ended


def test_a_request_can_answer_a_call():
    world = quiet_world()
    call, leg = call_of(world, world.agents[0], state="alerting")
    mute(world, call, leg, Change(state="connected"))
    pass_time(world, 1)
    assert leg_of(world, call, leg).connected


def plain(world, caller, call, leg, change=MUTE):
    world.changes.patch_participant(
        caller, conversation_id=call.id, participant_id=leg.id, change=change, request_id="r-1"
    )
