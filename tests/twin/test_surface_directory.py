"""Users, queues, teams, rights and the token, as the vendor lists them."""

import pytest

from twin.platform_client import Platform, send


def exact(email):
    return {"pageSize": 2, "pageNumber": 1, "query": [{"type": "EXACT", "fields": ["email"], "value": email}]}


def test_an_agent_is_found_by_e_mail_in_any_case(twin):
    client, agent = Platform.as_client(twin), twin.agents[0]
    found = client.expect(200, "POST", "/api/v2/users/search", exact(agent.email.upper())).json
    assert [one["id"] for one in found["results"]] == [agent.id]


def test_a_search_without_a_hit_has_no_results_member(twin):
    client = Platform.as_client(twin)
    found = client.expect(200, "POST", "/api/v2/users/search", exact("nobody@example.com")).json
    assert (found["total"], "results" in found) == (0, False)
    twin.turn(search_empty="empty")
    assert (
        client.expect(200, "POST", "/api/v2/users/search", exact("nobody@example.com")).json["results"] == []
    )


@pytest.mark.parametrize(
    ("criterion", "total"),
    [
        ({"type": "STARTS_WITH", "fields": ["name"], "value": "Mara"}, 2),
        ({"type": "CONTAINS", "fields": ["name", "email"], "value": "bakker"}, 2),
        ({"type": "TERMS", "fields": ["state"], "values": ["active"]}, 13),
        ({"type": "REGEX", "fields": ["name"], "value": "^mara b"}, 1),
        ({"type": "REGEX", "fields": ["name"], "value": r"^Mara\SB"}, 0),
        ({"type": "REQUIRED_FIELDS", "fields": ["department"]}, 13),
        ({"type": "EXACT", "fields": ["name"], "value": "Mara Bakker", "operator": "NOT"}, 12),
        ({"type": "MATCH_ALL"}, 13),
    ],
)
def test_criteria_mean_what_they_say(twin, criterion, total):
    twin.reset(seed=7)
    body = {"query": [criterion]}
    assert Platform.as_client(twin).expect(200, "POST", "/api/v2/users/search", body).json["total"] == total


@pytest.mark.parametrize(
    "body",
    [{"query": [{"type": "MAGIC"}]}, {"pageSize": 1000}, {"pageSize": 0}, {"pageNumber": 0}, {"query": "x"}],
)
def test_a_search_that_makes_no_sense_is_refused(twin, body):
    Platform.as_client(twin).expect(400, "POST", "/api/v2/users/search", body)


def test_searching_needs_the_permission(twin):
    client = Platform.as_client(twin, permissions=["routing:queue:view"])
    refused = client.expect(403, "POST", "/api/v2/users/search", exact("a@b")).json
    assert refused["code"] == "missing.any.permissions"
    assert "directory:user:view" in refused["message"]


def test_a_new_user_can_be_missing_from_the_search_for_a_while(twin):
    twin.turn(search_lag_s=30)
    client = Platform.as_client(twin)
    made = twin.control("POST", "/users", {"name": "New One", "email": "new.one@example.com"})
    assert client.expect(200, "POST", "/api/v2/users/search", exact(made["email"])).json["total"] == 0
    assert client.get(f"/api/v2/users/{made['id']}")["name"] == "New One"
    twin.advance(31)
    assert client.expect(200, "POST", "/api/v2/users/search", exact(made["email"])).json["total"] == 1


@pytest.mark.parametrize("separator", [",", "%2C", "&id="])
def test_lists_of_ids_are_read_in_every_spelling(twin, separator):
    ids = [agent.id for agent in twin.agents[:3]]
    listed = Platform.as_client(twin).get("/api/v2/users?pageSize=100&id=" + separator.join(ids))
    assert {one["id"] for one in listed["entities"]} == set(ids)


def test_pages_follow_each_other(twin):
    client, path, seen = Platform.as_client(twin), "/api/v2/users?pageSize=5", []
    while path:
        page = client.get(path)
        seen += [one["id"] for one in page["entities"]]
        path = page.get("nextUri")
    assert (len(seen), len(set(seen)), page["total"], page["pageCount"]) == (13, 13, 13, 3)
    client.expect(400, "GET", "/api/v2/users?pageSize=501")


def test_expansions_are_given_when_asked_for(twin):
    twin.place_call()
    client, agent = Platform.as_client(twin), twin.agents[0]
    plain = client.get(f"/api/v2/users/{agent.id}")
    assert "presence" not in plain
    rich = client.get(
        f"/api/v2/users/{agent.id}?expand=presence%2CroutingStatus,conversationSummary&expand=station"
    )
    assert rich["conversationSummary"]["call"]["enterprise"] == {"active": 1, "acw": 0}
    assert rich["routingStatus"]["userId"] == agent.id
    assert rich["presence"]["presenceDefinition"]["systemPresence"]
    assert client.get(f"/api/v2/users/{agent.id}/routingstatus")["status"] == rich["routingStatus"]["status"]
    client.expect(404, "GET", "/api/v2/users/nobody")


def test_the_caller_is_described_with_rights_and_organization(twin):
    me = Platform.as_person(twin, twin.supervisor).get(
        "/api/v2/users/me?expand=authorization,organization,token"
    )
    assert me["organization"]["id"] == twin.org["id"]
    assert "conversation:call:barge" in me["authorization"]["permissions"]
    assert me["token"]["organization"]["id"] == twin.org["id"]


@pytest.mark.parametrize("status", [400, 403, 404])
def test_users_me_without_a_user_is_refused_as_the_knob_says(twin, status):
    twin.turn(users_me_without_user=status)
    Platform.as_client(twin).expect(status, "GET", "/api/v2/users/me")


def test_queues_are_found_by_name_with_wildcards_and_plus_for_space(twin):
    client = Platform.as_client(twin)
    queues = client.get("/api/v2/routing/queues?pageSize=100")["entities"]
    first = queues[0]
    spelled = first["name"].replace(" ", "+")
    assert client.get(f"/api/v2/routing/queues?name={spelled}")["entities"] == [first]
    starts = client.get(f"/api/v2/routing/queues?name={first['name'][:3].lower()}*")["entities"]
    assert first in starts
    assert client.get(f"/api/v2/routing/queues/{first['id']}") == first
    client.expect(404, "GET", "/api/v2/routing/queues/none")
    Platform.as_client(twin, permissions=[]).expect(403, "GET", "/api/v2/routing/queues")


def test_members_are_listed_without_totals(twin):
    client = Platform.as_client(twin)
    queue = next(one for one in client.get("/api/v2/routing/queues")["entities"] if one["memberCount"])
    listed = client.get(
        f"/api/v2/routing/queues/{queue['id']}/members?pageSize=100&joined=true&expand=presence"
    )
    assert not {"total", "pageCount", "lastUri"} & set(listed)
    assert listed["entities"][0]["user"]["presence"]
    assert client.get(f"/api/v2/routing/queues/{queue['id']}/members?memberBy=group")["entities"] == []


def test_teams_and_their_members_are_listed_by_cursor(twin):
    client = Platform.as_client(twin)
    teams = client.get("/api/v2/teams")
    assert not {"total", "pageCount", "lastUri"} & set(teams)
    team = teams["entities"][0]
    page = client.get(f"/api/v2/teams/{team['id']}/members?pageSize=1")
    assert len(page["entities"]) == 1
    assert team["memberCount"] > 1
    assert client.get(page["nextUri"])["entities"] != page["entities"]


def test_divisions_show_where_a_person_may_act(twin):
    supervisor, agent = Platform.as_person(twin, twin.supervisor), Platform.as_person(twin, twin.agents[0])
    path = "/api/v2/authorization/divisionspermitted/me?permission=conversation:call:barge"
    division = supervisor.get(f"/api/v2/users/{twin.agents[0].id}")["division"]["id"]
    assert division in [one["id"] for one in supervisor.get(path)]
    assert agent.get(path) == []
    agent.expect(400, "GET", "/api/v2/authorization/divisionspermitted/me")


def test_subjects_show_roles_in_divisions(twin):
    client = Platform.as_client(twin)
    mine = client.get("/api/v2/authorization/subjects/me")
    assert mine["id"] == twin.client_id
    actions = {(p["domain"], p["entityName"]): p["actions"] for p in mine["grants"][0]["role"]["policies"]}
    assert actions["conversation", "agentlessCall"] == ["add"]
    assert client.get(f"/api/v2/authorization/subjects/{twin.agents[0].id}")["name"] == twin.agents[0].name
    client.expect(404, "GET", "/api/v2/authorization/subjects/nobody")


def test_scopes_and_the_token_are_described(twin):
    client = Platform.as_client(twin)
    scopes = {one["id"] for one in client.get("/api/v2/oauth/scopes")["entities"]}
    assert {"conversations", "conversations:readonly", "notifications"} <= scopes
    token = client.get("/api/v2/tokens/me")
    assert token["OAuthClient"]["id"] == twin.client_id
    assert token["organization"]["id"] == twin.org["id"]


def test_head_answers_like_get_without_a_body(twin):
    client = Platform.as_client(twin)
    reply = send(twin, "HEAD", "/api/v2/tokens/me", headers={"Authorization": f"Bearer {client.token}"})
    assert (reply.status, reply.body) == (200, b"")
    assert reply.headers["inin-ratelimit-count"]


def test_a_state_that_nobody_can_be_in_is_refused(twin):
    client = Platform.as_client(twin)
    assert client.expect(200, "GET", "/api/v2/users?state=any").json["total"] == 13
    assert client.expect(400, "GET", "/api/v2/users?state=gone").json["code"] == "invalid.value"
