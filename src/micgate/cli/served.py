"""Whether there is a service, and the door to it: MICGATE_URL, else one that this user runs here.

Costs nothing where there is none: the client is loaded with the door.
"""

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from micgate.cli.failure import CommandError, UsageProblem
from micgate.settings import Settings

if TYPE_CHECKING:
    from micgate.client import aio
    from micgate.client.address import Address
    from micgate.client.sync import Gate

_NONE = "none"


class NoService(UsageProblem):
    """The command is about a service's work, and there is none."""

    word = "no_service"


class RunningHere:
    """What a service of this user says about itself in `$XDG_RUNTIME_DIR/micgate.json`."""

    def __init__(self, told: dict[str, object]) -> None:
        self.url = str(told.get("url") or "")
        self.key = str(told.get("key") or "")
        self.region = str(told.get("region") or "")
        self.client_id = str(told.get("client_id") or "")
        self.pid = told.get("pid")

    @property
    def runs(self) -> bool:
        """Whether its process is there: one that was killed could not take its word back."""
        if not isinstance(self.pid, int) or self.pid <= 0:
            return False
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            return True
        return True

    def is_for(self, settings: Settings) -> bool:
        """Whether it serves the organization that direct commands with these settings would speak to."""
        from micgate.genesys.regions import find_region  # noqa: PLC0415 -- only when a service runs here

        if settings.access_token or not settings.client_id:
            return False
        region = find_region(settings.region, login_url=settings.login_url)
        return (region.api_url, settings.client_id) == (self.region, self.client_id)


def gate(settings: Settings) -> "Gate | None":
    """The service to use; None: the command goes straight at Genesys Cloud."""
    address = _address(settings)
    if address is None:
        return None
    from micgate.cli import retrying  # noqa: PLC0415 -- as the client
    from micgate.client.sync import Gate  # noqa: PLC0415 -- urllib3, when there is a service

    retrying.tell(patience=settings.timeout)
    return Gate(address, patience=settings.timeout)


def aio_gate(settings: Settings) -> "aio.Gate | None":
    address = _address(settings)
    if address is None:
        return None
    from micgate.cli import retrying  # noqa: PLC0415 -- as the client
    from micgate.client.aio import Gate  # noqa: PLC0415 -- aiohttp, when there is a service

    retrying.tell(patience=settings.timeout)
    return Gate(address, patience=settings.timeout)


def needed(settings: Settings) -> "Gate":
    """The service, for a command that is nothing without it."""
    found = gate(settings)
    if found is None:
        raise _missing(settings)
    return found


def agent_of(ref: str | None, settings: Settings) -> str:
    """AGENT, else AGENT_USER_ID: a service knows nobody by their own sign-in."""
    if wanted := (ref or "").strip() or settings.agent:
        return wanted
    raise UsageProblem(
        "Which agent is not said.",
        remedy="Give a user id, an e-mail address or a unique name, or set AGENT_USER_ID.",
    )


def _address(settings: Settings) -> "Address | None":
    if settings.service_url == _NONE:
        return None
    here = _running_here(settings.announcement_path)
    if settings.service_url:
        return _made(settings, settings.service_url, settings.service_key or _key_of(here, settings))
    if here is None or not here.is_for(settings):
        return None
    return _made(settings, here.url, settings.service_key or here.key)


def _key_of(here: RunningHere | None, settings: Settings) -> str:
    if here and here.url == (settings.service_url or "").rstrip("/"):
        return here.key
    raise UsageProblem(
        "MICGATE_URL names a service, and there is no key for it.",
        remedy="If it is a service of this account that has ended, start it again: micgate serve. Else set "
        "MICGATE_KEY, or MICGATE_KEY_FILE to a file with it; micgate keys add makes one.",
    )


def _made(settings: Settings, url: str, key: str) -> "Address":
    from micgate.client.address import Address  # noqa: PLC0415 -- only when there is a service

    return Address(url=url, key=key, proxy=_proxy(settings, url), ca_bundle=settings.ca_bundle)


def _proxy(settings: Settings, url: str) -> str | None:
    """HTTPS_PROXY, unless NO_PROXY excepts this address."""
    from micgate.genesys.network import Network  # noqa: PLC0415 -- as above

    network = Network(proxy=settings.https_proxy, no_proxy=settings.no_proxy)
    return settings.https_proxy if network.proxy_for(url) else None


def _running_here(path: Path | None) -> RunningHere | None:
    if path is None:
        return None
    try:
        with path.open("rb") as file:
            _check_private(path, os.fstat(file.fileno()))
            data = file.read(_MOST)
    except OSError:
        return None
    import msgspec  # noqa: PLC0415 -- only when a service runs here

    try:
        found = RunningHere(msgspec.json.decode(data, type=dict[str, object]))
    except msgspec.MsgspecError:
        return None
    return found if found.runs else None


_MOST = 65_536


def _check_private(path: Path, status: os.stat_result) -> None:
    """Whoever may write that file could send this user's commands elsewhere."""
    if status.st_uid != os.geteuid() or status.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise CommandError(
            f"{path} is not this user's alone.", remedy=f"Delete it, and see who can write to {path.parent}."
        )


def _missing(settings: Settings) -> NoService:
    here = None if settings.service_url == _NONE else _running_here(settings.announcement_path)
    if here:
        return NoService(
            "A service runs here, for another region or OAuth client than these settings name.",
            remedy=f"To use it all the same: MICGATE_URL={here.url}",
        )
    return NoService(
        "This is a service's work, and there is none.",
        remedy="Set MICGATE_URL and MICGATE_KEY, or start one here: micgate serve.",
    )
