"""`SyncGenesys`: the library without a service, for scripts, Celery tasks and the command line. Safe after a
fork.

It blocks, needs no event loop, and loads neither asyncio nor aiohttp.
"""

from collections.abc import Callable
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
from micgate.direct.progress import Progress
from micgate.direct.standing import StandingMute
from micgate.direct.wish import Wish, about
from micgate.genesys.flows import Result
from micgate.genesys.io import drive
from micgate.genesys.locate import Call, find_user, read_call
from micgate.genesys.models import User
from micgate.genesys.strategy import Accepted
from micgate.genesys.transport_urllib3 import Urllib3Wire
from micgate.settings import Settings


class SyncGenesys:
    """One organization, one set of credentials. Threads may share it; use it in a `with` block, or `close`
    it.

    `journal` names a file that every state change is written to, before and after (see `direct.journal`).
    """

    def __init__(self, connection: Connection, *, journal: Path | None = None) -> None:
        self.connection = connection
        self.session = connection.session(Urllib3Wire(connection.region, connection.network))
        self.journal = Journal(journal) if journal else None
        self._accepted = Accepted()

    @classmethod
    def from_env(cls, *, journal: Path | None = None) -> Self:
        """From the environment, `.env` or a sign-in. Raises `SettingError` or `OursToFix`."""
        return cls.from_settings(configuration.load(), journal=journal)

    @classmethod
    def from_settings(cls, settings: Settings, *, journal: Path | None = None) -> Self:
        return cls(from_settings(settings), journal=journal)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_raised: object) -> None:
        self.close()

    def close(self) -> None:
        drive(self.session.close())

    @property
    def requests_sent(self) -> int:
        """Requests to the API so far, without those for tokens."""
        return self.session.requests_sent

    def find_user(self, agent: str) -> User:
        """By user id, e-mail address or unique name. Raises `UnknownAgent` or `AmbiguousAgent`."""
        return drive(find_user(self.session, agent))

    def find_call(
        self,
        agent: str | None = None,
        *,
        conversation_id: str | None = None,
        participant_id: str | None = None,
    ) -> Call:
        """The agent's live call. Without an agent: the named end, or the person whose token this is.

        Raises `UnknownAgent`, `AmbiguousAgent`, `NoLiveCall` (`NotConnected`), `AmbiguousCall`, `NotAnAgent`.
        """
        return drive(
            find.find(self.session, agent, conversation_id=conversation_id, participant_id=participant_id)
        )

    def read_call(self, call: Call) -> Call:
        """The same microphone, read again."""
        return drive(read_call(self.session, call))

    def agents_on_calls(self) -> tuple[AgentOnCall, ...]:
        return drive(find.agents_on_calls(self.session))

    def set_muted(
        self,
        call: Call,
        muted: bool,  # noqa: FBT001 -- set_muted(call, True) is how everybody says it
        *,
        command: str = "set",
        reason: str | None = None,
    ) -> Result:
        """Close or open the microphone, and return when the platform shows it. You own the opposite.

        Already as wanted: nothing is sent and `changed` is false. Raises `Unconfirmed` with what was seen and
        the likely cause, `NotConnected`, or the vendor's refusal. `command` and `reason` go into the journal.
        """
        return drive(
            set_once(
                self.session,
                call,
                muted,
                connection=self.connection,
                accepted=self._accepted,
                journal=self.journal,
                command=command,
                reason=reason,
            )
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
        on_change: Callable[[Progress], None] | None = None,
    ) -> StandingMute:
        """Mute for the time of a `with` block, at most `for_` ("90s", "2m", 120; default 2 min, ceiling 15).

        The block is entered when the platform shows the microphone muted. At its end, or when the time is
        over, what was there before is restored: a microphone that was closed before stays closed. A thread
        keeps the time, so that no signal and no long body keeps the agent muted. An agent who opens the
        microphone ends the mute (`on_override="yield"`). What ended it is in `StandingMute.ended`.

        **There is no guardian**: a process that is killed (by SIGTERM too, unless it handles that) leaves the
        agent muted until the agent presses the button. The command line has one, and the service is for that.

        `on_change` is called here, in the caller's thread, after the confirmation and after the end; if it
        raises, that is logged and moves no microphone.
        """
        wish = Wish.checked(
            for_=for_, reason=reason, note=note, open_policy=open_policy, on_override=on_override
        )
        call = agent if isinstance(agent, Call) else self.find_call(agent, conversation_id=conversation_id)
        session = self.session
        plan = wish.plan(call, self.connection, has_user=drive(session.has_user()), now=session.monotonic())

        def made(tell: Callable[[Progress], None]) -> Mute:
            kept = record(self.journal, about(plan, self.connection, session))
            return Mute(plan, record=kept, new_id=new_id, tell=tell)

        return StandingMute(made, session, on_change=on_change)
