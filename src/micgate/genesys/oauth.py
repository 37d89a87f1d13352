"""Grants: credentials, and the form posts that turn them into tokens.

Flows as in the Python SDK's `api_client.py` and
https://developer.genesys.cloud/api/rest/authorization/use-authorization-code .
"""

import secrets
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from urllib.parse import urlencode

import msgspec

from micgate.genesys.errors import BadCredentials, NotGenesys
from micgate.genesys.grant_refusals import Asked, GrantName, refused_grant
from micgate.genesys.io import Wire
from micgate.genesys.messages import Kind, Request, Response
from micgate.genesys.refusals import is_markup
from micgate.genesys.regions import Region

EARLIEST_RENEWAL = 300.0
_SHORTEST_LIFE = (
    300.0  # Genesys lets a client's tokens live 300 s to 48 h; assumed when the answer does not say
)


@dataclass(frozen=True, slots=True)
class ClientCredentials:
    """An OAuth client with the grant type Client Credentials: a service, nobody in particular."""

    client_id: str
    client_secret: str = field(repr=False)

    def __post_init__(self) -> None:
        _check_visible("The OAuth client's id or secret", self.client_id, self.client_secret)


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A token somebody else obtained. It cannot be renewed."""

    token: str = field(repr=False)

    def __post_init__(self) -> None:
        _check_visible("The access token", self.token)


@dataclass(frozen=True, slots=True, kw_only=True)
class UserSession:
    """A person's sign-in. `expires_at` is in seconds since 1970; without a `refresh_token` it just ends."""

    client_id: str
    client_secret: str | None = field(default=None, repr=False)
    access_token: str = field(repr=False)
    refresh_token: str | None = field(default=None, repr=False)
    expires_at: float

    def __post_init__(self) -> None:
        _check_visible("The stored sign-in", self.client_id, self.access_token, self.refresh_token or "x")


Credentials = ClientCredentials | AccessToken | UserSession


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """An access token. `life` is in seconds from its arrival; `has_user` None means that only asking can
    tell.
    """

    value: str = field(repr=False)
    life: float
    refresh_token: str | None = field(default=None, repr=False)
    has_user: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRequest:
    """A request to the token endpoint, with the headers only it needs. No message shows its `secrets`."""

    request: Request
    grant: GrantName
    client_id: str
    headers: Mapping[str, str] = field(repr=False)
    secrets: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class PkcePair:
    """RFC 7636: the verifier stays here, its challenge goes into the authorize URL."""

    verifier: str = field(repr=False)
    challenge: str


def pkce_pair(random: Callable[[int], bytes] = secrets.token_bytes) -> PkcePair:
    verifier = _unpadded(random(64))
    return PkcePair(verifier=verifier, challenge=_unpadded(sha256(verifier.encode()).digest()))


def authorize_url(
    region: Region,
    *,
    client_id: str,
    redirect_uri: str,
    state: str,
    challenge: str | None = None,
    login_hint: str | None = None,
) -> str:
    """Where to send the browser. It comes back to `redirect_uri` with `code` and `state`, or with `error`."""
    query = {"client_id": client_id, "response_type": "code", "redirect_uri": redirect_uri, "state": state}
    if challenge:
        query |= {"code_challenge": challenge, "code_challenge_method": "S256"}
    if login_hint:
        query["login_hint"] = login_hint
    return f"{region.login_url}/oauth/authorize?{urlencode(query)}"


def client_credentials_request(credentials: ClientCredentials) -> TokenRequest:
    return _token_request(
        "client_credentials",
        client_id=credentials.client_id,
        client_secret=credentials.client_secret,
        form={"grant_type": "client_credentials"},
    )


def code_request(
    *, client_id: str, client_secret: str | None, code: str, redirect_uri: str, verifier: str | None = None
) -> TokenRequest:
    """Exchange a code. With a secret it goes into a Basic header; without one, PKCE's `verifier` proves who
    asks.
    """
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri}
    if verifier:
        form["code_verifier"] = verifier
    return _token_request(
        "authorization_code",
        client_id=client_id,
        client_secret=client_secret,
        form=form,
        secrets=(code, verifier or ""),
    )


def refresh_request(session: UserSession) -> TokenRequest:
    """The answer carries a new refresh token too, and the one sent is used up."""
    refresh_token = session.refresh_token or ""
    return _token_request(
        "refresh_token",
        client_id=session.client_id,
        client_secret=session.client_secret,
        form={"grant_type": "refresh_token", "refresh_token": refresh_token},
        secrets=(refresh_token,),
    )


async def exchange(
    wire: Wire, asked: TokenRequest, *, region: Region, headers: Mapping[str, str] | None = None
) -> Token:
    """Ask once. `headers` are those every request carries (User-Agent, a gateway's)."""
    response = await wire.send(asked.request, {**(headers or {}), **asked.headers})
    return read_token(response, asked=asked, region=region)


async def sign_in(
    wire: Wire,
    *,
    region: Region,
    client_id: str,
    client_secret: str | None = None,
    code: str,
    redirect_uri: str,
    verifier: str | None = None,
    now: float,
    headers: Mapping[str, str] | None = None,
) -> UserSession:
    """Turn the code of a browser sign-in into a session. `now` is in seconds since 1970."""
    asked = code_request(
        client_id=client_id,
        client_secret=client_secret,
        code=code,
        redirect_uri=redirect_uri,
        verifier=verifier,
    )
    token = await exchange(wire, asked, region=region, headers=headers)
    return UserSession(
        client_id=client_id,
        client_secret=client_secret,
        access_token=token.value,
        refresh_token=token.refresh_token,
        expires_at=now + token.life,
    )


def renewed(session: UserSession, token: Token, *, now: float) -> UserSession:
    """The session after a refresh. An answer without a refresh token leaves the old one standing."""
    return replace(
        session,
        access_token=token.value,
        refresh_token=token.refresh_token or session.refresh_token,
        expires_at=now + token.life,
    )


def renewal_margin(life: float) -> float:
    """How long before its end a token is renewed: 5 minutes, but never more than a tenth of its life."""
    return min(EARLIEST_RENEWAL, 0.1 * life)


class _TokenAnswer(msgspec.Struct):
    access_token: str
    expires_in: float = _SHORTEST_LIFE
    refresh_token: str | None = None


def read_token(response: Response, *, asked: TokenRequest, region: Region) -> Token:
    """The token in an answer of the token endpoint, or the error it means."""
    if response.status != _OK or is_markup(response):
        about = Asked(
            request=asked.request,
            grant=asked.grant,
            client_id=asked.client_id,
            host=region.login_host,
            secrets=asked.secrets,
        )
        raise refused_grant(response, about)
    try:
        answer = msgspec.json.decode(response.body, type=_TokenAnswer, strict=False)
        _check_visible("The token", answer.access_token)
    except (msgspec.DecodeError, BadCredentials):
        raise NotGenesys(
            f"{region.login_host} answered 200 to a request for a token, but sent none.",
            means="Something other than Genesys Cloud's login answers there.",
            remedy="Check GENESYS_REGION, and the gateway or proxy in between.",
            status=response.status,
        ) from None
    return Token(
        value=answer.access_token,
        life=answer.expires_in,
        refresh_token=answer.refresh_token or None,
        has_user=asked.grant != "client_credentials",
    )


_OK = 200


def _token_request(
    grant: GrantName,
    *,
    client_id: str,
    client_secret: str | None,
    form: dict[str, str],
    secrets: tuple[str, ...] = (),
) -> TokenRequest:
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
    if client_secret is None:
        form = {**form, "client_id": client_id}
    else:
        basic = b64encode(f"{client_id}:{client_secret}".encode()).decode()
        headers["Authorization"] = f"Basic {basic}"
        secrets = (*secrets, client_secret, basic)
    request = Request(
        method="POST",
        path="/oauth/token",
        kind=Kind.TOKEN,
        host="login",
        body=urlencode(form).encode(),
        content_type=headers["Content-Type"],
    )
    return TokenRequest(request=request, grant=grant, client_id=client_id, headers=headers, secrets=secrets)


def _unpadded(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def _check_visible(what: str, *values: str) -> None:
    """Both HTTP libraries print a header they refuse, secret and all: no such value gets that far."""
    if not all(value and value.isascii() and value.isprintable() and " " not in value for value in values):
        raise BadCredentials(
            f"{what} is empty or has a character in it that none has: a space, a line break, an accent.",
            remedy="Copy it again, without quotes or a line break at its end.",
        )
