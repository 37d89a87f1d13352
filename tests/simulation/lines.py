"""Live lines: what the simulated platform publishes, on its way to the processes that listen."""

import asyncio
import random
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from micgate.genesys.notifications import Line as Socket
from micgate.genesys.notifications import Observation, calls_topic
from micgate.platform.port import CallShown, Heard, KeptChannel, LineChanged, Toll
from micgate.platform.shown import call_shown
from micgate.twin import answers, messages
from micgate.twin.calls import Conversation
from micgate.twin.exchange import encode
from micgate.twin.floor import ConversationChanged
from micgate.twin.world import World
from simulation.weather import Trouble, Weather

_REFRESH = 1.0
_TAKEN_OVER = "taken over"


@dataclass(slots=True)
class Switchboard:
    """Open lines by channel; a second one on the same channel pushes the first one out."""

    world: World
    weather: Weather
    rng: random.Random
    lines: dict[str, "SimulatedLine"] = field(default_factory=dict)
    _channels: int = 0

    def new_channel(self) -> KeptChannel:
        self._channels += 1
        name = f"channel-{self._channels}"
        return KeptChannel(channel_id=name, uri=f"wss://{name}", expires_at=self.world.now + 86_400)

    def plug_in(self, line: "SimulatedLine", channel: KeptChannel) -> None:
        before = self.lines.get(channel.channel_id)
        if before is not None:
            before.break_off(_TAKEN_OVER)
        self.lines[channel.channel_id] = line

    def unplug(self, line: "SimulatedLine") -> None:
        self.lines = {name: one for name, one in self.lines.items() if one is not line}

    def publish(self, changed: ConversationChanged) -> None:
        body = None
        for line in tuple(self.lines.values()):
            users = [user for user in changed.after.user_ids if user in line.users]
            if users and not line.silent:
                body = body or _body(changed.after)
                trouble = self.weather.event(line.replica)
                stale = _body(changed.before or changed.after) if trouble is Trouble.EVENT_STALE else body
                for user in users:
                    self._plan(line, user, body, stale, trouble)

    def _plan(
        self, line: "SimulatedLine", user: str, body: bytes, stale: bytes, trouble: Trouble | None
    ) -> None:
        topic = calls_topic(user)
        told = messages.event(topic, body, "e")
        if trouble is Trouble.EVENT_LOST:
            return
        if trouble in {Trouble.EVENT_LATE, Trouble.EVENTS_SWAPPED}:
            late = self.rng.uniform(0.1, 0.6) if trouble is Trouble.EVENTS_SWAPPED else self.rng.uniform(1, 6)
            line.deliver(told, after=late, in_order=False)
            return
        line.deliver(told)
        if trouble is Trouble.EVENT_TWICE:
            line.deliver(told, after=self.rng.uniform(0.0, 3.0), in_order=False)
        if trouble is Trouble.EVENT_STALE:
            old = messages.event(topic, stale, "e")
            line.deliver(old, after=self.rng.uniform(0.05, 2.0), in_order=False)


class Spy(Protocol):
    """Sees what a process is told, a moment before it is."""

    def told(self, call: CallShown) -> None: ...

    def missed(self, users: Collection[str]) -> None: ...


class SimulatedLine:
    """See `micgate.platform.port.Line`."""

    def __init__(
        self,
        board: Switchboard,
        users: Sequence[str],
        *,
        replica: int,
        kept: KeptChannel | None,
        heard: Heard,
        changed: LineChanged,
        toll: Toll,
        spy: Spy,
    ) -> None:
        self.users = frozenset(users)
        self.replica = replica
        self.silent = False
        self.up = False
        self.channel = kept
        self.refused: tuple[str, ...] = ()
        self._board = board
        self._heard = heard
        self._changed = changed
        self._toll = toll
        self._spy = spy
        self._loop = asyncio.get_running_loop()
        self._socket = Socket(now=self._loop.time())
        self._broken: asyncio.Future[str] | None = None
        self._last_due = 0.0

    async def run(self) -> None:
        try:
            while await self._listen() != _TAKEN_OVER:  # noqa: ASYNC110 -- a pause between connections
                await asyncio.sleep(0.25)
        finally:
            self.up = False
            self._board.unplug(self)

    async def follow(self, users: Sequence[str]) -> None:
        await self._toll()
        self.users = frozenset(users)

    async def look_after(self) -> None:
        """Channels live for a day."""

    async def _listen(self) -> str:
        await self._toll()
        await asyncio.sleep(self._board.rng.uniform(0.02, 0.1))
        if self._board.weather.cut_off(self.replica):
            return self._down("cannot be connected to")
        if self.channel is None:
            self.channel = self._board.new_channel()
        self._broken = self._loop.create_future()
        self.silent = False
        self._board.plug_in(self, self.channel)
        self.up = True
        self._spy.missed(self.users)
        self._changed(None)
        return self._down(await self._broken)

    def _down(self, reason: str) -> str:
        if self.up:
            self._spy.missed(self.users)
            self._changed(reason)
        self.up = False
        return reason

    def break_off(self, reason: str) -> None:
        """The socket is closed; the process hears of it when it next runs."""
        self._board.unplug(self)
        broken = self._broken
        if broken is not None and not broken.done():
            self._loop.call_soon(lambda: broken.done() or broken.set_result(reason))

    def deliver(self, message: bytes, *, after: float = 0.0, in_order: bool = True) -> None:
        """A socket keeps the order; messages that were held up before it do not."""
        world = self._board.world
        due = world.now + self._board.rng.uniform(0.01, 0.08) + after
        if in_order:
            due = self._last_due = max(due, self._last_due)
        world.clock.at(due, lambda: self._arrive(message))

    def _arrive(self, message: bytes) -> None:
        if self in self._board.lines.values() and not self.silent:
            self._loop.call_soon(self._hear, message)

    def _hear(self, message: bytes) -> None:
        told = self._socket.received(message, self._loop.time())
        if self.up and isinstance(told, Observation) and told.conversation is not None:
            call = call_shown(told.conversation)
            self._spy.told(call)
            self._heard(call)


def _body(conversation: Conversation) -> bytes:
    return encode(answers.call_event(conversation))
