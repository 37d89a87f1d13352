"""A URL to post to, and the addresses behind it: judged before anything is sent. Pure."""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import TypeAlias

from yarl import URL

from micgate.destination.errors import ForbiddenAddress, MalformedUrl, Unencrypted

LONGEST_URL = 2000

Address: TypeAlias = IPv4Address | IPv6Address


def parse(url: str, *, private: bool = False) -> URL:
    """The URL, as far as it can be judged without asking anybody. Raises `DestinationError`.

    `private`: loopback and private networks may be posted to, and http may go to loopback.
    """
    if len(url) > LONGEST_URL or not url.isprintable() or " " in url:
        raise MalformedUrl("That is no URL.", remedy=_FORM)
    try:
        parsed = URL(url)
        host, port = parsed.raw_host, parsed.port
    except ValueError:
        raise MalformedUrl("That is no URL.", remedy=_FORM) from None
    if parsed.scheme not in {"https", "http"} or not host or not port:
        raise MalformedUrl("That is no URL to post to.", remedy=_FORM)
    if parsed.raw_user is not None or parsed.raw_password is not None:
        raise MalformedUrl(
            "The URL holds a name or a password.", remedy="Leave it out: deliveries are signed."
        )
    if parsed.scheme == "http":
        _check_plain(host, private=private)
    if address := _address(host):
        check_address(address, host=host, private=private)
    return parsed.with_fragment(None)


def judge(url: URL, address: Address, *, private: bool) -> None:
    """Raise what speaks against going to this address of the URL's host."""
    host = url.raw_host or ""
    check_address(address, host=host, private=private)
    if url.scheme == "http" and _kind(address) != _LOOPBACK:
        raise _unencrypted(host)


def check_address(address: Address, *, host: str, private: bool) -> None:
    """Raise `ForbiddenAddress` for one that is not on the public internet; `private` allows one's own too."""
    judged = _embedded(address)
    kind = _kind(judged)
    if kind is None or (private and kind in _OWN):
        return
    remedy = _OWN_REMEDY if kind in _OWN else "Give the address of a receiver that answers on the internet."
    named = host if host == str(judged) else f"{host}, that is {judged}"
    raise ForbiddenAddress(f"micgate does not post to {named}: it is {kind}.", remedy=remedy)


def _check_plain(host: str, *, private: bool) -> None:
    address = _address(host)
    if not (private and (host == "localhost" or (address and _kind(address) == _LOOPBACK))):
        raise _unencrypted(host)


def _unencrypted(host: str) -> Unencrypted:
    return Unencrypted(
        f"{host} would be posted to in the clear.",
        remedy="Use https. Plain http goes to loopback only, with MICGATE_ALLOW_PRIVATE_RECEIVERS=yes.",
    )


def _address(host: str) -> Address | None:
    try:
        return ip_address(host.partition("%")[0])
    except ValueError:
        return None


def _embedded(address: Address) -> Address:
    """The IPv4 address that an IPv6 one stands for: mapped, or by way of a NAT64 gateway."""
    if isinstance(address, IPv4Address):
        return address
    if address.ipv4_mapped:
        return address.ipv4_mapped
    return IPv4Address(int(address) & 0xFFFFFFFF) if address in _NAT64 else address


def _kind(address: Address) -> str | None:
    """What speaks against it, in words; None for an address of the public internet.

    The registries' own tables (IANA special-purpose addresses), spelled out: what `ipaddress` calls private
    or global has changed within Python 3.11.
    """
    for kind, networks in _SPECIAL.items():
        if any(address in network for network in networks):
            return kind
    return None if isinstance(address, IPv4Address) or address in _GLOBAL_UNICAST else "reserved"


_NAT64 = ip_network("64:ff9b::/96")
_GLOBAL_UNICAST = ip_network("2000::/3")
_LOOPBACK, _PRIVATE = "loopback", "in a private network"
_OWN = {_LOOPBACK, _PRIVATE}
_SPECIAL = {
    kind: tuple(ip_network(network) for network in networks.split())
    for kind, networks in {
        "a cloud's metadata": "100.100.100.200/32 168.63.129.16/32 169.254.169.254/32 fd00:ec2::254/128 "
        "fd20:ce::254/128",
        _LOOPBACK: "127.0.0.0/8 ::1/128",
        _PRIVATE: "10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 100.64.0.0/10 fc00::/7",
        "link-local": "169.254.0.0/16 fe80::/10",
        "multicast": "224.0.0.0/4 ff00::/8",
        "reserved": "0.0.0.0/8 192.0.0.0/24 192.0.2.0/24 192.88.99.0/24 198.18.0.0/15 198.51.100.0/24 "
        "203.0.113.0/24 240.0.0.0/4 2001::/23 2001:db8::/32 2002::/16 3fff::/20",
    }.items()
}
_FORM = "Use https://host/path, up to 2000 characters."
_OWN_REMEDY = (
    "If the receiver is in your own network, set MICGATE_ALLOW_PRIVATE_RECEIVERS=yes on the service."
)
