import json
import re
from pathlib import Path

import pytest
from scripted_io import response

from micgate.genesys import requests
from micgate.genesys.errors import BadRequest, NotGenesys
from micgate.genesys.messages import Kind

CONTRACT = json.loads((Path(__file__).parents[2] / "data" / "contract.json").read_text())

EVERY = [
    requests.patch_participant("c", "p", muted=True),
    requests.patch_participant_on_behalf("c", "p", user_id="u", muted=False),
    requests.set_recording_state("c", paused=True),
    requests.get_call("c"),
    requests.get_conversation("c"),
    requests.get_own_calls(),
    requests.get_me(expand=("authorization",)),
    requests.get_user("u", expand=("conversationSummary", "presence")),
    requests.get_users(["a", "b"]),
    requests.search_users("email", "a@example.com"),
    requests.get_queues(name="Support*"),
    requests.get_queue_members("q"),
    requests.activity("u"),
    requests.details("u", interval="a/b"),
    requests.create_channel(),
    requests.get_channels(),
    requests.head_channel("ch"),
    requests.get_subscriptions("ch"),
    requests.put_subscriptions("ch", ["t"]),
    requests.add_subscriptions("ch", ["t"]),
    requests.get_available_topics(),
    requests.get_token(),
    requests.get_scopes(),
    requests.get_own_grants(),
    requests.get_permitted_divisions("conversation:call:barge"),
]


def operation(request):
    """The vendor's description of this request."""
    fitting = [
        path
        for path, methods in CONTRACT["paths"].items()
        if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", path), request.path) and request.method.lower() in methods
    ]
    assert fitting, f"{request.method} {request.path} does not exist"
    path = min(fitting, key=lambda each: each.count("{"))
    return CONTRACT["paths"][path][request.method.lower()]


@pytest.mark.parametrize("request_", EVERY, ids=lambda each: f"{each.method} {each.path}")
def test_every_operation_and_parameter_is_the_vendors(request_):
    known = {each["name"] for each in operation(request_).get("parameters", []) if each["in"] == "query"}
    assert {name for name, _ in request_.query} <= known


@pytest.mark.parametrize(("muted", "body"), [(True, {"muted": True}), (False, {"muted": False})])
def test_a_mute_says_nothing_else(muted, body):
    for request in (
        requests.patch_participant("c", "p", muted=muted),
        requests.patch_participant_on_behalf("c", "p", user_id="u", muted=muted),
    ):
        assert json.loads(request.body) == body
        assert request.kind is Kind.CHANGE


def test_ids_are_one_path_segment_whatever_they_hold():
    path = requests.get_call("a/../b?c#d e").path
    assert path == "/api/v2/conversations/calls/a%2F..%2Fb%3Fc%23d%20e"


@pytest.mark.parametrize("text", ["", ".", ".."])
def test_what_would_change_the_path_is_no_id(text):
    with pytest.raises(BadRequest):
        requests.get_call(text)


def test_only_what_changes_state_counts_as_a_change():
    changes = [each.path for each in EVERY if each.kind is Kind.CHANGE]
    assert all("participants" in path or "recordingstate" in path or "channels" in path for path in changes)
    assert len(changes) == 4


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"participants": 3}'])
def test_an_answer_of_another_shape_is_not_the_vendors(body):
    answer = response({})
    with pytest.raises(NotGenesys):
        requests.read_call(type(answer)(status=200, headers=answer.headers, body=body, elapsed=0.0))


def test_absent_lists_are_empty():
    assert requests.read_found_users(response({})) == ()
    assert requests.read_activity(response({"results": [{"entities": None}]})) == ()
    assert requests.read_details(response({})) == ()
    assert requests.read_own_calls(response({})) == ()
    assert requests.read_subscriptions(response({"entities": None})) == ()


def test_a_refused_topic_is_recognised():
    listing = {"entities": [{"id": "a", "state": "Permitted"}, {"id": "b", "state": "Rejected"}, {"id": "c"}]}
    assert [topic.refused for topic in requests.read_subscriptions(response(listing))] == [False, True, False]


def test_a_token_tells_its_client():
    info = requests.read_token(response({"OAuthClient": {"id": "x"}, "authorizedScope": ["users"]}))
    assert (info.client.id, info.scopes) == ("x", ("users",))
