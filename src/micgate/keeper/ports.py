"""What a keeper is given from outside, beside the verbs, the platform and the clock."""

from collections.abc import Collection, Sequence
from typing import Protocol

from micgate.control.mute import Mute
from micgate.platform.port import KeptChannel
from micgate.store.commands import OpenCommand
from micgate.store.microphones import Remembered


class Names(Protocol):
    """The pseudonyms by which the record knows agents."""

    async def learn(self, users: Collection[str]) -> None:
        """See that each of them has one, before anything about them is written."""


class Books(Protocol):
    """What is read from the store, and what is no microphone's business. Of one org."""

    async def remembered(self) -> Sequence[Remembered]:
        """All microphones."""

    async def standing(self) -> Sequence[Mute]: ...

    async def open_commands(self) -> Sequence[OpenCommand]: ...

    async def time(self) -> float:
        """The database's clock."""

    async def strategy(self) -> str | None:
        """What the platform accepted before."""

    async def remember_strategy(self, strategy: str) -> None: ...

    async def sweep(self, *, before: float) -> int:
        """Forget calls that were over before then."""


class Shelf(Protocol):
    """Notification channels, kept for the next keeper. Of one org."""

    async def load(self) -> dict[int, KeptChannel]: ...

    async def store(self, slot: int, channel: KeptChannel, users: Sequence[str]) -> None: ...
