"""Who works in the simulated contact centre."""

import pytest
from worlds import quiet_world

from micgate.twin.refusals import Impossible
from micgate.twin.world import World


def test_the_same_seed_makes_the_same_people_ids_and_secrets():
    first, second, other = (World(seed=seed, agents=20, quiet=True) for seed in (1, 1, 2))
    who = lambda world: [(one.id, one.name, one.email, one.password) for one in world.agents]  # noqa: E731
    assert who(first) == who(second) != who(other)
    assert first.client.secret == second.client.secret


def test_people_have_names_and_addresses_of_their_own_however_many_they_are():
    world = World(agents=4000, quiet=True)
    assert len({agent.name for agent in world.agents}) == 4000
    assert len({agent.email for agent in world.agents}) == 4000


def test_every_agent_is_in_a_queue_and_a_team_and_in_the_queues_division():
    world = World(agents=30, quiet=True)
    for agent in world.agents:
        queues = [world.people.queues[queue_id] for queue_id in agent.queue_ids]
        assert all(agent.id in queue.members for queue in queues)
        assert agent.id in world.people.teams[agent.team_id].member_ids
        assert queues[0].division_id == agent.division_id


def test_permissions_are_those_of_the_ready_made_world():
    world = quiet_world()
    agent = {"conversation:communication:disconnect", "conversation:recording:pause"}
    assert world.agents[0].role.permissions == agent
    assert world.supervisor.role.permissions == agent | {"conversation:call:barge"}
    assert len(world.client.role.permissions) == 17
    assert world.public_client.secret is None


@pytest.mark.parametrize("by", ["id", "email", "name"])
def test_a_person_is_found_by_id_address_or_name_in_any_case(by):
    world = quiet_world()
    agent = world.agents[3]
    assert world.people.find_user(getattr(agent, by).upper() if by != "id" else agent.id) is agent


def test_a_name_that_two_have_is_ambiguous():
    world = quiet_world()
    for number in range(2):
        world.add_user(name="Sam Same", email=f"sam{number}@x.example")
    with pytest.raises(Impossible, match="2 people"):
        world.people.find_user("sam same")


def test_an_address_belongs_to_one_person():
    world = quiet_world()
    with pytest.raises(Impossible):
        world.add_user(name="New Comer", email=world.agents[0].email.upper())


def test_a_new_user_joins_queues_by_name_and_lives_in_a_division():
    world = quiet_world()
    user = world.add_user(name="New Comer", email="n@x.example", queues=["Support"], division="customer care")
    assert world.people.find_queue("support").members[user.id]
    assert world.people.divisions[user.division_id].name == "Customer Care"
    with pytest.raises(Impossible):
        world.add_user(name="Lost One", email="l@x.example", queues=["Nowhere"])


def test_a_second_organization_has_people_and_clients_of_its_own():
    world = quiet_world()
    other = world.add_org(name="Elsewhere")
    user = world.add_user(name="Sten Stranger", email="s@else.example", org_id=other.id)
    client = world.add_client(grant="client_credentials", org_id=other.id)
    assert world.people.users_of(other.id) == [user]
    assert world.tokens.by_client_credentials(client).org_id == other.id
    assert user not in world.people.users_of(world.org.id)


def test_joining_and_leaving_a_queue_is_published_once():
    world = quiet_world()
    world.join_queue("Support", world.supervisor.id, joined=True)
    world.join_queue("Support", world.supervisor.id, joined=True)
    world.join_queue("Support", world.supervisor.id, joined=False)
    assert [one.joined for one in world.drain()] == [True, False]
    assert world.people.find_queue("Support").id in world.supervisor.queue_ids
