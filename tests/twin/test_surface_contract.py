"""Every operation of the contract is served, and its success has the vendor's shape."""

import pytest

from twin import contract
from twin.platform_client import Platform

DETAILS = {"interval": "2020-01-01T00:00:00.000Z/2100-01-01T00:00:00.000Z"}
BODIES = {
    "/api/v2/analytics/conversations/activity/query": {
        "metrics": [{"metric": "oInteracting"}],
        "groupBy": ["userId"],
    },
    "/api/v2/analytics/conversations/details/query": DETAILS,
    "/api/v2/analytics/users/observations/query": {"filter": {"type": "and"}, "metrics": ["oMemberQueues"]},
    "/api/v2/conversations/calls/{conversationId}": {"recordingState": "ACTIVE"},
    "/api/v2/conversations/calls/{conversationId}/participants/{participantId}/consult": {
        "speakTo": "CONFERENCE"
    },
    "/api/v2/conversations/calls/{conversationId}/recordingstate": {"recordingState": "PAUSED"},
    "/api/v2/notifications/channels": None,
    "/api/v2/notifications/channels/{channelId}/subscriptions": [],
    "/api/v2/users/search": {"query": []},
}
OPERATIONS = [
    (method.upper(), path)
    for path, ways in contract.document()["paths"].items()
    for method in ways
    if path != "/oauth/token"
]
FOR_PEOPLE = ("/participants/{participantId}", "/communications/{communicationId}", "/consult", "/users/me")


def needs_person(method, path):
    return path.endswith(FOR_PEOPLE) or (method, path) == (
        "PATCH",
        "/api/v2/conversations/calls/{conversationId}",
    )


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_an_operation_answers_in_the_contracts_shape(twin, method, path):
    agent = twin.agents[0].id
    call = twin.place_call(agent)
    consulted = {"agent": agent, "to": twin.agents[1].id, "connected": True}
    twin.control("POST", f"/calls/{call['id']}/consult", consulted)
    twin.advance(10)
    caller = (
        Platform.as_person(twin, twin.agents[0]) if needs_person(method, path) else Platform.as_client(twin)
    )
    leg = twin.leg(call)
    known = {
        "{conversationId}": call["id"],
        "{participantId}": leg["id"],
        "{communicationId}": leg["communicationId"],
        "{userId}": agent,
        "{subjectId}": agent,
        "{queueId}": twin.control("GET", "/state")["queues"][0]["id"],
        "{teamId}": Platform.as_client(twin).get("/api/v2/teams")["entities"][0]["id"],
        "{channelId}": caller.expect(200, "POST", "/api/v2/notifications/channels").json["id"],
    }
    filled = path
    for name, value in known.items():
        filled = filled.replace(name, value)
    query = "?permission=conversation:call:barge" if "divisionspermitted" in path else ""
    body = [BODIES.get(path, {"muted": True})] if method in {"POST", "PUT", "PATCH"} else []
    reply = caller.send(method, filled + query, *body)
    wanted = [
        status for status in contract.document()["paths"][path][method.lower()]["responses"] if status < "300"
    ]
    assert [str(reply.status)] == wanted, reply.body
