"""Who may see what."""

import pytest
from worlds import call_of, person, quiet_world, service

from micgate.twin.refusals import Refusal

VIEW = "conversation:communication:view"


def refused(act):
    with pytest.raises(Refusal) as caught:
        act()
    return caught.value.status, caught.value.code


def test_a_conversation_is_for_parties_and_viewers():
    world = quiet_world()
    call, _ = call_of(world, world.agents[0])
    read = world.access.conversation
    assert read(person(world, world.agents[0]), call.id).id == call.id
    assert read(service(world, permissions=[VIEW]), call.id).id == call.id
    poor = service(world, permissions=[])
    assert refused(lambda: read(poor, call.id)) == (403, "missing.any.permissions")
    assert refused(lambda: read(person(world, world.agents[1]), call.id)) == (403, "missing.any.permissions")


def test_a_viewer_sees_only_the_divisions_of_the_role():
    world = quiet_world()
    home, care = world.people.divisions_of(world.org.id)
    world.agents[0].division_id = care.id
    call, _ = call_of(world, world.agents[0])
    blind = service(world, permissions=[VIEW], divisions=[home.name])
    assert refused(lambda: world.access.conversation(blind, call.id))[0] == 403
    world.turn({"conversation_divisions": "off"})
    assert world.access.conversation(blind, call.id).id == call.id


def test_a_call_is_for_services_by_knob():
    world = quiet_world(calls_read_without_user="accept")
    call, _ = call_of(world, world.agents[0])
    assert world.access.call(service(world), call.id).id == call.id


@pytest.mark.parametrize(
    ("knob", "refusal"), [("forbid", (403, "not.authorized")), (404, (404, "not.found"))]
)
def test_a_call_is_kept_from_services_by_knob(knob, refusal):
    world = quiet_world(calls_read_without_user=knob)
    call, _ = call_of(world, world.agents[0])
    assert refused(lambda: world.access.call(service(world), call.id)) == refusal
    assert world.access.call(person(world, world.agents[0]), call.id).id == call.id


def test_a_chat_is_no_call():
    world = quiet_world()
    chat, _ = call_of(world, world.agents[0], media="chat")
    assert refused(lambda: world.access.call(service(world), chat.id)) == (404, "not.found")
    assert world.access.conversation(service(world), chat.id).media == "chat"


def test_another_organizations_conversation_does_not_exist():
    world = quiet_world()
    call, _ = call_of(world, world.agents[0])
    stranger = service(world, org_id=world.add_org(name="Elsewhere").id)
    assert refused(lambda: world.access.conversation(stranger, call.id)) == (404, "not.found")


def test_own_conversations_are_those_of_the_calling_user():
    world = quiet_world()
    call, _ = call_of(world, world.agents[0])
    call_of(world, world.agents[1])
    call_of(world, world.agents[0], media="email")
    mine = world.access.own(person(world, world.agents[0]), media="call")
    assert [one.id for one in mine] == [call.id]


def test_without_a_user_there_are_no_own_conversations():
    world = quiet_world()
    call_of(world, world.agents[0])
    assert world.access.own(service(world)) == []
    world.turn({"calls_without_user": 400})
    assert refused(lambda: world.access.own(service(world)))[0] == 400


def test_topics_of_others_need_permissions_and_own_ones_do_not():
    world = quiet_world()
    first, second = world.agents[:2]
    own, other = (f"v2.users.{user.id}.conversations.calls" for user in (first, second))
    caller = person(world, first)
    assert world.access.topic(caller, own) is None
    assert world.access.topic(caller, other) == (VIEW,)
    assert world.access.topic(service(world), other) is None
    world.turn({"topic_permissions": "off"})
    assert world.access.topic(caller, other) is None


def test_topics_that_do_not_exist_or_are_elsewhere_lack_nothing_but_are_refused():
    world = quiet_world()
    other = world.add_org(name="Elsewhere")
    stranger = world.add_user(name="Sten Stranger", email="sten@else.example", org_id=other.id)
    caller = service(world)
    for topic in (
        f"v2.users.{world.agents[0].id}.mutes",
        f"v2.users.{stranger.id}.presence",
        "v2.users.nobody.presence",
    ):
        assert world.access.topic(caller, topic) == ()


def test_scopes_bind_users_and_permissions_bind_everybody():
    world = quiet_world()
    reader = person(world, world.agents[0], scopes=["conversations:readonly"])
    reader.needs_scope("conversations", change=False)
    assert refused(lambda: reader.needs_scope("conversations", change=True))[0] == 403
    service(world, scopes=[]).needs_scope("conversations", change=True)


def test_divisions_permitted_are_those_of_the_role():
    world = quiet_world()
    everywhere = [division.id for division in world.people.divisions_of(world.org.id)]
    supervisor = person(world, world.supervisor)
    assert world.access.divisions_permitted(supervisor, "conversation:call:barge") == everywhere
    assert world.access.divisions_permitted(supervisor, "authorization:grant:view") == []
    narrow = service(world, divisions=["Customer Care"])
    assert len(world.access.divisions_permitted(narrow, VIEW)) == 1
