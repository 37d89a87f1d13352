"""Calls as the vendor's API shows and changes them."""

import pytest

from twin.platform_client import Platform, send


def muted(twin, call, agent=None):
    return twin.leg(call, agent)["muted"]


def test_a_mute_on_behalf_answers_202_without_a_body_and_comes_true_later(twin):
    twin.turn(apply_ms=[600_000, 600_000])
    call, client = twin.place_call(), Platform.as_client(twin)
    reply = client.expect(202, "PATCH", client.on_behalf_path(call), {"muted": True})
    assert reply.body == b""
    assert not muted(twin, call)
    twin.advance(600)
    assert muted(twin, call)
    change = next(entry for entry in twin.ledger(kind="change") if entry["field"] == "muted")
    assert (change["from"], change["to"], change["cause"]) == (False, True, "request")
    assert change["correlation_id"] == reply.headers["inin-correlation-id"]


def test_a_plain_mute_needs_a_party(twin):
    call, client = twin.place_call(), Platform.as_client(twin)
    refused = client.expect(403, "PATCH", client.mute_path(call), {"muted": True})
    assert refused.json["code"] == "not.authorized"
    stranger = Platform.as_person(twin, twin.agents[1])
    assert (
        stranger.expect(403, "PATCH", client.mute_path(call), {"muted": True}).json["code"]
        == "not.authorized"
    )
    agent = Platform.as_person(twin, twin.agents[0])
    agent.expect(202, "PATCH", agent.mute_path(call), {"muted": True})
    twin.wait_until(lambda: muted(twin, call))


def test_the_generic_participant_path_mutes_too(twin):
    call, agent = twin.place_call(), Platform.as_person(twin, twin.agents[0])
    agent.expect(202, "PATCH", agent.mute_path(call).replace("/calls", ""), {"muted": True})
    twin.wait_until(lambda: muted(twin, call))


def test_refusals_on_behalf_come_in_the_vendors_order(twin):
    call, able = twin.place_call(), Platform.as_client(twin)
    unable = Platform.as_client(twin, permissions=[])
    path = able.on_behalf_path(call)
    elsewhere = path.replace(call["id"], twin.agents[0].id)
    assert unable.expect(400, "PATCH", elsewhere, {"muted": "yes"}).json["code"] == "invalid.value"
    assert unable.expect(403, "PATCH", elsewhere, {"muted": True}).json["code"] == "missing.any.permissions"
    assert able.expect(404, "PATCH", elsewhere, {"muted": True}).json["code"] == "not.found"
    stranger = path.replace("user/" + twin.agents[0].id, "user/" + twin.agents[1].id)
    told = able.expect(404, "PATCH", stranger, {"muted": True}).json["message"]
    assert told == f"User {twin.agents[1].id} is not a participant in the conversation."
    twin.control("POST", f"/calls/{call['id']}/disconnect", {})
    assert able.expect(409, "PATCH", path, {"muted": True}).json["code"]


@pytest.mark.parametrize("status", [400, 404, 409])
def test_what_a_leg_that_is_not_connected_answers_is_a_knob(twin, status):
    twin.turn(not_connected=status)
    call, client = twin.place_call(state="alerting"), Platform.as_client(twin)
    client.expect(status, "PATCH", client.on_behalf_path(call), {"muted": True})


@pytest.mark.parametrize(("wish", "status"), [("forbid", 403), ("ignore", 202)])
def test_on_behalf_can_be_forbidden_or_ignored(twin, wish, status):
    twin.turn(on_behalf=wish, apply_ms=[0, 0])
    call, client = twin.place_call(), Platform.as_client(twin)
    client.expect(status, "PATCH", client.on_behalf_path(call), {"muted": True})
    twin.advance(1)
    assert not muted(twin, call)


@pytest.mark.parametrize("body", ["null", "{", "[]", '{"muted": 1}', '{"state": "sleeping"}', ""])
def test_a_body_that_cannot_be_read_is_a_bad_request(twin, body):
    call, client = twin.place_call(), Platform.as_client(twin)
    headers = {"Authorization": f"Bearer {client.token}", "Content-Type": "application/json"}
    assert send(twin, "PATCH", client.on_behalf_path(call), body=body, headers=headers).status == 400


def test_another_content_type_is_refused(twin):
    call, client = twin.place_call(), Platform.as_client(twin)
    reply = client.send(
        "PATCH", client.on_behalf_path(call), {"muted": True}, headers={"Content-Type": "text/plain"}
    )
    assert (reply.status, reply.json["code"]) == (415, "unsupported.media.type")


def test_the_two_reads_of_a_conversation_differ_as_the_vendors_do(twin):
    queue = twin.control("GET", "/state")["queues"][0]
    call = twin.place_call(queue=queue["id"])
    client, leg = Platform.as_client(twin), twin.leg(call)
    as_call = client.get(f"/api/v2/conversations/calls/{call['id']}")
    as_whole = client.get(f"/api/v2/conversations/{call['id']}")
    of_call = next(one for one in as_call["participants"] if one["id"] == leg["id"])
    of_whole = next(one for one in as_whole["participants"] if one["id"] == leg["id"])
    assert of_call["user"] == {
        "id": twin.agents[0].id,
        "name": twin.agents[0].name,
        "selfUri": f"/api/v2/users/{twin.agents[0].id}",
    }
    assert (of_call["muted"], of_call["state"]) == (False, "connected")
    assert "initialState" not in of_call
    assert (of_whole["userId"], of_whole["queueName"]) == (twin.agents[0].id, queue["name"])
    assert "muted" not in of_whole
    assert of_whole["calls"][0]["muted"] is False
    assert (as_call["recordingState"], as_whole["recordingState"]) == ("active", "ACTIVE")


def test_own_conversations_are_for_people(twin):
    call = twin.place_call()
    agent, client = Platform.as_person(twin, twin.agents[0]), Platform.as_client(twin)
    assert [one["id"] for one in agent.get("/api/v2/conversations/calls")["entities"]] == [call["id"]]
    assert [one["id"] for one in agent.get("/api/v2/conversations?communicationType=call")["entities"]] == [
        call["id"]
    ]
    assert client.get("/api/v2/conversations/calls")["entities"] == []
    twin.turn(calls_without_user=400)
    client.expect(400, "GET", "/api/v2/conversations/calls")


def test_a_recording_is_paused_by_others_with_a_quoted_answer(twin):
    call, client = twin.place_call(), Platform.as_client(twin)
    path = f"/api/v2/conversations/calls/{call['id']}/recordingstate"
    assert client.expect(200, "PUT", path, {"recordingState": "PAUSED"}).body == b'"PAUSED"'
    known = client.get(f"/api/v2/conversations/calls/{call['id']}")
    assert (known["recordingState"], known["securePause"]) == ("paused", True)
    client.expect(400, "PUT", path, {"recordingState": "LOUD"})
    unable = Platform.as_client(twin, permissions=["conversation:communication:view"])
    unable.expect(403, "PUT", path, {"recordingState": "ACTIVE"})


def test_a_party_pauses_and_ends_the_whole_call(twin):
    call, agent = twin.place_call(), Platform.as_person(twin, twin.agents[0])
    path = f"/api/v2/conversations/calls/{call['id']}"
    assert agent.expect(200, "PATCH", path, {"recordingState": "PAUSED"}).json["recordingState"] == "PAUSED"
    agent.expect(200, "PATCH", path, {"state": "disconnected"})
    assert twin.leg(call)["state"] in {"disconnected", "terminated"}


def test_one_communication_is_hung_up(twin):
    call, agent = twin.place_call(), Platform.as_person(twin, twin.agents[0])
    path = f"{agent.mute_path(call)}/communications/{twin.leg(call)['communicationId']}"
    agent.expect(200, "PATCH", path, {"state": "disconnected"})
    twin.wait_until(lambda: twin.leg(call)["state"] != "connected")
    agent.expect(
        404, "PATCH", path.replace(twin.leg(call)["communicationId"], "none"), {"state": "disconnected"}
    )


def test_a_consult_decides_who_is_spoken_to(twin):
    call, agent = twin.place_call(), Platform.as_person(twin, twin.agents[0])
    wanted = {"agent": twin.agents[0].id, "to": twin.agents[1].id, "connected": True}
    twin.control("POST", f"/calls/{call['id']}/consult", wanted)
    reply = agent.expect(200, "PATCH", agent.mute_path(call) + "/consult", {"speakTo": "BOTH"})
    assert reply.json["destinationParticipantId"] == twin.leg(call, twin.agents[1].id)["id"]
    agent.expect(400, "PATCH", agent.mute_path(call) + "/consult", {})


def test_scopes_cap_what_a_persons_token_may_do(twin):
    call = twin.place_call()
    reader = Platform.as_person(twin, twin.agents[0], scopes=["conversations:readonly"])
    reader.get("/api/v2/conversations/calls")
    reader.expect(403, "PATCH", reader.mute_path(call), {"muted": True})
    reader.expect(403, "GET", "/api/v2/users/me")

    twin.turn(scope_areas="off")
    reader.expect(202, "PATCH", reader.mute_path(call), {"muted": True})
    reader.get("/api/v2/users/me")


def test_an_unknown_path_is_the_vendors_404_and_the_ledger_knows_the_right_call(twin):
    client = Platform.as_client(twin)
    path = "/api/v2/conversations/some/participants"
    assert client.expect(404, "PATCH", path, {"muted": True, "reason": "x"}).json["code"] == "not.found"
    assert "/participants/{participantId}" in twin.requests()[-1]["right_call"]
    client.expect(404, "GET", "/api/v2/nothing/here")
    assert send(twin, "GET", "/api/v2/nothing/here").status == 404


def test_people_of_another_organization_see_nothing(twin):
    call = twin.place_call()
    org = twin.control("POST", "/orgs", {"name": "Other"})
    other = Platform.as_client(twin, org=org["id"])
    other.expect(404, "GET", f"/api/v2/conversations/{call['id']}")
    other.expect(404, "PATCH", other.on_behalf_path(call), {"muted": True})
    assert other.get("/api/v2/users?state=any")["total"] == 0


@pytest.mark.parametrize("body", [{"resumeTime": "soon"}, {"muted": True, "resumeTime": ""}])
def test_a_time_that_is_none_is_a_bad_request(twin, body):
    call, client = twin.place_call(), Platform.as_client(twin)
    refused = client.expect(400, "PATCH", client.on_behalf_path(call), body).json
    assert refused["code"] == "invalid.date"


@pytest.mark.parametrize("state", ["paused", "STOPPED"])
def test_recording_states_are_asked_for_in_capitals(twin, state):
    call = twin.place_call()
    path = f"/api/v2/conversations/calls/{call['id']}/recordingstate"
    Platform.as_client(twin).expect(400, "PUT", path, {"recordingState": state})
