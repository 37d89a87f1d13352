"""Moving a microphone, and knowing that it moved.

A 202 confirms nothing: the state arrives by event, or by a read. A state change goes out once per command; every command
has one intent before it and exactly one conclusion after it, also under KeyboardInterrupt.
"""

from collections.abc import Callable
from typing import Literal, Protocol

import msgspec

from micgate.genesys.errors import GenesysError
from micgate.genesys.io import Io
from micgate.genesys.locate import Call
from micgate.genesys.strategy import Accepted, Strategy

PATIENCE = 10.0


class Command(msgspec.Struct, frozen=True, kw_only=True):
    """One state-changing wire request. `at` is in seconds since 1970."""

    id: str
    action: Literal["mute", "unmute", "pause", "resume"]
    conversation_id: str
    at: float
    participant_id: str | None = None
    user_id: str | None = None
    strategy: Strategy | None = None

    @property
    def muted(self) -> bool:
        return self.action == "mute"


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """How a command ended. Only `unknown` may mean that the platform got it, or not."""

    kind: Literal["accepted", "refused", "not_sent", "unknown"]
    status: int | None = None
    correlation_id: str | None = None
    http_ms: float | None = None
    error: GenesysError | None = None


class Witness(Protocol):
    """Who writes down what is about to be sent and what became of it."""

    def intended(self, command: Command) -> None:
        """Called before the request leaves. If it raises, nothing is sent."""
        ...

    def concluded(self, command: Command, outcome: Outcome) -> None:
        """Called exactly once for every command that was intended."""
        ...


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """A confirmed microphone. `changed` False: it was as wanted already and nothing was sent.

    `http_ms` is the accepted request alone, `confirmed_ms` from its start until the platform reported the value, `at` the
    moment of that in seconds since 1970, `requests` all that this took, reads included.
    """

    conversation_id: str
    participant_id: str
    muted: bool
    changed: bool
    at: float
    http_ms: float | None = None
    confirmed_ms: float | None = None
    correlation_id: str | None = None
    requests: int = 0
    strategy: Strategy | None = None
    seen_by: Literal["event", "read"] = "read"


async def set_muted(
    io: Io,
    call: Call,
    muted: bool,  # noqa: FBT001 -- set_muted(io, call, True) is how everybody says it
    *,
    has_user: bool,
    accepted: Accepted,
    witness: Witness,
    new_id: Callable[[], str],
    strategy: Strategy = Strategy.AUTO,
    patience: float = PATIENCE,
) -> Result:
    """Mute or un-mute one leg and return when the platform reports it.

    Raises `Unconfirmed` when it was not seen within `patience` seconds, `NotConnected` when the call ended, and the
    vendor's refusals.
    """
    raise NotImplementedError


async def confirm(io: Io, call: Call, muted: bool, *, until: float) -> Call:  # noqa: FBT001 -- as set_muted
    """The call as soon as it is seen with this value; `Unconfirmed` at `until` (of `io.monotonic`)."""
    raise NotImplementedError


async def set_recording_state(
    io: Io,
    conversation_id: str,
    *,
    paused: bool,
    witness: Witness,
    new_id: Callable[[], str],
    patience: float = PATIENCE,
) -> None:
    """Start or end the secure pause of a recording, and return when the platform reports it."""
    raise NotImplementedError
