"""One agent's end of one live call: what was observed of it, and what micgate remembers."""

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import TypeAlias

import msgspec

from micgate.control.command import Command, Doubt, Kind, Refusal
from micgate.control.policy import Baseline, ClosedBy, OpenPolicy


class Phase(StrEnum):
    """Where an episode stands."""

    IDLE = "idle"
    """No episode: nothing of ours is on this microphone."""
    APPLYING = "applying"
    """Silence is wanted and not yet observed."""
    CONFIRMED = "confirmed"
    """Silence was observed."""
    UNCONFIRMED = "unconfirmed"
    """Silence was asked for several times and is still not observed."""
    CONTESTED = "contested"
    """Somebody opened the microphone under a mute, and micgate leaves it so."""
    OPENING = "opening"
    """The last mute has ended; the microphone is being given back."""
    SETTLING = "settling"
    """It is open, but a command of ours may still close it."""
    LEFT_CLOSED = "left_closed"
    """The last mute has ended; opening would be unsafe, so the agent is asked."""


class State(StrEnum):
    """What is said about a mute to the world."""

    PENDING = "pending"
    CONFIRMED = "confirmed"
    UNCONFIRMED = "unconfirmed"
    CONTESTED = "contested"
    RELEASING = "releasing"
    LEFT_CLOSED = "left_closed"


class Way(StrEnum):
    """How something became known."""

    EVENT = "event"
    READ = "read"


class LegState(StrEnum):
    """What a leg is doing. `unknown` stands for every word of the platform that we do not know."""

    WAITING = "waiting"
    LIVE = "live"
    OVER = "over"
    UNKNOWN = "unknown"


class Observed(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the platform told about one microphone: the agent's live leg, else the waiting one, else the last.

    None means that the platform did not say. `at` is when it arrived, in service time; `asked_at` is when the
    read began. `queue_id` is the queue that the call came from, "" when from none. `call_over`: nobody at all
    is on the call any more.
    """

    leg: str
    state: LegState
    at: float
    way: Way
    muted: bool | None = None
    held: bool | None = None
    asked_at: float | None = None
    queue_id: str | None = None
    call_over: bool = False

    @property
    def says(self) -> tuple[str, LegState, bool | None, bool | None]:
        """The content, without when and how it came."""
        return self.leg, self.state, self.muted, self.held


class Foreign(msgspec.Struct, frozen=True, kw_only=True):
    """The last change that no command of ours explains."""

    at: float
    leg: str
    muted: bool
    way: Way


class Memory(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """All that is remembered of a microphone. Stored whole.

    What is seen: `leg` is the last live leg, `former` those before it, `seen` the last observation, `known`
    the last definite word about this leg (true: muted). `stale`: something may have been missed since.
    `proven`: a read, or our own command, stands behind `seen`. `fresh`: something arrived since our last
    change was sent. `read_at` is when the last answered read began.

    Whose doing it was: `baseline` and `closed_by` belong to `leg`. `pending` has no outcome yet; `sent` is
    our last change unless it was turned away; `doubts` may still take effect; `met` are the mutes that a
    command has been made for, `confirmed` those that silence was observed for since.

    What we try: `tries` counts changes and `looks` reads in a row, `outcome` and `made_at` belong to the last
    change. `not_before` is the platform's word; `put_off` that the budget had no room until then: whoever
    takes it up again looks for room anew. `due` is when the microphone should have been given back (None:
    silence is wanted), `begun_at` when giving back began, `freed` are the mutes it is for. `mutes` stood
    when last looked at, with `open_policy`.
    """

    leg: str | None = None
    former: tuple[str, ...] = ()
    seen: Observed | None = None
    known: bool | None = None
    stale: bool = False
    proven: bool = False
    fresh: bool = True
    read_at: float | None = None

    phase: Phase = Phase.IDLE
    since: float = 0.0
    baseline: Baseline = Baseline.NONE
    closed_by: ClosedBy = ClosedBy.NOBODY
    pending: Command | None = None
    sent: Command | None = None
    doubts: tuple[Doubt, ...] = ()
    met: tuple[str, ...] = ()
    confirmed: tuple[str, ...] = ()
    mutes: tuple[str, ...] = ()
    open_policy: OpenPolicy = OpenPolicy.RESTORE

    tries: int = 0
    looks: int = 0
    looked_at: float = 0.0
    made_at: float = 0.0
    outcome: Kind | None = None
    not_before: float = 0.0
    put_off: float = 0.0
    refusal: Refusal | None = None
    wished_at: float = 0.0
    due: float | None = None
    begun_at: float | None = None
    freed: tuple[str, ...] = ()
    settle_until: float | None = None
    overrides: tuple[float, ...] = ()
    reasserting: bool = False
    alerted: bool = False
    foreign: Foreign | None = None
    quiet_since: float | None = None

    @property
    def ours(self) -> bool:
        """Whether we closed this leg, surely or probably."""
        return self.closed_by in {ClosedBy.US, ClosedBy.PROBABLY_US}

    @property
    def touched(self) -> bool:
        """Whether anything of ours was done to this leg, or may still be."""
        ours = self.ours or self.baseline is not Baseline.NONE
        return ours or self.sent is not None or bool(self.doubts)

    @property
    def away(self) -> bool:
        """Whether the agent is known not to be on the call now."""
        states = {LegState.WAITING, LegState.OVER}
        return not self.stale and self.seen is not None and self.seen.state in states

    @property
    def over(self) -> bool:
        """Whether the call is over, surely: nobody comes back to it, and nothing of ours is on it."""
        seen = self.seen
        return seen is not None and seen.state is LegState.OVER and seen.call_over and self.proven

    @property
    def seen_muted(self) -> bool:
        seen = self.seen
        return not self.stale and seen is not None and seen.state is LegState.LIVE and seen.muted is True

    @property
    def live_leg(self) -> str | None:
        """The leg that a command would go to."""
        return self.seen.leg if self.seen and self.seen.state is LegState.LIVE else None


_STATES: dict[Phase, State | None] = {
    Phase.IDLE: None,
    Phase.APPLYING: State.PENDING,
    Phase.CONFIRMED: State.CONFIRMED,
    Phase.UNCONFIRMED: State.UNCONFIRMED,
    Phase.CONTESTED: State.CONTESTED,
    Phase.OPENING: State.RELEASING,
    Phase.SETTLING: State.RELEASING,
    Phase.LEFT_CLOSED: State.LEFT_CLOSED,
}
_WORST_FIRST = (
    State.CONTESTED,
    State.UNCONFIRMED,
    State.LEFT_CLOSED,
    State.RELEASING,
    State.PENDING,
    State.CONFIRMED,
)


def state(memory: Memory) -> State | None:
    """What to say about a mute on this microphone; None when there is nothing to say.

    "Confirmed" is said only while the last thing that was seen is a live leg, muted, and nothing may have
    been missed since; a further mute that is sent takes nothing of that back.
    """
    if memory.phase is Phase.CONFIRMED and not memory.seen_muted:
        return State.UNCONFIRMED
    if memory.phase is Phase.APPLYING and memory.seen_muted and memory.confirmed:
        return State.CONFIRMED
    return _STATES[memory.phase]


def state_of(mute_id: str, memories: tuple[Memory, ...]) -> State:
    """What to say about a standing mute that meets several microphones, or none yet: the worst of them."""
    found = {_state_for(mute_id, memory) for memory in memories}
    return next((each for each in _WORST_FIRST if each in found), State.PENDING)


def _state_for(mute_id: str, memory: Memory) -> State | None:
    """Each mute is confirmed by what was seen after its own request: others may have been fooled."""
    said = state(memory)
    proof = memory.met if memory.phase is Phase.CONFIRMED else memory.confirmed
    return State.PENDING if said is State.CONFIRMED and mute_id not in proof else said


Raw: TypeAlias = dict[str, object]
Upgrade: TypeAlias = Callable[[Raw], Raw]

VERSION = 1
UPGRADES: dict[int, Upgrade] = {}
"""From the version in the key to the next one."""


class UnreadableMemoryError(ValueError):
    """A stored memory is damaged, or was written by a newer micgate."""


class _Stored(msgspec.Struct, frozen=True):
    v: int
    memory: Raw


def encode(memory: Memory) -> bytes:
    return msgspec.json.encode({"v": VERSION, "memory": memory})


def decode(
    data: bytes | str, *, upgrades: Mapping[int, Upgrade] = UPGRADES, version: int = VERSION
) -> Memory:
    """The memory as it was, brought to this version if an older micgate wrote it."""
    try:
        stored = msgspec.json.decode(data, type=_Stored)
        return msgspec.convert(_upgraded(stored, upgrades, version), Memory)
    except msgspec.MsgspecError as error:
        raise UnreadableMemoryError(f"The memory of a microphone is damaged: {error}.") from error


def _upgraded(stored: _Stored, upgrades: Mapping[int, Upgrade], version: int) -> Raw:
    if stored.v > version:
        raise UnreadableMemoryError(
            f"The memory of a microphone was written in form {stored.v}, this micgate knows {version}."
        )
    memory = stored.memory
    for step in range(stored.v, version):
        memory = upgrades[step](memory)
    return memory
