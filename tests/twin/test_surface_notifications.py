"""Channels, subscriptions and sockets."""

import json

import aiohttp
import pytest

from twin import contract
from twin.platform_client import Platform, listening

CHANNELS = "/api/v2/notifications/channels"


def calls_topic(twin, agent=0):
    return f"v2.users.{twin.agents[agent].id}.conversations.calls"


def muted_in(message, leg):
    return next(one["muted"] for one in message["eventBody"]["participants"] if one["id"] == leg["id"])


@pytest.mark.parametrize("name", sorted(path.name for path in (contract.DATA / "events").iterdir()))
def test_the_published_examples_are_events_to_the_validator(name):
    contract.check_event(json.loads((contract.DATA / "events" / name).read_bytes()))


async def test_a_mute_arrives_as_a_whole_conversation(twin):
    call, client = twin.place_call(), Platform.as_client(twin)
    leg = twin.leg(call)
    async with listening(client.open_channel([calls_topic(twin)])) as listener:
        reply = client.expect(202, "PATCH", client.on_behalf_path(call), {"muted": True})
        event = await listener.next()
        assert event["topicName"] == calls_topic(twin)
        assert muted_in(event, leg) is True
        assert event["metadata"]["CorrelationId"] != reply.headers["inin-correlation-id"]
        twin.turn(correlation_in_events="on")
        reply = client.expect(202, "PATCH", client.on_behalf_path(call), {"muted": False})
        event = await listener.next()
        assert muted_in(event, leg) is False
        assert event["metadata"]["CorrelationId"] == reply.headers["inin-correlation-id"]


async def test_the_same_value_again_gives_no_event_unless_the_knob_says_so(twin):
    twin.turn(apply_ms=[0, 0])
    call, client = twin.place_call(), Platform.as_client(twin)
    async with listening(client.open_channel([calls_topic(twin)])) as listener:
        client.expect(202, "PATCH", client.on_behalf_path(call), {"muted": False})
        twin.advance(1)
        twin.press_mute(call, muted=True)
        assert muted_in(await listener.next(), twin.leg(call)) is True
        twin.turn(same_value_event=True)
        client.expect(202, "PATCH", client.on_behalf_path(call), {"muted": True})
        assert muted_in(await listener.next(), twin.leg(call)) is True


async def test_every_topic_of_everybody_in_the_call_is_told(twin):
    client, first, second = Platform.as_client(twin), twin.agents[0].id, twin.agents[1].id
    queue = twin.control("GET", "/state")["queues"][0]["id"]
    topics = [f"v2.users.{first}.conversations", f"v2.users.{second}.conversations?calls"]
    topics += [f"v2.users.{first}?presence&routingStatus&activity&conversationsummary"]
    topics += [f"v2.routing.queues.{queue}.conversations.calls"]
    async with listening(client.open_channel(topics)) as listener:
        call = twin.place_call(first, queue=queue)
        twin.control(
            "POST", f"/calls/{call['id']}/conference", {"agent": first, "to": second, "connected": True}
        )
        wanted = {topics[0], topics[3], f"v2.users.{second}.conversations.calls"}
        wanted |= {f"v2.users.{first}.routingStatus", f"v2.users.{first}.conversationsummary"}
        while wanted:
            wanted.discard((await listener.next())["topicName"])


def test_a_listing_says_of_every_topic_whether_it_is_permitted(twin):
    client = Platform.as_client(twin, permissions=["directory:user:view"])
    channel = client.expect(200, "POST", CHANNELS, None).json
    combined = f"v2.users.{twin.agents[0].id}?presence&routingStatus"
    wanted = [calls_topic(twin), combined, "v2.users.nobody.presence", "v2.conversations.x.muted"]
    body = [{"id": topic} for topic in wanted]
    listed = client.expect(200, "POST", client.subscriptions(channel), body).json["entities"]
    by_id = {entry["id"]: entry for entry in listed}
    assert {topic: entry["state"] for topic, entry in by_id.items()} == {
        calls_topic(twin): "Rejected",
        combined: "Permitted",
        "v2.users.nobody.presence": "Rejected",
        "v2.conversations.x.muted": "Rejected",
    }
    assert by_id[calls_topic(twin)]["missingPermissions"] == ["conversation:communication:view"]
    assert [one["id"] for one in client.get(f"{CHANNELS}/{channel['id']}/subscriptions")["entities"]] == [
        combined
    ]


def test_one_refused_topic_refuses_all_without_ignore_errors(twin):
    client = Platform.as_client(twin)
    channel = client.expect(200, "POST", CHANNELS).json
    path = f"{CHANNELS}/{channel['id']}/subscriptions"
    client.expect(403, "POST", path, [{"id": calls_topic(twin)}, {"id": "v2.users.nobody.presence"}])
    assert client.get(path)["entities"] == []
    client.expect(200, "POST", path, [{"id": calls_topic(twin)}])
    client.expect(200, "PUT", path, [{"id": calls_topic(twin, 1)}])
    assert [one["id"] for one in client.get(path)["entities"]] == [calls_topic(twin, 1)]
    client.expect(200, "DELETE", path)
    assert client.get(path)["entities"] == []


def test_a_channel_takes_a_thousand_topics(twin):
    client = Platform.as_client(twin)
    twin.turn(topics_per_channel=2)
    channel = client.expect(200, "POST", CHANNELS).json
    combined = [{"id": f"v2.users.{twin.agents[0].id}?presence&routingStatus&activity"}]
    client.expect(400, "PUT", client.subscriptions(channel), combined)
    twin.turn(combined_topics_count="once")
    client.expect(200, "PUT", client.subscriptions(channel), combined)


async def test_the_twenty_first_channel_pushes_out_one_without_a_socket(twin):
    client = Platform.as_client(twin)
    async with listening(client.open_channel([])) as listener:
        for _ in range(20):
            client.expect(200, "POST", CHANNELS)
        assert len(client.get(CHANNELS + "?includechannels=oauthclient")["entities"]) == 20
        await listener.socket.send_json({"message": "ping"})
        assert (await listener.next())["eventBody"]["message"] == "pong"


def test_channels_of_others_do_not_exist(twin):
    mine, other = Platform.as_client(twin), Platform.as_client(twin, name="Other")
    channel = mine.expect(200, "POST", CHANNELS).json
    mine.expect(200, "HEAD", f"{CHANNELS}/{channel['id']}")
    other.expect(404, "HEAD", f"{CHANNELS}/{channel['id']}")
    other.expect(404, "GET", f"{CHANNELS}/{channel['id']}/subscriptions")
    assert other.get(CHANNELS)["entities"] == []


async def test_heartbeats_and_the_end_of_a_channel_follow_the_clock(twin):
    twin.turn(heartbeat_s=10, channel_life_s=600)
    client = Platform.as_client(twin)
    channel = client.open_channel([calls_topic(twin)])
    async with listening(channel) as listener:
        twin.advance(10)
        assert (await listener.next())["eventBody"]["message"] == "WebSocket Heartbeat"
        twin.advance(600)
        lost = await listener.until(lambda message: "result" in message)
        assert lost["result"] == "404"
        assert await listener.closed()
    client.expect(404, "HEAD", f"{CHANNELS}/{channel['id']}")


async def test_heartbeats_come_although_nobody_asks_anything(twin):
    twin.turn(heartbeat_s=0.05)
    async with listening(Platform.as_client(twin).open_channel([calls_topic(twin)])) as listener:
        assert (await listener.next())["eventBody"]["message"] == "WebSocket Heartbeat"
        assert (await listener.next())["eventBody"]["message"] == "WebSocket Heartbeat"


async def test_every_verb_is_told_also_when_it_changes_nothing(twin):
    call = twin.place_call()
    async with listening(Platform.as_client(twin).open_channel([calls_topic(twin)])) as listener:
        twin.press_mute(call, muted=False)
        assert muted_in(await listener.next(), twin.leg(call)) is False
        twin.control("POST", f"/calls/{call['id']}/retrieve")
        assert (await listener.next())["topicName"] == calls_topic(twin)


def test_a_client_follows_every_kind_of_topic(twin):
    client, queue = Platform.as_client(twin), twin.control("GET", "/state")["queues"][0]["id"]
    templates = [topic for topic in contract.document()["x-notification-topics"] if ".system." not in topic]
    client.open_channel(
        [topic.replace("{id}", queue if "queues" in topic else twin.agents[0].id) for topic in templates]
    )


async def test_subscribing_again_extends_the_channel(twin):
    client = Platform.as_client(twin)
    channel = client.open_channel([calls_topic(twin)])
    twin.advance(80_000)
    again = Platform(twin, client.token)
    again.expect(200, "PUT", client.subscriptions(channel), [{"id": calls_topic(twin)}])
    listed = again.get(CHANNELS)["entities"]
    assert listed[0]["expires"] > channel["expires"]


@pytest.mark.parametrize("status", [401, 403, 404])
async def test_a_dead_channel_takes_no_socket(twin, status):
    twin.turn(dead_channel=status)
    channel = {"connectUri": f"{twin.api_url}/channels/streaming-0-none".replace("http", "ws", 1)}
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        async with listening(channel):
            pass
    assert refused.value.status == status


async def test_a_dead_channel_can_also_speak(twin):
    twin.turn(dead_channel="result")
    channel = {"connectUri": f"{twin.api_url}/channels/streaming-0-none".replace("http", "ws", 1)}
    async with listening(channel) as listener:
        assert (await listener.next())["result"] == "404"
        assert await listener.closed()


async def test_a_second_socket_closes_the_first(twin):
    channel = Platform.as_client(twin).open_channel([calls_topic(twin)])
    async with listening(channel) as first, listening(channel) as second:
        told = await first.next()
        assert told["eventBody"]["reason"] == "another_channel_subscribed"
        assert await first.closed()
        twin.place_call()
        assert (await second.next())["topicName"] == calls_topic(twin)


async def test_a_channel_ends_with_its_token(twin):
    client = Platform.as_client(twin)
    async with listening(client.open_channel([calls_topic(twin)])) as listener:
        client.expect(200, "DELETE", "/api/v2/tokens/me")
        told = [await listener.next(), await listener.next()]
        assert [one["eventBody"]["systemTopicType"] for one in told] == [
            "no_longer_subscribed",
            "token_revoked",
        ]
        assert {one["eventBody"]["reason"] for one in told} == {"user_tokens_revoked"}
        assert await listener.closed()


async def test_topics_can_be_asked_for_over_the_socket(twin):
    async with listening(Platform.as_client(twin).open_channel([])) as listener:
        wish = {"message": "subscribe", "topics": [calls_topic(twin)], "correlationId": "c1"}
        await listener.socket.send_json(wish)
        assert await listener.next() == {"result": "200", "status": "subscribed", "correlationId": "c1"}
        await listener.socket.send_json(wish | {"topics": ["v2.users.nobody.presence"]})
        assert (await listener.next())["result"] == "400"
        twin.place_call()
        assert (await listener.next())["topicName"] == calls_topic(twin)


def test_available_topics_are_templates_with_permissions(twin):
    listed = Platform.as_client(twin).get(
        "/api/v2/notifications/availabletopics?expand=requiresPermissions%2CpermissionDetails"
    )
    by_id = {entry["id"]: entry for entry in listed["entities"]}
    known = {
        topic for topic in contract.document()["x-notification-topics"] if not topic.startswith("v2.system")
    }
    assert set(by_id) == known
    details = by_id["v2.users.{id}.conversations.calls"]["permissionDetails"][0]
    assert details["permissions"] == ["conversation:communication:view"]


async def test_people_follow_themselves_without_a_permission(twin):
    agent = Platform.as_person(twin, twin.agents[0])
    topics = [calls_topic(twin), f"v2.users.{twin.agents[0].id}.tokens"]
    async with listening(agent.open_channel(topics)) as listener:
        twin.place_call()
        assert (await listener.next())["topicName"] == calls_topic(twin)
    channel = agent.expect(200, "POST", CHANNELS).json
    entry = agent.expect(200, "PUT", agent.subscriptions(channel), [{"id": calls_topic(twin, 1)}]).json[
        "entities"
    ][0]
    assert entry["state"] == "Rejected"


async def test_a_slow_reader_does_not_stop_the_others(twin):
    client = Platform.as_client(twin)
    topics = [calls_topic(twin)]
    async with listening(client.open_channel(topics)), listening(client.open_channel(topics)) as reader:
        call = twin.place_call()
        for muted in (True, False) * 50:
            twin.press_mute(call, muted=muted)
        seen = [await reader.next() for _ in range(101)]
        assert muted_in(seen[-1], twin.leg(call)) is False


async def test_presence_and_membership_are_told(twin):
    client, agent = Platform.as_client(twin), twin.agents[0]
    queue = twin.control("GET", "/state")["queues"][0]
    topics = [f"v2.users.{agent.id}?presence&activity", f"v2.routing.queues.{queue['id']}.users"]
    async with listening(client.open_channel(topics)) as listener:
        twin.control("POST", f"/users/{agent.id}/presence", {"presence": "MEAL"})
        event = await listener.until(lambda message: message["topicName"].endswith(".presence"))
        assert event["eventBody"]["presenceDefinition"]["systemPresence"] == "MEAL"
        newcomer = twin.control("POST", "/users", {"name": "New One", "email": "new.one@example.com"})
        twin.control("POST", f"/queues/{queue['id']}/members", {"user": newcomer["id"]})
        event = await listener.until(lambda message: message["topicName"] == topics[1])
        assert (event["eventBody"]["id"], event["eventBody"]["joined"]) == (newcomer["id"], True)
    members = client.get(f"/api/v2/routing/queues/{queue['id']}/members?pageSize=100")["entities"]
    assert newcomer["id"] in [one["id"] for one in members]


async def test_sockets_can_be_given_a_short_life(twin):
    twin.turn(socket_life_s=100, closing_warning_s=20)
    async with listening(Platform.as_client(twin).open_channel([calls_topic(twin)])) as listener:
        twin.advance(100)
        await listener.until(lambda message: message["topicName"] == "v2.system.socket_closing")
        twin.advance(20)
        assert await listener.closed()


async def test_the_token_behind_a_socket_can_be_revoked(twin):
    client = Platform.as_client(twin)
    async with listening(client.open_channel([calls_topic(twin)])) as listener:
        twin.fault("token_revoked", match={"topic": calls_topic(twin)}, times=1)
        assert (await listener.next())["eventBody"]["systemTopicType"] == "no_longer_subscribed"
        assert await listener.closed()
    client.expect(401, "GET", "/api/v2/tokens/me")
