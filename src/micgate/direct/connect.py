"""From settings to a session: which credentials, by which way."""

from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import partial

from micgate import __version__
from micgate.direct import signed_in
from micgate.direct.signed_in import Kept
from micgate.genesys.errors import MissingCredentials
from micgate.genesys.io import Wire, drive
from micgate.genesys.network import Network
from micgate.genesys.oauth import AccessToken, ClientCredentials, Credentials, Token
from micgate.genesys.regions import Region, find_region
from micgate.genesys.session import Session, common_headers
from micgate.genesys.strategy import Strategy
from micgate.settings import Settings

USER_AGENT = f"micgate/{__version__}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """Everything a session needs but the wire. `patience` is in seconds."""

    region: Region
    credentials: Credentials
    network: Network = field(default_factory=Network)
    extra_headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    strategy: Strategy = Strategy.AUTO
    patience: float = 10.0
    kept: Kept | None = None
    """The sign-in, when `credentials` are from one."""

    def session(self, wire: Wire, *, token: Token | None = None) -> Session:
        return Session(
            wire,
            region=self.region,
            credentials=self.credentials,
            extra_headers=self.extra_headers,
            user_agent=USER_AGENT,
            patience=self.patience,
            on_renewed=self.kept.store if self.kept else None,
            renewing=partial(self.kept.renewing, sleep=wire.sleep) if self.kept else nullcontext,
            token=token,
        )


def from_settings(settings: Settings) -> Connection:
    """Raises `UnknownRegion`, `MissingCredentials` or another `OursToFix`. Blocks to renew a sign-in."""
    region = find_region(settings.region, login_url=settings.login_url)
    network = Network(proxy=settings.https_proxy, no_proxy=settings.no_proxy, ca_bundle=settings.ca_bundle)
    credentials, kept = _given(settings), None
    if credentials is None:
        kept = _signed_in(settings, region, network)
        credentials = kept.session
    return Connection(
        region=region,
        credentials=credentials,
        network=network,
        extra_headers=settings.extra_headers,
        strategy=Strategy(settings.strategy),
        patience=settings.timeout,
        kept=kept,
    )


def _given(settings: Settings) -> Credentials | None:
    """What the settings name goes before a sign-in."""
    if settings.access_token:
        return AccessToken(settings.access_token)
    if settings.client_id and settings.client_secret:
        return ClientCredentials(settings.client_id, settings.client_secret)
    return None


def _signed_in(settings: Settings, region: Region, network: Network) -> Kept:
    from micgate.genesys.transport_urllib3 import Urllib3Wire  # noqa: PLC0415 -- only a sign-in needs it here

    headers = common_headers(user_agent=USER_AGENT, extra=settings.extra_headers)
    wire = Urllib3Wire(region, network)
    found = drive(signed_in.fresh(settings.login_path, wire=wire, region=region, headers=headers))
    if found is None:
        raise _signed_in_elsewhere(settings, region) or _missing(settings, region)
    return found


def _signed_in_elsewhere(settings: Settings, region: Region) -> MissingCredentials | None:
    kept = signed_in.load(settings.login_path)
    if kept is None:
        return None
    return MissingCredentials(
        f"There are no credentials for {region.host}.",
        means=f"{kept.person} is signed in at {kept.api_url}, and a sign-in is used nowhere else.",
        remedy=f"Set GENESYS_REGION={kept.api_url}, or sign in here too (micgate login).",
    )


def _missing(settings: Settings, region: Region) -> MissingCredentials:
    lacking = "GENESYS_CLIENT_SECRET" if settings.client_id else "GENESYS_CLIENT_ID and GENESYS_CLIENT_SECRET"
    return MissingCredentials(
        f"There are no credentials for {region.host}.",
        remedy=f"Set {lacking}, or GENESYS_ACCESS_TOKEN; or sign in (micgate login); or try micgate demo.",
    )
