"""Notification channels kept between runs.

A client has 20 channels at a time, each lives for a day, and none can be deleted: a command that made new
ones on every run would in the end push out one that somebody needs.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from fcntl import LOCK_EX, LOCK_NB, flock
from hashlib import sha256
from pathlib import Path

import msgspec

from micgate.genesys.models import Channel
from micgate.genesys.oauth import AccessToken, Credentials
from micgate.genesys.regions import Region


class KeptChannels:
    """One small file for one `purpose`, for this user only: who knows a channel's address can listen."""

    def __init__(self, folder: Path, *, purpose: str, region: Region, credentials: Credentials) -> None:
        self._path = folder / f"{purpose}-channels-{_fingerprint(region, credentials)}.json"

    @contextmanager
    def borrowed(self) -> Iterator[bool]:
        """Whether they are this process's alone until the block ends; not where no file can be kept.

        A second listener on a channel disconnects the first.
        """
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(self._path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
        except OSError:
            yield False
            return
        try:
            yield _locked(descriptor)
        finally:
            os.close(descriptor)

    def load(self) -> tuple[Channel, ...]:
        """None of them when the file cannot be read: new channels are then made."""
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=tuple[Channel, ...])
        except (OSError, msgspec.DecodeError):
            return ()

    def store(self, channels: Sequence[Channel]) -> None:
        """A full disk is no reason not to listen: the next run makes new ones."""
        scratch = self._path.with_suffix(f".{os.getpid()}")
        with suppress(OSError):
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(msgspec.json.encode(channels))
            scratch.replace(self._path)


def _locked(descriptor: int) -> bool:
    try:
        flock(descriptor, LOCK_EX | LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _fingerprint(region: Region, credentials: Credentials) -> str:
    """A channel belongs to one client and user at one place."""
    owner = credentials.token if isinstance(credentials, AccessToken) else credentials.client_id
    return sha256(f"{region.api_url} {owner}".encode()).hexdigest()[:16]
