"""Request and Response: what travels, without any library's types."""

from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Literal

import msgspec

Host = Literal["api", "login"]

SECRET_HEADERS = frozenset({"authorization", "proxy-authorization", "cookie", "set-cookie"})


class Kind(Enum):
    """How often a request may go on the wire."""

    READ = "read"
    """Asks only: replayed once after a 401, retried by `retry`."""
    CHANGE = "change"
    """Changes state: exactly one wire request; every answer is its outcome."""
    TOKEN = "token"
    """Carries credentials: never redirected, never replayed."""


class Headers(Mapping[str, str]):
    """Answer headers, looked up without case. Its repr hides secrets."""

    __slots__ = ("_values",)

    def __init__(self, pairs: Mapping[str, str]) -> None:
        self._values = {name.lower(): value for name, value in pairs.items()}

    def __getitem__(self, name: str) -> str:
        return self._values[name.lower()]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"Headers({redacted(self._values)!r})"


def redacted(headers: Mapping[str, str]) -> dict[str, str]:
    """The same headers, secret values replaced, fit for a log."""
    return {name: "***" if name.lower() in SECRET_HEADERS else value for name, value in headers.items()}


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """One request to the vendor, before authorization is added.

    `path` is absolute and percent-encoded, `query` is not encoded yet. `timeout` is in seconds for the whole
    exchange; `patience`, in seconds too, bounds the retries of a READ (None: as long as its sender has).
    """

    method: str
    path: str
    kind: Kind = Kind.READ
    host: Host = "api"
    query: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None
    content_type: str | None = None
    timeout: float = 10.0
    patience: float | None = None

    def __repr__(self) -> str:
        return f"Request({self.method} {self.path})"


def within(request: Request, patience: float) -> Request:
    """The request, given up when its sender's patience is at an end; it gets a second at the least."""
    longest = max(_LEAST_TIMEOUT, patience)
    return msgspec.structs.replace(request, timeout=longest) if request.timeout > longest else request


_LEAST_TIMEOUT = 1.0


class Response(msgspec.Struct, frozen=True, kw_only=True):
    """One answer. `elapsed` is in seconds, from the first byte sent to the last byte read."""

    status: int
    headers: Headers
    body: bytes
    elapsed: float

    @property
    def correlation_id(self) -> str | None:
        return self.headers.get("inin-correlation-id")

    def __repr__(self) -> str:
        return f"Response({self.status}, {len(self.body)} bytes)"
