"""One open socket of a notification channel that listens, pings, and says what to do next."""

import asyncio
from collections.abc import Callable

import aiohttp

from micgate.genesys.errors import Away
from micgate.genesys.handshake import shake_hands
from micgate.genesys.network import Network
from micgate.genesys.notifications import PING, SILENCE, Advice, Line, Observation

_DEAD_CHANNEL = frozenset({401, 403, 404})
"""What a connection to a channel that is gone is answered with; seen by public clients, not documented."""

Hear = Callable[[Observation], None]
Clock = Callable[[], float]


class Ear:
    """Listens from `open_ear` on and hands every observation to `hear`. `close` it."""

    def __init__(
        self, socket: aiohttp.ClientWebSocketResponse, *, hear: Hear, clock: Clock, silence: float
    ) -> None:
        self.line = Line(now=clock(), silence=silence)
        self._socket = socket
        self._hear = hear
        self._clock = clock
        self._superseded = False
        self._pump = asyncio.create_task(self._run(), name="notification socket")

    async def listen(self, *, until: asyncio.Event) -> Advice | None:
        """What to do next, once something must be done; None when `until` was set first."""
        stop = asyncio.create_task(until.wait())
        try:
            return await self._listen(stop)
        finally:
            stop.cancel()

    async def let_go(self, *, seconds: float) -> None:
        """Hear out what is still on its way, now that a newer socket listens; then close."""
        self._superseded = True
        await asyncio.wait({self._pump}, timeout=seconds)
        await self.close()

    async def close(self) -> None:
        self._pump.cancel()
        await asyncio.wait({self._pump})
        await self._socket.close()

    async def _listen(self, stop: asyncio.Task[bool]) -> Advice | None:
        while True:
            wait = max(0.0, self.line.due - self._clock())
            done, _ = await asyncio.wait(
                {self._pump, stop}, timeout=wait, return_when=asyncio.FIRST_COMPLETED
            )
            if self._pump in done:
                return self._pump.result()
            if stop in done:
                return None
            if self.line.tick(self._clock()) is Advice.RECONNECT or not await self._ping():
                return Advice.RECONNECT

    async def _ping(self) -> bool:
        try:
            await self._socket.send_str(PING)
        except (aiohttp.ClientError, ConnectionError):
            return False
        return True

    async def _run(self) -> Advice:
        async for message in self._socket:
            if message.type not in {aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY}:
                break
            heard = self.line.received(message.data, self._clock())
            if isinstance(heard, Observation):
                self._hear(heard)
            elif heard is not None and not self._superseded:
                return heard
        return Advice.RECONNECT


async def open_ear(
    http: aiohttp.ClientSession,
    connect_uri: str,
    *,
    network: Network,
    hear: Hear,
    clock: Clock,
    silence: float = SILENCE,
) -> Ear | None:
    """A socket that listens; None when the channel is gone. Raises `Away`; the address is in no error."""
    try:
        socket = await shake_hands(http, connect_uri, network=network)
    except Away as error:
        if error.status in _DEAD_CHANNEL:
            return None
        raise
    return Ear(socket, hear=hear, clock=clock, silence=silence)
