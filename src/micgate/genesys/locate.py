"""Finding the person, and the microphone: which end of which live call."""

from typing import Literal

import msgspec

from micgate.genesys.io import Io
from micgate.genesys.models import CONNECTED, User


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """One agent's end of one call, as it was read at `read_at` (seconds of `io.monotonic`).

    `participant_id` is the leg: it changes on transfer and rejoin. `muted` None is unknown. `held` True means that
    the far side is on hold. `others_held` counts this agent's other connected calls, all on hold, when the call was
    inferred.
    """

    conversation_id: str
    participant_id: str
    read_at: float
    user_id: str | None = None
    agent_name: str | None = None
    purpose: str | None = None
    muted: bool | None = None
    held: bool | None = None
    confined: bool | None = None
    state: str | None = None
    ended: bool = False
    queue_id: str | None = None
    direction: str | None = None
    connected_at: str | None = None
    recording_state: str | None = None
    secure_pause: bool | None = None
    others_held: int = 0
    route: Literal["calls", "conversations"] = "calls"

    @property
    def live(self) -> bool:
        return self.state == CONNECTED and not self.ended


async def find_user(io: Io, ref: str) -> User:
    """The person with this id, e-mail address or unique name. Raises `UnknownAgent` or `AmbiguousAgent`."""
    raise NotImplementedError


async def find_call(
    io: Io,
    user: User | None,
    *,
    conversation_id: str | None = None,
    participant_id: str | None = None,
    own: bool = False,
) -> Call:
    """The microphone to mute: the user's one connected end.

    With a `conversation_id` it is one read, and `user` may be None when `participant_id` is given or when only one agent is
    on the call. `own` says that the token is this user's own: their calls are then asked for directly.

    Raises `NoLiveCall` (or `NotConnected`), `AmbiguousCall`, `NotAnAgent`.
    """
    raise NotImplementedError


async def read_call(io: Io, call: Call) -> Call:
    """The same microphone, read again: on the newest connected leg of the same user when this one ended.

    Raises nothing for an ended call: `ended` says it.
    """
    raise NotImplementedError
