"""The way out of the building: proxy, certificates, how many connections."""

import ssl
from base64 import b64encode
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from pathlib import Path
from urllib.parse import SplitResult, quote, unquote, urlencode, urlsplit

from micgate.genesys.errors import OursToFix
from micgate.genesys.messages import Request
from micgate.genesys.regions import Region, is_loopback


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """`proxy` is HTTPS_PROXY's value, credentials and all, and `no_proxy` NO_PROXY's; loopback is never
    proxied.

    `ca_bundle` replaces the system's certificates. Times are in seconds.
    """

    proxy: str | None = field(default=None, repr=False)
    no_proxy: str | None = None
    ca_bundle: str | None = None
    pool_size: int = 20
    connect_timeout: float = 5.0
    idle_seconds: float = 30.0
    """A connection unused for longer is not trusted: firewalls forget it without a word, and a state change
    sent into it would be lost with an unknown outcome.
    """

    def proxy_for(self, url: str) -> "Proxy | None":
        """The proxy on the way to `url`, if any. Plain http goes to loopback only, so never through one."""
        target = urlsplit(url)
        if not self.proxy or target.scheme != "https" or is_loopback(target.hostname or ""):
            return None
        return None if _excepted(target, self.no_proxy or "") else _proxy(self.proxy)

    def ssl_context(self) -> ssl.SSLContext:
        """Verifies certificates and host names, always."""
        if not self.ca_bundle:
            return ssl.create_default_context()
        folder = Path(self.ca_bundle).is_dir()
        try:
            return ssl.create_default_context(
                cafile=None if folder else self.ca_bundle, capath=self.ca_bundle if folder else None
            )
        except (OSError, ssl.SSLError) as error:
            raise OursToFix(
                f"The CA bundle {self.ca_bundle} cannot be used: {error.strerror or error}.",
                remedy="Correct or unset SSL_CERT_FILE, REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE: a PEM file.",
            ) from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Proxy:
    """`url` is without credentials; `host` is host and port, as people read them."""

    url: str
    host: str
    authorization: str | None = field(default=None, repr=False)

    @property
    def headers(self) -> dict[str, str]:
        return {"Proxy-Authorization": self.authorization} if self.authorization else {}


def base_url(region: Region, request: Request) -> str:
    return region.api_url if request.host == "api" else region.login_url


def target(request: Request) -> str:
    """Path and query, encoded, as they stand in the request line (after a gateway's prefix)."""
    if not request.query:
        return request.path
    return f"{request.path}?{urlencode(request.query, quote_via=quote)}"


def _proxy(text: str) -> Proxy:
    url = urlsplit(text if "://" in text else f"http://{text}")
    try:
        host = f"{url.hostname or ''}:{url.port or (443 if url.scheme == 'https' else 80)}"
    except ValueError:
        host = ""
    if url.scheme not in {"http", "https"} or not url.hostname or not host:
        raise OursToFix(
            "The proxy's address cannot be used.",
            remedy="Set HTTPS_PROXY to http://proxy:port (SOCKS is not supported), or unset it.",
        )
    return Proxy(url=f"{url.scheme}://{host}", host=host, authorization=_authorization(url))


def _authorization(url: SplitResult) -> str | None:
    if url.username is None:
        return None
    pair = f"{unquote(url.username)}:{unquote(url.password or '')}"
    return f"Basic {b64encode(pair.encode()).decode()}"


def _excepted(target: SplitResult, no_proxy: str) -> bool:
    """NO_PROXY as curl reads it: a name covers its subdomains, `*` all; ports and networks count too."""
    return any(_names(entry, target) for entry in no_proxy.replace(",", " ").lower().split())


def _names(entry: str, target: SplitResult) -> bool:
    host, colon, port = entry.rpartition(":")
    if not colon or not port.isdigit() or ":" in host:
        host, port = entry, ""
    if port and port != str(target.port or 443):
        return False
    return host == "*" or _covers(host.lstrip("*").strip("."), target.hostname or "")


def _covers(entry: str, host: str) -> bool:
    if host == entry or (entry and host.endswith(f".{entry}")):
        return True
    try:
        return ip_address(host) in ip_network(entry, strict=False)
    except ValueError:
        return False
