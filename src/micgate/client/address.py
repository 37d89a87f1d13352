"""Where a service is, and how the key gets there without being shown to anybody else."""

import ssl
from base64 import b64encode
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

from micgate.client.errors import UnsafeAddress

_KEY_CHARACTERS = range(8, 513)


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """A service as somebody names it. `url` may have a path in front of `/v1`.

    `proxy` is `http://user:password@host:port`; `ca_bundle` a PEM file or folder that replaces the system's
    certificates. Neither is taken from the environment. Raises `UnsafeAddress`.
    """

    url: str
    key: str = field(repr=False)
    proxy: str | None = field(default=None, repr=False)
    ca_bundle: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "url", _checked_url(self.url))
        object.__setattr__(self, "key", _checked_key(self.key))

    @property
    def host(self) -> str:
        """Host and port, as people read them."""
        return urlsplit(self.url).netloc

    @property
    def is_secure(self) -> bool:
        return self.url.startswith("https:")

    @property
    def authorization(self) -> str:
        return f"Bearer {self.key}"

    def ssl_context(self) -> ssl.SSLContext | None:
        """Verifies certificates and host names, always; None for plain http, which only loopback has."""
        if not self.is_secure:
            return None
        if self.ca_bundle is None:
            return ssl.create_default_context()
        folder = Path(self.ca_bundle).is_dir()
        try:
            return ssl.create_default_context(
                cafile=None if folder else self.ca_bundle, capath=self.ca_bundle if folder else None
            )
        except (OSError, ssl.SSLError) as error:
            raise UnsafeAddress(
                f"The CA bundle {self.ca_bundle} cannot be used: {error.strerror or error}.",
                remedy="Name a PEM file with certificates, or leave it out.",
            ) from None

    def way_out(self) -> "Proxy | None":
        """The proxy, if there is one on the way. This machine is never reached through one."""
        if not self.proxy or not self.is_secure or _is_loopback(urlsplit(self.url).hostname or ""):
            return None
        return _proxy(self.proxy)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proxy:
    """`url` is without credentials; those are in `headers`."""

    url: str
    headers: dict[str, str] = field(repr=False)


def _checked_url(text: str) -> str:
    url = urlsplit(text.strip())
    if not _is_address(url):
        raise UnsafeAddress(
            "The service's address is not a URL.", remedy="Write https://micgate.example or similar."
        )
    if url.username is not None or url.query or url.fragment:
        raise UnsafeAddress(
            "The service's address holds more than an address.",
            remedy="Give host, port and path only; the key is given apart.",
        )
    if url.scheme == "http" and not _is_loopback(url.hostname or ""):
        raise UnsafeAddress(
            f"{url.netloc} would be reached over plain http: the key could be read on the way.",
            remedy="Use https://; plain http is for this machine only (127.0.0.1, localhost).",
        )
    return f"{url.scheme}://{url.netloc.lower()}{url.path.rstrip('/').removesuffix('/v1')}"


def _is_address(url: SplitResult) -> bool:
    try:
        return url.scheme in {"http", "https"} and bool(url.hostname) and url.port != 0
    except ValueError:  # a port that is no number
        return False


def _checked_key(text: str) -> str:
    key = text.strip()
    if len(key) not in _KEY_CHARACTERS or not key.isascii() or not key.isprintable() or " " in key:
        raise UnsafeAddress("That is no API key.", remedy="Give a whole one, as micgate keys add printed it.")
    return key


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _proxy(text: str) -> Proxy:
    url = urlsplit(text if "://" in text else f"http://{text}")
    if not _is_address(url):
        raise UnsafeAddress(
            "The proxy's address cannot be used.",
            remedy="Write http://proxy:port; SOCKS is not supported.",
        )
    pair = f"{unquote(url.username or '')}:{unquote(url.password or '')}"
    credentials = (
        {"Proxy-Authorization": f"Basic {b64encode(pair.encode()).decode()}"} if url.username else {}
    )
    return Proxy(url=f"{url.scheme}://{url.netloc.rpartition('@')[2]}", headers=credentials)
