import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from micgate.doctor.explain import explain

PERMISSIONS = "[conversation:agentlessCall:add, conversation:call:record]"


def body(status, code, message="Sorry.", **more):
    return json.dumps(
        {"message": message, "code": code, "status": status, "contextId": "c-1", "details": [], "errors": []}
        | more
    )


def token_error(error, description):
    return json.dumps({"error": error, "description": description, "error_description": description})


CASES = {
    "missing permission": (
        body(403, "missing.any.permissions", f"You must have at least one of the following: {PERMISSIONS}"),
        "missing_permission",
        ("conversation:agentlessCall:add", "Roles"),
    ),
    "plain mute by a service": (
        body(403, "not.authorized"),
        "not_a_party",
        ("not on that call", "on_behalf"),
    ),
    "the same, with the conversation named": (
        body(
            403,
            "not.authorized",
            "Access to Conversation x is forbidden.",
            messageParams={"type": "Conversation"},
        ),
        "not_a_party",
        ("agentlessCall:add",),
    ),
    "expired token": (body(401, "bad.credentials"), "token_refused", ("expired", "region")),
    "no token": (body(401, "authentication.required"), "token_refused", ()),
    "unknown conversation": (body(404, "not.found"), "not_found", ("GENESYS_REGION",)),
    "wrong state": (body(409, "conflict"), "conflict", ("connected",)),
    "wrong content type": (body(415, "unsupported.media.type"), "bad_request", ()),
    "bad value": (body(400, "bad.request"), "bad_request", ("Sorry.",)),
    "rate limit": (
        f"HTTP/1.1 429 Too Many Requests\nRetry-After: 42\n\n{body(429, 'too.many.requests.retry.after')}",
        "rate_limited",
        ("42 s", "OAuth client"),
    ),
    "platform": (body(503, "service.unavailable"), "platform_failed", ("status.mypurecloud.com",)),
    "an error without its status": ('{"code": "not.authorized"}', "not_a_party", ()),
    "a status as text": ('{"status": "404", "message": "x"}', "not_found", ()),
    "empty answer": ("HTTP/1.1 404 Not Found\ncontent-length: 0\n", "not_found", ()),
    "unknown client": (
        token_error("invalid_client", "client not found: invalid_client"),
        "bad_credentials",
        ("not known", "region", "Integrations > OAuth"),
    ),
    "wrong secret": (
        token_error("invalid_client", "authentication failed: invalid_client"),
        "bad_credentials",
        ("secret", "GENESYS_CLIENT_SECRET"),
    ),
    "used code": (token_error("invalid_grant", "bad code"), "bad_credentials", ("once", "redirect")),
    "refresh token": (
        token_error("invalid_grant", "refresh token expired"),
        "bad_credentials",
        ("inactivity",),
    ),
    "grant type": (token_error("unauthorized_client", "no"), "bad_credentials", ("grant type",)),
    "gateway page": (
        "<html><head><title>Blocked by Acme</title></head></html>",
        "not_genesys",
        ("Blocked by Acme",),
    ),
    "gateway page with status": (
        "HTTP/1.1 502 Bad Gateway\n\n<html>oops</html>",
        "not_genesys",
        ("502", "proxy"),
    ),
    "proxy wants a password": (
        "HTTP/1.1 407 Proxy Authentication Required\n\n<html>sign in</html>",
        "unreachable",
        ("407", "HTTPS_PROXY"),
    ),
    "redirect": ("HTTP/1.1 302 Found\nLocation: https://sso.example/x\n\n", "not_genesys", ("sso.example",)),
    "name": ("curl: (6) Could not resolve host: api.mypurecloud.xx", "unreachable", ("region",)),
    "certificate": ("curl: (60) SSL certificate problem", "unreachable", ("SSL_CERT_FILE",)),
    "other failure of curl": ("curl: (97) strange", "unreachable", ("strange",)),
    "kicked out": (
        json.dumps(
            {
                "topicName": "v2.system.no_longer_subscribed.abc",
                "version": "2",
                "eventBody": {"channelId": "abc", "reason": "another_channel_subscribed"},
            }
        ),
        "channel_lost",
        ("Another process",),
    ),
    "tokens revoked": (
        '{"topicName": "v2.system.no_longer_subscribed.abc", "eventBody": {"reason": "user_tokens_revoked"}}',
        "channel_lost",
        ("revoked", "Inactivity"),
    ),
    "unknown reason": (
        '{"topicName": "v2.system.no_longer_subscribed.abc", "eventBody": {"reason": "new_in_2027"}}',
        "channel_lost",
        ("lost",),
    ),
    "closing": ('{"topicName": "v2.system.socket_closing"}', "channel_lost", ("routine",)),
    "dead channel": ('{"result": "404", "status": "error"}', "channel_lost", ("20",)),
    "refused over the socket": ('{"result": "400", "status": "failure"}', "subscription_failed", ("REST",)),
    "refused topic": (
        json.dumps(
            {
                "entities": [
                    {"id": "v2.users.1.presence", "state": "Permitted"},
                    {
                        "id": "v2.users.1.conversations.calls",
                        "state": "Rejected",
                        "rejectionReason": "Missing permissions",
                        "missingPermissions": ["conversation:communication:view"],
                    },
                ]
            }
        ),
        "topics_refused",
        ("conversations.calls", "conversation:communication:view", "Roles"),
    ),
    "accepted": ("HTTP/1.1 202 Accepted\ncontent-length: 0\n", "no_error", ("202",)),
    "heartbeat": (
        '{"topicName": "channel.metadata", "eventBody": {"message": "WebSocket Heartbeat"}}',
        "no_error",
        ("heartbeat",),
    ),
}


@pytest.mark.parametrize(("text", "word", "told"), CASES.values(), ids=CASES)
def test_it_says_what_is_wrong_and_where_it_is_changed(text, word, told):
    explanation = explain(text)
    assert explanation.word == word
    assert explanation.understood
    shown = f"{explanation.what}\n{explanation.where}"
    for part in told:
        assert part in shown
    assert explanation.what
    assert explanation.where
    assert "\n" not in explanation.what + explanation.where


@pytest.mark.parametrize(
    "text", ["", "  \n", "hello", '{"hello": 1}', '{"status": 7}', '{"message": 3, "code": []}']
)
def test_what_it_does_not_know_it_does_not_explain_away(text):
    explanation = explain(text)
    assert not explanation.understood
    assert "curl -i" in explanation.where


def test_the_correlation_id_and_permissions_are_kept_for_support():
    facts = explain(CASES["missing permission"][0]).facts
    assert facts["correlation_id"] == "c-1"
    assert facts["permissions"] == ("conversation:agentlessCall:add", "conversation:call:record")


def test_the_request_is_named_when_it_was_pasted_too():
    request = "> PATCH /api/v2/conversations/calls/c/participants/p HTTP/2"
    explanation = explain(f"{request}\n< HTTP/2 403\n< \n{body(403, 'not.authorized')}")
    assert "PATCH /conversations/calls/c/participants/p" in explanation.what


def test_a_token_in_the_paste_is_never_shown():
    text = f"> Authorization: Bearer s3cret-token\n< HTTP/2 401\n< \n{body(401, 'bad.credentials')}"
    explanation = explain(text)
    assert "s3cret" not in repr(explanation)


@given(
    st.dictionaries(
        st.sampled_from(
            ["message", "code", "status", "error", "result", "topicName", "entities", "contextId", "state"]
        ),
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False)
        | st.text()
        | st.lists(st.text()),
    )
)
def test_no_object_whatever_makes_it_raise(members):
    explanation = explain(json.dumps(members))
    assert explanation.what
    assert explanation.where
