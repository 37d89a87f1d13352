from base64 import b64decode
from urllib.parse import parse_qs, parse_qsl, urlsplit

import msgspec
import pytest

from micgate.genesys.errors import BadCredentials, NotGenesys, PlatformFailed, RateLimited
from micgate.genesys.io import drive
from micgate.genesys.messages import Headers, Kind, Response
from micgate.genesys.oauth import (
    AccessToken,
    ClientCredentials,
    UserSession,
    authorize_url,
    client_credentials_request,
    code_request,
    pkce_pair,
    read_token,
    refresh_request,
    renewal_margin,
    renewed,
    sign_in,
)
from micgate.genesys.regions import find_region

REGION = find_region("mypurecloud.ie")
SECRET = "cl13nt-s3cr3t"
SESSION = UserSession(
    client_id="browser", access_token="old-access", refresh_token="old-refresh", expires_at=1000.0
)


def answered(status=200, body=None, *, raw=None, **headers):
    data = raw if raw is not None else msgspec.json.encode(body or {})
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(status=status, headers=Headers(named), body=data, elapsed=0.1)


def form(asked):
    return dict(parse_qsl(asked.request.body.decode()))


def basic(asked):
    return b64decode(asked.headers["Authorization"].removeprefix("Basic ")).decode()


def test_client_asks_with_its_secret_in_a_basic_header_only():
    asked = client_credentials_request(ClientCredentials("client-1", SECRET))

    assert (asked.request.method, asked.request.host, asked.request.path) == ("POST", "login", "/oauth/token")
    assert asked.request.kind is Kind.TOKEN
    assert form(asked) == {"grant_type": "client_credentials"}
    assert basic(asked) == f"client-1:{SECRET}"


def test_code_is_exchanged_with_a_basic_header():
    asked = code_request(
        client_id="c", client_secret=SECRET, code="code-1", redirect_uri="http://127.0.0.1/cb"
    )

    assert form(asked) == {
        "grant_type": "authorization_code", "code": "code-1", "redirect_uri": "http://127.0.0.1/cb",
    }  # fmt: skip
    assert basic(asked) == f"c:{SECRET}"


def test_pkce_proves_itself_without_a_basic_header():
    asked = code_request(
        client_id="browser", client_secret=None, code="code-1", redirect_uri="http://r", verifier="v" * 43
    )

    assert "Authorization" not in asked.headers
    assert form(asked)["code_verifier"] == "v" * 43
    assert form(asked)["client_id"] == "browser"


def test_pkce_pair_is_as_rfc_7636_has_it():
    octets = bytes.fromhex("7418dfb49799e0254ffa607dd8adbbba16d4254d69d6bff05b58055853848d79")

    pair = pkce_pair(lambda _size: octets)

    assert pair.verifier == "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    assert pair.challenge == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
    assert 43 <= len(pkce_pair().verifier) <= 128
    assert pkce_pair() != pkce_pair()


def test_authorize_url_carries_challenge_and_state():
    url = urlsplit(
        authorize_url(
            REGION, client_id="browser", redirect_uri="http://127.0.0.1:1/cb", state="s&t", challenge="ch"
        )
    )

    assert f"{url.scheme}://{url.netloc}{url.path}" == "https://login.mypurecloud.ie/oauth/authorize"
    assert parse_qs(url.query) == {
        "client_id": ["browser"], "response_type": ["code"], "redirect_uri": ["http://127.0.0.1:1/cb"],
        "state": ["s&t"], "code_challenge": ["ch"], "code_challenge_method": ["S256"],
    }  # fmt: skip


def test_refresh_sends_the_old_token_and_keeps_the_new_one():
    token = read_token(
        answered(body={"access_token": "new-access", "expires_in": 3600, "refresh_token": "new-refresh"}),
        asked=refresh_request(SESSION),
        region=REGION,
    )
    session = renewed(SESSION, token, now=5000.0)

    assert form(refresh_request(SESSION))["refresh_token"] == "old-refresh"
    assert (session.access_token, session.refresh_token) == ("new-access", "new-refresh")
    assert session.expires_at == 8600.0


def test_answer_without_a_refresh_token_leaves_the_old_one():
    asked = refresh_request(SESSION)
    token = read_token(answered(body={"access_token": "new"}), asked=asked, region=REGION)

    assert renewed(SESSION, token, now=0.0).refresh_token == "old-refresh"


def test_only_a_client_stands_for_nobody():
    client = client_credentials_request(ClientCredentials("c", SECRET))
    body = {"access_token": "a", "expires_in": "86400"}

    assert read_token(answered(body=body), asked=client, region=REGION).has_user is False
    assert read_token(answered(body=body), asked=refresh_request(SESSION), region=REGION).has_user is True


@pytest.mark.parametrize(("life", "margin"), [(86400, 300), (3000, 300), (2999, 299.9), (900, 90), (300, 30)])
def test_renewal_is_five_minutes_early_but_never_more_than_a_tenth(life, margin):
    assert renewal_margin(life) == pytest.approx(margin)


def refusal(status, body=None, *, asked=None, **more):
    with pytest.raises((BadCredentials, NotGenesys, RateLimited, PlatformFailed)) as caught:
        read_token(
            answered(status, body, **more),
            asked=asked or client_credentials_request(ClientCredentials("client-1", SECRET)),
            region=REGION,
        )
    return caught.value


def test_unknown_client_is_told_from_a_wrong_secret():
    body = {"error": "invalid_client", "description": "client not found: invalid_client"}
    unknown, wrong = refusal(400, body), refusal(401, {"error": "invalid_client"})

    assert isinstance(unknown, BadCredentials)
    assert "client-1 is not known at login.mypurecloud.ie" in str(unknown)
    assert "GENESYS_REGION" in unknown.remedy
    assert "secret of the OAuth client client-1" in str(wrong)
    assert "GENESYS_CLIENT_SECRET" in wrong.remedy
    assert (wrong.status, wrong.vendor_code) == (401, "invalid_client")


def test_used_code_and_ended_session_have_texts_of_their_own():
    code = code_request(client_id="c", client_secret=None, code="x", redirect_uri="r", verifier="v")
    texts = {
        str(refusal(400, {"error": "invalid_grant"}, asked=asked))
        for asked in (code, refresh_request(SESSION), None)
    }

    assert len(texts) == 3
    assert any("redirect URI" in text for text in texts)
    assert any("inactivity timeout" in text for text in texts)


@pytest.mark.parametrize("status", [400, 401, 403])
def test_other_words_are_shown_with_what_was_said(status):
    error = refusal(status, {"error": "unsupported_grant_type", "message": "no such grant"})

    assert isinstance(error, BadCredentials)
    assert f"{status}: no such grant" in str(error)


def test_client_of_the_wrong_kind_is_sent_to_approval():
    error = refusal(400, {"error": "unauthorized_client"})

    assert "Authorized Applications" in error.remedy


@pytest.mark.parametrize("status", [200, 400, 401, 403, 407, 502])
def test_web_page_is_not_genesys(status):
    page = b"\n<!DOCTYPE html><html><head><title>Zscaler  sign-in</title></head></html>"
    error = refusal(status, raw=page)

    assert isinstance(error, NotGenesys)
    assert "Zscaler sign-in" in str(error)


@pytest.mark.parametrize("status", [301, 302, 404, 405])
def test_what_no_token_endpoint_says_is_not_genesys(status):
    assert isinstance(refusal(status, raw=b"{}", location="https://elsewhere.example/x"), NotGenesys)


def test_answer_without_a_token_is_not_genesys():
    for raw in (b"{}", b"[]", b'"x"', b"", b'{"access_token":""}', b'{"access_token":"a\\nb"}', b"\xff"):
        assert isinstance(refusal(200, raw=raw), NotGenesys)


def test_busy_and_broken_login_are_not_bad_credentials():
    assert refusal(429, retry_after="7").retry_after == 7.0
    assert isinstance(refusal(503), PlatformFailed)


def test_no_text_or_repr_shows_a_secret():
    asked = client_credentials_request(ClientCredentials("client-1", SECRET))
    echo = {"error": "odd", "error_description": f"bad {SECRET} in {asked.headers['Authorization']}"}
    error = refusal(400, echo)
    session = UserSession(
        client_id="c", client_secret=SECRET, access_token=SECRET, refresh_token=SECRET, expires_at=0
    )
    token = read_token(answered(body={"access_token": SECRET}), asked=asked, region=REGION)
    pair = pkce_pair()
    shown = [error, asked, asked.request, session, token, ClientCredentials("c", SECRET), AccessToken(SECRET)]

    for thing in shown:
        assert SECRET not in f"{thing!r} {thing}"
        assert asked.headers["Authorization"].split()[1] not in repr(thing)
    assert pair.verifier not in repr(pair)


@pytest.mark.parametrize("odd", ["", "a b", "tok\r\nX-Evil: 1", "tøken", "tok\n"])
def test_credentials_that_cannot_be_a_header_are_refused_without_showing_them(odd):
    with pytest.raises(BadCredentials) as caught:
        AccessToken(odd)

    assert not odd or odd not in str(caught.value)
    with pytest.raises(BadCredentials):
        ClientCredentials("client", odd)


class OneAnswer:
    def __init__(self, response):
        self.response = response
        self.headers = None

    async def send(self, request, headers):
        self.headers = headers
        return self.response


def test_browser_sign_in_ends_in_a_session():
    wire = OneAnswer(answered(body={"access_token": "a", "refresh_token": "r", "expires_in": 900}))

    session = drive(
        sign_in(
            wire, region=REGION, client_id="browser", code="c", redirect_uri="r", verifier="v", now=100.0,
            headers={"User-Agent": "micgate/1"},
        )
    )  # fmt: skip

    assert (session.access_token, session.refresh_token, session.expires_at) == ("a", "r", 1000.0)
    assert wire.headers["User-Agent"] == "micgate/1"
