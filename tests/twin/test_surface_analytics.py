"""The analytics queries that find live calls."""

import pytest

from twin.contract import stamp_of
from twin.platform_client import Platform

ACTIVITY = "/api/v2/analytics/conversations/activity/query"
DETAILS = "/api/v2/analytics/conversations/details/query"


def activity_of(user_id):
    told = [("userId", user_id), ("mediaType", "voice")]
    predicates = [
        {"type": "dimension", "dimension": name, "operator": "matches", "value": value}
        for name, value in told
    ]
    return {
        "metrics": [{"metric": "oInteracting", "details": True}],
        "groupBy": ["userId"],
        "filter": {"type": "and", "predicates": predicates},
    }


def details_of(user_id, now):
    dimension = {"type": "dimension", "operator": "notExists"}
    return {
        "interval": f"{stamp_of(now - 3600)}/{stamp_of(now + 3600)}",
        "order": "desc",
        "orderBy": "conversationStart",
        "paging": {"pageSize": 25, "pageNumber": 1},
        "conversationFilters": [
            {"type": "and", "predicates": [dimension | {"dimension": "conversationEnd"}]}
        ],
        "segmentFilters": [
            {
                "type": "and",
                "predicates": [
                    {"type": "dimension", "dimension": "userId", "operator": "matches", "value": user_id},
                    {"type": "dimension", "dimension": "mediaType", "operator": "matches", "value": "voice"},
                    dimension | {"dimension": "segmentEnd"},
                ],
            }
        ],
    }


def test_the_activity_query_names_the_live_conversation(twin):
    call, client = twin.place_call(), Platform.as_client(twin)
    twin.place_call(twin.agents[1].id)
    answer = client.expect(200, "POST", ACTIVITY, activity_of(twin.agents[0].id)).json
    (result,) = answer["results"]
    assert result["group"] == {"userId": twin.agents[0].id}
    assert result["data"] == [{"metric": "oInteracting", "count": 1}]
    assert [one["conversationId"] for one in result["entities"]] == [call["id"]]


def test_a_page_of_the_activity_query_can_be_shorter_than_was_asked_for(twin):
    for agent in twin.agents[:3]:
        twin.place_call(agent.id)
    twin.turn(activity_page_most=2)
    client, asked = Platform.as_client(twin), activity_of(twin.agents[0].id) | {"filter": None}
    pages = [
        client.expect(200, "POST", f"{ACTIVITY}?pageSize=100&pageNumber={page}", asked).json["results"]
        for page in (1, 2, 3)
    ]
    assert [len(page) for page in pages] == [2, 1, 0]


def test_nobody_on_a_call_gives_no_results(twin):
    twin.place_call(state="alerting")
    client = Platform.as_client(twin)
    for agent in twin.agents[:2]:
        assert client.expect(200, "POST", ACTIVITY, activity_of(agent.id)).json["results"] == []


def test_a_metric_may_be_spelled_as_in_the_vendors_guide(twin):
    twin.place_call()
    wanted = activity_of(twin.agents[0].id) | {"metrics": [{"name": "oInteracting"}]}
    (result,) = Platform.as_client(twin).expect(200, "POST", ACTIVITY, wanted).json["results"]
    assert result["data"] == [{"metric": "oInteracting", "count": 1}]


def test_direct_calls_can_be_missing_from_the_activity_query(twin):
    twin.turn(activity_covers_direct=False)
    twin.place_call()
    client = Platform.as_client(twin)
    assert client.expect(200, "POST", ACTIVITY, activity_of(twin.agents[0].id)).json["results"] == []
    queue = twin.control("GET", "/state")["queues"][0]["id"]
    twin.place_call(twin.agents[1].id, queue=queue)
    assert client.expect(200, "POST", ACTIVITY, activity_of(twin.agents[1].id)).json["results"]


@pytest.mark.parametrize(
    "body",
    [
        {"metrics": [{"metric": "oInteracting"}]},
        {"metrics": [], "groupBy": ["userId"]},
        {"metrics": [{"details": True}], "groupBy": ["userId"]},
        {"metrics": [{"metric": "oInvented"}], "groupBy": ["userId"]},
        {"metrics": [{"metric": "oInteracting"}], "groupBy": ["mood"]},
    ],
)
def test_an_activity_query_that_makes_no_sense_is_refused(twin, body):
    Platform.as_client(twin).expect(400, "POST", ACTIVITY, body)


def test_the_details_query_lags_behind(twin):
    call, client = twin.place_call(), Platform.as_client(twin)
    wanted = details_of(twin.agents[0].id, twin.control("GET", "/state")["now"])
    assert client.expect(200, "POST", DETAILS, wanted).json["totalHits"] == 0
    twin.advance(6)
    answer = client.expect(200, "POST", DETAILS, wanted).json
    (record,) = answer["conversations"]
    assert record["conversationId"] == call["id"]
    own = next(one for one in record["participants"] if one.get("userId") == twin.agents[0].id)
    assert own["participantId"] == twin.leg(call)["id"]
    assert client.get(f"/api/v2/analytics/conversations/{call['id']}/details") == record
    twin.control("POST", f"/calls/{call['id']}/disconnect", {})
    assert client.expect(200, "POST", DETAILS, wanted).json["totalHits"] == 1
    twin.advance(6)
    assert client.expect(200, "POST", DETAILS, wanted).json["totalHits"] == 0


@pytest.mark.parametrize(
    "interval", [None, "yesterday/today", "2026-01-02T00:00:00Z/2026-01-01T00:00:00Z", "2026"]
)
def test_an_interval_must_be_one(twin, interval):
    assert Platform.as_client(twin).expect(400, "POST", DETAILS, {"interval": interval}).status == 400


def test_observations_of_users_count_queues_only(twin):
    filtered = {"type": "and", "predicates": [{"dimension": "userId", "value": twin.agents[0].id}]}
    body = {"metrics": ["oMemberQueues", "oActiveQueues"], "filter": filtered}
    answer = (
        Platform.as_client(twin).expect(200, "POST", "/api/v2/analytics/users/observations/query", body).json
    )
    assert [one["metric"] for one in answer["results"][0]["data"]] == ["oMemberQueues", "oActiveQueues"]


def test_the_queries_need_their_permissions(twin):
    unable = Platform.as_client(twin, permissions=["analytics:userObservation:view"])
    unable.expect(403, "POST", ACTIVITY, activity_of("x"))
    unable.expect(403, "POST", DETAILS, details_of("x", 1e9))
