"""`Genesys`: the library without a service, for asyncio."""

import asyncio
import inspect
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Self

from micgate import settings as configuration
from micgate.control.policy import OnOverride, OpenPolicy
from micgate.direct import find
from micgate.direct.connect import Connection, from_settings
from micgate.direct.find import AgentOnCall
from micgate.direct.journal import Journal
from micgate.direct.mute import Mute
from micgate.direct.one_shot import new_id, record, set_once
from micgate.direct.progress import ENDS, Ended, Progress, stage
from micgate.direct.wish import Wish, about
from micgate.genesys.channel import MAX_CHANNELS, Watch
from micgate.genesys.flows import Result
from micgate.genesys.locate import find_user, read_call
from micgate.genesys.models import Channel, User
from micgate.genesys.notifications import calls_topic
from micgate.genesys.reading import Call
from micgate.genesys.session import Session
from micgate.genesys.strategy import Accepted
from micgate.genesys.transport_aiohttp import AiohttpWire
from micgate.settings import Settings

_LOG = logging.getLogger(__name__)

OnChange = Callable[[Progress], Awaitable[None] | None]


class Genesys:
    """One organization, one set of credentials, one event loop. Use it in `async with`, or `close` it.

    `journal` names a file that every state change is written to, before and after (see `direct.journal`).
    """

    def __init__(self, connection: Connection, *, journal: Path | None = None) -> None:
        self.connection = connection
        self.session = connection.session(AiohttpWire(connection.region, connection.network))
        self.journal = Journal(journal) if journal else None
        self._accepted = Accepted()

    @classmethod
    def from_env(cls, *, journal: Path | None = None) -> Self:
        """From the environment, `.env` or a sign-in. Raises `SettingError` or `OursToFix`."""
        return cls.from_settings(configuration.load(), journal=journal)

    @classmethod
    def from_settings(cls, settings: Settings, *, journal: Path | None = None) -> Self:
        return cls(from_settings(settings), journal=journal)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_raised: object) -> None:
        await self.close()

    async def close(self) -> None:
        await self.session.close()

    @property
    def requests_sent(self) -> int:
        """Requests to the API so far, without those for tokens."""
        return self.session.requests_sent

    async def find_user(self, agent: str) -> User:
        """By user id, e-mail address or unique name. Raises `UnknownAgent` or `AmbiguousAgent`."""
        return await find_user(self.session, agent)

    async def find_call(
        self,
        agent: str | None = None,
        *,
        conversation_id: str | None = None,
        participant_id: str | None = None,
    ) -> Call:
        """The agent's live call. Without an agent: the named end, or the person whose token this is.

        Raises `UnknownAgent`, `AmbiguousAgent`, `NoLiveCall` (`NotConnected`), `AmbiguousCall`, `NotAnAgent`.
        """
        return await find.find(
            self.session, agent, conversation_id=conversation_id, participant_id=participant_id
        )

    async def read_call(self, call: Call) -> Call:
        """The same microphone, read again."""
        return await read_call(self.session, call)

    async def agents_on_calls(self) -> tuple[AgentOnCall, ...]:
        return await find.agents_on_calls(self.session)

    async def set_muted(
        self,
        call: Call,
        muted: bool,  # noqa: FBT001 -- set_muted(call, True) is how everybody says it
        *,
        reason: str | None = None,
    ) -> Result:
        """Close or open the microphone, and return when the platform shows it. You own the opposite.

        Already as wanted: nothing is sent and `changed` is false. Raises `Unconfirmed` with what was seen and
        the likely cause, `NotConnected`, or the vendor's refusal. `reason` goes into the journal.
        """
        return await set_once(
            self.session,
            call,
            muted,
            connection=self.connection,
            accepted=self._accepted,
            journal=self.journal,
            command="set",
            reason=reason,
        )

    def mute(
        self,
        agent: str | Call,
        *,
        for_: str | float | None = None,
        reason: str | None = None,
        note: str | None = None,
        conversation_id: str | None = None,
        open_policy: str = OpenPolicy.RESTORE,
        on_override: str = OnOverride.YIELD,
        on_change: OnChange | None = None,
    ) -> "StandingMute":
        """Mute for the time of an `async with` block, at most `for_` ("90s", "2m", 120; default 2 min,
        ceiling 15).

        The block is entered when the platform shows the microphone muted. At its end, or when the time is
        over, what was there before is restored: a microphone that was closed before stays closed. A task
        keeps the time, and a cancelled block or a closing loop still gives back. An agent who opens the
        microphone ends the mute (`on_override="yield"`). What ended it is in `StandingMute.ended`.

        **There is no guardian**: a process that is killed (by SIGTERM too, unless it handles that) leaves the
        agent muted until the agent presses the button. The command line has one, and the service is for that.
        Of Ctrl-C under `asyncio.run` the first two are survived.

        `on_change`, a function or a coroutine function, is called after the confirmation and after the end;
        if it raises, that is logged and moves no microphone.
        """
        wish = Wish.checked(
            for_=for_, reason=reason, note=note, open_policy=open_policy, on_override=on_override
        )

        async def make(tell: Callable[[Progress], None]) -> Mute:
            call = agent
            if isinstance(call, str):
                call = await self.find_call(call, conversation_id=conversation_id)
            has_user = await self.session.has_user()
            plan = wish.plan(call, self.connection, has_user=has_user, now=self.session.monotonic())
            kept = record(self.journal, about(plan, self.connection, self.session))
            return Mute(plan, record=kept, new_id=new_id, tell=tell)

        return StandingMute(make, self.session, on_change=on_change)

    @asynccontextmanager
    async def watch(
        self,
        agents: Sequence[str] = (),
        *,
        topics: Sequence[str] = (),
        given: Sequence[Channel] = (),
        max_channels: int = MAX_CHANNELS,
    ) -> AsyncIterator[Watch]:
        """Follow the calls of these agents live, and whatever else `topics` name: `async for` over what it
        gives.

        While it is open, `set_muted` and `mute` confirm by event instead of by reading. It makes
        notification channels, of which a client has 20 and none can be deleted; `given` ones
        (`Watch.channels` of an earlier watch) are used first.
        """
        users = [await find_user(self.session, agent) for agent in agents]
        wanted = [*(calls_topic(user.id) for user in users), *topics]
        async with Watch(
            self.session,
            wanted,
            network=self.connection.network,
            given=given,
            max_channels=max_channels,
        ) as watch:
            self.session.sight = watch
            try:
                yield watch
            finally:
                self.session.sight = None


class StandingMute:
    """Use it in `async with`. `result` is the confirmation, `ended` how it ended; both None until then."""

    def __init__(
        self,
        make: Callable[[Callable[[Progress], None]], Awaitable[Mute]],
        session: Session,
        *,
        on_change: OnChange | None,
    ) -> None:
        self.result: Result | None = None
        self._make = make
        self._session = session
        self._on_change = on_change
        self._said: list[Progress] = []
        self._mute: Mute | None = None
        self._error: BaseException | None = None
        self._stop = asyncio.Event()
        self._placed = asyncio.Event()

    @property
    def ended(self) -> Ended | None:
        return self._mute.ended if self._mute else None

    def __repr__(self) -> str:
        return stage(placed=self.result is not None, ended=self.ended, block="async with")

    async def __aenter__(self) -> Self:
        mute = self._mute = await self._make(self._said.append)
        self._task = asyncio.create_task(self._live(mute), name="micgate mute")
        try:
            await self._placed_or_raise()
            await self._report()
        except BaseException:
            self._task.cancel()
            await self._finish()
            raise
        return self

    async def __aexit__(self, *_raised: object) -> None:
        await self._finish()
        await self._report()

    async def _placed_or_raise(self) -> None:
        await self._placed.wait()
        if self._error:
            raise self._error

    async def _finish(self) -> None:
        """End the mute now, and return when it is given back, however often this is cancelled."""
        cancelled: asyncio.CancelledError | None = None
        self._stop.set()
        while not self._task.done():
            try:
                await asyncio.wait({self._task})
            except asyncio.CancelledError as error:
                cancelled = error
        if cancelled:
            raise cancelled
        self._task.result()

    async def _live(self, mute: Mute) -> None:
        interruptions = [await _interruption(self._stand(mute))]
        while again := await _interruption(self._give_back(mute)):
            interruptions.append(again)
        for interruption in interruptions:
            if isinstance(interruption, (KeyboardInterrupt, SystemExit)):
                raise interruption

    async def _stand(self, mute: Mute) -> None:
        await self._place(mute)
        self._placed.set()
        if self._error is None:
            await mute.stand(self._session, self._pause)

    async def _give_back(self, mute: Mute) -> None:
        """May be done twice, but is not left undone."""
        await mute.give_back(self._session)
        await mute.settle(self._session)

    async def _place(self, mute: Mute) -> None:
        try:
            self.result = await mute.place(self._session)
        except BaseException as error:  # noqa: BLE001 -- raised in the caller's task; here the release must follow
            self._error = error

    async def _pause(self, seconds: float) -> bool:
        try:
            await asyncio.wait_for(self._stop.wait(), seconds)
        except TimeoutError:
            return False
        return True

    async def _report(self) -> None:
        said, self._said[:] = list(self._said), []
        for progress in said:
            if self._on_change and progress.word in _CHANGES:
                await self._change(self._on_change, progress)

    async def _change(self, on_change: OnChange, progress: Progress) -> None:
        try:
            answer = on_change(progress)
            if inspect.isawaitable(answer):
                await answer
        except Exception:  # noqa: BLE001 -- the caller's code, logged whole
            _LOG.exception("on_change failed")


_CHANGES = ENDS | {"confirmed", "kept"}


async def _interruption(work: Awaitable[None]) -> BaseException | None:
    """What ended the work before its time. A second Ctrl-C may strike in any task, not the caller's alone."""
    try:
        await work
    except (asyncio.CancelledError, KeyboardInterrupt, SystemExit) as interruption:
        return interruption
    return None
