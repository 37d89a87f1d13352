"""What happened, for the record. Each fact is one structure; `alert` says that a person should look."""

from typing import TypeAlias

import msgspec

from micgate.control.command import Verb
from micgate.control.microphone import Way
from micgate.control.policy import Baseline, ClosedBy, OnOverride


class _Fact(msgspec.Struct, frozen=True, kw_only=True, tag_field="fact", tag=str.lower):
    """The tag is the name of the class in lower case."""


class Changed(_Fact, frozen=True, kw_only=True):
    """The microphone was opened or closed. `by` not_us: no command of ours explains it."""

    at: float
    leg: str
    muted: bool
    way: Way
    by: ClosedBy


class Moved(_Fact, frozen=True, kw_only=True):
    """The agent is on another leg of the call. `baseline` is what holds there."""

    leg_before: str
    leg: str
    muted: bool
    baseline: Baseline
    carried: bool


class Confirmed(_Fact, frozen=True, kw_only=True):
    """Silence was observed, `seconds` after it was wanted."""

    mutes: tuple[str, ...]
    leg: str
    seconds: float
    slow: bool


class Unconfirmed(_Fact, frozen=True, kw_only=True):
    mutes: tuple[str, ...]
    tries: int
    alert: bool = True


class Overridden(_Fact, frozen=True, kw_only=True):
    """Somebody opened the microphone under these mutes; `answer` is what is done about it."""

    mutes: tuple[str, ...]
    answer: OnOverride


class Contested(_Fact, frozen=True, kw_only=True):
    """Asserted too often: micgate stops, and the microphone stays open under these mutes."""

    mutes: tuple[str, ...]
    reasserts: int
    alert: bool = True


class Refused(_Fact, frozen=True, kw_only=True):
    """The platform refused a change. A give-back is tried again for ever."""

    verb: Verb
    status: int | None
    word: str | None
    says: str | None
    alert: bool


class ReleaseLate(_Fact, frozen=True, kw_only=True):
    """The microphone is not given back yet. Said once; trying goes on."""

    seconds: float
    alert: bool = True


class GivenBack(_Fact, frozen=True, kw_only=True):
    """The microphone is open again. `by_us` false: somebody else had opened it, or it was never closed, and
    nothing was late.
    """

    by_us: bool
    seconds_late: float | None = None


class Kept(_Fact, frozen=True, kw_only=True):
    """Left closed because it was closed before the first mute."""

    leg: str


class LeftClosed(_Fact, frozen=True, kw_only=True):
    """Opening would be unsafe: the agent is asked, the owner told. `why` is a word of `may_open`."""

    leg: str
    why: str
    says: str
    alert: bool = True


class RecordingPaused(_Fact, frozen=True, kw_only=True):
    """`ours` false: it was paused already, so it will not be resumed by us."""

    ours: bool


class RecordingResumed(_Fact, frozen=True, kw_only=True):
    """`ours` false: somebody else resumed it."""

    ours: bool
    alert: bool


class RecordingLeft(_Fact, frozen=True, kw_only=True):
    """Left paused, because it was not us who paused it."""


Fact: TypeAlias = (
    Changed
    | Moved
    | Confirmed
    | Unconfirmed
    | Overridden
    | Contested
    | Refused
    | ReleaseLate
    | GivenBack
    | Kept
    | LeftClosed
    | RecordingPaused
    | RecordingResumed
    | RecordingLeft
)
