"""The built-in contact centre: calls that come and go from a seed."""

from collections import Counter

from worlds import call_of, pass_time

from micgate.twin.floor import ConversationChanged
from micgate.twin.world import World


def story(world):
    return [
        (one.after.id, one.after.version, one.at)
        for one in world.drain()
        if isinstance(one, ConversationChanged)
    ]


def an_hour(**wishes):
    world = World(agents=30, **wishes)
    seen = []
    for _ in range(360):
        pass_time(world, 10)
        seen += [one for one in world.drain() if isinstance(one, ConversationChanged)]
    return world, seen


def test_the_same_seed_tells_the_same_story():
    worlds = [World(seed=seed, agents=12) for seed in (3, 3, 4)]
    for world in worlds:
        pass_time(world, 300)
    first, second, other = (story(world) for world in worlds)
    assert first == second != other


def test_requests_do_not_change_who_calls_next():
    asked, left_alone = (World(seed=3, agents=12) for _ in range(2))
    for _ in range(50):
        asked.tokens.by_client_credentials(asked.client)
    for world in (asked, left_alone):
        pass_time(world, 20)
    assert [one.at for one in asked.drain()] == [one.at for one in left_alone.drain()]


def test_agents_are_on_calls_from_the_start():
    world = World(agents=12)
    talking = [
        agent
        for agent in world.agents
        if any(leg.connected for call in world.calls.of_user(agent.id) for leg in call.legs(agent.id))
    ]
    assert len(talking) >= 3


def test_a_quiet_world_has_queues_with_members_and_no_calls():
    world = World(agents=12, quiet=True)
    pass_time(world, 600)
    assert (world.calls.live, world.drain()) == ({}, [])
    assert all(queue.members for queue in world.people.queues.values())


def test_everything_that_happens_in_a_contact_centre_happens():
    _, seen = an_hour()
    legs = [leg for one in seen for leg in one.after.participants]
    assert {leg.state for leg in legs} >= {"alerting", "dialing", "connected", "disconnected", "terminated"}
    assert {leg.disconnect_type for leg in legs} >= {
        "transfer", "transfer.consult", "transfer.noanswer", "peer", "endpoint", "client",
    }  # fmt: skip
    assert any(leg.held for leg in legs)
    assert any(leg.muted for leg in legs)
    assert any(leg.confined for leg in legs)
    assert any(leg.in_acw for leg in legs)


def test_calls_end_and_the_rate_is_steady():
    world, seen = an_hour()
    begun = Counter(int(one.at // 600) for one in seen if one.before is None)
    full = [begun[ten] for ten in sorted(begun)[1:-1]]
    assert min(full) > 0.5 * max(full)
    oldest = min(call.start_time for call in world.calls.live.values())
    assert world.now - oldest < 600


def test_a_share_of_the_agents_is_busy_and_nobody_is_for_ever():
    world, _ = an_hour()
    busy = sum(agent.routing in ("INTERACTING", "COMMUNICATING") for agent in world.agents)
    assert 8 <= busy <= 28


def test_every_leg_that_ended_says_when_and_why():
    _, seen = an_hour()
    for leg in (leg for one in seen for leg in one.after.participants):
        assert leg.ended == (leg.end_time is not None) == (leg.disconnect_type is not None)
        assert not (leg.ended and leg.held)


def test_nothing_comes_back_to_life():
    _, seen = an_hour()
    ended = set()
    for leg in (leg for one in seen for leg in one.after.participants):
        assert leg.ended or leg.id not in ended
        if leg.ended:
            ended.add(leg.id)


def test_a_call_placed_by_hand_takes_the_agent_from_the_traffic_and_stays():
    world = World(agents=12)
    for agent in world.agents:
        call, _ = call_of(world, agent)
        assert [one.id for one in world.calls.of_user(agent.id)] == [call.id]
    pass_time(world, 3600)
    for agent in world.agents:
        (call,) = world.calls.of_user(agent.id)
        assert not call.from_traffic
        assert call.version == 1


def test_people_added_by_hand_get_no_traffic():
    world = World(agents=6)
    user = world.add_user(name="New Comer", email="n@x.example", queues=["Support"])
    pass_time(world, 3600)
    assert world.calls.recent_of_user(user.id) == []


def test_a_world_without_agents_is_quiet():
    world = World(agents=0)
    pass_time(world, 600)
    assert world.calls.live == {}
