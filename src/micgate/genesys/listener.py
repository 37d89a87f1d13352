"""One notification channel, kept subscribed and connected whatever happens to its sockets."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Protocol

import aiohttp

from micgate.genesys.ear import Ear, Hear, open_ear
from micgate.genesys.errors import Away, BadRequest, GenesysError, NotFound, RateLimited, TokenRefused
from micgate.genesys.io import Io
from micgate.genesys.models import Channel, ChannelTopic
from micgate.genesys.network import Network
from micgate.genesys.notifications import Advice
from micgate.genesys.oauth import Token
from micgate.genesys.requests import put_subscriptions, read_subscriptions

RENEW_AFTER = 12 * 3600.0
"""Seconds after which a channel is renewed at the latest; it lives for a day."""
_OVERLAP = 5.0
_LEAST_PAUSE, _LONGEST_PAUSE = 0.25, 30.0
_SHORT_LIVED = 2.0
_SOCKETS_PER_CHANNEL = 10
"""Reconnections to one channel before another is made, as the vendor's streaming client does."""
_REFUSALS_BEFORE_GIVING_UP = 3


class Connected(Io, Protocol):
    """An `Io` that shows its token: a channel dies with the one it was made by."""

    @property
    def token(self) -> Token | None: ...


OpenChannel = Callable[[], Awaitable[Channel | None]]


class Listener:
    """Keeps one channel for `topics`. `run` returns when another process took the channel over.

    `make` gives a new channel, or None when there is no room for one. `changed` is called when the line is
    lost, with the reason, and when it is found again, with None.
    """

    def __init__(
        self,
        io: Connected,
        topics: Sequence[str],
        *,
        http: aiohttp.ClientSession,
        network: Network,
        make: OpenChannel,
        hear: Hear,
        changed: Callable[[str | None], None],
        silence: float,
        channel: Channel | None = None,
    ) -> None:
        self.topics = tuple(topics)
        self.channel = channel
        self.refused: tuple[ChannelTopic, ...] = ()
        self.up = False
        self.renew_at = float("inf")
        self._io = io
        self._http = http
        self._network = network
        self._make = make
        self._hear = hear
        self._changed = changed
        self._silence = silence
        self._subscribed = False
        self._subscribing = asyncio.Lock()
        self._replaced = asyncio.Event()
        self._letting_go: set[asyncio.Task[None]] = set()
        self._sockets = 0
        self._failures = 0
        self._refusals = 0
        self._said_down = False
        self._made_by = _value(io.token)

    async def run(self) -> None:
        try:
            while await self._turn():
                pass
        finally:
            self.up = False
            for task in self._letting_go:
                task.cancel()

    async def renew(self) -> None:
        """Subscribe again, which extends the channel's life; a channel that is gone is replaced by `run`."""
        if self.channel is None:
            return
        try:
            await self._subscribe(self.channel)
        except NotFound:
            self._forget_channel()
            self._replaced.set()

    async def follow(self, topics: Sequence[str]) -> None:
        """Listen to these from now on. The socket stays, so nothing of what was heard before is missed.

        Raises `GenesysError` when they could not be subscribed to: to be called again then.
        """
        self.topics = tuple(topics)
        await self.renew()

    @property
    def outlived_its_token(self) -> bool:
        token = _value(self._io.token)
        return self.channel is not None and token is not None and self._made_by != token

    async def replace(self) -> None:
        """Move to a new channel, listening to both for a moment: the old one dies with its token."""
        channel = await self._made()
        if channel is None:
            return
        await self._subscribe(channel)
        self.channel = channel
        self._sockets = 0
        self._replaced.set()

    async def _turn(self) -> bool:
        """Connect, listen, and say whether to go on."""
        began = self._io.monotonic()
        try:
            advice = await self._listen()
        except (Away, RateLimited, TokenRefused, NotFound, BadRequest) as error:
            self._down(error.what)
            await self._recover(error)
            return True
        self._down(advice.value)
        if advice is Advice.TAKEN_OVER:
            return False
        if advice is not Advice.RECONNECT:
            self._forget_channel()
        if self._io.monotonic() - began < _SHORT_LIVED:
            await self._pause()
        else:
            self._failures = 0
        return True

    async def _listen(self) -> Advice:
        ear = await self._open()
        try:
            while ear is not None:
                self._up()
                advice = await ear.listen(until=self._replaced)
                if advice not in {None, Advice.REPLACE_SOCKET}:
                    return advice
                newer = await self._open()
                self._let_go(ear)
                ear = newer
        finally:
            if ear is not None:
                await ear.close()
        return Advice.NEW_CHANNEL

    async def _open(self) -> Ear | None:
        """A listening socket of a subscribed channel; None when the channel turns out to be gone."""
        self._replaced.clear()
        channel = await self._ready_channel()
        self._sockets += 1
        return await open_ear(
            self._http,
            channel.connect_uri or "",
            network=self._network,
            hear=self._hear,
            clock=self._io.monotonic,
            silence=self._silence,
        )

    async def _ready_channel(self) -> Channel:
        if self.channel is None or self._sockets >= _SOCKETS_PER_CHANNEL:
            await self._change_channel()
        if self.channel is None:
            raise Away(
                "There is no room for another notification channel: this OAuth client may have 20.",
                means="Nothing is reported live until one ends, a day after it was last used.",
                remedy="Give micgate an OAuth client of its own, which no other program makes channels with.",
                reached=False,
            )
        if not self._subscribed:
            await self._subscribe(self.channel)
        return self.channel

    async def _change_channel(self) -> None:
        channel = await self._made()
        self._sockets = 0
        if channel is not None:
            self.channel = channel
            self._subscribed = False

    async def _made(self) -> Channel | None:
        channel = await self._make()
        self._made_by = _value(self._io.token)
        return channel

    async def _subscribe(self, channel: Channel) -> None:
        """Refused topics come back marked; without that, one would refuse all."""
        async with self._subscribing:  # the last to ask has the last word
            listing = read_subscriptions(await self._io.send(put_subscriptions(channel.id, self.topics)))
        self.refused = tuple(topic for topic in listing if topic.refused)
        self.renew_at = self._io.monotonic() + min(RENEW_AFTER, _life(channel, self._io.now()) / 2)
        self._subscribed = True

    async def _recover(self, error: GenesysError) -> None:
        self._refusals = self._refusals + 1 if isinstance(error, TokenRefused) else 0
        if self._refusals >= _REFUSALS_BEFORE_GIVING_UP:
            raise error
        if isinstance(error, NotFound | BadRequest):
            self._forget_channel()
        await self._pause()

    async def _pause(self) -> None:
        await self._io.sleep(min(_LONGEST_PAUSE, _LEAST_PAUSE * 2**self._failures))
        self._failures += 1

    def _forget_channel(self) -> None:
        self.channel = None
        self._subscribed = False
        self._sockets = 0

    def _let_go(self, ear: Ear) -> None:
        task = asyncio.create_task(ear.let_go(seconds=_OVERLAP))
        self._letting_go.add(task)
        task.add_done_callback(self._letting_go.discard)

    def _up(self) -> None:
        self._refusals = 0
        self._said_down = False
        if not self.up:
            self.up = True
            self._changed(None)

    def _down(self, reason: str) -> None:
        self.up = False
        if not self._said_down:
            self._said_down = True
            self._changed(reason)


def _value(token: Token | None) -> str | None:
    return token.value if token else None


def _life(channel: Channel, now: float) -> float:
    """Seconds until the channel ends, by its own account; a day when it gives none."""
    try:
        return max(1.0, datetime.fromisoformat(channel.expires or "").timestamp() - now)
    except ValueError:
        return 2 * RENEW_AFTER
