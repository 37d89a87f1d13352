"""Watching calls live: channels, their sockets, and reads where events may be missing."""

import asyncio
from collections import deque
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from typing import Any, Self

import aiohttp
import msgspec

from micgate.genesys.errors import Away, RateLimited, Refused, TokenRefused
from micgate.genesys.listener import Connected, Listener
from micgate.genesys.mirror import Mirror
from micgate.genesys.models import Channel, ChannelTopic, Conversation, Participant
from micgate.genesys.network import Network
from micgate.genesys.notifications import SILENCE, Observation, subject_of
from micgate.genesys.requests import create_channel, get_channels, read_channel, read_channels
from micgate.genesys.resync import call_now, calls_going_on

TOPICS_PER_CHANNEL = 1000
MAX_CHANNELS = 18
"""Of the 20 a client may have: the next ones would push somebody out."""

_QUIET = 60.0
"""Seconds after which a live call that nothing was heard of is read: its last event may be lost."""
_ASK_AGAIN = 60.0
"""Seconds between questions for calls that are unknown because their events were lost."""
_FOLLOWED = 15.0
"""Seconds for which a call is read again and again after somebody waited for a change of it."""
_SETTLE = 0.3
"""Seconds to let late events arrive before a doubtful one is checked."""
_READS_AT_ONCE = 20
_MOST_WAITING = 10_000
_FIRST_CONNECTION = 10.0


class Coverage(msgspec.Struct, frozen=True, kw_only=True):
    """What is watched. `left_out` are topics without room; refused ones say which permission is missing."""

    channels: int
    topics: int
    up: bool
    refused: tuple[ChannelTopic, ...] = ()
    left_out: tuple[str, ...] = ()


class Watch:
    """Live observations of some topics, as an async iterator, inside `async with`.

    It survives lost sockets, channels and tokens. When events may have been missed it says so with a `gap`,
    reads the calls it knows again and goes on. `given` are channels to use instead of making new ones;
    whoever listens on them is disconnected. Without any channel it polls. An ended participant is never shown
    connected again. `check_every` and `silence` (no message, until the socket is asked) are in seconds.
    """

    def __init__(
        self,
        io: Connected,
        topics: Sequence[str],
        *,
        network: Network | None = None,
        given: Sequence[Channel] = (),
        max_channels: int = MAX_CHANNELS,
        check_every: float = 5.0,
        silence: float = SILENCE,
    ) -> None:
        self._io = io
        self._topics = tuple(dict.fromkeys(topics))
        subjects = [subject_of(topic) for topic in self._topics]
        self._users = frozenset(user for user, _ in subjects if user)
        self._queues = frozenset(queue for _, queue in subjects if queue)
        self._network = network or Network()
        self._given = list(given)
        self._max_channels = max_channels
        self._check_every = check_every
        self._silence = silence
        self._mirror = Mirror()
        self._listeners: list[Listener] = []
        self._left_out: tuple[str, ...] = ()
        self._news: deque[Observation] = deque()
        self._followed: dict[tuple[str, str], _Followed] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._failure: BaseException | None = None
        self._closed = False
        self._reports = 0
        self._something = asyncio.Event()
        self._settled = asyncio.Event()
        self._check = asyncio.Event()
        self._asked_at = float("-inf")

    async def __aenter__(self) -> Self:
        secure = self._network.ssl_context() if self._network.ca_bundle else True
        connector = aiohttp.TCPConnector(ssl=secure, limit=0)
        self._http = aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())
        try:
            await self._plan()
            await self._start()
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        self._closed = True
        self._something.set()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._http.close()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Observation:
        while not self._news:
            if self._failure is not None:
                raise self._failure
            if self._closed:
                raise StopAsyncIteration
            self._something.clear()
            await self._something.wait()
        return self._news.popleft()

    @property
    def coverage(self) -> Coverage:
        return Coverage(
            channels=len(self._listeners),
            topics=sum(len(each.topics) - len(each.refused) for each in self._listeners),
            up=bool(self._listeners) and all(each.up for each in self._listeners),
            refused=tuple(topic for each in self._listeners for topic in each.refused),
            left_out=self._left_out,
        )

    @property
    def channels(self) -> tuple[Channel, ...]:
        """The channels in use, to be given to a successor."""
        return tuple(each.channel for each in self._listeners if each.channel)

    def calls(self) -> tuple[Conversation, ...]:
        """The live calls as last observed."""
        return tuple(self._mirror.live())

    async def observed(
        self, *, conversation_id: str, participant_id: str, seconds: float
    ) -> Participant | None:
        """The next change of this participant that nobody was given yet, within `seconds`.

        None when the time is up, and at once when no channel watches it. Changes are kept for whoever asked
        for this participant before: ask once, with 0 seconds, before sending what is to be observed.
        """
        if not self._watches(conversation_id, participant_id):
            return None
        followed = self._followed.setdefault((conversation_id, participant_id), _Followed())
        followed.asked_at = self._io.monotonic()
        return await followed.next(seconds)

    async def _plan(self) -> None:
        """Who listens to what, and for which topics there is no room."""
        parts = [
            self._topics[start : start + TOPICS_PER_CHANNEL]
            for start in range(0, len(self._topics), TOPICS_PER_CHANNEL)
        ]
        room = len(parts) if len(self._given) >= len(parts) else len(self._given) + await self._room()
        self._listeners = [self._listener(part) for part in parts[:room]]
        self._left_out = tuple(topic for part in parts[room:] for topic in part)
        if self._left_out:
            self._gap(
                f"{len(self._left_out)} topics are not watched: no room for another notification channel"
            )

    async def _room(self) -> int:
        """How many channels may be made. It counts those of every process of this OAuth client."""
        made = read_channels(await self._io.send(get_channels()))
        return max(0, self._max_channels - len(made))

    def _listener(self, topics: Sequence[str]) -> Listener:
        return Listener(
            self._io,
            topics,
            http=self._http,
            network=self._network,
            make=self._make,
            hear=self._hear,
            changed=self._changed,
            silence=self._silence,
            channel=self._given.pop(0) if self._given else None,
        )

    async def _make(self) -> Channel | None:
        """The question first: it renews a token that has ended, which a state change would only report."""
        if await self._room() <= 0:
            return None
        return read_channel(await self._io.send(create_channel()))

    async def _start(self) -> None:
        for number, listener in enumerate(self._listeners):
            self._spawn(listener.run(), f"notification channel {number}")
        self._spawn(self._keep_true(), "notification checks")
        await self._connected_or_late()
        if self._failure is not None:
            raise self._failure

    async def _connected_or_late(self) -> None:
        try:
            async with asyncio.timeout(_FIRST_CONNECTION):
                while self._reports < len(self._listeners) and self._failure is None:
                    self._settled.clear()
                    await self._settled.wait()
        except TimeoutError:
            return

    def _spawn(self, work: Coroutine[Any, Any, None], name: str) -> None:
        task = asyncio.create_task(work, name=name)
        task.add_done_callback(self._ended)
        self._tasks.append(task)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and task.exception() is not None:
            self._failure = task.exception()
            self._settled.set()
            self._something.set()

    def _changed(self, reason: str | None) -> None:
        self._reports += 1
        self._settled.set()
        if reason is not None:
            self._gap(reason)
            return
        self._mirror.doubt_all()
        self._asked_at = float("-inf")
        self._check.set()

    def _gap(self, reason: str) -> None:
        self._publish(Observation(kind="gap", at=self._io.monotonic(), reason=reason))

    def _hear(self, observation: Observation) -> None:
        news = self._mirror.apply(observation)
        if news is not None:
            self._publish(news)
        if self._mirror.wanted:
            self._check.set()

    def _publish(self, news: Observation) -> None:
        if len(self._news) >= _MOST_WAITING:
            self._news.clear()
            self._mirror.doubt_all()
            news = Observation(kind="gap", at=news.at, reason="observations were not taken in time")
        self._news.append(news)
        self._something.set()
        call = news.conversation
        for end in call.participants if call and self._followed else ():
            followed = self._followed.get((call.id, end.id)) if call else None
            if followed is not None:
                followed.put(end)

    def _watches(self, conversation_id: str, participant_id: str) -> bool:
        """Whether events about this participant arrive now."""
        call = self._mirror.get(conversation_id)
        end = call.participant(participant_id) if call else None
        return end is not None and any(self._hears_of(end, listener) for listener in self._listeners)

    def _hears_of(self, end: Participant, listener: Listener) -> bool:
        if not listener.up:
            return False
        heard = set(listener.topics) - {topic.id for topic in listener.refused}
        subjects = {subject_of(topic) for topic in heard}
        return (end.user_id, None) in subjects or (None, end.queue_id or "") in subjects

    async def _keep_true(self) -> None:
        """Reads where events may be missing; an outage is the listeners' to report."""
        while True:
            with suppress(Away, Refused, TokenRefused):
                await self._look_after_channels()
                await self._ask_for_unknown_calls()
                await self._read_what_is_doubtful()
            with suppress(TimeoutError):
                async with asyncio.timeout(self._check_every):
                    await self._check.wait()
            self._check.clear()

    async def _look_after_channels(self) -> None:
        now = self._io.monotonic()
        for listener in self._listeners:
            if listener.up and listener.outlived_its_token:
                await listener.replace()
            elif listener.up and now >= listener.renew_at:
                await listener.renew()

    async def _ask_for_unknown_calls(self) -> None:
        now = self._io.monotonic()
        every = _ASK_AGAIN if self.coverage.up else self._check_every
        if not (self._users or self._queues) or now < self._asked_at + every:
            return
        self._asked_at = now
        try:
            more = await self._read_unknown_calls()
        except (Away, RateLimited, TokenRefused):
            self._asked_at = float("-inf")
            raise
        if more:
            self._asked_at = float("-inf")

    async def _read_unknown_calls(self) -> bool:
        """Whether there are more than one round may read."""
        ids = await calls_going_on(self._io, users=self._users, queues=self._queues, known=self._mirror.knows)
        for conversation_id in ids[:_READS_AT_ONCE]:
            await self._read(conversation_id)
        return len(ids) > _READS_AT_ONCE

    async def _read_what_is_doubtful(self) -> None:
        now = self._io.monotonic()
        self._doubt_what_is_waited_for(now)
        wanted = list(self._mirror.wanted)[:_READS_AT_ONCE]
        if wanted:
            await self._io.sleep(_SETTLE)
        oldest = self._mirror.oldest(before=now - (_QUIET if self.coverage.up else self._check_every))
        for conversation_id in wanted or [each for each in (oldest,) if each]:
            await self._read(conversation_id)
        self._mirror.forget(now)

    def _doubt_what_is_waited_for(self, now: float) -> None:
        for key, followed in list(self._followed.items()):
            if followed.asked_at > now - _FOLLOWED:
                self._mirror.doubt(key[0])
            elif not followed.busy:
                del self._followed[key]

    async def _read(self, conversation_id: str) -> None:
        observation = await call_now(self._io, conversation_id)
        if observation is None:
            self._mirror.gone(conversation_id, self._io.monotonic())
            return
        news = self._mirror.apply(observation)
        if news is not None:
            self._publish(news)


class _Followed:
    """Changes of one participant that somebody waits for."""

    def __init__(self) -> None:
        self.asked_at = 0.0
        self.busy = False
        self._changes: deque[Participant] = deque(maxlen=50)
        self._something = asyncio.Event()

    def put(self, end: Participant) -> None:
        self._changes.append(end)
        self._something.set()

    async def next(self, seconds: float) -> Participant | None:
        if not self._changes and seconds > 0:
            await self._wait(seconds)
        return self._changes.popleft() if self._changes else None

    async def _wait(self, seconds: float) -> None:
        self._something.clear()
        self.busy = True
        try:
            async with asyncio.timeout(seconds):
                await self._something.wait()
        except TimeoutError:
            return
        finally:
            self.busy = False
