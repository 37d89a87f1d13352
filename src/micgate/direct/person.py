"""Signing a person in and out: from a browser's code to the stored session, and its revocation."""

import time

from micgate import __version__
from micgate.direct import signed_in
from micgate.direct.signed_in import SignedIn
from micgate.genesys import oauth, requests
from micgate.genesys.errors import BadCredentials, GenesysError, Refused, TokenRefused
from micgate.genesys.io import drive
from micgate.genesys.messages import Kind, Request
from micgate.genesys.network import Network
from micgate.genesys.oauth import UserSession
from micgate.genesys.regions import Region, find_region
from micgate.genesys.session import Session, common_headers
from micgate.genesys.transport_urllib3 import Urllib3Wire
from micgate.settings import Settings

_REVOKE = Request(method="DELETE", path="/api/v2/tokens/me", kind=Kind.CHANGE)
_USER_AGENT = f"micgate/{__version__}"


class Entrance:
    """The way to one region's login and API, for one person. Blocks."""

    def __init__(self, settings: Settings, *, region: Region | None = None) -> None:
        self.region = region or find_region(settings.region, login_url=settings.login_url)
        self._settings = settings
        self._wire = Urllib3Wire(self.region, _network(settings))

    def sign_in(self, *, client_id: str, code: str, redirect_uri: str, verifier: str) -> SignedIn:
        """Turn the browser's code into a session and store it."""
        headers = common_headers(user_agent=_USER_AGENT, extra=self._settings.extra_headers)
        session = drive(
            oauth.sign_in(
                self._wire,
                region=self.region,
                client_id=client_id,
                code=code,
                redirect_uri=redirect_uri,
                verifier=verifier,
                now=time.time(),
                headers=headers,
            )
        )
        made = SignedIn(
            api_url=self.region.api_url,
            login_url=self.region.login_url,
            person=self._name(session),
            session=session,
        )
        drive(self._keep(made))
        return made

    async def _keep(self, made: SignedIn) -> None:
        path = self._settings.login_path
        async with signed_in.alone(path, sleep=self._wire.sleep):
            signed_in.store(path, made)

    def revoke(self, session: UserSession) -> None:
        """End the session at Genesys Cloud. One that has ended already is fine."""
        try:
            drive(self._session(session).send(_REVOKE))
        except (TokenRefused, BadCredentials):
            return

    def _name(self, session: UserSession) -> str:
        """A client without the scope to read its own user still signs in."""
        try:
            return requests.read_user(drive(self._session(session).send(requests.get_me()))).label
        except Refused:
            return "somebody"

    def _session(self, session: UserSession) -> Session:
        return Session(
            self._wire,
            region=self.region,
            credentials=session,
            extra_headers=self._settings.extra_headers,
            user_agent=_USER_AGENT,
        )


class NotRevoked(GenesysError):
    """The sign-in is deleted here, but Genesys Cloud could not be told."""

    word = "not_revoked"


def sign_out(settings: Settings) -> str | None:
    """Revoke and delete. The person who was signed in, or None. Raises `NotRevoked` after deleting."""
    return drive(_sign_out(settings)) if _kept(settings) else None


async def _sign_out(settings: Settings) -> str | None:
    path = settings.login_path
    async with signed_in.alone(path, sleep=_sleep):
        kept = _kept(settings)
        if kept is None:
            return None
        try:
            _revoke(settings, kept)
        finally:
            signed_in.delete(path)
        return kept.person


async def _sleep(seconds: float) -> None:
    time.sleep(seconds)  # noqa: ASYNC251 -- driven without an event loop


def _revoke(settings: Settings, kept: SignedIn) -> None:
    made_for = Region(name="gateway", api_url=kept.api_url, login_url=kept.login_url)
    try:
        Entrance(settings, region=made_for).revoke(kept.session)
    except GenesysError as error:
        raise NotRevoked(
            f"The sign-in of {kept.person} is deleted here but could not be revoked.",
            means=error.what,
            remedy="Its token stays valid until it ends; an administrator can end the person's sessions.",
        ) from error


def _kept(settings: Settings) -> SignedIn | None:
    """Whatever state the file is in, it goes."""
    try:
        return signed_in.load(settings.login_path, checks_mode=False)
    except BadCredentials as error:
        signed_in.delete(settings.login_path)
        raise NotRevoked(
            "The sign-in file is deleted; it could not be read, so nothing was revoked.",
            remedy="Its token stays valid until it ends; an administrator can end the person's sessions.",
        ) from error


def _network(settings: Settings) -> Network:
    return Network(proxy=settings.https_proxy, no_proxy=settings.no_proxy, ca_bundle=settings.ca_bundle)
