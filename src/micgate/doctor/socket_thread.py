"""The socket of a notification channel for code that blocks: a thread listens, messages wait with their time.

Doctor only, which wants to know why a socket did not open; `genesys.channel` is what watches calls.
"""

import asyncio
import queue
import time
from concurrent.futures import Future
from contextlib import AbstractContextManager
from threading import Thread
from typing import NamedTuple, Self

import aiohttp

from micgate.doctor.case import Heard
from micgate.genesys.errors import Away
from micgate.genesys.handshake import CONNECT_SECONDS, checked, shake_hands
from micgate.genesys.network import Network


class _Line(NamedTuple):
    loop: asyncio.AbstractEventLoop
    socket: aiohttp.ClientWebSocketResponse
    ended: asyncio.Event


class SocketThread(AbstractContextManager["SocketThread"]):
    """Connected from `with` on. Raises `Away` when it cannot be; its address is in no error."""

    def __init__(self, connect_uri: str, network: Network) -> None:
        self._uri = checked(connect_uri)
        self._network = network
        self._messages: queue.SimpleQueue[Heard] = queue.SimpleQueue()
        self._line: Future[_Line] = Future()
        self._thread = Thread(target=self._run, daemon=True, name="doctor-socket")

    def __enter__(self) -> Self:
        self._thread.start()
        self._line.result()
        return self

    def __exit__(self, *_: object) -> None:
        line = self._line.result()
        line.loop.call_soon_threadsafe(line.ended.set)
        self._thread.join(CONNECT_SECONDS)

    def say(self, text: str) -> None:
        line = self._line.result()
        asyncio.run_coroutine_threadsafe(line.socket.send_str(text), line.loop).result(CONNECT_SECONDS)

    def hear(self, seconds: float) -> Heard | None:
        try:
            return self._messages.get(timeout=max(0.0, seconds))
        except queue.Empty:
            return None

    def _run(self) -> None:
        failure = asyncio.run(self._listen())
        if failure is not None and not self._line.done():
            self._line.set_exception(failure)

    async def _listen(self) -> Away | None:
        try:
            async with (
                aiohttp.ClientSession() as http,
                await shake_hands(http, self._uri, network=self._network) as socket,
            ):
                await self._hear_out(socket)
        except Away as failure:
            return failure
        return None

    async def _hear_out(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        line = _Line(asyncio.get_running_loop(), socket, asyncio.Event())
        self._line.set_result(line)
        reader = asyncio.ensure_future(self._read(socket))
        ended = asyncio.ensure_future(line.ended.wait())
        await asyncio.wait({reader, ended}, return_when=asyncio.FIRST_COMPLETED)
        reader.cancel()
        ended.cancel()
        await asyncio.gather(reader, ended, return_exceptions=True)

    async def _read(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        async for message in socket:
            if isinstance(message.data, str):
                self._messages.put(Heard(time.monotonic(), message.data))
