"""How a foreground mute ended, in words, with what to do and the exit code."""

from collections.abc import Callable

import msgspec

from micgate.direct.progress import Ended, Progress
from micgate.genesys.errors import Unconfirmed

End = Ended | Progress
"""An end, as it is returned or as it was told."""

_AGENTS_BUTTON = "The agent opens it with the mute button; or run: micgate unmute"


class Ending(msgspec.Struct, frozen=True, kw_only=True):
    """The result of `micgate mute`. `remedy` is empty when there is nothing to do."""

    outcome: str
    message: str
    remedy: str = ""
    exit_code: int = 0


def ending(ended: End, *, agent: str, stopped_by: int | None = None) -> Ending:
    """`stopped_by` is the exit code of the signal that ended it; a clean end keeps that."""
    found = _ENDINGS[ended.word](ended, agent)
    if stopped_by is not None and found.exit_code in (0, _CALL_ENDED, _OVERRIDDEN):
        return msgspec.structs.replace(found, exit_code=stopped_by)
    return found


_OVERRIDDEN, _NOT_CONFIRMED, _CALL_ENDED = 1, 3, 4


def _released(ended: End, agent: str) -> Ending:
    return Ending(outcome=ended.word, message=f"Given back: the microphone of {agent} is open again.")


def _kept(ended: End, agent: str) -> Ending:
    return Ending(
        outcome=ended.word, message=f"{agent} was muted before and stays so: micgate did not change it."
    )


def _nothing(ended: End, agent: str) -> Ending:
    return Ending(outcome=ended.word, message=f"The microphone of {agent} was not touched.")


def _left_closed(ended: End, agent: str) -> Ending:
    why = ended.opening.says if ended.opening else "opening it would not be safe"
    return Ending(
        outcome=ended.word,
        message=f"The microphone of {agent} is left closed: {why}.",
        remedy=_AGENTS_BUTTON,
        exit_code=_NOT_CONFIRMED,
    )


def _overridden(ended: End, agent: str) -> Ending:
    return Ending(
        outcome=ended.word,
        message=f"The microphone of {agent} was opened, and not by micgate: the mute has ended.",
        remedy="It was the agent, a device or another app; Genesys does not say. Talk to the agent first.",
        exit_code=_OVERRIDDEN,
    )


def _call_ended(ended: End, agent: str) -> Ending:
    return Ending(
        outcome=ended.word,
        message=f"The call of {agent} ended before the mute did.",
        remedy="Nothing is left to give back; the next call starts with an open microphone.",
        exit_code=_CALL_ENDED,
    )


def _stuck(ended: End, agent: str) -> Ending:
    why = ended.error.what if ended.error else "Genesys Cloud does not show it open."
    return Ending(
        outcome=ended.word,
        message=f"The microphone of {agent} could not be given back: {why}",
        remedy="A guardian goes on trying for a minute; after that: micgate unmute, or the agent's button.",
        exit_code=_NOT_CONFIRMED if isinstance(ended.error, Unconfirmed) else 1,
    )


_ENDINGS: dict[str, Callable[[End, str], Ending]] = {
    "released": _released,
    "kept": _kept,
    "nothing": _nothing,
    "left_closed": _left_closed,
    "overridden": _overridden,
    "call_ended": _call_ended,
    "stuck": _stuck,
}
