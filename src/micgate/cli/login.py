"""login, logout: a person's own session, by authorization code with PKCE and a redirect to this machine."""

import os
import secrets
import sys
import time
from typing import TYPE_CHECKING

import click

from micgate.cli import options, show
from micgate.cli.failure import CommandError, UsageProblem
from micgate.settings import Settings

if TYPE_CHECKING:
    from micgate.cli.redirect import Redirect
    from micgate.direct.signed_in import SignedIn

_PORT = 8711
_WAIT_SECONDS = 300.0


@click.command(
    short_help="Sign in as a person, in the browser.",
    epilog=f"""\b
Example:  micgate login --client-id 3b1a9f0e-7d52-4c1b-9a55-0d3f5a7f1c11
The OAuth client needs the grant type Code Authorization and, as authorized redirect URI,
http://127.0.0.1:{_PORT}/signed-in (Admin > Integrations > OAuth).""",
)
@click.option("--client-id", metavar="ID", help="The OAuth client.  [default: GENESYS_CLIENT_ID]")
@click.option(
    "--port",
    default=_PORT,
    show_default=True,
    type=click.IntRange(0, 65535),
    help="Port of the redirect URI; 0 picks a free one.",
)
@click.option("--no-browser", is_flag=True, help="Only print the address; open it yourself.")
@options.as_json
def login(*, client_id: str | None, port: int, no_browser: bool, as_json: bool) -> None:
    """Sign in as a person, in the browser; the session is kept in a file that only you can read.

    With it micgate acts as that person, who must be on the call to mute there: an agent's own microphone.
    Credentials in the environment are used before it.
    """
    output = show.Output(as_json=as_json)
    settings = options.configured(output)
    chosen = (client_id or "").strip() or settings.client_id
    if not chosen:
        raise UsageProblem(
            "Which OAuth client to sign in with is not said.",
            remedy="Give --client-id, or set GENESYS_CLIENT_ID.",
        )
    _sign_in(settings, output, client_id=chosen, port=port, opens_browser=not no_browser and _has_display())


@click.command(short_help="Revoke the sign-in and delete it.", epilog="Example:  micgate logout")
@options.as_json
def logout(*, as_json: bool) -> None:
    """Revoke the session of `micgate login` at Genesys Cloud and delete its file."""
    output = show.Output(as_json=as_json)
    _sign_out(options.configured(output), output)


def _sign_in(
    settings: Settings, output: show.Output, *, client_id: str, port: int, opens_browser: bool
) -> None:
    from micgate.cli.redirect import Redirect  # noqa: PLC0415 -- http.server, for this command only
    from micgate.direct.person import Entrance  # noqa: PLC0415 -- urllib3, likewise
    from micgate.genesys import oauth  # noqa: PLC0415

    entrance = Entrance(settings)
    pkce, state = oauth.pkce_pair(), secrets.token_urlsafe(32)
    with Redirect(port=port, state=state) as redirect:
        address = oauth.authorize_url(
            entrance.region,
            client_id=client_id,
            redirect_uri=redirect.uri,
            state=state,
            challenge=pkce.challenge,
        )
        _ask_to_open(address, output, opens_browser=opens_browser)
        code = _code(redirect)
    signed_in = entrance.sign_in(
        client_id=client_id, code=code, redirect_uri=redirect.uri, verifier=pkce.verifier
    )
    _report(output, settings, signed_in)


def _ask_to_open(address: str, output: show.Output, *, opens_browser: bool) -> None:
    tell = output.note if output.as_json else output.say
    tell("Open this address in a browser and sign in:")
    tell(address)
    if opens_browser:
        import webbrowser  # noqa: PLC0415 -- for this command only

        webbrowser.open(address)


def _has_display() -> bool:
    """Without one, `webbrowser` would start a text browser in this terminal."""
    return sys.platform == "darwin" or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _code(redirect: "Redirect") -> str:
    answer = redirect.wait(_WAIT_SECONDS)
    if answer is None:
        raise CommandError(
            f"Nobody came back from the browser within {show.span(_WAIT_SECONDS)}.",
            remedy=f"Does the OAuth client list {redirect.uri} as authorized redirect URI? Then try again.",
        )
    if answer.code is None:
        raise CommandError(
            f"Genesys Cloud did not sign you in: {answer.error}.",
            remedy=f"Check that the OAuth client lists {redirect.uri} as authorized redirect URI.",
        )
    return answer.code


def _report(output: show.Output, settings: Settings, signed_in: "SignedIn") -> None:
    session = signed_in.session
    until = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(session.expires_at))
    renews = session.refresh_token is not None
    ending = "It is renewed as needed." if renews else f"It ends at {until}; then sign in again."
    output.result(
        f"Signed in as {signed_in.person} at {signed_in.api_url}. {ending}",
        {
            "signed_in": True,
            "person": signed_in.person,
            "api_url": signed_in.api_url,
            "expires_at": until,
            "renews": renews,
            "file": str(settings.login_path),
        },
    )
    if ignored := _wins(settings):
        output.note(f"Warning: {ignored} is set and is used before this sign-in.")


def _wins(settings: Settings) -> str | None:
    if settings.access_token:
        return settings.source("access_token")
    return settings.source("client_secret") if settings.client_id and settings.client_secret else None


def _sign_out(settings: Settings, output: show.Output) -> None:
    from micgate.direct.person import sign_out  # noqa: PLC0415 -- urllib3, for this command only

    person = sign_out(settings)
    text = (
        "Nobody was signed in."
        if person is None
        else f"Signed out {person}: the session is revoked and deleted."
    )
    output.result(text, {"signed_out": person is not None, "person": person})
