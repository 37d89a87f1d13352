"""What travels: one request, one answer, without any library's types."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar
from urllib.parse import quote, urlencode

import msgspec

Meant = TypeVar("Meant")

TIMEOUT_SECONDS = 10.0
PATIENCE_SECONDS = 10.0
"""For so long what passes (a cut, a restart) is tried again."""
CONFIRMED_WITHIN = 2.0
"""For so long a mute or a release waits to be shown by the platform."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """`path` is encoded, `query` is not yet. `timeout` is in seconds, for the whole exchange.

    Every operation of the service may be sent again: it reads, names its end, or carries an idempotency key.
    """

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    timeout: float = TIMEOUT_SECONDS

    @property
    def target(self) -> str:
        """Path and query, encoded, as they follow the service's address."""
        return f"{self.path}?{urlencode(self.query, quote_via=quote)}" if self.query else self.path

    def __repr__(self) -> str:
        return f"Request({self.method} {self.path})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask(Generic[Meant]):
    """A request, and what its answer is read as."""

    request: Request
    answer: msgspec.json.Decoder[Meant]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """`headers` have lower-case names."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def __repr__(self) -> str:
        return f"Answer({self.status}, {len(self.body)} bytes)"


def is_ok(status: int) -> bool:
    return 200 <= status < 300  # noqa: PLR2004 -- RFC 9110, section 15.3
