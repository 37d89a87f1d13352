"""What goes wrong on purpose, as a client meets it."""

import http.client
import time

import pytest

from twin.platform_client import Platform, listening, send

MUTE = {"method": "PATCH", "path": ".*/participants/.*"}


@pytest.fixture
def scene(twin):
    """A call, a client, the leg."""
    twin.turn(apply_ms=[0, 0])
    call, client = twin.place_call(), Platform.as_client(twin)
    return call, client, client.on_behalf_path(call)


def muted(twin, call):
    return twin.leg(call)["muted"]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 429, 500, 503, 504])
def test_a_status_comes_with_the_vendors_body_and_nothing_happens(twin, scene, status):
    call, client, path = scene
    twin.fault("status", match=MUTE, status=status, times=1)
    reply = client.expect(status, "PATCH", path, {"muted": True})
    assert not muted(twin, call)
    assert ("retry-after" in reply.headers) == (status == 429)
    client.expect(202, "PATCH", path, {"muted": True})


def test_any_answer_can_be_late(twin, scene):
    _, client, path = scene
    twin.fault("status", match=MUTE, status=503, times=1, delay_ms=200)
    began = time.monotonic()
    client.expect(503, "PATCH", path, {"muted": True})
    assert time.monotonic() - began >= 0.2


def test_a_status_can_come_bare(twin, scene):
    _, client, path = scene
    twin.fault("status", match=MUTE, status=503, vendor_body=False, times=1)
    headers = {"Authorization": f"Bearer {client.token}", "Content-Type": "application/json"}
    assert send(twin, "PATCH", path, body='{"muted":true}', headers=headers).body == b""


def test_a_gateway_answers_html(twin, scene):
    _, client, path = scene
    twin.fault("html", match=MUTE, times=1)
    headers = {"Authorization": f"Bearer {client.token}", "Content-Type": "application/json"}
    reply = send(twin, "PATCH", path, body='{"muted":true}', headers=headers)
    assert (reply.status, reply.headers["content-type"].split(";")[0]) == (502, "text/html")


@pytest.mark.parametrize(("kind", "done"), [("reset", False), ("apply_then_reset", True)])
def test_a_cut_connection_tells_nothing_of_what_was_done(twin, scene, kind, done):
    call, client, path = scene
    twin.fault(kind, match=MUTE, times=1)
    with pytest.raises((ConnectionError, http.client.RemoteDisconnected)):
        client.send("PATCH", path, {"muted": True})
    twin.advance(1)
    assert muted(twin, call) is done
    assert twin.requests("PATCH")[-1]["status"] is None


async def test_a_change_behind_a_cut_is_told_although_nobody_asks_again(twin, scene):
    call, client, path = scene
    channel = client.open_channel([f"v2.users.{twin.agents[0].id}.conversations.calls"])
    twin.turn(apply_ms=[20, 20])
    twin.fault("apply_then_reset", match=MUTE, times=1)
    async with listening(channel) as listener:
        with pytest.raises((ConnectionError, http.client.RemoteDisconnected)):
            client.send("PATCH", path, {"muted": True})
        event = await listener.next()
    assert [one["muted"] for one in event["eventBody"]["participants"]][-1] is True
    assert muted(twin, call)


def test_a_storm_of_seconds_passes_by_itself(twin, scene):
    _, client, path = scene
    fault = twin.fault("rate_storm", seconds=20)
    client.expect(429, "PATCH", path, {"muted": True})
    client.expect(429, "GET", "/api/v2/tokens/me")
    twin.advance(21)
    client.expect(202, "PATCH", path, {"muted": True})
    twin.control("DELETE", f"/faults/{fault}")


def test_a_change_can_be_done_and_reported_as_failed(twin, scene):
    call, client, path = scene
    twin.fault("apply_then_status", match=MUTE, times=1)
    client.expect(503, "PATCH", path, {"muted": True})
    twin.advance(1)
    assert muted(twin, call)


def test_a_change_can_be_accepted_and_forgotten(twin, scene):
    call, client, path = scene
    twin.fault("accept_then_forget", match=MUTE, times=1)
    client.expect(202, "PATCH", path, {"muted": True})
    twin.advance(1)
    assert not muted(twin, call)


def test_a_slow_answer_comes_and_a_hanging_one_is_cut(twin, scene):
    call, client, path = scene
    twin.fault("slow", match=MUTE, seconds=0.2, times=1)
    client.expect(202, "PATCH", path, {"muted": True})
    twin.wait_until(lambda: muted(twin, call))
    twin.fault("hang", match=MUTE, seconds=0.2, times=1)
    with pytest.raises((ConnectionError, http.client.RemoteDisconnected)):
        client.send("PATCH", path, {"muted": False})
    assert muted(twin, call)


def test_a_storm_is_a_429_for_as_long_as_it_says(twin, scene):
    _, client, path = scene
    twin.fault("rate_storm", match=MUTE, seconds=7, times=2)
    for _ in range(2):
        reply = client.expect(429, "PATCH", path, {"muted": True})
        assert reply.headers["retry-after"] == "7"
        assert "[7] seconds" in reply.json["message"]
    client.expect(202, "PATCH", path, {"muted": True})


def test_a_token_is_revoked_by_the_request_that_uses_it(twin, scene):
    _, client, path = scene
    twin.fault("token_revoked", match=MUTE, times=1)
    client.expect(401, "PATCH", path, {"muted": True})
    client.expect(401, "GET", "/api/v2/tokens/me")


def test_tokens_of_an_agent_are_revoked_at_once(twin, scene):
    _, client, _ = scene
    agent = Platform.as_person(twin, twin.agents[0])
    twin.fault("token_revoked", match={"agent": twin.agents[0].email})
    agent.expect(401, "GET", "/api/v2/users/me")
    client.expect(200, "GET", "/api/v2/tokens/me")
    assert twin.control("GET", "/faults") == []


def test_a_fault_can_be_meant_for_one_agent(twin, scene):
    _, client, path = scene
    other = twin.place_call(twin.agents[1].id)
    twin.fault("status", match={"agent": twin.agents[0].name}, status=503)
    client.expect(503, "PATCH", path, {"muted": True})
    client.expect(202, "PATCH", client.on_behalf_path(other, agent=twin.agents[1].id), {"muted": True})


def test_the_token_endpoint_fails_too(twin):
    twin.fault("status", match={"path": "/oauth/token"}, status=503, times=1)
    assert send(twin, "POST", "/oauth/token", body="grant_type=client_credentials").status == 503


def test_faults_end_when_they_are_deleted(twin, scene):
    _, client, path = scene
    fault = twin.fault("status", match=MUTE, status=500)
    client.expect(500, "PATCH", path, {"muted": True})
    assert [one["id"] for one in twin.control("GET", "/faults")] == [fault]
    twin.control("DELETE", f"/faults/{fault}")
    client.expect(202, "PATCH", path, {"muted": True})
    twin.fault("status", match=MUTE, status=500)
    twin.control("DELETE", "/faults")
    client.expect(202, "PATCH", path, {"muted": True})
    assert twin.try_control("DELETE", "/faults/none")[0] == 404


@pytest.mark.parametrize(
    "wanted",
    [
        {"kind": "gremlin"},
        {"kind": "hang", "times": 0},
        {"kind": "hang", "match": {"path": "("}},
        {"typo": 1},
    ],
)
def test_a_fault_that_makes_no_sense_is_refused(twin, wanted):
    status, answer = twin.try_control("POST", "/faults", wanted)
    assert status == 400
    assert answer["message"]


def states(leg, *messages):
    return [
        next(one["muted"] for one in message["eventBody"]["participants"] if one["id"] == leg["id"])
        for message in messages
    ]


@pytest.fixture
def topic(twin):
    return f"v2.users.{twin.agents[0].id}.conversations.calls"


async def test_an_event_is_lost_and_the_ledger_says_so(twin, scene, topic):
    call, client, _ = scene
    async with listening(client.open_channel([topic])) as listener:
        twin.fault("event_lost", match={"topic": topic}, times=1)
        twin.press_mute(call, muted=True)
        twin.press_mute(call, muted=False)
        assert states(twin.leg(call), await listener.next()) == [False]
    assert [entry["fate"] for entry in twin.ledger(kind="event")] == ["event_lost", None]
    assert [entry["fault_kind"] for entry in twin.ledger(kind="fault")] == ["event_lost"]


async def test_an_event_comes_late_but_comes(twin, scene, topic):
    call, client, _ = scene
    async with listening(client.open_channel([topic])) as listener:
        twin.fault("event_late", times=1, delay_ms=60_000)
        twin.press_mute(call, muted=True)
        twin.press_mute(call, muted=False)
        assert states(twin.leg(call), await listener.next()) == [False]
        twin.advance(60)
        late = await listener.until(lambda message: message["topicName"] == topic)
        assert states(twin.leg(call), late) == [True]


async def test_an_event_comes_twice(twin, scene, topic):
    call, client, _ = scene
    async with listening(client.open_channel([topic])) as listener:
        twin.fault("event_twice", times=1)
        twin.press_mute(call, muted=True)
        assert states(twin.leg(call), await listener.next(), await listener.next()) == [True, True]


async def test_two_events_are_swapped(twin, scene, topic):
    call, client, _ = scene
    async with listening(client.open_channel([topic])) as listener:
        twin.fault("events_swapped", times=1)
        twin.press_mute(call, muted=True)
        twin.press_mute(call, muted=False)
        assert states(twin.leg(call), await listener.next(), await listener.next()) == [False, True]


async def test_an_older_state_is_told_again(twin, scene, topic):
    call, client, _ = scene
    async with listening(client.open_channel([topic])) as listener:
        twin.fault("event_stale", times=1)
        twin.press_mute(call, muted=True)
        assert states(twin.leg(call), await listener.next(), await listener.next()) == [True, False]


async def test_a_socket_is_cut(twin, scene, topic):
    async with listening(scene[1].open_channel([topic])) as listener:
        twin.fault("socket_cut", times=1)
        assert await listener.closed()


async def test_a_socket_falls_silent_for_a_while(twin, scene, topic):
    call, client, _ = scene
    twin.turn(heartbeat_s=10)
    async with listening(client.open_channel([topic])) as listener:
        twin.fault("socket_silent", match={"topic": topic}, seconds=100, times=1)
        twin.press_mute(call, muted=True)
        twin.advance(95)
        twin.advance(15)
        assert (await listener.next())["topicName"] == "channel.metadata"
        twin.press_mute(call, muted=False)
        assert states(twin.leg(call), await listener.next()) == [False]
    assert "socket_silent" in [entry["fate"] for entry in twin.ledger(kind="event")]


async def test_a_socket_says_that_it_closes_and_does(twin, scene, topic):
    channel = scene[1].open_channel([topic])
    async with listening(channel) as listener:
        twin.fault("socket_closing", times=1)
        assert (await listener.next())["topicName"] == "v2.system.socket_closing"
        async with listening(channel) as successor:
            assert await listener.closed()
            twin.press_mute(scene[0], muted=True)
            assert states(twin.leg(scene[0]), await successor.next()) == [True]


async def test_an_announced_socket_ends_after_its_warning(twin, scene, topic):
    async with listening(scene[1].open_channel([topic])) as listener:
        twin.fault("socket_closing", times=1)
        await listener.next()
        twin.advance(60)
        assert await listener.closed()


async def test_a_channel_is_evicted(twin, scene, topic):
    client = scene[1]
    channel = client.open_channel([topic])
    async with listening(channel) as listener:
        twin.fault("channel_evicted", times=1)
        assert (await listener.next())["result"] == "404"
        assert await listener.closed()
    client.expect(404, "GET", f"/api/v2/notifications/channels/{channel['id']}/subscriptions")


def test_a_topic_is_refused(twin, scene, topic):
    client = scene[1]
    twin.fault("topic_refused", match={"topic": "v2.users.{id}.conversations.calls"}, times=1)
    channel = client.expect(200, "POST", "/api/v2/notifications/channels").json
    path = client.subscriptions(channel)
    assert client.expect(200, "PUT", path, [{"id": topic}]).json["entities"][0]["state"] == "Rejected"
    assert client.expect(200, "PUT", path, [{"id": topic}]).json["entities"][0]["state"] == "Permitted"
