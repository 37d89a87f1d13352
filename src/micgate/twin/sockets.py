"""The sockets of channels: /channels/{id}. The id in the path is the only key."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec
from aiohttp import WSCloseCode, WSMessage, WSMsgType, web

from micgate.twin import messages
from micgate.twin.channels import Channel, Channels
from micgate.twin.refusals import Refusal

if TYPE_CHECKING:
    from micgate.twin.clock import Timer

MOST_WAITING = 20_000
CLOSE_SECONDS = 2.0


class Said(msgspec.Struct, rename="camel"):
    """What a client says over the socket."""

    message: str | None = None
    topics: list[str] | None = None
    correlation_id: str | None = None


class Socket:
    """One open socket of a channel. Messages wait in a queue that one task empties."""

    def __init__(
        self,
        shell: web.WebSocketResponse,
        request: web.BaseRequest,
        channels: Channels,
        settle: Callable[[], None],
    ) -> None:
        self._shell = shell
        self._request = request
        self._channels = channels
        self._settle = settle
        self._waiting: deque[bytes] = deque()
        self._something = asyncio.Event()
        self._idle = asyncio.Event()
        self._ending = False
        self._silent_until = 0.0
        self._timers: list[Timer] = []

    def put(self, message: bytes) -> bool:
        if self._ending or self._silent:
            return False
        if len(self._waiting) >= MOST_WAITING:
            self.cut()
            return False
        self._waiting.append(message)
        self._something.set()
        self._idle.clear()
        return True

    def close(self) -> None:
        self._ending = True
        self._something.set()

    def closing(self, seconds: float | None = None) -> None:
        warned = self._channels.world.behaviour.closing_warning_s if seconds is None else seconds
        self.put(messages.socket_closing())
        self._later(warned, self.close)

    def silence(self, seconds: float) -> None:
        self._silent_until = self._channels.world.now + seconds

    def cut(self) -> None:
        self._ending = True
        self._something.set()
        if self._request.transport is not None:
            self._request.transport.abort()

    async def flushed(self) -> None:
        """Everything put so far has been written."""
        await self._idle.wait()

    async def run(self, channel: Channel) -> None:
        writer = asyncio.create_task(self._write())
        self._start_timers()
        self._channels.strike(channel)
        self._settle()
        try:
            async for message in self._shell:
                self._hear(channel, message)
                self._settle()
        finally:
            for timer in self._timers:
                timer.cancel()
            self._ending = True
            self._something.set()
            await writer

    def _start_timers(self) -> None:
        behaviour = self._channels.world.behaviour
        self._beat_every(behaviour.heartbeat_s)
        if behaviour.socket_life_s:
            self._later(behaviour.socket_life_s, self.closing)

    def _beat_every(self, seconds: float) -> None:
        def beat() -> None:
            self.put(messages.HEARTBEAT)
            self._later(seconds, beat)

        self._later(seconds, beat)

    def _later(self, seconds: float, action: Callable[[], None]) -> None:
        self._timers = [timer for timer in self._timers if timer.due > self._channels.world.now]
        self._timers.append(self._channels.world.later(seconds, action))

    @property
    def _silent(self) -> bool:
        return self._silent_until > self._channels.world.now

    async def _write(self) -> None:
        while not self._shell.closed:
            while self._waiting:
                await self._write_one(self._waiting.popleft())
            self._idle.set()
            if self._ending:
                await self._shell.close(code=WSCloseCode.GOING_AWAY)
                return
            await self._something.wait()
            self._something.clear()
        self._idle.set()

    async def _write_one(self, message: bytes) -> None:
        try:
            await self._shell.send_frame(message, WSMsgType.TEXT)
        except ConnectionError:
            self._waiting.clear()
            self._ending = True

    def _hear(self, channel: Channel, message: WSMessage) -> None:
        if message.type is not WSMsgType.TEXT:
            return
        try:
            said = msgspec.json.decode(message.data, type=Said)
        except msgspec.DecodeError:
            self.put(messages.subscribed(None, refused=["not understood"]))
            return
        if said.message == "ping":
            self.put(messages.PONG)
        elif said.message == "subscribe":
            self.put(self._subscribe(channel, said))

    def _subscribe(self, channel: Channel, said: Said) -> bytes:
        topics = said.topics or []
        try:
            self._channels.subscribe(
                channel, topics, caller=channel.caller, ignore_errors=False, replace=False
            )
        except Refusal as refusal:
            return messages.subscribed(said.correlation_id, refused=[refusal.message])
        return messages.subscribed(said.correlation_id, refused=[])


class Sockets:
    """All open sockets. `settle` lets what they set going happen in time."""

    def __init__(self, settle: Callable[[], None]) -> None:
        self._settle = settle
        self._open: set[Socket] = set()

    async def serve(
        self, request: web.BaseRequest, channels: Channels, channel_id: str
    ) -> web.StreamResponse:
        """Runs until the socket is closed."""
        how_dead = channels.world.behaviour.dead_channel
        if not channels.knows(channel_id) and how_dead != "result":
            return web.Response(status=how_dead)
        shell = web.WebSocketResponse(compress=False, timeout=CLOSE_SECONDS)
        if not shell.can_prepare(request):
            return web.Response(status=400, text="This address takes a WebSocket upgrade only.\n")
        await shell.prepare(request)
        socket = Socket(shell, request, channels, self._settle)
        channel = channels.attach(channel_id, socket)
        if channel is None:
            await shell.send_frame(messages.GONE, WSMsgType.TEXT)
            await shell.close()
            return shell
        self._open.add(socket)
        try:
            await socket.run(channel)
        finally:
            channels.detach(channel, socket)
            self._open.discard(socket)
        return shell

    def close_all(self) -> None:
        for socket in list(self._open):
            socket.close()

    async def flushed(self) -> None:
        """What was put before this call has been written, to the sockets that still read."""
        waiting = [asyncio.ensure_future(socket.flushed()) for socket in self._open]
        if waiting:
            await asyncio.wait(waiting, timeout=2)
            for one in waiting:
                one.cancel()
