"""A mute of the service, as people and as programs read it."""

import time
from collections.abc import Iterable
from typing import Any

import msgspec

from micgate.cli import show
from micgate.client.models import Mute


class End(msgspec.Struct, frozen=True, kw_only=True):
    """How the command ends. `remedy` is empty when there is nothing to do."""

    outcome: str
    message: str
    remedy: str = ""
    exit_code: int = 0


def members(mute: Mute) -> dict[str, Any]:
    """What programs read of a mute."""
    return {
        "mute_id": mute.id,
        "agent": mute.agent.name,
        "user_id": mute.agent.id,
        "conversation_id": mute.conversation_id,
        "covers": mute.covers,
        "owner": str(mute.owner),
        "reason": mute.reason,
        "state": mute.state,
        "muted": True if mute.confirmed else None,
        "placed_at": mute.placed_at,
        "release_at": mute.release_at,
        "ended_at": mute.ended_at,
        "end": mute.end,
        "said": mute.said,
    }


def whose(mutes: Iterable[Mute]) -> str:
    """`key 3f9a1c (customer) until 14:03:09`."""
    return ", ".join(f"{mute.owner} ({mute.reason}) until {until(mute)}" for mute in mutes)


def clock(at: float) -> str:
    """With the date when it is another day's."""
    local, today = time.localtime(at), time.localtime()
    same = local[:3] == today[:3]
    return show.clock(at) if same else time.strftime("%Y-%m-%d %H:%M:%S", local)


def until(mute: Mute) -> str:
    return clock(mute.release_at.timestamp())


def conclude(output: show.Output, end: End, members: dict[str, Any]) -> int:
    """Tell the end, and answer its exit code."""
    if output.as_json:
        output.json({**members, **msgspec.structs.asdict(end)})
    elif end.remedy:
        output.note(end.message)
        output.note(f"  {end.remedy}")
    else:
        output.say(end.message)
    return end.exit_code
