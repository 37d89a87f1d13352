"""What it means when the token endpoint gives no token.

Statuses of refused clients as observed by `gildas/go-gcloudcx` (`login_test.go`); the word for a used or
expired code is unconfirmed and taken from RFC 6749. Decisions rest on the status and the `error` word only.
"""

from typing import Literal

import msgspec

from micgate.genesys.errors import BadCredentials, GenesysError
from micgate.genesys.messages import Request, Response
from micgate.genesys.refusals import is_markup, not_genesys, refusal

GrantName = Literal["client_credentials", "authorization_code", "refresh_token"]

_BAD_REQUEST, _UNAUTHORIZED, _FORBIDDEN, _TOO_MANY, _FIRST_SERVER_ERROR = 400, 401, 403, 429, 500


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked for, as far as a text may tell; `secrets` are cut out of what the vendor said."""

    request: Request
    grant: GrantName
    client_id: str
    host: str
    secrets: tuple[str, ...]

    def __repr__(self) -> str:
        return f"Asked({self.grant} at {self.host})"


def refused_grant(response: Response, asked: Asked) -> GenesysError:
    """The error that any answer other than 200 of the token endpoint means."""
    if is_markup(response) or response.status < _BAD_REQUEST:
        return not_genesys(response, asked.request)
    if response.status == _TOO_MANY or response.status >= _FIRST_SERVER_ERROR:
        return refusal(response, asked.request)
    said = _read(response)
    if said.error is None and said.code is None and response.status not in {_UNAUTHORIZED, _FORBIDDEN}:
        return not_genesys(response, asked.request)
    return _bad_credentials(response, said, asked)


class _TokenError(msgspec.Struct, frozen=True):
    """`code` is in the API's errors only, `error` in those of OAuth."""

    error: str | None = None
    code: str | None = None
    error_description: str | None = None
    description: str | None = None
    message: str | None = None


def _read(response: Response) -> _TokenError:
    try:
        return msgspec.json.decode(response.body, type=_TokenError)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _TokenError()


def _bad_credentials(response: Response, said: _TokenError, asked: Asked) -> BadCredentials:
    what, means, remedy = _TEXTS.get(_case(response, said, asked), _OTHER_TEXT)
    facts = {
        "client": asked.client_id,
        "host": asked.host,
        "said": _quoted(said, response.status, asked.secrets),
    }
    return BadCredentials(
        what.format_map(facts),
        means=means.format_map(facts),
        remedy=remedy.format_map(facts),
        status=response.status,
        vendor_code=said.error,
        correlation_id=response.correlation_id,
    )


def _case(response: Response, said: _TokenError, asked: Asked) -> str:
    if said.error == "invalid_client" and response.status == _UNAUTHORIZED:
        return "wrong_secret"
    return f"invalid_grant {asked.grant}" if said.error == "invalid_grant" else said.error or ""


_OAUTH_PAGE = "Admin > Integrations > OAuth"
_APPROVALS = "Admin > Integrations > Authorized Applications"
_SIGN_IN_AGAIN = "Sign in again (micgate login)."
_TEXTS = {
    "invalid_client": (
        "The OAuth client {client} is not known at {host}.",
        "Its id is mistyped, the client was deleted, or the organization lives in another region.",
        f"Compare GENESYS_CLIENT_ID with {_OAUTH_PAGE}, and GENESYS_REGION with where people sign in.",
    ),
    "wrong_secret": (
        "{host} refused the secret of the OAuth client {client}.",
        "The client exists, so region and id are right; its secret is wrong or was renewed.",
        f"Copy the secret from {_OAUTH_PAGE} > the client into GENESYS_CLIENT_SECRET.",
    ),
    "invalid_grant authorization_code": (
        "{host} refused the sign-in code.",
        "A code works once, for a few minutes, and only with the redirect URI it was asked for.",
        _SIGN_IN_AGAIN
        + f" The redirect URI must stand under {_OAUTH_PAGE} > the client > Authorized redirect URIs.",
    ),
    "invalid_grant refresh_token": (
        "{host} refused to renew the sign-in.",
        "It was used elsewhere, revoked, or ended by the organization's inactivity timeout.",
        _SIGN_IN_AGAIN,
    ),
    "invalid_grant client_credentials": (
        "{host} refused to give the OAuth client {client} a token.",
        "",
        f"Look at the client under {_OAUTH_PAGE}.",
    ),
    "unauthorized_client": (
        "The OAuth client {client} may not use this way of signing in ({said}).",
        "Each client has one grant type.",
        f"Choose the grant type under {_OAUTH_PAGE} > the client, or approve the client under {_APPROVALS}.",
    ),
}
_OTHER_TEXT = (
    "{host} refused to give the OAuth client {client} a token ({said}).",
    "",
    f"Look at the client under {_OAUTH_PAGE}: grant type, roles, and that it is not disabled.",
)


def _quoted(said: _TokenError, status: int, hidden: tuple[str, ...]) -> str:
    text = said.error_description or said.description or said.message or said.error or ""
    for secret in hidden:
        if secret:
            text = text.replace(secret, "***")
    return f"{status}: {text[:_LONGEST_QUOTE]}" if text else str(status)


_LONGEST_QUOTE = 120
