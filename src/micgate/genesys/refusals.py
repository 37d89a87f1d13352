"""What an answer of 300 and above means: status first, then the vendor's code, never the wording.

Codes as in the API definition (`swagger.json` of platform-client-sdk-python @ 275b0605) and
`gildas/go-gcloudcx` (`errors.go`). Wording is used for one thing only: to show the names of permissions.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import msgspec

from micgate.genesys.errors import (
    BadRequest,
    Conflict,
    Forbidden,
    GenesysError,
    MissingPermission,
    MissingScope,
    NotAParty,
    NotFound,
    NotGenesys,
    PlatformFailed,
    RateLimited,
    TokenRefused,
    Unreachable,
)
from micgate.genesys.messages import Kind, Request, Response
from micgate.genesys.models import ErrorBody
from micgate.genesys.ratelimit import seconds_to_wait


def refusal(
    response: Response, request: Request | None = None, *, has_user: bool | None = None
) -> GenesysError:
    """The error that an answer other than 2xx means.

    `has_user` says whose token asked (None: not known) and only chooses where the text says to change
    something.
    """
    if response.status < _BAD_REQUEST or is_markup(response):
        return not_genesys(response, request)
    body = _read(response)
    if body is None and response.status < _FIRST_SERVER_ERROR and response.status != _PROXY_AUTHENTICATION:
        return not_genesys(response, request)
    answer = _Answer(response=response, request=request, body=body or ErrorBody(), has_user=has_user)
    return _BY_STATUS.get(response.status, _other)(answer)


def not_genesys(response: Response, request: Request | None) -> NotGenesys:
    """Somebody in between answered: a proxy's or gateway's page, a redirect, a shape the platform does not
    have.
    """
    if _REDIRECTS <= response.status < _BAD_REQUEST:
        to = urlsplit(response.headers.get("location", "")).netloc or "another path"
        what = f"{_shown(request)} was answered with a redirect to {to}."
        means = "The API never redirects, and nothing that carries a token is sent on."
    else:
        what = f"{_shown(request)} was answered with {response.status} and {_kind_of_body(response)}."
        means = (
            "That is not the platform: a proxy, gateway, sign-in portal or wrong host answers in its place."
        )
    return NotGenesys(
        what,
        means=means,
        remedy="Check GENESYS_REGION, HTTPS_PROXY and NO_PROXY, or ask whoever runs the network.",
        status=response.status,
        correlation_id=response.correlation_id,
    )


def is_markup(response: Response) -> bool:
    """Whether the body is a page; no JSON document begins like one."""
    return response.body[:64].lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<")


def permissions_in(body: ErrorBody) -> tuple[str, ...]:
    """The permissions a refusal names, in its parameters, its details or the list in its text."""
    found = (name for text in _texts(body) for name in _PERMISSION.findall(text))
    return tuple(dict.fromkeys(found))


class _Answer(msgspec.Struct, frozen=True, kw_only=True):
    response: Response
    request: Request | None
    body: ErrorBody
    has_user: bool | None

    @property
    def what(self) -> str:
        code = f" ({self.body.code})" if self.body.code else ""
        return f"Genesys Cloud answered {self.response.status}{code} to {_shown(self.request)}."

    @property
    def facts(self) -> dict[str, Any]:
        conversation_id, participant_id = _ids(self.request)
        return {
            "status": self.response.status,
            "vendor_code": self.body.code,
            "correlation_id": self.response.correlation_id or self.body.context_id,
            "conversation_id": conversation_id,
            "participant_id": participant_id,
        }


_REDIRECTS, _BAD_REQUEST, _FIRST_SERVER_ERROR, _PROXY_AUTHENTICATION = 300, 400, 500, 407


def _unauthorized(answer: _Answer) -> GenesysError:
    return TokenRefused(
        answer.what,
        means="The access token is unknown, expired or revoked.",
        remedy="An OAuth client gets a new one with the next command; GENESYS_ACCESS_TOKEN must be replaced, "
        "and a person signs in again (micgate login). A token works only in the region it comes from.",
        **answer.facts,
    )


def _forbidden(answer: _Answer) -> GenesysError:
    code = answer.body.code or ""
    if code in {"missing.permissions", "missing.any.permissions"}:
        return _missing_permission(answer)
    if _lacks_a_scope(answer):
        return _missing_scope(answer)
    if _concerns_a_conversation(answer) and code in {"", "not.authorized", "forbidden"}:
        return _not_a_party(answer)
    return Forbidden(
        answer.what,
        means=_quoted(answer.body),
        remedy=_where_roles_are(answer.has_user)
        + " A role counts only in the divisions it is given for"
        + (" and, for a person's token, within the OAuth client's scopes." if answer.has_user else "."),
        **answer.facts,
    )


def _lacks_a_scope(answer: _Answer) -> bool:
    """With which code is unconfirmed; it may be `not.authorized` with the scopes among the parameters."""
    names = (answer.body.code or "", *(answer.body.message_params or {}))
    challenge = answer.response.headers.get("www-authenticate", "")
    return any("scope" in name for name in names) or "insufficient_scope" in challenge


def _missing_permission(answer: _Answer) -> GenesysError:
    names = permissions_in(answer.body)
    every = answer.body.code == "missing.permissions"
    wanted = "a permission it does not name" if not names else (" and " if every else " or ").join(names)
    return MissingPermission(
        answer.what,
        means=f"It asks for {wanted}{'' if every or len(names) < _SEVERAL else ' (one is enough)'}.",
        remedy=_where_roles_are(answer.has_user),
        permissions=names,
        **answer.facts,
    )


_SEVERAL = 2


def _missing_scope(answer: _Answer) -> GenesysError:
    scope = _named_scope(answer.body) or _scope_for(answer.request)
    return MissingScope(
        answer.what,
        means="The OAuth client that this person signed in with may not use that part of the API"
        + (f": it lacks the scope {scope}." if scope else "."),
        remedy="Add the scope under Admin > Integrations > OAuth > the client > Scope, approve it again "
        "under Admin > Integrations > Authorized Applications, and sign in anew.",
        **answer.facts,
    )


def _named_scope(body: ErrorBody) -> str | None:
    named = (value.strip("[] ") for name, value in (body.message_params or {}).items() if "scope" in name)
    return next(named, None)


def _not_a_party(answer: _Answer) -> GenesysError:
    reads = answer.request is not None and answer.request.kind is Kind.READ
    return NotAParty(
        answer.what,
        means="Whoever owns this token is not on that call, or the role does not cover the call's division.",
        remedy=_TO_READ if reads else _TO_CHANGE,
        **answer.facts,
    )


_TO_READ = (
    "Reading somebody else's call takes conversation:communication:view, in the call's division: "
    "Admin > People & Permissions > Roles, and for a service account Admin > Integrations > OAuth > "
    "the client > Roles."
)
_TO_CHANGE = (
    "A service account changes a call on behalf of the agent (MICGATE_STRATEGY=on_behalf), with "
    "conversation:agentlessCall:add in a role of its OAuth client: "
    "Admin > Integrations > OAuth > the client > Roles. "
    "Or use the agent's own token (micgate login as the agent)."
)


def _not_found(answer: _Answer) -> GenesysError:
    return NotFound(
        answer.what,
        means="Genesys Cloud does not know it, or no longer: the call ended, or the id is of elsewhere.",
        remedy="Look the call up again; with ids of your own, check them and GENESYS_REGION.",
        **answer.facts,
    )


def _conflict(answer: _Answer) -> GenesysError:
    return Conflict(
        answer.what,
        means="That end of the call cannot take the change in its present state.",
        remedy="Look at the call's state: only a connected end can be muted.",
        **answer.facts,
    )


def _too_many(answer: _Answer) -> GenesysError:
    seconds = seconds_to_wait(answer.response.headers)
    limit = answer.body.limit.key if answer.body.limit else None
    return RateLimited(
        answer.what,
        means="The rate limit is used up"
        + (f" ({limit})" if limit else "")
        + (f"; it asks to wait {seconds:.0f} s." if seconds is not None else "."),
        remedy="Wait, and find out who else uses this OAuth client: its processes share one budget a minute.",
        retry_after=seconds,
        **answer.facts,
    )


def _proxy_authentication(answer: _Answer) -> GenesysError:
    return Unreachable(
        "The proxy answered 407: it wants a user name and password.",
        means="The request did not leave the network.",
        remedy="Put them into the proxy's address: HTTPS_PROXY=http://user:password@proxy:port .",
        cause="proxy",
        reached=False,
        status=answer.response.status,
    )


def _failed(answer: _Answer) -> GenesysError:
    return PlatformFailed(
        answer.what,
        means=f"The platform is in trouble; {_left_behind(answer.request)}.",
        remedy="Try again; https://status.mypurecloud.com tells about outages.",
        retry_after=seconds_to_wait(answer.response.headers)
        if "retry-after" in answer.response.headers
        else None,
        **answer.facts,
    )


def _left_behind(request: Request | None) -> str:
    if request is not None and request.kind is not Kind.CHANGE:
        return "it was only asked, and nothing was changed"
    return "whether it did what was asked is not known"


def _other(answer: _Answer) -> GenesysError:
    if answer.response.status >= _FIRST_SERVER_ERROR:
        return _failed(answer)
    return BadRequest(
        answer.what,
        means=_quoted(answer.body),
        remedy="The request is not as Genesys Cloud wants it: check the ids and values given.",
        **answer.facts,
    )


_BY_STATUS: dict[int, Callable[[_Answer], GenesysError]] = {
    401: _unauthorized,
    403: _forbidden,
    404: _not_found,
    407: _proxy_authentication,
    408: _failed,
    409: _conflict,
    429: _too_many,
}


def _where_roles_are(has_user: bool | None) -> str:  # noqa: FBT001 -- the only argument, as in `refusal`
    role = "Add it to a role under Admin > People & Permissions > Roles/Permissions"
    if has_user is None:
        return (
            f"{role}, and give that role to the person, or to the OAuth client under "
            "Admin > Integrations > OAuth > the client > Roles, for the agent's division."
        )
    if has_user:
        return f"{role}, and give that role to the person signed in, for the agent's division."
    return (
        f"{role}, and give that role to the OAuth client under "
        "Admin > Integrations > OAuth > the client > Roles, for the agent's division."
    )


def _concerns_a_conversation(answer: _Answer) -> bool:
    kind = (answer.body.message_params or {}).get("type", "")
    return kind.lower() == "conversation" or _ids(answer.request)[0] is not None


_CONVERSATION = re.compile(r"/api/v2/conversations/(?:calls/)?([^/]+)(?:/participants/([^/]+))?")


def _ids(request: Request | None) -> tuple[str | None, str | None]:
    match = _CONVERSATION.match(request.path) if request else None
    if match is None or match[1] == "calls":
        return None, None
    return match[1], match[2]


_SCOPES = (
    ("/api/v2/users/me", "user-basic-info"),
    ("/api/v2/conversations", "conversations"),
    ("/api/v2/users", "users:readonly"),
    ("/api/v2/routing", "routing:readonly"),
    ("/api/v2/notifications", "notifications"),
    ("/api/v2/analytics", "analytics:readonly"),
    ("/api/v2/authorization", "authorization:readonly"),
)


def _scope_for(request: Request | None) -> str | None:
    path = request.path if request else ""
    return next((scope for prefix, scope in _SCOPES if path.startswith(prefix)), None)


_LONG_ID = re.compile(r"(?<=/)(?=[^/]*\d)([^/]{8})[^/]{4,}")


def _shown(request: Request | None) -> str:
    """Method and path. Ids are cut short, because a notification channel's id is a secret."""
    if request is None:
        return "a request"
    path = _LONG_ID.sub(r"\1", request.path.removeprefix("/api/v2"))
    return f"{request.method} {path}"


def _read(response: Response) -> ErrorBody | None:
    """The vendor's error; an empty one for an empty body; None for something else altogether."""
    if not response.body.strip():
        return ErrorBody()
    try:
        return msgspec.json.decode(response.body, type=ErrorBody, strict=False)
    except msgspec.ValidationError:
        return _read_bare(response)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def _read_bare(response: Response) -> ErrorBody | None:
    try:
        bare = msgspec.json.decode(response.body, type=_BareError, strict=False)
    except msgspec.ValidationError:
        return None
    return ErrorBody(code=bare.code, message=bare.message)


class _BareError(msgspec.Struct, frozen=True):
    """For an error whose other members are not as described."""

    code: str | None = None
    message: str | None = None


def _quoted(body: ErrorBody) -> str:
    text = " ".join((body.message or "").split())
    return f'It says: "{text[:_LONGEST_QUOTE]}".' if text else ""


_LONGEST_QUOTE = 200
_PERMISSION = re.compile(r"\b[A-Za-z][A-Za-z0-9]*:[A-Za-z0-9*]+:[A-Za-z0-9*]+")


def _texts(body: ErrorBody) -> Iterator[str]:
    yield from (body.message_params or {}).values()
    for detail in body.details or ():
        yield from (text for text in (detail.error_code, detail.field_name) if text)
    yield body.message or ""


_TITLE = re.compile(rb"<title[^>]*>([^<]{1,200})</title>", re.IGNORECASE)


def _kind_of_body(response: Response) -> str:
    if not is_markup(response):
        return "a body that is not the API's"
    title = _TITLE.search(response.body[:4096])
    text = " ".join(title[1].decode("utf-8", "replace").split()) if title else ""
    return f'a web page ("{text[:80]}")' if text.isprintable() and text else "a web page"
