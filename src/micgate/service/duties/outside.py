"""The places off the machine that checkpoints are brought to, as the settings name them."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from urllib.parse import urlsplit

from micgate import destination
from micgate.audit import outside
from micgate.audit.checkpoint import Checkpoint
from micgate.destination import DestinationError, Poster
from micgate.genesys.network import Network
from micgate.settings import SettingError, Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """`id` is of this destination only: another one begins with the first checkpoint. `bring` raises
    `CheckpointUndelivered`. `says` holds no secret.
    """

    kind: str
    destination: str = field(repr=False)
    says: str
    bring: Callable[[Checkpoint], Awaitable[None]]

    @property
    def id(self) -> str:
        """A URL may hold a token, so only a digest of it is kept."""
        return f"{self.kind}:{sha256(self.destination.encode()).hexdigest()[:16]}"


def check(settings: Settings) -> None:
    """Raises `SettingError` for a URL that can be told to be wrong without asking anybody."""
    if settings.checkpoint_url:
        try:
            destination.parse(settings.checkpoint_url, private=settings.allow_private_receivers)
        except DestinationError as error:
            raise SettingError(f"MICGATE_CHECKPOINT_URL: {error.what}", remedy=error.remedy) from None


def places(settings: Settings, *, network: Network) -> tuple[Place, ...]:
    """Raises what `check` does."""
    check(settings)
    found = []
    if settings.checkpoint_path:
        found.append(_file(Path(settings.checkpoint_path).expanduser().absolute()))
    if settings.checkpoint_url:
        private = settings.allow_private_receivers
        found.append(_webhook(settings.checkpoint_url, network, private=private))
    return tuple(found)


def _file(path: Path) -> Place:
    async def bring(checkpoint: Checkpoint) -> None:
        await asyncio.to_thread(outside.append, path, checkpoint)

    return Place(kind="file", destination=str(path), says=str(path), bring=bring)


def _webhook(url: str, network: Network, *, private: bool) -> Place:
    async def bring(checkpoint: Checkpoint) -> None:
        async with Poster(private=private, tls=network.ssl_context()) as poster:
            await outside.post(url, checkpoint, poster=poster)

    return Place(kind="webhook", destination=url, says=urlsplit(url).hostname or "the webhook", bring=bring)
