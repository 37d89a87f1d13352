"""The control surface: shapes, verbs, and who is kept out."""

import json
import re
from urllib.parse import urlsplit

import pytest

from twin.platform_client import Platform, send


def test_the_announcement_has_what_programs_need(start_twin):
    twin = start_twin("--agents", "3", "--seed", "9")
    told = twin.told
    assert set(told) == {
        "api_url", "login_url", "control_url", "client_id", "client_secret", "org", "agents", "supervisor",
        "public_client_id",
    }  # fmt: skip
    assert [set(agent) for agent in told["agents"]] == [{"id", "name", "email", "password"}] * 3
    assert urlsplit(told["api_url"]).path == ""
    assert told["control_url"] == told["api_url"] + "/_twin"


def test_the_state_shows_the_whole_world(twin):
    call = twin.place_call(customer="Ada Lovelace", queue=twin.control("GET", "/state")["queues"][0]["name"])
    state = twin.control("GET", "/state")
    assert {"now", "users", "queues", "clients", "channels", "conversations"} <= set(state)
    (shown,) = state["conversations"]
    assert (shown["id"], shown["recording_state"], shown["secure_pause"]) == (call["id"], "active", False)
    leg = next(one for one in shown["participants"] if one.get("userId") == twin.agents[0].id)
    assert {"id", "userId", "purpose", "state", "muted", "held", "queueId"} <= set(leg)
    assert (leg["purpose"], leg["state"], leg["muted"]) == ("agent", "connected", False)
    assert "Ada Lovelace" in [one["name"] for one in shown["participants"]]
    assert len(state["users"]) == 13
    assert all(queue["members"] for queue in state["queues"])


def test_every_verb_answers_the_conversation(twin):
    first, second, third = (agent.id for agent in twin.agents[:3])
    call = twin.place_call(first, state="alerting")["id"]

    def do(verb, **body):
        answer = twin.control("POST", f"/calls/{call}/{verb}", body)
        assert answer["id"] == call
        return {one["userId"]: one for one in answer["participants"] if "userId" in one}

    assert do("answer")[first]["state"] == "connected"
    assert do("hold", agent=first)[first]["held"] is True
    assert do("retrieve", agent=first)[first]["held"] is False
    assert do("press-mute", agent=first, muted=True)[first]["muted"] is True
    do("press-record", paused=True)
    assert twin.control("GET", "/state")["conversations"][0]["secure_pause"] is True
    assert do("consult", agent=first, to=second)[second]["state"] == "alerting"
    assert do("answer", agent=second)[second]["state"] == "connected"
    assert do("disconnect", agent=second)[second]["state"] in {"disconnected", "terminated"}
    assert (
        do("conference", agent=first, to=twin.supervisor.id, connected=True)[twin.supervisor.id]["state"]
        == "connected"
    )
    moved = do("transfer", agent=first, to=third, connected=True)
    assert moved[third]["state"] == "connected"
    assert moved[first]["state"] in {"disconnected", "terminated"}
    assert {one["state"] for one in do("disconnect").values()} <= {"disconnected", "terminated"}


def test_what_a_person_did_is_in_the_ledger(twin):
    call = twin.place_call()
    twin.press_mute(call, muted=True)
    entry = [entry for entry in twin.ledger(kind="change") if entry["field"] == "muted"][-1]
    assert entry["conversation"] == call["id"]
    assert entry["participant"] == twin.leg(call)["id"]
    assert entry["user"] == twin.agents[0].id
    assert (entry["from"], entry["to"], entry["cause"]) == (False, True, "agent")
    last = entry["seq"]
    assert twin.ledger(last) == []
    assert [one["seq"] for one in twin.ledger()] == list(range(1, last + 1))


def test_the_ledger_shows_requests_with_their_parsed_body(twin):
    call, client = twin.place_call(), Platform.as_client(twin)
    path = client.on_behalf_path(call)
    reply = client.expect(202, "PATCH", path, {"muted": True})
    (entry,) = twin.requests("PATCH")
    assert (entry["path"], entry["status"], entry["client"]) == (path, 202, twin.client_id)
    assert (entry["body"], entry["user"]) == ({"muted": True}, None)
    assert entry["correlation_id"] == reply.headers["inin-correlation-id"]
    assert not [one for one in twin.ledger(kind="request") if one["path"].startswith("/_twin")]


def test_the_ledger_is_bounded(start_twin):
    twin = start_twin("--quiet", "--ledger-limit", "10")
    call = twin.place_call(twin.agents[0].id)
    for muted in (True, False) * 15:
        twin.press_mute(call, muted=muted)
    assert len(twin.ledger()) == 10


def test_null_is_as_good_as_no_body(twin):
    call, headers = twin.place_call(), {"Content-Type": "application/json"}
    reply = send(twin, "POST", f"/_twin/calls/{call['id']}/hold", body="null", headers=headers)
    assert (reply.status, twin.leg(call)["held"]) == (200, True)


@pytest.mark.parametrize("agents", [-1, 20_001])
def test_a_reset_to_an_impossible_number_of_people_is_refused(twin, agents):
    before = twin.told
    assert twin.try_control("POST", "/reset", {"agents": agents})[0] == 400
    assert twin.control("GET", "/state")["org"] == before["org"]


def test_a_reset_makes_the_same_world_again(twin):
    twin.reset(seed=7)
    before = twin.told
    twin.place_call()
    twin.turn(on_behalf="forbid")
    twin.reset(seed=7)
    assert twin.told == before
    assert twin.control("GET", "/state")["conversations"] == []
    assert twin.control("GET", "/behaviour")["on_behalf"] == "accept"
    twin.reset(agents=2, seed=8)
    assert len(twin.agents) == 2
    assert twin.client_id != before["client_id"]


def test_the_announced_clients_outlive_a_reset_to_other_people(twin):
    twin.reset(seed=7, agents=3)
    before = twin.told
    twin.reset(seed=7, agents=5)
    assert len(twin.agents) == 5
    for kept in ("client_id", "client_secret", "public_client_id", "org"):
        assert twin.told[kept] == before[kept]


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/nowhere", None, 404),
        ("PUT", "/state", {}, 405),
        ("POST", "/calls", {}, 400),
        ("POST", "/calls", {"agent": "nobody"}, 404),
        ("POST", "/calls", {"agent": "x", "colour": "red"}, 400),
        ("POST", "/calls/none/hold", {"agent": "nobody"}, 404),
        ("POST", "/calls/none/dance", {}, 404),
        ("PATCH", "/behaviour", {"mood": 1}, 400),
        ("PATCH", "/behaviour", {"on_behalf": "maybe"}, 400),
        ("POST", "/clock/advance", {"seconds": -1}, 400),
        ("GET", "/ledger?after=x", None, 400),
        ("POST", "/users", {"name": "x"}, 400),
    ],
)
def test_wishes_that_make_no_sense_are_refused_with_a_message(twin, method, path, body, status):
    answered, told = twin.try_control(method, path, body)
    assert answered == status
    assert told["message"]


def test_every_knob_can_be_turned_and_is_explained(twin):
    knobs = twin.control("GET", "/behaviour")
    assert (knobs["apply_ms"], knobs["activity_covers_direct"]) == ([50, 300], True)
    assert knobs["correlation_in_events"] == "off"
    assert twin.control("PATCH", "/behaviour", knobs) == knobs
    told = twin.control("GET", "/behaviour/help")
    assert {one["name"] for one in told} == set(knobs)
    assert all(one["help"] for one in told)


def test_time_runs_ahead_and_calls_made_by_hand_stay(twin):
    call = twin.place_call()
    before = twin.control("GET", "/state")["now"]
    twin.advance(7200)
    assert twin.control("GET", "/state")["now"] >= before + 7200
    assert twin.leg(call)["state"] == "connected"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Host": "localhost:1"}, 200),
        ({"Host": "[::1]:80"}, 200),
        ({"Host": "evil.example"}, 403),
        ({"Host": "127.0.0.1.evil.example"}, 403),
        ({"Host": "[::1"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Content-Type": "text/plain"}, 415),
        ({"Content-Type": "application/x-www-form-urlencoded"}, 415),
    ],
)
def test_other_peoples_pages_cannot_steer_the_simulator(twin, headers, status):
    told = {"Content-Type": "application/json"} | headers
    reply = send(twin, "POST", "/_twin/orgs", body='{"name": "x"}', headers=told)
    assert reply.status == status
    assert "access-control-allow-origin" not in reply.headers


def test_preflights_for_the_control_surface_are_not_granted(twin):
    asked = {"Origin": "https://evil.example", "Access-Control-Request-Method": "DELETE"}
    reply = send(twin, "OPTIONS", "/_twin/faults", headers=asked)
    assert reply.status >= 400
    assert "access-control-allow-origin" not in reply.headers


def test_off_loopback_the_control_surface_needs_its_token(start_twin):
    twin = start_twin("--quiet", "--host", "0.0.0.0")
    token = twin.told["control_token"]
    assert send(twin, "GET", "/_twin/state").status == 401
    assert send(twin, "GET", "/_twin/state", headers={"Authorization": "Bearer guess"}).status == 401
    assert send(twin, "GET", "/_twin/state", headers={"Authorization": f"Bearer {token}"}).status == 200
    assert send(twin, "GET", "/_twin/").status == 200


def test_the_page_talks_to_nobody_else(twin):
    reply = send(twin, "GET", "/_twin/")
    page, policy = reply.body.decode(), reply.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "connect-src 'self'" in policy
    assert '<link rel="icon" href="data:,">' in page
    outside = set(re.findall(r"https?://[^\"'\s]+", page)) - {"http://www.w3.org/2000/svg"}
    assert outside == set()
    assert not re.search(r"\son\w+=|style=|innerHTML", page)


def test_the_second_organization_has_people_of_its_own(twin):
    org = twin.control("POST", "/orgs", {"name": "Elsewhere"})
    made = twin.control("POST", "/users", {"name": "Eve", "email": "eve@elsewhere.example", "org": org["id"]})
    from simulator import Person

    eve = Platform.as_person(twin, Person(**made), org=org["id"])
    assert eve.get("/api/v2/users/me?expand=organization")["organization"]["name"] == "Elsewhere"


def test_permissions_of_the_ready_made_world(twin):
    client = Platform.as_client(twin)
    held = {
        f"{policy['domain']}:{policy['entityName']}:{action}"
        for grant in client.get("/api/v2/authorization/subjects/me")["grants"]
        for policy in grant["role"]["policies"]
        for action in policy["actions"]
    }
    from twin.contract import document

    listed = {
        permission
        for path in document()["paths"].values()
        for operation in path.values()
        for permission in operation.get("x-permissions", {}).get("permissions", [])
    }
    assert held == listed
    users = {one["id"]: set(one["permissions"]) for one in twin.control("GET", "/state")["users"]}
    agent = {"conversation:communication:disconnect", "conversation:recording:pause"}
    assert users[twin.agents[0].id] == agent
    assert users[twin.supervisor.id] == agent | {"conversation:call:barge"}
    assert json.dumps(client.get("/api/v2/tokens/me"))
