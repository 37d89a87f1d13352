"""The pages of the login host: sign in, sign out. They work without JavaScript."""

from functools import cache
from html import escape
from importlib.resources import files
from string import Template
from urllib.parse import quote, urlencode

from micgate.twin.exchange import HTML, Answer, Query
from micgate.twin.loopback import leads_home
from micgate.twin.oauth import Form
from micgate.twin.world import World

HIDDEN = ("client_id", "response_type", "redirect_uri", "state", "code_challenge", "code_challenge_method")
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'"
PAGE_HEADERS = {"Cache-Control": "no-store", "Content-Security-Policy": POLICY, "X-Frame-Options": "DENY"}


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
    if not leads_home(wanted.get("redirect_uri", "")):
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
    if leads_home(back):
        return Answer(status=302, headers={"Location": back})
    return Answer(body=_document("<h1>Signed out</h1>"), media=HTML, headers=PAGE_HEADERS)


def _back(wanted: dict[str, str], facts: dict[str, str]) -> Answer:
    """`state` goes back as it came."""
    if "state" in wanted:
        facts = facts | {"state": wanted["state"]}
    address = wanted["redirect_uri"]
    joint = "&" if "?" in address else "?"
    return Answer(
        status=302,
        headers={
            "Location": address + joint + urlencode(facts, quote_via=quote),
            "Cache-Control": "no-store",
        },
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
        f"<h1>Sign in</h1><p>to {escape(world.org.name)}, for {escape(client.name)}.<br>"
        "This is the simulator.</p>"
        f'{alert}<form method="post" action="/oauth/authorize">{hidden}'
        '<label for="email">E-mail</label>'
        '<input id="email" name="email" type="email" autocomplete="username" required'
        f' value="{escape(email)}">'
        '<label for="password">Password</label>'
        '<input id="password" name="password" type="password" autocomplete="current-password" required>'
        '<button type="submit">Sign in</button></form>'
    )
    return Answer(status=401 if wrong else 200, body=body, media=HTML, headers=PAGE_HEADERS)


@cache
def _template() -> Template:
    return Template(files("micgate.twin").joinpath("sign_in.html").read_text("utf-8"))


def _document(inner: str) -> bytes:
    return _template().substitute(inner=inner).encode()
