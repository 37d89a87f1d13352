"""What the checks are given, and what they learn on the way."""

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Protocol

import msgspec

from micgate.genesys.io import Io, Wire
from micgate.genesys.kept_channels import KeptChannels
from micgate.genesys.messages import Response
from micgate.genesys.models import Channel, TokenInfo, User
from micgate.genesys.oauth import ClientCredentials, Credentials
from micgate.genesys.ratelimit import RateLimit
from micgate.genesys.regions import Region


class Heard(msgspec.Struct, frozen=True):
    """One message of a notification channel and when it arrived, by `time.monotonic`."""

    at: float
    text: str


class Socket(Protocol):
    """A channel's socket, for code that blocks."""

    def say(self, text: str) -> None: ...

    def hear(self, seconds: float) -> Heard | None:
        """The next message, or None after `seconds`."""
        ...


Listen = Callable[[str], AbstractContextManager[Socket]]


@dataclass(slots=True, kw_only=True)
class Case:
    """The upper half is given; the lower half is filled by the checks, in their order.

    `headers` go with requests that carry no token. `names` collects whatever names somebody or something of
    the organization, for the scrubbed report.
    """

    io: Io
    wire: Wire
    region: Region
    region_source: str
    credentials: Credentials
    credentials_source: str
    headers: dict[str, str]
    rate: Callable[[], RateLimit]
    token_life: Callable[[], float | None]
    listen: Listen
    kept: KeptChannels
    agent: str | None = None
    max_channels: int = 18

    first_answer: Response | None = None
    token: TokenInfo | None = None
    has_user: bool = False
    me: User | None = None
    somebody: User | None = None
    queue_id: str | None = None
    conversation_id: str | None = None
    channel: Channel | None = None
    names: set[str] = field(default_factory=set)

    @property
    def is_service(self) -> bool:
        return isinstance(self.credentials, ClientCredentials)

    def named(self, *names: str | None) -> None:
        self.names.update(name for name in names if name)

    def met(self, people: Iterable[User]) -> None:
        for person in people:
            self.somebody = self.somebody or person
            self.named(person.name, person.email)
