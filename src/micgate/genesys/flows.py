"""Moving a microphone, and knowing that it moved.

A 202 confirms nothing: the state arrives by event, or by a read. A state change goes out once per command;
every command has one intent before it and exactly one conclusion after it, also under KeyboardInterrupt. When
an answer is lost (a cut connection, a timeout, a 5xx) the platform may have acted: it is asked first, and
only when it still shows the old value is there one new command.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from math import ceil

import msgspec

from micgate.genesys.absence import ended_unseen, not_connected
from micgate.genesys.commands import Command, Outcome, Witness, carry_out
from micgate.genesys.errors import (
    Away,
    Conflict,
    Forbidden,
    GenesysError,
    MissingScope,
    NotAnAgent,
    NotAParty,
    NotConnected,
    NotFound,
    RateLimited,
    TokenRefused,
    Unconfirmed,
)
from micgate.genesys.io import Io
from micgate.genesys.locate import read_call
from micgate.genesys.messages import Request, Response
from micgate.genesys.models import Participant
from micgate.genesys.reading import Call
from micgate.genesys.recording import set_recording_state
from micgate.genesys.requests import patch_participant, patch_participant_on_behalf
from micgate.genesys.sight import SeenBy, Sighting, confirm, look, not_seen
from micgate.genesys.strategy import Accepted, Strategy, order

__all__ = [
    "PATIENCE",
    "Command",
    "Outcome",
    "Result",
    "Witness",
    "confirm",
    "set_muted",
    "set_recording_state",
]

PATIENCE = 10.0
"""Seconds an interactive command may take: a mute that comes much later is worse than an error."""

_FRESH = 1.0
_DOUBT = 1.5
_WITHOUT_RETRY_AFTER = 3.0
_UNSENT_WAITS = (0.3, 1.0)
_LEAST_TIMEOUT = 1.0


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """A confirmed microphone. `changed` False: it was as wanted already and nothing was sent.

    `http_ms` is the accepted request alone, `confirmed_ms` the time from the first request until the platform
    reported the value, `at` the moment of that in seconds since 1970, `requests` all that this took, reads
    included. `call` is the microphone as it was then seen.
    """

    conversation_id: str
    participant_id: str
    muted: bool
    changed: bool
    at: float
    call: Call
    http_ms: float | None = None
    confirmed_ms: float | None = None
    correlation_id: str | None = None
    requests: int = 0
    strategy: Strategy | None = None
    seen_by: SeenBy = "read"


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
    """Mute or un-mute one microphone and return when the platform reports it.

    Raises `Unconfirmed` when that was not seen within `patience` seconds, `NotConnected` when the call ended,
    and the vendor's refusals. A call that was read more than a second ago, or before the last change that was
    sent with this `accepted`, is read again first.
    """
    tally = _Tally(io)
    ways = order(strategy, has_user=has_user, accepted=accepted, conversation_id=call.conversation_id)
    move = _Move(
        io=tally,
        muted=muted,
        ways=_possible(ways, call),
        accepted=accepted,
        witness=witness,
        new_id=new_id,
        deadline=io.monotonic() + patience,
    )
    return msgspec.structs.replace(await move.run(call), requests=tally.sent)


def _possible(ways: tuple[Strategy, ...], call: Call) -> list[Strategy]:
    possible = [way for way in ways if way is not Strategy.ON_BEHALF or call.user_id]
    if not possible:
        raise NotAnAgent(
            "This end of the call has no user in whose name it could be muted.",
            remedy="Name the agent.",
            purpose=call.purpose,
            conversation_id=call.conversation_id,
            participant_id=call.participant_id,
        )
    return possible


class _Tally:
    """The same `io`, counting what it sends."""

    def __init__(self, io: Io) -> None:
        self._io = io
        self.sent = 0
        self.sleep = io.sleep
        self.monotonic = io.monotonic
        self.now = io.now

    async def send(self, request: Request) -> Response:
        self.sent += 1
        return await self._io.send(request)

    async def observed(
        self, *, conversation_id: str, participant_id: str, seconds: float
    ) -> Participant | None:
        return await self._io.observed(
            conversation_id=conversation_id, participant_id=participant_id, seconds=seconds
        )


@dataclass(slots=True, kw_only=True)
class _Move:
    """One `set_muted` on its way: what was tried, and what may still be."""

    io: Io
    muted: bool
    ways: list[Strategy]
    accepted: Accepted
    witness: Witness
    new_id: Callable[[], str]
    deadline: float
    first_sent: float | None = None
    in_doubt: bool = False
    tried: set[str] = field(default_factory=set)
    unsent_waits: list[float] = field(default_factory=lambda: list(_UNSENT_WAITS))
    refusal: GenesysError | None = None

    async def run(self, call: Call) -> Result:
        if self.accepted.moved_since(call.participant_id, call.read_at):
            call = _unread(call)
        try:
            return await self._run(call)
        except (Unconfirmed, NotConnected):
            raise
        except GenesysError as error:
            if not self.in_doubt:
                raise
            raise not_seen(call, Sighting(call=call, error=error), self.muted, answered=False) from error

    async def _run(self, call: Call) -> Result:
        while True:
            call = await self._fresh(call)
            if call.muted is self.muted:
                return self._result(Sighting(call=call), changed=self.in_doubt)
            outcome = await self._command(call)
            if outcome.kind == "accepted":
                return await self._confirmed(call, outcome)
            call = await self._next(call, outcome)

    async def _fresh(self, call: Call) -> Call:
        if self.io.monotonic() - call.read_at > _FRESH:
            call = await read_call(self.io, call)
        if call.ended and self.in_doubt:
            raise ended_unseen(call, muted=self.muted)
        if not call.live:
            raise not_connected(call)
        return call

    async def _command(self, call: Call) -> Outcome:
        way = self.ways[0]
        request = self._request(call, way)
        await _forget_events(self.io, call)
        if self.first_sent is None:
            self.first_sent = self.io.monotonic()
        self.accepted.moved(call.participant_id, at=self.io.monotonic())
        command = Command(
            id=self.new_id(),
            action="mute" if self.muted else "unmute",
            conversation_id=call.conversation_id,
            participant_id=call.participant_id,
            user_id=call.user_id,
            strategy=way,
            at=self.io.now(),
        )
        outcome = await carry_out(self.io, request, command, self.witness)
        self.in_doubt = self.in_doubt or outcome.kind == "unknown"
        return outcome

    def _request(self, call: Call, way: Strategy) -> Request:
        if way is Strategy.ON_BEHALF and call.user_id:
            request = patch_participant_on_behalf(
                call.conversation_id, call.participant_id, user_id=call.user_id, muted=self.muted
            )
        else:
            request = patch_participant(call.conversation_id, call.participant_id, muted=self.muted)
        half = max(_LEAST_TIMEOUT, float(ceil(self._left() / 2)))
        return msgspec.structs.replace(request, timeout=min(request.timeout, half))

    async def _confirmed(self, call: Call, outcome: Outcome) -> Result:
        sighting = await look(self.io, call, self.muted, until=self.deadline)
        if not sighting.as_wanted:
            raise not_seen(
                call, sighting, self.muted, answered=True, correlation_id=outcome.correlation_id
            ) from sighting.error
        self.accepted.worked(self.ways[0])
        return self._result(sighting, changed=True, outcome=outcome)

    async def _next(self, call: Call, outcome: Outcome) -> Call:
        """The call for one more command; raises when none may be sent."""
        error = outcome.error
        if error is None or outcome.kind == "unknown":
            return await self._asked(call, error)
        if outcome.kind == "not_sent":
            await self._wait_unsent(error)
            return call
        return await self._refused(call, error)

    async def _asked(self, call: Call, lost: GenesysError | None) -> Call:
        """The platform may have acted: see what it shows, and go on only from what was seen."""
        again = self._once("unknown")
        while True:
            until = min(self.deadline, self.io.monotonic() + _DOUBT) if again else self.deadline
            sighting = await look(self.io, call, self.muted, until=until)
            if _settles(sighting) or self._left() <= 0:
                break
        if sighting.as_wanted or (again and _settles(sighting) and self._left() > 0):
            return sighting.call
        raise not_seen(call, sighting, self.muted, answered=False, lost=lost) from sighting.error

    async def _wait_unsent(self, error: GenesysError) -> None:
        wait = self.unsent_waits.pop(0) if self.unsent_waits else self._left()
        if not isinstance(error, Away) or wait >= self._left():
            raise error
        await self.io.sleep(wait)

    async def _refused(self, call: Call, error: GenesysError) -> Call:
        if isinstance(error, TokenRefused) and self._once("token"):
            return _unread(call)
        if isinstance(error, RateLimited):
            await self._wait_for_budget(error)
            return call
        if isinstance(error, (NotFound, Conflict)) and self._once("leg"):
            return await self._new_leg(call, error)
        if isinstance(error, Forbidden) and not isinstance(error, MissingScope):
            return self._other_way(call, error)
        raise error

    async def _wait_for_budget(self, error: RateLimited) -> None:
        wait = _WITHOUT_RETRY_AFTER if error.retry_after is None else error.retry_after
        if wait + _LEAST_TIMEOUT > self._left():
            raise RateLimited(
                f"Genesys Cloud asks to wait {wait:.0f} s, longer than this command may take.",
                means="The request budget of this OAuth client is used up; nothing was changed.",
                remedy=f"Try again in {wait:.0f} s, or send less through this OAuth client.",
                retry_after=wait,
                status=error.status,
                vendor_code=error.vendor_code,
                correlation_id=error.correlation_id,
            ) from error
        await self.io.sleep(wait)

    async def _new_leg(self, call: Call, error: GenesysError) -> Call:
        latest = await read_call(self.io, call)
        if not latest.live:
            raise not_connected(latest) from error
        if latest.participant_id == call.participant_id:
            raise error
        return latest

    def _other_way(self, call: Call, error: GenesysError) -> Call:
        way = self.ways.pop(0)
        if way is Strategy.PARTICIPANT and isinstance(error, NotAParty):
            self.accepted.not_a_party(call.conversation_id)
        if not self.ways:
            raise error from self.refusal
        self.refusal = error
        return call

    def _once(self, occasion: str) -> bool:
        """Whether this has not happened yet: what is tried again is tried again once."""
        first = occasion not in self.tried
        self.tried.add(occasion)
        return first

    def _left(self) -> float:
        return self.deadline - self.io.monotonic()

    def _result(self, sighting: Sighting, *, changed: bool, outcome: Outcome | None = None) -> Result:
        call = sighting.call
        since = self.first_sent
        return Result(
            conversation_id=call.conversation_id,
            participant_id=call.participant_id,
            muted=self.muted,
            changed=changed,
            at=self.io.now(),
            call=call,
            http_ms=outcome.http_ms if outcome else None,
            confirmed_ms=None if since is None else (self.io.monotonic() - since) * 1000,
            correlation_id=outcome.correlation_id if outcome else None,
            strategy=self.ways[0] if changed else None,
            seen_by=sighting.by,
        )


def _settles(sighting: Sighting) -> bool:
    """Seen, and the last look did not fail: what is shown is what is."""
    return sighting.fresh and sighting.error is None


def _unread(call: Call) -> Call:
    """Read it again before anything else: a read renews the token without a command being at stake."""
    return msgspec.structs.replace(call, read_at=float("-inf"))


async def _forget_events(io: Io, call: Call) -> None:
    """What arrived before the command says nothing about it."""
    while await io.observed(
        conversation_id=call.conversation_id, participant_id=call.participant_id, seconds=0.0
    ):
        pass
