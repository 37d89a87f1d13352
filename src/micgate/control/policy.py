"""Lengths, overrides, and when a microphone may be opened again. Pure."""

import re
from dataclasses import dataclass
from enum import StrEnum

from micgate.control.errors import LengthRefused

DEFAULT_SECONDS = 120.0
CAP_SECONDS = 2 * 3600.0
_DAY = 86_400.0
LATEST_OPENING = 60.0
"""Seconds after its due time at which a give-back may still begin."""

_LENGTH = re.compile(
    r"(?:(?P<h>\d+(?:\.\d+)?)h)?(?:(?P<m>\d+(?:\.\d+)?)m)?(?:(?P<s>\d+(?:\.\d+)?)s)?", re.ASCII
)
_PLAIN = re.compile(r"\d+(?:\.\d+)?", re.ASCII)
_SPELLING = "Write seconds (90) or a length such as 90s, 2m, 1m30s."


class Placer(StrEnum):
    """Who places a mute, as far as lengths care."""

    DIRECT = "direct"
    SUPERVISOR = "supervisor"
    KEY = "key"
    RULE = "rule"


CEILING_SECONDS = {
    Placer.DIRECT: 900.0,
    Placer.SUPERVISOR: 900.0,
    Placer.KEY: 600.0,
    Placer.RULE: 600.0,
}
AGENT_CEILING_SECONDS = 1800.0
"""For a mute that covers every call of an agent."""


class OpenPolicy(StrEnum):
    """What happens to the microphone when the last mute on it ends."""

    RESTORE = "restore"
    """Open it when that is safe, otherwise as `ask`."""
    ASK = "ask"
    """Ask the agent's widget; without one the microphone stays closed and the owner is told."""
    NEVER = "never"
    """Always ask."""


class OnOverride(StrEnum):
    """What happens when somebody opens a muted microphone."""

    YIELD = "yield"
    """The mute ends and its owner is told."""
    NOTIFY = "notify"
    """The owner is told; the mute stands, the microphone stays open."""
    REASSERT = "reassert"
    """Mute again, at most three times a minute. Needs a service and a scope of its own."""


class Baseline(StrEnum):
    """What the microphone was before the first mute of the episode, on this leg."""

    NONE = "none"
    OPEN = "opened_by_us_safe"
    WAS_MUTED = "was_muted"
    UNPROVEN = "unproven"


class ClosedBy(StrEnum):
    """Who closed the microphone, as far as anything shows."""

    NOBODY = "nobody"
    US = "us"
    PROBABLY_US = "probably_us"
    NOT_US = "not_us"


@dataclass(frozen=True, slots=True)
class Opening:
    """Whether a closed microphone may be opened. `why` is meant for programs, `says` for people."""

    opens: bool
    why: str
    says: str


RESTORED = Opening(True, "restored", "it was open before")
WAS_MUTED = Opening(False, "was_muted", "it was closed before the mute")
UNPROVEN = Opening(False, "unproven", "nothing shows that it was open before the mute")
CLOSED_BY_OTHERS = Opening(False, "closed_by_others", "somebody else closed it")
OTHER_LEG = Opening(False, "other_leg", "the agent is on another leg of the call now")
ON_HOLD = Opening(False, "on_hold", "the agent has the call on hold")
TOO_LATE = Opening(False, "too_late", "it is more than a minute late")
POLICY = Opening(False, "policy", "the open policy leaves that to the agent")


def may_open(
    *,
    policy: OpenPolicy,
    baseline: Baseline,
    closed_by: ClosedBy,
    same_leg: bool,
    held: bool,
    seconds_late: float,
) -> Opening:
    """Decide about a microphone seen closed at the end of the last mute on it.

    `same_leg` is true on the leg of the baseline and on one it was carried to. `seconds_late` counts from the
    due time to the beginning of the give-back.
    """
    refusals = (
        (baseline is Baseline.WAS_MUTED, WAS_MUTED),
        (closed_by in (ClosedBy.NOT_US, ClosedBy.NOBODY), CLOSED_BY_OTHERS),
        (baseline is not Baseline.OPEN, UNPROVEN),
        (policy is not OpenPolicy.RESTORE, POLICY),
        (not same_leg, OTHER_LEG),
        (held, ON_HOLD),
        (seconds_late > LATEST_OPENING, TOO_LATE),
    )
    return next((opening for refused, opening in refusals if refused), RESTORED)


def length(value: object, *, placer: Placer = Placer.DIRECT, covers_agent: bool = False) -> float:
    """The length of a mute in seconds: `"90s"`, `"2m"`, `"1m30s"`, `"120"`, 120; None means 2 minutes."""
    seconds = DEFAULT_SECONDS if value is None else parse(value)
    if seconds < 1:
        raise LengthRefused("A mute lasts at least 1 second.", remedy=_SPELLING)
    most = ceiling(placer, covers_agent=covers_agent)
    if seconds > most:
        raise LengthRefused(
            f"{spoken(seconds) if seconds <= _DAY else 'That'} is over the ceiling of {spoken(most)}.",
            remedy=f"Ask for at most {spoken(most)}.",
        )
    return seconds


def parse(value: object) -> float:
    """The seconds a length means, whatever its size: `"1m30s"` is 90."""
    if isinstance(value, bool):
        raise LengthRefused("A truth value is not a length.", remedy=_SPELLING)
    if isinstance(value, (int, float)):
        return _finite(float(value))
    if isinstance(value, str):
        return _parsed(value.strip().lower())
    raise LengthRefused(f"{type(value).__name__} is not a length.", remedy=_SPELLING)


def spoken(seconds: float) -> str:
    """`"2 min"`, `"1 min 30 s"`, `"1.5 s"`."""
    minutes, rest = divmod(seconds, 60)
    if not minutes:
        return f"{rest:g} s"
    return f"{minutes:g} min" if not rest else f"{minutes:g} min {rest:g} s"


def ceiling(placer: Placer, *, covers_agent: bool) -> float:
    """The longest mute that this placer may ask for, in seconds."""
    own = AGENT_CEILING_SECONDS if covers_agent and placer is Placer.SUPERVISOR else CEILING_SECONDS[placer]
    return min(own, CAP_SECONDS)


def _finite(seconds: float) -> float:
    if seconds != seconds or seconds in (float("inf"), float("-inf")):  # noqa: PLR0124 -- NaN is not itself
        raise LengthRefused("That is not a length.", remedy=_SPELLING)
    return seconds


def _parsed(text: str) -> float:
    if len(text) <= 12:  # noqa: PLR2004 -- longer than any allowed length; keeps absurd figures out of float
        if _PLAIN.fullmatch(text):
            return float(text)
        if text and (match := _LENGTH.fullmatch(text)):
            return sum(float(match[unit] or 0) * size for unit, size in (("h", 3600), ("m", 60), ("s", 1)))
    raise LengthRefused(f"{text[:40]!r} is not a length.", remedy=_SPELLING)
