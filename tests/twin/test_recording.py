"""Recording through the vendor's API."""

import pytest
from worlds import call_of, changes_of, person, quiet_world, service

from micgate.twin.changes import CallChange
from micgate.twin.refusals import Refusal


def refused(act):
    with pytest.raises(Refusal) as caught:
        act()
    return caught.value.status, caught.value.code


def put(world, caller, call, state):
    return world.changes.put_recording_state(caller, conversation_id=call.id, state=state, request_id="r")


def patch(world, caller, call, **members):
    return world.changes.patch_call(
        caller, conversation_id=call.id, change=CallChange(**members), request_id="r"
    )


def test_a_service_may_pause_and_resume_what_it_is_no_party_of():
    world = quiet_world()
    call, _ = call_of(world, world.agents[0])
    caller = service(world, permissions=["conversation:recording:pauseOthers"])
    assert put(world, caller, call, "PAUSED") == "PAUSED"
    assert world.calls.get(call.id).secure_pause
    put(world, caller, call, "ACTIVE")
    assert changes_of(world, "recording_state") == [
        ("active", "paused", "request"),
        ("paused", "active", "request"),
    ]


def test_the_put_needs_its_own_permission_and_a_known_value():
    world = quiet_world()
    call, _ = call_of(world, world.agents[0])
    poor = service(world, permissions=["conversation:recording:pause"])
    assert refused(lambda: put(world, poor, call, "PAUSED")) == (403, "missing.any.permissions")
    assert refused(lambda: put(world, service(world), call, "MUTED")) == (400, "invalid.value")


def test_the_patch_is_for_parties():
    world = quiet_world()
    call, _ = call_of(world, world.agents[0])
    agent = person(world, world.agents[0])
    assert patch(world, agent, call, recording_state="PAUSED").recording_state == "paused"
    outsider = person(world, world.agents[1])
    assert refused(lambda: patch(world, outsider, call, recording_state="ACTIVE")) == (
        403,
        "not.authorized",
    )


def test_the_patch_can_hang_up_for_all():
    world = quiet_world()
    call, _ = call_of(world, world.agents[0])
    assert patch(world, person(world, world.agents[0]), call, state="disconnected").ended


def test_an_ended_call_cannot_be_paused():
    world = quiet_world()
    call, _ = call_of(world, world.agents[0])
    world.telephony.disconnect(call.id)
    assert refused(lambda: put(world, service(world), call, "PAUSED"))[0] == 409


def test_who_hears_whom_during_a_consult_can_be_chosen():
    world = quiet_world()
    first, second = world.agents[:2]
    call, leg = call_of(world, first)
    call = world.telephony.consult(call.id, agent=first.id, to=second.id, connected=True)

    def aside(speak_to):
        consulted = world.changes.speak_to(
            person(world, first),
            conversation_id=call.id,
            participant_id=leg.id,
            speak_to=speak_to,
            request_id="r",
        )
        now = world.calls.get(call.id)
        return now.participants[0].confined, now.participant(consulted).confined

    assert [aside(who) for who in ("DESTINATION", "OBJECT", "BOTH")] == [
        (True, False),
        (False, True),
        (False, False),
    ]
