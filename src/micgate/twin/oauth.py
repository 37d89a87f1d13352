"""The token endpoint of the login host."""

import base64
import binascii
from dataclasses import dataclass
from urllib.parse import parse_qsl

from micgate.twin.answers import Wire
from micgate.twin.exchange import Answer, json_answer
from micgate.twin.people import Client
from micgate.twin.refusals import GrantRefused
from micgate.twin.tokens import Token
from micgate.twin.world import World

FORM = "application/x-www-form-urlencoded"
SHOWN_IN_LEDGER = frozenset({"grant_type", "client_id", "redirect_uri"})


@dataclass(frozen=True, slots=True)
class Form:
    """A posted form; the last of several equal names counts."""

    fields: dict[str, str]

    def get(self, name: str) -> str | None:
        return self.fields.get(name) or None

    def redacted(self) -> dict[str, str]:
        """For the ledger."""
        return {
            name: value if name in SHOWN_IN_LEDGER else "(redacted)" for name, value in self.fields.items()
        }


def read_form(body: bytes, *, media: str) -> Form:
    """Empty for another content type: then the grant type is missing."""
    if media.partition(";")[0].strip().lower() != FORM:
        return Form({})
    return Form(dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)))


def client_id_of(form: Form, authorization: str | None) -> str | None:
    """Who says to ask, for the ledger."""
    given = basic(authorization)
    return form.get("client_id") if given is None else given[0]


def grant(world: World, form: Form, authorization: str | None) -> Answer:
    """POST /oauth/token."""
    try:
        token = _token(world, form, authorization)
    except GrantRefused as refused:
        knob = world.behaviour.oauth_error_text
        said = ("description", "error_description") if knob == "both" else (knob,)
        body: Wire = {"error": refused.error, **dict.fromkeys(said, refused.description)}
        return json_answer(body, status=refused.status)
    return json_answer(_issued(token, now=world.now))


def _token(world: World, form: Form, authorization: str | None) -> Token:
    kind = form.get("grant_type")
    if kind is None:
        raise GrantRefused(400, "invalid_request", "grant_type is missing")
    if kind not in {"client_credentials", "authorization_code", "refresh_token"}:
        raise GrantRefused(400, "unsupported_grant_type", f"{kind} is not supported")
    client = _client(world, form, authorization)
    if kind == "client_credentials":
        return world.tokens.by_client_credentials(client)
    if kind == "refresh_token":
        return world.tokens.by_refresh(client=client, refresh=_needed(form, "refresh_token"))
    return world.tokens.by_code(
        client=client,
        code=_needed(form, "code"),
        redirect_uri=_needed(form, "redirect_uri"),
        verifier=form.get("code_verifier"),
    )


def _client(world: World, form: Form, authorization: str | None) -> Client:
    """Basic for a client with a secret; a public client names itself in the form."""
    given = basic(authorization)
    if given is not None:
        return world.tokens.authenticate(given[0], given[1])
    client_id = form.get("client_id")
    if client_id is None:
        raise GrantRefused(400, "invalid_request", "client_id is missing")
    return world.tokens.authenticate(client_id, None)


def _needed(form: Form, name: str) -> str:
    value = form.get(name)
    if value is None:
        raise GrantRefused(400, "invalid_request", f"{name} is missing")
    return value


def _issued(token: Token, *, now: float) -> Wire:
    shape: Wire = {
        "access_token": token.value,
        "token_type": "bearer",
        "expires_in": round(token.expires_at - now),
    }
    if token.refresh is not None:
        shape["refresh_token"] = token.refresh
    return shape


def basic(authorization: str | None) -> tuple[str, str] | None:
    """Id and secret of a Basic header; None without a readable one."""
    scheme, _, encoded = (authorization or "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        client_id, colon, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return (client_id, secret) if colon else None
