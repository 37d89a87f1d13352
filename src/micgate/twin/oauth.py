"""The login host: tokens, the sign-in page, logout. Answers no JSON of the API, and the page needs no JavaScript."""

import base64
import binascii
from dataclasses import dataclass
from html import escape
from urllib.parse import parse_qsl, urlencode, urlsplit

from micgate.twin.answers import Wire
from micgate.twin.exchange import HTML, Answer, Query, json_answer
from micgate.twin.people import Client
from micgate.twin.refusals import GrantRefused
from micgate.twin.tokens import Token
from micgate.twin.world import World

FORM = "application/x-www-form-urlencoded"
HIDDEN = ("client_id", "response_type", "redirect_uri", "state", "code_challenge", "code_challenge_method")
SHOWN_IN_LEDGER = frozenset({"grant_type", "client_id", "redirect_uri"})
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
PAGE_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'",
    "X-Frame-Options": "DENY",
}


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
        body: Wire = {
            "error": refused.error,
            "description": refused.description,
            "error_description": refused.description,
        }
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


def show_sign_in(world: World, query: Query) -> Answer:
    """GET /oauth/authorize."""
    wanted = {name: text for name in HIDDEN if (text := query.text(name)) is not None}
    refusal = _unusable(world, wanted)
    if refusal is not None:
        return refusal
    hint = (query.text("login_hint") or "").rpartition(":")[0] or query.text("login_hint") or ""
    return _page(world, wanted, email=hint if "@" in hint else "")


def sign_in(world: World, form: Form) -> Answer:
    """POST /oauth/authorize: back to the application with a code, or the page again."""
    wanted = {name: text for name in HIDDEN if (text := form.get(name)) is not None}
    refusal = _unusable(world, wanted)
    if refusal is not None:
        return refusal
    email, password = form.get("email") or "", form.get("password")
    user = world.people.user_by_email(email)
    if user is None or user.state != "active" or password != user.password:
        return _page(world, wanted, email=email, wrong=True)
    code = world.tokens.issue_code(
        client=world.people.clients[wanted["client_id"]],
        user=user,
        redirect_uri=wanted["redirect_uri"],
        challenge=wanted.get("code_challenge"),
    )
    return _back(wanted, {"code": code})


def _unusable(world: World, wanted: dict[str, str]) -> Answer | None:
    """Nothing goes back to an address that is not the application's own."""
    client = world.people.clients.get(wanted.get("client_id", ""))
    if client is None or client.grant == "client_credentials":
        return _problem(
            "This application is not known here: the client_id is wrong or is made for another grant."
        )
    if not is_loopback(wanted.get("redirect_uri", "")):
        return _problem(
            "The redirect_uri is missing or not on this machine. The simulator takes loopback addresses."
        )
    if wanted.get("response_type") != "code":
        return _back(
            wanted, {"error": "unsupported_response_type", "error_description": "Use response_type=code"}
        )
    if client.secret is None and "code_challenge" not in wanted:
        return _back(wanted, {"error": "invalid_request", "error_description": "code_challenge is missing"})
    if "code_challenge" in wanted and wanted.get("code_challenge_method") != "S256":
        return _back(
            wanted, {"error": "invalid_request", "error_description": "Use code_challenge_method=S256"}
        )
    return None


def log_out(query: Query) -> Answer:
    """Nobody stays signed in here: it only leads back."""
    back = query.text("redirect_uri") or ""
    if is_loopback(back):
        return Answer(status=302, headers={"Location": back})
    return Answer(body=_document("<h1>Signed out</h1>"), media=HTML, headers=PAGE_HEADERS)


def is_loopback(address: str) -> bool:
    try:
        parts = urlsplit(address)
        host = parts.hostname or ""
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and (host in LOOPBACK or host.startswith("127."))


def _back(wanted: dict[str, str], facts: dict[str, str]) -> Answer:
    """`state` goes back as it came."""
    if "state" in wanted:
        facts = facts | {"state": wanted["state"]}
    address = wanted["redirect_uri"]
    joint = "&" if "?" in address else "?"
    return Answer(
        status=302, headers={"Location": address + joint + urlencode(facts), "Cache-Control": "no-store"}
    )


def _problem(text: str) -> Answer:
    body = _document(f"<h1>Sign-in is not possible</h1><p>{escape(text)}</p>")
    return Answer(status=400, body=body, media=HTML, headers=PAGE_HEADERS)


def _page(world: World, wanted: dict[str, str], *, email: str, wrong: bool = False) -> Answer:
    hidden = "".join(
        f'<input type="hidden" name="{name}" value="{escape(value)}">' for name, value in wanted.items()
    )
    alert = '<p role="alert">That e-mail and password do not belong together.</p>' if wrong else ""
    client = world.people.clients[wanted["client_id"]]
    body = _document(
        f"<h1>Sign in</h1><p>to {escape(world.org.name)}, for {escape(client.name)}. This is the simulator.</p>"
        f'{alert}<form method="post" action="/oauth/authorize">{hidden}'
        '<label for="email">E-mail</label>'
        f'<input id="email" name="email" type="email" autocomplete="username" required value="{escape(email)}">'
        '<label for="password">Password</label>'
        '<input id="password" name="password" type="password" autocomplete="current-password" required>'
        '<button type="submit">Sign in</button></form>'
    )
    return Answer(status=401 if wrong else 200, body=body, media=HTML, headers=PAGE_HEADERS)


_STYLE = """
:root { color-scheme: light dark; --ground: #f3f4f6; --surface: #fff; --line: #c9d0d8; --text: #171b21; --wrong: #b3261e; }
@media (prefers-color-scheme: dark) {
  :root { --ground: #0f1216; --surface: #171b21; --line: #3a434f; --text: #e8ebf0; --wrong: #ff8a80; }
}
body { margin: 0; min-height: 100vh; display: grid; place-items: center; background: var(--ground); color: var(--text);
  font: 16px/1.5 system-ui, "DejaVu Sans", sans-serif; }
main { width: min(24rem, 92vw); padding: 2rem; background: var(--surface); border: 1px solid var(--line); border-radius: 12px; }
h1 { margin: 0 0 .25rem; font-size: 1.4rem; }
p { margin: 0 0 1.25rem; }
[role=alert] { color: var(--wrong); }
label { display: block; margin: .75rem 0 .25rem; font-weight: 600; }
input, button { width: 100%; box-sizing: border-box; padding: .6rem .75rem; font: inherit; color: inherit;
  background: transparent; border: 1px solid var(--line); border-radius: 8px; }
button { margin-top: 1.5rem; border: 0; background: #1f5fbf; color: #fff; font-weight: 600; cursor: pointer; }
"""


def _document(inner: str) -> bytes:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><title>Sign in · simulator</title>'
        f'<link rel="icon" href="data:,"><style>{_STYLE}</style></head><body><main>{inner}</main></body></html>'
    ).encode()
