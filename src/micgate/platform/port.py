"""What micgate's core needs of a platform: microphones shown, errands carried out. No vendor's words."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

import msgspec

from micgate.control.command import Command, Kind
from micgate.control.microphone import LegState
from micgate.control.recording import RecordingState


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """One microphone as the platform shows it: the agent's live leg, else the waiting one, else the last.

    None means that the platform does not say. `queue_id` is the queue that the call came from, "" when
    from none. `call_over`: nobody at all is on the call any more.
    """

    user_id: str
    leg: str
    state: LegState
    muted: bool | None = None
    held: bool | None = None
    queue_id: str | None = None
    call_over: bool = False


class CallShown(msgspec.Struct, frozen=True, kw_only=True):
    """One call. Without microphones: the platform knows no such call, or shows it to nobody like us."""

    conversation_id: str
    microphones: tuple[Shown, ...] = ()
    recording: RecordingState = RecordingState.UNKNOWN


class Errand(msgspec.Struct, frozen=True, kw_only=True):
    """One request to make. Without `user_id` it is about the recording of the call."""

    command: Command
    conversation_id: str
    user_id: str = ""


class Allowance(msgspec.Struct, frozen=True, kw_only=True):
    """What the platform last said about the request budget: `count` of `allowed` used, afresh in so long."""

    allowed: int
    count: int
    reset_in: float


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What became of an errand.

    `again_in` (seconds) invites a new command; without it a refusal is final. `closed_for` (seconds): the
    platform takes nothing from us for so long. `seconds` is how long the answer took. `call` is what a read
    showed.
    """

    kind: Kind
    status: int | None = None
    word: str | None = None
    says: str | None = None
    correlation_id: str | None = None
    again_in: float | None = None
    closed_for: float | None = None
    seconds: float | None = None
    call: CallShown | None = None
    allowance: Allowance | None = None


class GoingOn(msgspec.Struct, frozen=True):
    """An agent's call that goes on or rings, by the platform's overview."""

    conversation_id: str
    user_id: str


class KeptChannel(msgspec.Struct, frozen=True, kw_only=True):
    """A notification channel that a successor can use. Whoever has `uri` can listen, so the repr hides it.

    `expires_at` is in seconds since 1970, by the platform's clock.
    """

    channel_id: str
    uri: str
    expires_at: float

    def __repr__(self) -> str:
        return f"KeptChannel(expires_at={self.expires_at!r})"


class Line(Protocol):
    """A live line that tells the calls of some agents."""

    @property
    def up(self) -> bool: ...

    @property
    def channel(self) -> KeptChannel | None:
        """The channel in use, for a successor."""

    @property
    def refused(self) -> tuple[str, ...]:
        """The agents whose calls the platform does not tell us."""

    async def run(self) -> None:
        """Stay connected. Returns when somebody else took the line over; it is then not to be fought for."""

    async def follow(self, users: Sequence[str]) -> None:
        """Tell the calls of these agents from now on, without a gap for those of before. Raises `NotTold`."""

    async def look_after(self) -> None:
        """To be called every few seconds: renews what is about to end."""


Heard = Callable[[CallShown], None]
LineChanged = Callable[[str | None], None]
"""Called when the line is lost, with the reason, and when it is found again, with None."""
Toll = Callable[[], Awaitable[None]]
"""Waits until the budget has room for one more request that is no command."""


class Platform(Protocol):
    """Every method that asks is one wire request; commands are sent at most once."""

    async def carry_out(self, errand: Errand) -> Answer:
        """Send it, once. Raises nothing that the platform, or the way to it, can cause."""

    async def look(self, conversation_id: str) -> Answer:
        """Read a call, for no command."""

    async def going_on(self, *, page: int) -> tuple[GoingOn, ...]:
        """One page of the calls that go on now: about `PAGE` of them, as the platform counts.

        Raises `NotTold` when the platform does not say.
        """

    @property
    def strategy(self) -> str | None:
        """In whose name commands were accepted last; None while nothing is known."""

    @property
    def allowance(self) -> Allowance | None:
        """What the latest answer, whosever it was, said about the budget."""

    def recall(self, strategy: str) -> None:
        """What was accepted in an earlier term."""

    async def prepare(self) -> None:
        """Be ready to send, so that no release waits for a token. Raises `NotTold` when that fails."""

    def line(
        self,
        users: Sequence[str],
        *,
        kept: KeptChannel | None,
        heard: Heard,
        changed: LineChanged,
        toll: Toll,
    ) -> Line: ...


PAGE = 100
USERS_PER_LINE = 1000


class NotTold(Exception):
    """The platform did not answer a question. `word` is meant for programs."""

    def __init__(self, what: str, *, word: str, closed_for: float | None = None) -> None:
        super().__init__(what)
        self.word = word
        self.closed_for = closed_for
