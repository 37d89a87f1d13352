"""From settings to a session: which credentials, by which way."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from micgate import __version__
from micgate.direct import signed_in
from micgate.genesys.errors import MissingCredentials
from micgate.genesys.io import Wire, drive
from micgate.genesys.network import Network
from micgate.genesys.oauth import AccessToken, ClientCredentials, Credentials, Token, UserSession
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
    login_path: Path | None = None
    """Where a renewed sign-in is kept."""

    def session(self, wire: Wire, *, token: Token | None = None) -> Session:
        return Session(
            wire,
            region=self.region,
            credentials=self.credentials,
            extra_headers=self.extra_headers,
            user_agent=USER_AGENT,
            patience=self.patience,
            on_renewed=self._keep,
            token=token,
        )

    def _keep(self, session: UserSession) -> None:
        kept = signed_in.load(self.login_path) if self.login_path else None
        if kept and self.login_path and kept.is_for(self.region):
            signed_in.renewed(self.login_path, kept, session)


def from_settings(settings: Settings) -> Connection:
    """Raises `UnknownRegion`, `MissingCredentials` or another `OursToFix`. Blocks to renew a sign-in."""
    region = find_region(settings.region, login_url=settings.login_url)
    network = Network(proxy=settings.https_proxy, no_proxy=settings.no_proxy, ca_bundle=settings.ca_bundle)
    return Connection(
        region=region,
        credentials=_given(settings) or _signed_in(settings, region, network),
        network=network,
        extra_headers=settings.extra_headers,
        strategy=Strategy(settings.strategy),
        patience=settings.timeout,
        login_path=settings.login_path,
    )


def _given(settings: Settings) -> Credentials | None:
    """What the settings name goes before a sign-in."""
    if settings.access_token:
        return AccessToken(settings.access_token)
    if settings.client_id and settings.client_secret:
        return ClientCredentials(settings.client_id, settings.client_secret)
    return None


def _signed_in(settings: Settings, region: Region, network: Network) -> Credentials:
    from micgate.genesys.transport_urllib3 import Urllib3Wire  # noqa: PLC0415 -- only a sign-in needs it here

    headers = common_headers(user_agent=USER_AGENT, extra=settings.extra_headers)
    wire = Urllib3Wire(region, network)
    found = drive(signed_in.fresh(settings.login_path, wire=wire, region=region, headers=headers))
    if found is None:
        raise _signed_in_elsewhere(settings, region) or _missing(settings, region)
    return found.session


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
