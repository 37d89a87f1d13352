import msgspec
import pytest

from micgate.genesys.errors import (
    Away,
    BadRequest,
    Conflict,
    Forbidden,
    MissingPermission,
    MissingScope,
    NotAParty,
    NotFound,
    NotGenesys,
    PlatformFailed,
    RateLimited,
    TokenRefused,
    Unreachable,
)  # fmt: skip
from micgate.genesys.messages import Headers, Kind, Request, Response
from micgate.genesys.refusals import refusal

PATCH = Request(
    method="PATCH",
    path="/api/v2/conversations/calls/11111111-aaaa-4aaa-8aaa-111111111111/participants/22222222-bbbb",
    kind=Kind.CHANGE,
)
ON_BEHALF = "conversation:agentlessCall:add"
NAMES = ("conversation:call:record", "conversation:communication:disconnect")
LISTED = f"You must have at least one of the following permissions assigned: [{', '.join(NAMES)}]"


def answered(status, body=None, *, raw=None, headers=None):
    data = raw if raw is not None else b"" if body is None else msgspec.json.encode(body)
    return Response(status=status, headers=Headers(headers or {}), body=data, elapsed=0.1)


def refused(status, body=None, *, request=PATCH, has_user=None, **more):
    return refusal(answered(status, body, **more), request, has_user=has_user)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, BadRequest), (401, TokenRefused), (403, Forbidden), (404, NotFound), (405, BadRequest),
        (408, PlatformFailed),
        (409, Conflict), (413, BadRequest), (415, BadRequest), (429, RateLimited), (500, PlatformFailed),
        (502, PlatformFailed), (503, PlatformFailed), (504, PlatformFailed), (599, PlatformFailed),
    ],
)  # fmt: skip
def test_status_decides_even_without_a_body(status, kind):
    assert isinstance(refused(status), kind)
    assert isinstance(refused(status, {"message": "words that lie: not.found", "code": "no.such.code"}), kind)


def test_facts_are_the_vendors_and_the_requests():
    error = refused(
        404, {"code": "not.found", "contextId": "ctx-1"}, headers={"ININ-Correlation-Id": "corr-1"}
    )

    assert error.facts() == {
        "status": 404, "vendor_code": "not.found", "correlation_id": "corr-1",
        "conversation_id": "11111111-aaaa-4aaa-8aaa-111111111111", "participant_id": "22222222-bbbb",
    }  # fmt: skip
    assert refused(404, {"contextId": "ctx-1"}).correlation_id == "ctx-1"


@pytest.mark.parametrize(
    "body",
    [
        {"messageParams": {"permissions": f"[{', '.join(NAMES)}]"}},
        {"details": [{"errorCode": name} for name in NAMES]},
        {"message": LISTED},
    ],
    ids=["parameters", "details", "text"],
)
def test_missing_permissions_are_named_wherever_they_stand(body):
    error = refused(403, {"code": "missing.any.permissions", **body})

    assert isinstance(error, MissingPermission)
    assert error.permissions == NAMES
    assert "conversation:call:record or conversation:communication:disconnect (one is enough)" in error.means


def test_missing_permissions_are_all_needed_when_the_code_says_so():
    error = refused(403, {"code": "missing.permissions", "message": LISTED})

    assert "conversation:call:record and conversation:communication:disconnect" in error.means


def test_missing_permission_without_a_name_is_still_one():
    error = refused(403, {"code": "missing.permissions"})

    assert isinstance(error, MissingPermission)
    assert error.permissions == ()
    assert "a permission it does not name" in error.means


@pytest.mark.parametrize(
    ("has_user", "there", "not_there"),
    [
        (False, "Integrations > OAuth", "person"),
        (True, "person signed in", "Integrations > OAuth"),
        (None, "OAuth", "\0"),
    ],
)
def test_remedy_names_the_place_that_fits_the_token(has_user, there, not_there):
    error = refused(403, {"code": "missing.permissions"}, has_user=has_user)

    assert there in error.remedy
    assert "Admin > People & Permissions > Roles/Permissions" in error.remedy
    assert not_there not in error.remedy


@pytest.mark.parametrize(
    "body",
    [
        {"code": "not.authorized", "message": "You are not authorized to perform the requested action."},
        {"code": "forbidden", "messageParams": {"id": "x", "type": "Conversation"}},
        {
            "messageWithParams": "Access to {type} {id} is forbidden.",
            "messageParams": {"id": "x", "type": "Conversation"},
        },
    ],
)
def test_caller_outside_the_call_is_no_party(body):
    error = refused(403, body)

    assert isinstance(error, NotAParty)
    assert ON_BEHALF in error.remedy
    assert "Admin > Integrations > OAuth" in error.remedy


def test_a_call_that_may_not_be_read_asks_for_the_permission_to_read():
    request = Request(method="GET", path="/api/v2/conversations/calls/c", kind=Kind.READ)
    error = refused(403, {"code": "not.authorized"}, request=request)

    assert isinstance(error, NotAParty)
    assert "conversation:communication:view" in error.remedy
    assert "on behalf" not in error.remedy


def test_not_authorized_elsewhere_is_merely_forbidden():
    request = Request(method="GET", path="/api/v2/routing/queues")
    error = refused(403, {"code": "not.authorized"}, request=request, has_user=True)

    assert type(error) is Forbidden
    assert "scopes" in error.remedy


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        ({"code": "missing.scopes"}, {}), ({"code": "invalid.scope"}, {}),
        (None, {"WWW-Authenticate": 'Bearer error="insufficient_scope"'}),
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    ("path", "scope"),
    [
        ("/api/v2/users/me", "user-basic-info"), ("/api/v2/users/search", "users:readonly"),
        ("/api/v2/conversations/calls/c", "conversations"),
        ("/api/v2/notifications/channels", "notifications"),
    ],
)  # fmt: skip
def test_missing_scope_names_scope_and_place(body, headers, path, scope):
    error = refused(403, body, headers=headers, request=Request(method="GET", path=path), has_user=True)

    assert isinstance(error, MissingScope)
    assert f"scope {scope}." in error.means
    assert "> Scope" in error.remedy
    assert "Authorized Applications" in error.remedy


def test_scopes_among_the_parameters_of_a_refusal_are_what_it_lacks():
    body = {"code": "not.authorized", "messageParams": {"scopes": "[conversations]"}}
    request = Request(method="GET", path="/api/v2/conversations/calls/c")
    error = refused(403, body, request=request, has_user=True)

    assert isinstance(error, MissingScope)
    assert "scope conversations." in error.means


def test_rate_limit_carries_the_wait_and_the_limits_name():
    body = {
        "code": "too.many.requests.retry.after",
        "limit": {"key": "client.credentials.token.rate.per.minute"},
    }
    error = refused(429, body, headers={"Retry-After": "42"})

    assert error.retry_after == 42.0
    assert "client.credentials.token.rate.per.minute" in error.means
    assert "42 s" in error.means


def test_failing_platform_waits_only_when_told():
    window = {"inin-ratelimit-reset": "61"}

    assert refused(503, headers=window).retry_after is None
    assert refused(503, headers={"Retry-After": "3", **window}).retry_after == 3.0


@pytest.mark.parametrize("status", [200, 202, 403, 404, 429, 503])
def test_web_page_is_not_genesys_whatever_its_status(status):
    error = refused(status, raw=b"<html><title>Blocked by policy</title>")

    assert isinstance(error, NotGenesys)
    assert "Blocked by policy" in error.what
    assert error.status == status


@pytest.mark.parametrize("raw", [b"upstream connect error", b'"text"', b"[1]", b"\xff\xfe", b"{"])
def test_other_shapes_are_not_genesys_but_a_failure_is_a_failure(raw):
    assert isinstance(refused(404, raw=raw), NotGenesys)
    assert isinstance(refused(500, raw=raw), PlatformFailed)


def test_error_with_odd_members_keeps_its_code():
    error = refused(403, {"code": "missing.permissions", "messageParams": {"n": [1]}, "details": "none"})

    assert isinstance(error, MissingPermission)


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_redirect_is_not_followed_and_shows_only_the_host(status):
    error = refused(status, headers={"Location": "https://portal.example/sign-in?token=abc"})

    assert isinstance(error, NotGenesys)
    assert "portal.example" in error.what
    assert "token" not in error.what


def test_proxy_that_wants_a_password_was_not_passed():
    error = refused(407, raw=b"no")

    assert isinstance(error, Unreachable)
    assert (error.cause, error.reached) == ("proxy", False)


def test_channel_id_is_not_shown():
    secret = "streaming-5-abcdefghijklmnop"
    request = Request(method="PUT", path=f"/api/v2/notifications/channels/{secret}/subscriptions")

    for status in (302, 403, 404, 500):
        error = refused(status, request=request)
        assert secret not in f"{error} {error!r} {error.facts()}"


@pytest.mark.parametrize("status", [*range(300, 309), *range(400, 430), *range(500, 512)])
def test_every_error_says_what_it_means_and_what_to_do(status):
    for body in (None, {"message": "as told", "code": "some.code"}):
        error = refused(status, body)

        assert error.what.endswith(".")
        assert error.remedy
        assert error.means or (body is None and isinstance(error, BadRequest | Forbidden))
        assert isinstance(error, Away) or error.status == status


def test_without_a_request_the_text_still_stands():
    error = refusal(answered(403, {"code": "missing.permissions"}))

    assert error.what == "Genesys Cloud answered 403 (missing.permissions) to a request."
