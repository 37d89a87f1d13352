"""The 18 regions, in every spelling people use, and gateways in front of them.

Hosts and names: `PureCloudPlatformClientV2/purecloud_region_hosts.py` of the Python SDK; the login host is
the API host with `api.` replaced by `login.` (`api_client.py: get_conf_url`). A gateway may front both (SDK
README, "Setting the gateway"); the simulator is reached that way.
"""

from dataclasses import dataclass
from difflib import SequenceMatcher
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

from micgate.genesys.errors import UnknownRegion, UnsafeConfiguration

DOMAINS = {
    "us_east_1": "mypurecloud.com",
    "us_east_2": "use2.us-gov-pure.cloud",
    "us_west_2": "usw2.pure.cloud",
    "ca_central_1": "cac1.pure.cloud",
    "mx_central_1": "mxc1.pure.cloud",
    "sa_east_1": "sae1.pure.cloud",
    "eu_west_1": "mypurecloud.ie",
    "eu_west_2": "euw2.pure.cloud",
    "eu_central_1": "mypurecloud.de",
    "eu_central_2": "euc2.pure.cloud",
    "eusc_de_east_1": "edee1.eusc-pure.cloud",
    "me_central_1": "mec1.pure.cloud",
    "ap_south_1": "aps1.pure.cloud",
    "ap_southeast_1": "apse1.pure.cloud",
    "ap_southeast_2": "mypurecloud.com.au",
    "ap_northeast_1": "mypurecloud.jp",
    "ap_northeast_2": "apne2.pure.cloud",
    "ap_northeast_3": "apne3.pure.cloud",
}
DEFAULT = "us_east_1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """Where the API and the login live. The URLs have no trailing slash; `name` is `"gateway"` for a URL of
    one's own.
    """

    name: str
    api_url: str
    login_url: str

    @property
    def host(self) -> str:
        """The API's host and port, as people read them."""
        return urlsplit(self.api_url).netloc

    @property
    def login_host(self) -> str:
        return urlsplit(self.login_url).netloc


def find_region(text: str | None, *, login_url: str | None = None) -> Region:
    """The region a setting means: SDK name, domain, host, or a URL for API and login behind one host.

    None and blank mean mypurecloud.com. `login_url` names a login host apart from the API's. Plain http is
    for loopback only. Raises `UnknownRegion` (naming the nearest) or `UnsafeConfiguration`.
    """
    region = _find(text.strip() if text else "")
    if not login_url or not login_url.strip():
        return region
    return Region(name=region.name, api_url=region.api_url, login_url=_base(_split(login_url.strip())))


def is_loopback(host: str) -> bool:
    """Whether a host name or address can only be this machine."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _find(text: str) -> Region:
    if "://" in text:
        return _of_url(text)
    word = text.lower().rstrip("/.")
    name = word.replace("-", "_") if word else DEFAULT
    if name in DOMAINS:
        return _region(name)
    known = _of_host(word)
    if known is None:
        raise _unknown(text)
    return known


def _of_url(text: str) -> Region:
    url = _split(text)
    host = url.hostname or ""
    if url.scheme == "https" and url.port in {None, 443} and (known := _of_host(host)):
        return known
    if _looks_like_the_vendor(host):
        raise _unknown(host)
    base = _base(url)
    return Region(name="gateway", api_url=base, login_url=base)


def _of_host(host: str) -> Region | None:
    for prefix in ("", "api.", "login.", "apps."):
        for name, domain in DOMAINS.items():
            if host == prefix + domain:
                return _region(name)
    return None


def _region(name: str) -> Region:
    domain = DOMAINS[name]
    return Region(name=name, api_url=f"https://api.{domain}", login_url=f"https://login.{domain}")


def _split(text: str) -> SplitResult:
    try:
        url = urlsplit(text)
        _ = url.port
    except ValueError:
        raise UnknownRegion("The region is no URL that can be read.", remedy=_SPELLINGS) from None
    if url.username is not None or url.password is not None:
        raise UnsafeConfiguration(
            f"The URL for {url.hostname} carries a user name or password.",
            remedy="Take it out of the URL: Genesys Cloud is signed in to with an OAuth client.",
        )
    if url.scheme not in {"http", "https"} or not url.hostname or url.query or url.fragment:
        raise UnknownRegion(f"{_shown(text)} is no address of an API.", remedy=_SPELLINGS)
    return url


def _base(url: SplitResult) -> str:
    if url.scheme == "http" and not is_loopback(url.hostname or ""):
        raise UnsafeConfiguration(
            f"{url.netloc} would be reached over plain http.",
            means="The OAuth secret and every token could be read on the way.",
            remedy="Use https://; plain http is for this machine only (127.0.0.1, localhost).",
        )
    return f"{url.scheme}://{url.netloc.lower()}{url.path.rstrip('/')}"


def _looks_like_the_vendor(host: str) -> bool:
    """A mistyped Genesys host must not receive credentials as if it were somebody's gateway."""
    labels = host.split(".")
    return "mypurecloud" in labels or host.endswith("pure.cloud")


_SPELLINGS = (
    "Set GENESYS_REGION to a region (mypurecloud.ie, eu_west_1), or to the URL of a gateway or simulator."
)


def _unknown(text: str) -> UnknownRegion:
    host = text.partition("/")[0]
    if is_loopback(host.rpartition(":")[0] or host):
        return UnknownRegion(
            f"{_shown(text)} is no Genesys Cloud region.", remedy=f"For a simulator, write http://{text}."
        )
    name = _nearest(host.lower())
    return UnknownRegion(
        f"{_shown(text)} is no Genesys Cloud region.",
        means=f"The nearest is {name} ({DOMAINS[name]}).",
        remedy=_SPELLINGS,
    )


def _nearest(text: str) -> str:
    word = text.removeprefix("api.").removeprefix("login.").removeprefix("apps.")

    def likeness(name: str) -> float:
        spellings = (name, DOMAINS[name])
        return max(
            SequenceMatcher(None, word.replace("-", "_"), each.replace("-", "_")).ratio()
            for each in spellings
        )

    return max(DOMAINS, key=likeness)


def _shown(text: str) -> str:
    return repr(text if len(text) <= _LONGEST_ECHO else text[:_LONGEST_ECHO] + "...")


_LONGEST_ECHO = 80
