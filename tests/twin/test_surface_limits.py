"""The rate limit and its headers, and what browsers need."""

import pytest

from twin.platform_client import Platform, send


def test_the_request_after_the_allowed_ones_is_a_429(twin):
    client = Platform.as_client(twin, rate_per_minute=20)
    for used in range(1, 21):
        reply = client.expect(200, "GET", "/api/v2/tokens/me")
        assert reply.headers["inin-ratelimit-count"] == str(used)
        assert reply.headers["inin-ratelimit-allowed"] == "20"
    refused = client.expect(429, "GET", "/api/v2/tokens/me")
    wait = int(refused.headers["retry-after"])
    assert 1 <= wait <= 61
    assert refused.json["code"] == "too.many.requests.retry.after"
    assert (
        refused.json["message"] == f"Rate limit exceeded the maximum. Retry the request in [{wait}] seconds"
    )
    twin.advance(wait)
    client.expect(200, "GET", "/api/v2/tokens/me")


def test_the_announced_client_has_three_hundred_a_minute(twin):
    client = Platform.as_client(twin)
    statuses = [client.send("GET", "/api/v2/oauth/scopes").status for _ in range(301)]
    assert statuses == [200] * 300 + [429]


def test_the_rate_is_counted_per_token(twin):
    made = twin.control("POST", "/clients", {"grant": "client_credentials", "rate_per_minute": 1})
    from twin.platform_client import ask_token

    for _ in range(2):
        form = {"grant_type": "client_credentials"}
        token = ask_token(twin, form, client=(made["id"], made["secret"])).json["access_token"]
        Platform(twin, token).expect(200, "GET", "/api/v2/tokens/me")


@pytest.mark.parametrize("path", ["/api/v2/nothing", "/api/v2/conversations/none", "/api/v2/users/me"])
def test_refusals_carry_the_rate_headers(twin, path):
    reply = Platform.as_client(twin).send("GET", path)
    assert reply.status >= 400
    assert reply.headers["inin-ratelimit-count"] == "1"


@pytest.mark.parametrize(
    ("headers", "code"), [({}, "authentication.required"), ({"Authorization": "Bearer x"}, "bad.credentials")]
)
def test_a_401_carries_only_the_correlation_id(twin, headers, code):
    reply = send(twin, "GET", "/api/v2/tokens/me", headers=headers)
    assert (reply.status, reply.json["code"]) == (401, code)
    assert reply.json["contextId"] == reply.headers["inin-correlation-id"]
    assert not any(name.startswith("inin-ratelimit") for name in reply.headers)


def test_browsers_of_any_origin_may_call_the_api(twin):
    asked = {
        "Origin": "https://crm.example",
        "Access-Control-Request-Method": "PATCH",
        "Access-Control-Request-Headers": "authorization,content-type,purecloud-sdk",
    }
    preflight = send(twin, "OPTIONS", "/api/v2/conversations/calls/x", headers=asked)
    assert preflight.status == 200
    assert "PATCH" in preflight.headers["access-control-allow-methods"]
    assert preflight.headers["access-control-allow-headers"] == asked["Access-Control-Request-Headers"]
    client = Platform.as_client(twin)
    reply = client.send("GET", "/api/v2/tokens/me", headers={"Origin": "https://crm.example"})
    assert reply.headers["access-control-allow-origin"] == "https://crm.example"
    exposed = reply.headers["access-control-expose-headers"].lower()
    assert {"inin-correlation-id", "inin-ratelimit-reset", "retry-after"} <= set(
        exposed.replace(" ", "").split(",")
    )
    token = send(twin, "POST", "/oauth/token", headers={"Origin": "https://crm.example"})
    assert token.headers["access-control-allow-origin"] == "https://crm.example"


def test_answers_without_content_claim_no_type(twin):
    call, client = twin.place_call(), Platform.as_client(twin)
    reply = client.expect(202, "PATCH", client.on_behalf_path(call), {"muted": True})
    assert reply.headers.get("content-length", "0") == "0"
    assert "json" not in reply.headers.get("content-type", "")
