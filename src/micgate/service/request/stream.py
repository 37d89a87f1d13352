"""What happens, told to many: one reader of the sealed record, coalesced by ticks, a bounded queue each.

Each frame is read once and encoded once for all who may see the same. A viewer who cannot keep up loses its
queue and gets a snapshot instead.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field

import msgspec

from micgate.log import Log
from micgate.service.http.errors import TooManyStreams
from micgate.service.principals.happening import Happening, happening
from micgate.service.principals.principal import Principal
from micgate.service.principals.sight import Scene, Sight, sight_of
from micgate.service.request import patience, surroundings, views
from micgate.service.request.parts import Parts
from micgate.store.entries import Sealed
from micgate.store.errors import StoreError
from micgate.store.microphones import Remembered

REST = 0.02
"""Seconds that it rests after a look, at most. Beats come with what was sealed, which is paced already."""
IDLE = 0.25
"""Without a hint, look this often while somebody watches."""
QUIET = 1.0
"""And this often while nobody does."""
REACH = 2.0
"""A viewer who has seen more elsewhere is waited with at most so long."""
FRAMES = 128
"""So many wait for a viewer at most."""
PAGE = 1000
STREAMS = 20
HOST_STREAMS = 1000
_SCAN_SHARE = 10
"""Reading what changed may take one part in so many of the time."""

Told = Callable[[Sealed], None]


class Frame(msgspec.Struct, frozen=True, kw_only=True):
    """What changed. `mutes` and `microphones` are as they are now; `seq` is where a reader may resume."""

    seq: int
    records: list[Happening]
    mutes: list[views.MuteView]
    microphones: list[views.MicrophoneView]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """Everything of one tick, before anybody's filter. `after` and `seq` bound its records."""

    after: int
    seq: int
    sealed: tuple[Sealed, ...]
    scene: Scene
    mutes: list[views.MuteView]
    microphones: list[views.MicrophoneView]
    made: dict[Sight, bytes] = field(default_factory=dict)

    def follows(self, seq: int) -> bool:
        """Whether it is still to be told to somebody who was told of that record and all before it."""
        return self.seq > seq or (self.seq == seq and not self.sealed)

    def encoded(self, wanted: Sight) -> bytes:
        """As one event; empty when it holds nothing for that viewer."""
        if wanted not in self.made:
            self.made[wanted] = self._encoded(wanted)
        return self.made[wanted]

    def _encoded(self, wanted: Sight) -> bytes:
        around = self.scene
        frame = Frame(
            seq=self.seq,
            records=[happening(one) for one in self.sealed if wanted.record(one, around)],
            mutes=[
                one
                for one in self.mutes
                if wanted.mute(one.id, of=one.agent.id, on=one.conversation_id, scene=around)
            ],
            microphones=[
                one
                for one in self.microphones
                if wanted.microphone((one.conversation_id, one.agent.id), around)
            ],
        )
        if not (frame.records or frame.mutes or frame.microphones):
            return b""
        return event("changes", frame, seq=self.seq)


class Viewer:
    """One open stream. `lost` once its queue was full: a snapshot is due."""

    def __init__(self, sight: Sight) -> None:
        self.sight = sight
        self.lost = False
        self._ticks: deque[Tick] = deque()
        self._news = asyncio.Event()
        self._alarm: asyncio.TimerHandle | None = None
        self._rang = False

    def offer(self, tick: Tick) -> None:
        if len(self._ticks) >= FRAMES:
            self._ticks.clear()
            self.lost = True
        self._ticks.append(tick)
        self._news.set()

    def stop(self) -> None:
        """It waits no more."""
        if self._alarm is not None:
            self._alarm.cancel()
        self._news.set()

    def take(self) -> tuple[Tick, ...]:
        self._news.clear()
        taken, self._ticks = tuple(self._ticks), deque()
        return taken

    async def wait(self, seconds: float) -> bool:
        """For news. True every so many seconds, with or without any: one timer serves many waits, because to
        set one for each cost a third of telling.
        """
        if self._alarm is None:
            self._alarm = asyncio.get_running_loop().call_later(seconds, self._ring)
        await self._news.wait()
        rang, self._rang = self._rang, False
        return rang

    def _ring(self) -> None:
        self._alarm, self._rang = None, True
        self._news.set()


class Stream:
    """Reads the record's tail. `told` hears every record, with or without viewers."""

    def __init__(self, parts: Parts, *, told: Told, log: Log) -> None:
        self._parts = parts
        self._told = told
        self._log = log
        self._viewers: dict[Viewer, str] = {}
        self._versions: dict[tuple[str, str], int] = {}
        self._since: str | None = None
        self._scan_at = 0.0
        self._watched = asyncio.Event()
        self._read = asyncio.Event()
        self.seq = 0
        self.closed = False

    async def run(self, *, looked: Callable[[], None] = lambda: None) -> None:
        """Until cancelled. `looked`: it knows the record as it is."""
        await self._begin()
        pulse = self._parts.pulse
        beat = pulse.next
        while True:
            await self._wait(beat)
            beat = pulse.next
            since = self._since
            try:
                await self._tick()
                looked()
                self._log.recovered("stream.blind")
            except StoreError as error:
                self._log.failed("stream.blind", word=error.word)
                self._look_back(since)
                await asyncio.sleep(QUIET)
            await self._rest()

    async def _begin(self) -> None:
        """At the end of the record, once that can be read."""
        while True:
            try:
                self.seq, _ = await self._parts.store.entries.head(self._parts.org)
            except StoreError as error:
                self._log.failed("stream.blind", word=error.word)
                await asyncio.sleep(QUIET)
            else:
                return

    async def reach(self, seq: int) -> None:
        """Wait until the record is read up to there, if it goes so far: while nobody watches that is late."""
        if seq <= self.seq:
            return
        head, _ = await self._parts.store.entries.head(self._parts.org)
        self._watched.set()
        with suppress(TimeoutError):
            async with asyncio.timeout(REACH):
                while self.seq < seq <= head:
                    await self._read.wait()

    async def join(self, principal: Principal) -> Viewer:
        """From now on it hears of everything. Raises `TooManyStreams`."""
        most = HOST_STREAMS if principal.limits.standing is None else STREAMS
        if sum(whose == principal.id for whose in self._viewers.values()) >= most:
            raise TooManyStreams(
                f"This key has {most} streams open already.", remedy="Close one, or share it."
            )
        viewer = Viewer(sight_of(principal))
        with ExitStack() as not_joined:
            self._viewers[viewer] = principal.id
            not_joined.callback(self.leave, viewer)
            if self._since is None:
                self._since = await self._parts.store.microphones.horizon()
            not_joined.pop_all()
        self._watched.set()
        return viewer

    def leave(self, viewer: Viewer) -> None:
        viewer.stop()
        self._viewers.pop(viewer, None)

    def close(self) -> None:
        """End all streams."""
        self.closed = True
        for viewer in self._viewers:
            viewer.stop()

    @property
    def viewers(self) -> int:
        return len(self._viewers)

    async def _wait(self, beat: asyncio.Event) -> None:
        """For that beat; while nobody watches, only now and then."""
        if self._viewers:
            await self._parts.pulse.wait(IDLE, beat=beat)
            return
        self._watched.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(QUIET):
                await self._watched.wait()

    async def _rest(self) -> None:
        """For as long as the viewers took to be told, as others have work too."""
        began = self._parts.monotonic()
        await asyncio.sleep(0)  # when this returns, every viewer had its turn
        await asyncio.sleep(min(REST, self._parts.monotonic() - began))

    async def _tick(self) -> None:
        full = True
        while full:
            page = await self._parts.store.entries.after(self._parts.org, self.seq, limit=PAGE)
            if self._viewers:
                await self._offer(page, after=self.seq)
            for one in page:  # last: what could not be offered is read again
                self._told(one)
            self.seq = page[-1].seq if page else self.seq
            full = len(page) == PAGE
        if not self._viewers:
            self._since = None
        read, self._read = self._read, asyncio.Event()
        read.set()

    def _look_back(self, since: str | None) -> None:
        """What was read and could not be told is read again."""
        if since is not None:
            self._since = since
            self._versions.clear()

    async def _offer(self, page: Sequence[Sealed], *, after: int) -> None:
        rows = await self._changed()
        if not rows and not page:
            return
        tick = await self._made(tuple(page), rows, after=after)
        for viewer in self._viewers:
            viewer.offer(tick)

    async def _changed(self) -> tuple[Remembered, ...]:
        """Microphones that were written since the last look."""
        started = self._parts.monotonic()
        if started < self._scan_at:
            return ()
        microphones, since = self._parts.store.microphones, self._since
        self._since = await microphones.horizon()
        rows = await microphones.changed(self._parts.org, since) if since else ()
        took = self._parts.monotonic() - started
        self._scan_at = started + took * _SCAN_SHARE
        return tuple(row for row in rows if self._is_new(row))

    def _is_new(self, row: Remembered) -> bool:
        key = (row.target.conversation_id, row.target.user_id)
        if self._versions.get(key) == row.version:
            return False
        if len(self._versions) > 10 * PAGE * FRAMES:
            self._versions.clear()
        self._versions[key] = row.version
        return True

    async def _made(self, page: tuple[Sealed, ...], rows: tuple[Remembered, ...], *, after: int) -> Tick:
        parts = self._parts
        ids = {one.entry.mute_id for one in page if one.entry.mute_id}
        ids |= {mute_id for row in rows for mute_id in (*row.memory.mutes, *row.memory.freed)}
        mutes = await parts.store.mutes.get(parts.org, sorted(ids)) if ids else ()
        users = {row.target.user_id for row in rows}
        agents = await parts.directory.known(users)
        shown = await patience.show(parts, mutes)
        return Tick(
            after=after,
            seq=page[-1].seq if page else after,
            sealed=page,
            scene=await self._scene(page, users),  # last: viewers come and go
            mutes=shown,
            microphones=[views.microphone(row, agents=agents) for row in rows],
        )

    async def _scene(self, page: Sequence[Sealed], users: set[str]) -> Scene:
        """What has to be known for those who watch, of whom one may join while it is read."""
        if not any(viewer.sight.bounded for viewer in self._viewers):
            return surroundings.NOTHING
        whole = self._in_part
        scene = await surroundings.around_records(self._parts, page, users=users, whole=whole)
        if self._in_part and not whole:
            return await surroundings.around_records(self._parts, page, users=users)
        return scene

    @property
    def _in_part(self) -> bool:
        """Whether for some viewer it has to be known from which queue each call came."""
        return any(viewer.sight.needs_scene for viewer in self._viewers)


def event(name: str, content: object, *, seq: int | None) -> bytes:
    """One server-sent event. JSON has no line breaks, so one data line is enough."""
    number = b"" if seq is None else b"id: %d\n" % seq
    return b"event: %b\n%bdata: %b\n\n" % (name.encode(), number, msgspec.json.encode(content))
