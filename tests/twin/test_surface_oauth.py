"""Tokens and the sign-in page, as browsers and the official SDKs use them."""

import base64
import hashlib
import re
from urllib.parse import urlencode

import pytest

from twin.platform_client import REDIRECT, Platform, ask_token, returned, send, sign_in

VERIFIER = "v" * 43
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()


def test_client_credentials_give_a_token_and_never_a_refresh_token(twin):
    client = twin.client_id, twin.client_secret
    token = ask_token(twin, {"grant_type": "client_credentials"}, client=client).json
    assert token["token_type"] == "bearer"
    assert token["expires_in"] == 86_400
    assert isinstance(token["expires_in"], int)
    assert "refresh_token" not in token


@pytest.mark.parametrize(
    ("client", "form", "status", "word"),
    [
        (("nobody", "x"), {"grant_type": "client_credentials"}, 400, "invalid_client"),
        ((None, "wrong"), {"grant_type": "client_credentials"}, 401, "invalid_client"),
        ((None, None), {"grant_type": "password"}, 400, "unsupported_grant_type"),
        ((None, None), {}, 400, "invalid_request"),
        ((None, None), {"grant_type": "refresh_token", "refresh_token": "made up"}, 400, "invalid_grant"),
    ],
)
def test_a_token_is_refused_in_the_vendors_words(twin, client, form, status, word):
    named = client[0] or twin.client_id, client[1] or twin.client_secret
    refused = ask_token(twin, form, client=named)
    assert refused.status == status
    assert refused.json["error"] in {word, "unauthorized_client"}
    assert "inin-ratelimit-count" not in refused.headers


@pytest.mark.parametrize("member", ["description", "error_description"])
def test_why_there_is_no_token_is_said_in_the_member_the_knob_names(twin, member):
    twin.turn(oauth_error_text=member)
    refused = ask_token(twin, {"grant_type": "client_credentials"}, client=(twin.client_id, "wrong"))
    assert refused.json == {"error": "invalid_client", member: "authentication failed: invalid_client"}


def test_a_form_with_another_content_type_is_not_read(twin):
    headers = {"Content-Type": "application/json"}
    assert send(twin, "POST", "/oauth/token", body='{"grant_type":"x"}', headers=headers).status == 400


def test_the_ledger_shows_no_secret_of_a_token_request(twin):
    Platform.as_person(twin, twin.agents[0])
    ask_token(twin, {"grant_type": "client_credentials"}, client=(twin.client_id, twin.client_secret))
    entries = [entry for entry in twin.ledger(kind="request") if entry["path"] == "/oauth/token"]
    assert [entry["body"]["grant_type"] for entry in entries] == ["authorization_code", "client_credentials"]
    assert entries[0]["body"]["code"] == "(redacted)"
    assert entries[1]["client"] == twin.client_id
    assert twin.client_secret not in str(twin.ledger())


def test_signing_in_leads_back_with_a_code_and_the_state_unchanged(twin):
    made = twin.control("POST", "/clients", {"grant": "code"})
    state = "a b&c=d/ü+%20"
    asked = {"client_id": made["id"], "response_type": "code", "redirect_uri": REDIRECT, "state": state}
    reply = sign_in(twin, twin.agents[0], asked)
    assert "+" not in reply.headers["location"]
    back = returned(reply)
    assert back["state"] == state
    form = {"grant_type": "authorization_code", "code": back["code"], "redirect_uri": REDIRECT}
    token = ask_token(twin, form, client=(made["id"], made["secret"])).json
    assert Platform(twin, token["access_token"]).get("/api/v2/users/me")["email"] == twin.agents[0].email
    again = ask_token(twin, form, client=(made["id"], made["secret"]))
    assert (again.status, again.json["error"]) == (400, "invalid_grant")


def test_a_wrong_password_gives_the_page_again_and_no_code(twin):
    made = twin.control("POST", "/clients", {"grant": "code"})
    asked = {"client_id": made["id"], "response_type": "code", "redirect_uri": REDIRECT}
    reply = sign_in(twin, twin.agents[0], asked, password="guess")
    assert "location" not in reply.headers
    assert b'role="alert"' in reply.body


def test_the_page_is_one_plain_form_without_scripts(twin):
    asked = {"client_id": twin.public_client_id, "response_type": "code", "redirect_uri": REDIRECT}
    asked |= {"code_challenge": CHALLENGE, "code_challenge_method": "S256", "state": '"><script>'}
    page = send(twin, "GET", "/oauth/authorize?" + urlencode(asked)).body.decode()
    assert re.findall(r"<form[^>]*>", page) == ['<form method="post" action="/oauth/authorize">']
    assert "<script" not in page
    assert "http://" not in page.replace("http://localhost:8085", "")


def test_pkce_needs_the_verifier_and_no_secret(twin):
    asked = {"client_id": twin.public_client_id, "response_type": "code", "redirect_uri": REDIRECT}
    asked |= {"code_challenge": CHALLENGE, "code_challenge_method": "S256"}
    form = {"grant_type": "authorization_code", "client_id": twin.public_client_id, "redirect_uri": REDIRECT}
    for verifier, status in (("w" * 43, 400), (VERIFIER, 200)):
        code = returned(sign_in(twin, twin.agents[1], asked))["code"]
        assert ask_token(twin, form | {"code": code, "code_verifier": verifier}).status == status


def test_a_public_client_without_a_challenge_is_sent_back_with_an_error(twin):
    asked = {"client_id": twin.public_client_id, "response_type": "code", "redirect_uri": REDIRECT}
    assert returned(send(twin, "GET", "/oauth/authorize?" + urlencode(asked)))["error"] == "invalid_request"


@pytest.mark.parametrize(
    "elsewhere", ["https://evil.example/cb", "http://127.0.0.1.evil.example/", "javascript:1", ""]
)
def test_nobody_is_sent_to_an_address_off_this_machine(twin, elsewhere):
    asked = {"client_id": twin.public_client_id, "response_type": "code", "redirect_uri": elsewhere}
    reply = send(twin, "GET", "/oauth/authorize?" + urlencode(asked))
    assert reply.status == 400
    assert "location" not in reply.headers
    out = send(twin, "GET", "/logout?" + urlencode({"redirect_uri": elsewhere}))
    assert "location" not in out.headers


def test_a_refresh_gives_two_new_tokens_and_ends_the_old_ones(twin):
    made = twin.control("POST", "/clients", {"grant": "code", "token_seconds": 600})
    client = made["id"], made["secret"]
    asked = {"client_id": made["id"], "response_type": "code", "redirect_uri": REDIRECT}
    code = returned(sign_in(twin, twin.agents[0], asked))["code"]
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT}
    first = ask_token(twin, form, client=client).json
    renewal = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"]}
    second = ask_token(twin, renewal, client=client).json
    assert second["access_token"] != first["access_token"]
    assert second["refresh_token"] != first["refresh_token"]
    assert ask_token(twin, renewal, client=client).json["error"] == "invalid_grant"
    Platform(twin, first["access_token"]).expect(401, "GET", "/api/v2/users/me")
    Platform(twin, second["access_token"]).expect(200, "GET", "/api/v2/users/me")


def test_refresh_tokens_can_be_switched_off(twin):
    twin.turn(refresh_tokens="off")
    made = twin.control("POST", "/clients", {"grant": "code"})
    asked = {"client_id": made["id"], "response_type": "code", "redirect_uri": REDIRECT}
    code = returned(sign_in(twin, twin.agents[0], asked))["code"]
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT}
    assert "refresh_token" not in ask_token(twin, form, client=(made["id"], made["secret"])).json


def test_logging_out_leads_back_to_a_loopback_address(twin):
    reply = send(twin, "GET", "/logout?" + urlencode({"client_id": "x", "redirect_uri": REDIRECT}))
    assert (reply.status, reply.headers["location"]) == (302, REDIRECT)


def test_a_token_ends_by_time_by_its_owner_and_by_idleness(twin):
    short = Platform.as_client(twin, token_seconds=300)
    owned = Platform.as_client(twin)
    owned.expect(200, "DELETE", "/api/v2/tokens/me")
    owned.expect(401, "GET", "/api/v2/tokens/me")
    twin.advance(301)
    short.expect(401, "GET", "/api/v2/tokens/me")
    idle = Platform.as_client(twin)
    twin.turn(idle_token_s=60)
    assert idle.get("/api/v2/tokens/me")["dateTokenIdles"]
    twin.advance(61)
    idle.expect(401, "GET", "/api/v2/tokens/me")
