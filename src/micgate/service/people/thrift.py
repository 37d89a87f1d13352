"""Look-ups share the org's budget with mutes and releases: only so many of them, and never what ends need."""

from collections import deque
from collections.abc import Callable

from micgate.genesys.errors import RateLimited
from micgate.genesys.io import Io
from micgate.genesys.messages import Request, Response
from micgate.genesys.models import Participant

MOST = 100
"""Requests a minute for look-ups, at each replica: a third of what an org has."""
_MINUTE = 60.0
_AGAIN = 5.0


class Thrifty:
    """An `Io` that keeps to that. `has_room`: whether the keeper, if it is here, has any left for mutes."""

    def __init__(self, io: Io, *, has_room: Callable[[], bool], most: int = MOST) -> None:
        self._io = io
        self._has_room = has_room
        self._most = most
        self._sent: deque[float] = deque()

    async def send(self, request: Request) -> Response:
        """Raises `RateLimited` before anything was sent."""
        now = self._io.monotonic()
        while self._sent and self._sent[0] <= now - _MINUTE:
            self._sent.popleft()
        if len(self._sent) >= self._most:
            raise _used_up(self._sent[0] + _MINUTE - now)
        if not self._has_room():
            raise _used_up(_AGAIN)
        self._sent.append(now)
        return await self._io.send(request)

    async def sleep(self, seconds: float) -> None:
        await self._io.sleep(seconds)

    def monotonic(self) -> float:
        return self._io.monotonic()

    def now(self) -> float:
        return self._io.now()

    async def observed(
        self, *, conversation_id: str, participant_id: str, seconds: float
    ) -> Participant | None:
        return await self._io.observed(
            conversation_id=conversation_id, participant_id=participant_id, seconds=seconds
        )


def _used_up(wait: float) -> RateLimited:
    return RateLimited(
        "What this organization may look up at Genesys Cloud this minute is used up: mutes that end need the "
        "rest.",
        remedy="Try again in a moment; who is known here already is not looked up.",
        retry_after=wait,
    )
