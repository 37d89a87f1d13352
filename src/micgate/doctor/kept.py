"""The doctor's own channel, kept between runs.

A client has 20 channels at a time and each lives for a day: a doctor that opened a new one on every run would
in the end push out one that somebody needs.
"""

import os
from hashlib import sha256
from pathlib import Path

import msgspec

from micgate.genesys.models import Channel
from micgate.genesys.oauth import AccessToken, Credentials
from micgate.genesys.regions import Region


class KeptChannel:
    """One small file, for this user only: whoever knows the address of a channel can listen to it."""

    def __init__(self, folder: Path, *, region: Region, credentials: Credentials) -> None:
        self._path = folder / f"doctor-channel-{_fingerprint(region, credentials)}.json"

    def load(self) -> Channel | None:
        """None when there is none, or none that can be read: a new channel is then made."""
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=Channel)
        except (OSError, msgspec.DecodeError):
            return None

    def store(self, channel: Channel) -> None:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        scratch = self._path.with_suffix(f".{os.getpid()}")
        descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(msgspec.json.encode(channel))
        scratch.replace(self._path)


def _fingerprint(region: Region, credentials: Credentials) -> str:
    """A channel belongs to one client and user at one place."""
    owner = credentials.token if isinstance(credentials, AccessToken) else credentials.client_id
    return sha256(f"{region.api_url} {owner}".encode()).hexdigest()[:16]
