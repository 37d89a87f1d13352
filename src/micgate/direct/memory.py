"""What one mute wants and knows: frozen, and plain enough to be handed to another process."""

import msgspec

from micgate.control.mute import DEFAULT_REASON
from micgate.control.policy import Baseline, ClosedBy, OnOverride, OpenPolicy
from micgate.genesys.reading import Call
from micgate.genesys.strategy import Strategy

DOUBT_SECONDS = 15.0
"""How long a command may still take effect after it was sent, when it was not seen to."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What is wanted. `release_at` is in seconds of `io.monotonic`; `has_user` says whose token acts."""

    mute_id: str
    call: Call
    release_at: float
    has_user: bool
    reason: str = DEFAULT_REASON
    note: str | None = None
    open_policy: OpenPolicy = OpenPolicy.RESTORE
    on_override: OnOverride = OnOverride.YIELD
    strategy: Strategy = Strategy.AUTO
    patience: float = 10.0
    doubt_seconds: float = DOUBT_SECONDS


class Doubt(msgspec.Struct, frozen=True):
    """A mute command that has not been seen to take effect and still may."""

    command_id: str
    until: float


class Memory(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of the microphone and of our own doing.

    `call` is the leg as last read; `baseline` and `closed_by` belong to it. `opening`: an un-mute was sent
    since we closed it. `began_late`: by how many seconds the give-back began after its due time; None until
    then. `settled`: nothing of ours is left to undo. `works`: the strategy that was accepted.
    """

    call: Call
    baseline: Baseline = Baseline.NONE
    closed_by: ClosedBy = ClosedBy.NOBODY
    doubts: tuple[Doubt, ...] = ()
    opening: bool = False
    began_late: float | None = None
    settled: bool = False
    works: Strategy | None = None

    @property
    def closed(self) -> bool:
        """Whether the microphone was seen closed under this mute, by whomever."""
        return self.closed_by in {ClosedBy.US, ClosedBy.NOT_US}

    @property
    def touched(self) -> bool:
        """Whether a mute of ours closed this leg, or still may."""
        return self.closed_by in {ClosedBy.US, ClosedBy.PROBABLY_US} or bool(self.doubts)
