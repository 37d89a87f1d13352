"""A mute without a service: place it, let it stand, give the microphone back.

The same flows serve the library, the command line and the guardian, on any `Io`. What they know is one frozen
`Memory`, told at every step to whoever keeps watch, so that the guardian can finish what the command began.
"""

from collections.abc import Awaitable, Callable
from itertools import chain, count, repeat

import msgspec

from micgate.control.policy import Baseline, ClosedBy, OnOverride, Opening, may_open
from micgate.direct.account import Account, Doubting, Record
from micgate.direct.memory import Memory, Plan
from micgate.direct.progress import Ended, Progress
from micgate.genesys.absence import not_connected
from micgate.genesys.errors import (
    Away,
    GenesysError,
    NoLiveCall,
    NotConnected,
    NotFound,
    RateLimited,
    Unconfirmed,
)
from micgate.genesys.flows import Result, set_muted
from micgate.genesys.io import Io
from micgate.genesys.locate import read_call
from micgate.genesys.reading import Call
from micgate.genesys.strategy import Accepted

LOOK_SECONDS = 2.0
INSIST_SECONDS = 75.0
"""How long a give-back is tried: the longest wait that a rate limit announces is 61 s."""
_AGAIN = (1.0, 3.0, 9.0)
_SETTLING_LOOKS = (0.25, 0.25, 0.5, 1.0)
_FIRST_LOOKS = (0.1, 0.15, 0.25, 0.3)
_NORMALLY_SEEN = 0.8
"""Seconds after which the platform normally shows a change: 50 to 300 ms (unconfirmed), with room."""
_FRESH = 0.5
_RELEASE_PATIENCE = 3.0
"""Of one try; the next begins with a read, which sees what took effect late."""
_BASELINES = {False: Baseline.OPEN, True: Baseline.WAS_MUTED, None: Baseline.UNPROVEN}
_PASSING = (Away, RateLimited, Unconfirmed, NotConnected)

Pause = Callable[[float], Awaitable[bool]]
"""Wait so many seconds; true, and early, when the mute is to end now."""


class Mute:
    """One mute of one microphone. `memory` is all it knows; another process may go on from it."""

    def __init__(
        self,
        plan: Plan,
        *,
        record: Record,
        new_id: Callable[[], str],
        memory: Memory | None = None,
        remember: Callable[[Memory], None] = lambda _memory: None,
        tell: Callable[[Progress], None] = lambda _progress: None,
    ) -> None:
        self.plan = plan
        self._account = Account(
            plan, memory or Memory(call=plan.call), record=record, remember=remember, tell=tell
        )
        self._new_id = new_id
        self._accepted = Accepted()
        if self.memory.works:
            self._accepted.worked(self.memory.works)

    @property
    def memory(self) -> Memory:
        return self._account.memory

    @property
    def ended(self) -> Ended | None:
        return self._account.ended

    async def place(self, io: Io) -> Result:
        """Mute, and return when the platform shows it. Whatever it raises, `give_back` must follow."""
        call = self.memory.call
        if io.monotonic() - call.read_at > _FRESH:
            call = await read_call(io, call)
        if not call.live:
            raise not_connected(call)
        return await self._close(io, call)

    async def stand(self, io: Io, pause: Pause) -> None:
        """Return when the time is over, when `pause` says so, or when the mute has `ended` by itself."""
        while self.ended is None and (left := self._account.left(io)) > 0:
            if await pause(min(LOOK_SECONDS, left)):
                return
            if self._account.left(io) > 0:
                await self._look(io)

    async def give_back(self, io: Io, *, whatever: bool = False) -> Ended:
        """Open the microphone if that is ours to do, and insist. Safe to run again after any interruption.

        A refusal ends it after four tries, unless `whatever`: then it is tried as long as everything else.
        """
        if self.memory.began_late is None:
            self._account.know(began_late=max(0.0, -self._account.left(io)))
        deadline = io.monotonic() + INSIST_SECONDS
        for tries in count():
            if self.ended:
                break
            try:
                await self._open(io)
            except GenesysError as error:
                hopeless = tries >= len(_AGAIN) and not whatever and not isinstance(error, _PASSING)
                wait = max(_AGAIN[min(tries, len(_AGAIN) - 1)], _announced(error))
                if hopeless or io.monotonic() + wait > deadline:
                    return self._account.end(io, "stuck", error=error)
                self._account.say(io, "insisting", error=error)
                await io.sleep(wait)
        assert self.ended is not None  # noqa: S101 -- `count` never ends
        return self.ended

    def unsettled(self, io: Io) -> float:
        """Seconds for which a command of ours may still close this microphone. 0: done."""
        if self.memory.settled or self.memory.baseline is not Baseline.OPEN:
            return 0.0
        return max([0.0, *(doubt.until - io.monotonic() for doubt in self.memory.doubts)])

    async def settle(self, io: Io) -> None:
        """Watch for late effects of our own mute commands, and undo each once."""
        if self.unsettled(io):
            self._account.say(io, "settling")
        for wait in chain(_SETTLING_LOOKS, repeat(LOOK_SECONDS)):
            if not (left := self.unsettled(io)):
                return
            await io.sleep(min(wait, left))
            await self._undo_late(io)

    async def _close(self, io: Io, call: Call) -> Result:
        """Mute the leg `call`, whose state was read just now."""
        self._account.know(
            call=call,
            baseline=_BASELINES[call.muted],
            closed_by=ClosedBy.NOBODY,
            opening=False,
            settled=False,
        )
        result = await self._set(io, call, muted=True)
        if result.changed:
            self._account.know(closed_by=ClosedBy.US, doubts=self.memory.doubts[1:], works=result.strategy)
            self._account.note("confirmed", muted=True, latency_ms=result.confirmed_ms)
            self._account.say(io, "confirmed", result=result)
        else:
            self._account.know(baseline=Baseline.WAS_MUTED, closed_by=ClosedBy.NOT_US)
            self._account.say(io, "kept", result=result)
        return result

    async def _look(self, io: Io) -> None:
        try:
            seen = await read_call(io, self.memory.call)
        except GenesysError as error:
            self._account.say(io, "unseen", error=error)
            return
        if seen.ended:
            self._account.end(io, "call_ended", call=seen)
        elif not seen.live or seen.muted is None:
            self._account.say(io, "unseen")
        elif seen.participant_id != self.memory.call.participant_id:
            await self._follow(io, seen)
        elif not seen.muted and self.memory.closed:
            self._overridden(io, seen)
        else:
            self._account.know(call=seen)
            self._account.say(io, "look")

    def _overridden(self, io: Io, seen: Call) -> None:
        self._account.know(call=seen, closed_by=ClosedBy.NOBODY)
        if self.plan.on_override is OnOverride.NOTIFY:
            self._account.note("overridden", muted=True)
            self._account.say(io, "overridden")
        else:
            self._account.end(io, "overridden")

    async def _follow(self, io: Io, seen: Call) -> None:
        """The agent is on a new leg. Open, it is muted with a baseline of its own; closed, it is as it is."""
        self._account.say(io, "moved")
        if seen.muted:
            self._carry(seen)
            return
        try:
            await self._close(io, seen)
        except GenesysError as error:
            self._account.say(io, "unseen", error=error)

    def _carry(self, seen: Call) -> None:
        if self.memory.closed_by is ClosedBy.US:
            self._account.know(call=seen)
        else:
            self._account.know(call=seen, baseline=Baseline.WAS_MUTED, closed_by=ClosedBy.NOT_US, doubts=())

    async def _open(self, io: Io) -> None:
        """One try. Sets `ended`, or raises why it could not."""
        if self.memory.settled or not self.memory.touched:
            self._account.end(io, "kept" if self.memory.baseline is Baseline.WAS_MUTED else "nothing")
            return
        seen = await self._see_what_was_sent(io)
        if seen is None:
            await self._open_seen(io, self.memory.call)
        elif seen.ended:
            self._account.end(io, "call_ended", call=seen)
        elif not seen.live:
            raise not_connected(seen)
        elif seen.muted is False and self.memory.closed:
            self._account.know(call=seen, closed_by=ClosedBy.NOBODY)
            self._account.end(io, "released" if self.memory.opening else "overridden")
        else:
            await self._open_seen(io, seen)

    async def _open_seen(self, io: Io, seen: Call) -> None:
        if seen.participant_id != self.memory.call.participant_id and seen.muted:
            self._carry(seen)
        opening = self._opening(seen)
        if opening.opens:
            await self._send_open(io, seen, opening)
        elif seen.muted is False:
            self._account.end(io, "nothing", call=seen)
        else:
            self._account.end(io, "left_closed", call=seen, opening=opening)

    def _opening(self, seen: Call) -> Opening:
        doubtful = self.memory.closed_by is ClosedBy.NOBODY and bool(self.memory.doubts)
        return may_open(
            policy=self.plan.open_policy,
            baseline=self.memory.baseline,
            closed_by=ClosedBy.PROBABLY_US if doubtful else self.memory.closed_by,
            same_leg=seen.participant_id == self.memory.call.participant_id,
            held=bool(seen.held),
            seconds_late=self.memory.began_late or 0.0,
        )

    async def _send_open(self, io: Io, seen: Call, opening: Opening) -> None:
        """Sent even when the microphone looks open: a mute of ours may be on its way."""
        if seen.muted and self.memory.closed_by is ClosedBy.NOBODY:
            self._account.know(doubts=self.memory.doubts[1:], closed_by=ClosedBy.PROBABLY_US)
        try:
            result = await self._set(io, msgspec.structs.replace(seen, muted=None), muted=False)
        except (NotConnected, NotFound):
            if not await _is_gone(io, seen):
                raise
            self._account.end(io, "call_ended", call=seen)
        else:
            self._account.know(closed_by=ClosedBy.NOBODY)
            self._account.end(io, "released", result=result, opening=opening)

    async def _set(self, io: Io, call: Call, *, muted: bool) -> Result:
        result = await set_muted(
            io,
            msgspec.structs.replace(call, read_at=io.monotonic()),
            muted,
            has_user=self.plan.has_user,
            accepted=self._accepted,
            witness=Doubting(self._account, io),
            new_id=self._new_id,
            strategy=self.plan.strategy,
            patience=self.plan.patience if muted else min(self.plan.patience, _RELEASE_PATIENCE),
        )
        self._account.know(call=result.call)
        return result

    async def _see_what_was_sent(self, io: Io) -> Call | None:
        """The call; a mute sent a moment ago gets the time it normally takes, so that it is undone once and
        for all.
        """
        seen = await self._see(io)
        for wait in _FIRST_LOOKS:
            if seen is None or not seen.live or seen.muted is not False or not self._just_sent(io):
                break
            await io.sleep(wait)
            seen = await self._see(io)
        return seen

    def _just_sent(self, io: Io) -> bool:
        if self.memory.closed_by is not ClosedBy.NOBODY or self.memory.opening or not self.memory.doubts:
            return False
        sent_at = self.memory.doubts[-1].until - self.plan.doubt_seconds
        return io.monotonic() - sent_at < _NORMALLY_SEEN

    async def _see(self, io: Io) -> Call | None:
        """The call as it is; None when it cannot be read, which is no reason to leave the agent muted."""
        try:
            return await read_call(io, self.memory.call)
        except GenesysError:
            return None

    async def _undo_late(self, io: Io) -> None:
        seen = await self._see(io)
        if seen is None or not (seen.ended or (seen.live and seen.muted)):
            return
        if not seen.ended:
            self._account.know(doubts=self.memory.doubts[1:], closed_by=ClosedBy.PROBABLY_US)
        self._account.ended = None
        await self.give_back(io)


async def _is_gone(io: Io, call: Call) -> bool:
    try:
        return (await read_call(io, call)).ended
    except NoLiveCall:
        return True


def _announced(error: GenesysError) -> float:
    """The wait that the vendor asked for."""
    asked = getattr(error, "retry_after", None)
    return float(asked) + _ROUNDING if asked else 0.0


_ROUNDING = 0.5  # the vendor announces whole seconds
