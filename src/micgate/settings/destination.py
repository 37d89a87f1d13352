"""Which places may not be mixed: a file must not choose where a secret goes that it does not hold."""

from collections.abc import Mapping
from itertools import product

from micgate.settings.catalogue import SETTINGS
from micgate.settings.errors import UnsafeSettingError
from micgate.settings.places import Found

_TOGETHER = (
    (("region", "login_url"), ("client_secret", "access_token", "extra_headers")),
    (("service_url",), ("service_key",)),
    (("otel_endpoint",), ("otel_headers",)),
)
"""What says where, and what is sent there."""
_VARIABLES = {one.name: one.names[0] for one in SETTINGS}


def check_destination(found: Mapping[str, Found | None]) -> None:
    """A `.env` that came with a cloned repository must not choose where the environment's secrets go.

    Nor may a TOML file, which is often written by others than those who may know the secret.
    """
    for hosts, secrets in _TOGETHER:
        for host, secret in product(hosts, secrets):
            _check(host, found[host], found[secret])


def _check(host: str, where: Found | None, secret: Found | None) -> None:
    if where and secret and where.is_file and where.place != secret.place:
        raise UnsafeSettingError(
            f"{secret.name} comes from {secret.place}, but {where.source} says where to send it.",
            remedy=f"Set {_VARIABLES[host]} in the environment too, or keep both in {where.place}.",
        )
