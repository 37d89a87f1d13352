"""One state-changing wire request, written down before and after."""

from typing import Literal, Protocol

import msgspec

from micgate.genesys.errors import Away, GenesysError, OursToFix, Refused, TokenRefused
from micgate.genesys.io import Io
from micgate.genesys.messages import Request
from micgate.genesys.strategy import Strategy

Action = Literal["mute", "unmute", "pause", "resume"]
Kind = Literal["accepted", "refused", "not_sent", "unknown"]


class Command(msgspec.Struct, frozen=True, kw_only=True):
    """One state-changing wire request; `pause` and `resume` are the recording's.

    `at` is in seconds since 1970.
    """

    id: str
    action: Action
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

    kind: Kind
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
        """Called exactly once for every command whose `intended` returned."""
        ...


async def carry_out(io: Io, request: Request, command: Command, witness: Witness) -> Outcome:
    """Send it once. Cancelled or interrupted on the way, its outcome is unknown, and the witness hears so."""
    witness.intended(command)
    outcome = Outcome(kind="unknown")
    try:
        outcome = await answered(io, request)
    finally:
        witness.concluded(command, outcome)
    return outcome


async def answered(io: Io, request: Request) -> Outcome:
    """Send it once and say how it ended. For callers that write down for themselves."""
    try:
        response = await io.send(request)
    except GenesysError as error:
        return outcome_of(error)
    return Outcome(
        kind="accepted",
        status=response.status,
        correlation_id=response.correlation_id,
        http_ms=response.elapsed * 1000,
    )


def outcome_of(error: GenesysError) -> Outcome:
    return Outcome(
        kind=_kind_of(error), status=error.status, correlation_id=error.correlation_id, error=error
    )


def _kind_of(error: GenesysError) -> Kind:
    if isinstance(error, (Refused, TokenRefused)):
        return "refused"
    if isinstance(error, OursToFix) or (isinstance(error, Away) and not error.reached):
        return "not_sent"
    return "unknown"
