"""What is known about conversations: now, of one user, and a moment ago."""

from worlds import call_of, mute, pass_time, quiet_world

from micgate.twin.calls import Calls, Summary
from micgate.twin.floor import UserChanged


def test_a_user_has_the_calls_that_occupy_the_user_and_no_others():
    world = quiet_world()
    first, second = world.agents[:2]
    call, _ = call_of(world, first)
    assert [one.id for one in world.calls.of_user(first.id)] == [call.id]
    assert world.calls.of_user(second.id) == []
    world.telephony.disconnect(call.id)
    assert world.calls.of_user(first.id) == []
    assert [one.id for one in world.calls.recent_of_user(first.id)] == [call.id]


def test_a_call_is_known_as_it_was_a_moment_ago():
    world = quiet_world(details_lag_s=5)
    call, leg = call_of(world, world.agents[0])
    made = world.now
    pass_time(world, 2)
    mute(world, call, leg)
    pass_time(world, 1)
    assert world.calls.as_of(call.id, made - 1) is None
    assert not world.calls.as_of(call.id, made + 1).participant(leg.id).muted
    assert world.calls.as_of(call.id, world.now).participant(leg.id).muted


def test_versions_older_than_the_lag_are_forgotten():
    world = quiet_world(details_lag_s=5)
    call, _ = call_of(world, world.agents[0])
    for number in range(40):
        pass_time(world, 1)
        world.telephony.press_mute(call.id, agent=world.agents[0].id, muted=number % 2 == 0)
    assert world.calls.get(call.id).version == 41
    assert len(world.calls._older[call.id]) <= 7
    assert world.calls.as_of(call.id, world.now - 5) is not None


def test_summaries_tell_queue_calls_direct_calls_and_wrapup_apart():
    world = quiet_world()
    agent = world.agents[0]
    call_of(world, agent)
    call, _ = call_of(world, agent, queue="Support")
    assert world.calls.summary(agent.id, "call") == Summary(contact_center_active=1, enterprise_active=1)
    world.telephony.disconnect(call.id)
    assert world.calls.summary(agent.id, "call") == Summary(contact_center_acw=1, enterprise_active=1)


def test_an_alerting_call_is_not_active_yet():
    world = quiet_world()
    call_of(world, world.agents[0], state="alerting")
    assert world.calls.summary(world.agents[0].id, "call") == Summary()


def test_routing_status_and_summary_are_published_when_they_change():
    world = quiet_world()
    agent = world.agents[0]
    world.drain()
    call_of(world, agent, queue="Support")
    (changed,) = [one for one in world.drain() if isinstance(one, UserChanged)]
    assert changed.topics == ("conversationsummary", "routingStatus", "activity")
    assert agent.routing == "INTERACTING"


def test_a_mute_is_no_change_of_the_user():
    world = quiet_world()
    call, _ = call_of(world, world.agents[0])
    world.drain()
    world.telephony.press_mute(call.id, agent=world.agents[0].id, muted=True)
    assert not [one for one in world.drain() if isinstance(one, UserChanged)]


def test_presence_decides_between_idle_and_off_queue():
    world = quiet_world()
    agent = world.agents[0]
    world.set_presence(agent.email, "MEAL")
    assert (agent.presence, agent.routing) == ("MEAL", "OFF_QUEUE")
    topics = [one.topics for one in world.drain()]
    assert topics == [("presence", "activity"), ("routingStatus", "activity")]


def test_ended_conversations_are_kept_up_to_a_limit(monkeypatch):
    monkeypatch.setattr("micgate.twin.calls.ENDED_KEPT", 10)
    world = quiet_world()
    ended = []
    for _ in range(15):
        call, _ = call_of(world, world.agents[0])
        world.telephony.disconnect(call.id)
        ended.append(call.id)
    assert [one.id for one in world.calls.all()] == ended[5:]
    assert [one.id for one in world.calls.latest_ended(2)] == [ended[14], ended[13]]
    assert len(world.calls.recent_of_user(world.agents[0].id)) == 10


def test_nothing_is_known_about_a_stranger():
    calls = Calls()
    assert (calls.get("x"), calls.of_user("x"), calls.as_of("x", 0)) == (None, [], None)
