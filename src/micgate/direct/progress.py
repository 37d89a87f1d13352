"""What a mute tells while it runs, and how it ended."""

from typing import Literal

import msgspec

from micgate.control.policy import Opening
from micgate.genesys.errors import GenesysError
from micgate.genesys.flows import Result
from micgate.genesys.reading import Call

Word = Literal[
    "placed", "confirmed", "kept", "look", "unseen", "moved",
    "overridden", "insisting", "released", "left_closed", "call_ended", "stuck", "settling", "nothing",
]  # fmt: skip
EndWord = Literal["released", "kept", "left_closed", "overridden", "call_ended", "stuck", "nothing"]


ENDS: frozenset[Word] = frozenset(
    {"released", "kept", "left_closed", "overridden", "call_ended", "stuck", "nothing"}
)


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that happened. `at` is in seconds since 1970, `seconds_left` until the release.

    - placed: a mute command was accepted; confirmed: the platform shows the microphone muted
    - kept: it was closed already, nothing was sent
    - look: it still is as wanted; unseen: it could not be read (`error`) or is not connected for now
    - moved: the agent is on another leg; overridden: somebody opened it
    - insisting: a give-back failed and is tried again (`error`)
    - settling: a late effect of our own command is watched for
    - the other words are those of `Ended`
    """

    word: Word
    at: float
    seconds_left: float
    call: Call
    result: Result | None = None
    opening: Opening | None = None
    error: GenesysError | None = None


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """How a mute ended.

    - released: the microphone is open again; overridden: somebody opened it before that
    - kept: it was closed before the mute and stays so; nothing: no command of ours reached it
    - left_closed: on purpose, and `opening` says why
    - call_ended
    - stuck: it could not be given back, and `error` says why
    """

    word: EndWord
    call: Call
    result: Result | None = None
    opening: Opening | None = None
    error: GenesysError | None = None


def stage(*, placed: bool, ended: Ended | None, block: str) -> str:
    """What a session shows of a mute; without its block it would be taken for one that stands."""
    if ended:
        return f"<a mute that has ended: {ended.word}>"
    return "<a mute that stands>" if placed else f"<a mute that is not placed: `{block}` places it>"
