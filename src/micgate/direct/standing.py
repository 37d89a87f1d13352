"""A mute that stands while a block runs, kept by a thread of its own.

Signals strike the main thread only: the thread that places, keeps and gives back is never interrupted
half-way.
"""

import logging
import os
import threading
from collections.abc import Callable
from queue import SimpleQueue
from types import TracebackType
from typing import Self

from micgate.direct.mute import Mute
from micgate.direct.progress import ENDS, Ended, Progress, stage
from micgate.genesys.errors import Away
from micgate.genesys.flows import Result
from micgate.genesys.io import Io, drive
from micgate.genesys.messages import Kind, Request, Response
from micgate.genesys.models import Participant

_LOG = logging.getLogger(__name__)


class StandingMute:
    """Use it in a `with` block. `result` is the confirmation, `ended` how it ended; both None until then."""

    def __init__(
        self,
        make: Callable[[Callable[[Progress], None]], Mute],
        io: Io,
        *,
        on_change: Callable[[Progress], None] | None = None,
    ) -> None:
        self._keeper = Keeper(make, io)
        self._on_change = on_change

    @property
    def result(self) -> Result | None:
        return self._keeper.result

    @property
    def ended(self) -> Ended | None:
        return self._keeper.ended

    def __repr__(self) -> str:
        return stage(placed=self.result is not None, ended=self.ended, block="with")

    def __enter__(self) -> Self:
        try:
            self._keeper.start()
            self._keeper.wait_placed()
            for progress in self._keeper.news():
                self._report(progress)
        except BaseException:
            self._keeper.finish(lambda _progress: None)
            raise
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self._keeper.finish(self._report)

    def _report(self, progress: Progress) -> None:
        if self._on_change and progress.word in _CHANGES:
            try:
                self._on_change(progress)
            except Exception:  # noqa: BLE001 -- the caller's code, logged whole
                _LOG.exception("on_change failed")


_CHANGES = ENDS | {"confirmed", "kept"}


class Keeper:
    """The thread, seen from outside."""

    def __init__(
        self,
        make: Callable[[Callable[[Progress], None]], Mute],
        io: Io,
        *,
        settles: bool = True,
        at_end: Callable[[Mute, float], None] = lambda _mute, _unsettled: None,
    ) -> None:
        self.result: Result | None = None
        self._io = io
        self._settles = settles
        self._at_end = at_end
        self._said: SimpleQueue[Progress | None] = SimpleQueue()
        self._mute = make(self._said.put)
        self._error: BaseException | None = None
        self._stop = threading.Event()
        self._placed = threading.Event()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._live, name="micgate mute")
        self._pid = os.getpid()

    @property
    def ended(self) -> Ended | None:
        return self._mute.ended

    @property
    def _started(self) -> bool:
        return self._thread.ident is not None

    def start(self) -> None:
        self._thread.start()

    def wait_placed(self) -> None:
        """Return when the mute is confirmed; raise why it was not."""
        self._placed.wait()
        if self._error:
            raise self._error

    def follow(self) -> list[Progress] | None:
        """Wait for news; None when the mute is over and all was told."""
        if self._over.is_set() and self._said.empty():
            return None
        return [each for each in (self._said.get(), *self.news()) if each]

    def news(self) -> list[Progress]:
        """What happened since this was last asked."""
        found = []
        while not self._said.empty():
            found.append(self._said.get())
        return [each for each in found if each]

    def finish(self, tell: Callable[[Progress], None]) -> None:
        """End the mute now, and return when it is given back, whatever signals arrive and `tell` raises
        meanwhile.

        The first of that is raised afterwards. In a forked child there is nothing to do: the mute is its
        parent's.
        """
        raised: BaseException | None = None
        news: list[Progress] | None = []
        while news is not None:
            try:
                self._stop.set()
                news = self.follow() if self._pid == os.getpid() and self._started else None
                for progress in news or ():
                    tell(progress)
            except BaseException as error:  # noqa: BLE001 -- raised below, when the agent is heard again
                raised = raised or error
        if raised:
            raise raised

    def _live(self) -> None:
        try:
            self._place()
            self._placed.set()
            if self._error is None:
                drive(self._mute.stand(self._io, self._pause))
            drive(self._mute.give_back(self._io))
            if self._settles:
                drive(self._mute.settle(self._io))
            self._at_end(self._mute, self._mute.unsettled(self._io))
        finally:
            self._placed.set()
            self._over.set()
            self._said.put(None)

    def _place(self) -> None:
        try:
            self.result = drive(self._mute.place(_Stoppable(self._io, self._stop)))
        except BaseException as error:  # noqa: BLE001 -- raised in the caller's thread; here the release must follow
            self._error = error

    async def _pause(self, seconds: float) -> bool:
        return self._stop.wait(seconds)


class Stopped(Exception):
    """The caller did not wait for the confirmation."""


class _Stoppable:
    """The same `io` until it is to stop: then it asks and waits no more."""

    def __init__(self, io: Io, stop: threading.Event) -> None:
        self._io = io
        self._stop = stop
        self.monotonic = io.monotonic
        self.now = io.now

    async def send(self, request: Request) -> Response:
        if self._stop.is_set():
            raise Away("The mute was called off.", reached=False) if request.kind is Kind.CHANGE else Stopped
        return await self._io.send(request)

    async def sleep(self, seconds: float) -> None:
        if self._stop.wait(seconds):
            raise Stopped

    async def observed(
        self, *, conversation_id: str, participant_id: str, seconds: float
    ) -> Participant | None:
        return await self._io.observed(
            conversation_id=conversation_id, participant_id=participant_id, seconds=seconds
        )
