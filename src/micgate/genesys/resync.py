"""Reads where events may be missing."""

from collections.abc import Callable, Collection

from micgate.genesys.errors import Forbidden, NoLiveCall, Refused
from micgate.genesys.io import Io
from micgate.genesys.models import ActivityRow, Conversation
from micgate.genesys.notifications import Observation
from micgate.genesys.reading import read
from micgate.genesys.requests import activity, get_own_calls, read_activity, read_own_calls

_ASKED_ONE_BY_ONE = 3
_PAGES = 10
_PAGE_SIZE = 100
_LEAST_PAGE = 25
"""A page as the platform makes it by itself: more is asked for, and it may have its own idea of the most."""


async def call_now(io: Io, conversation_id: str) -> Observation | None:
    """The call as a read shows it; None when there is none, or none for us."""
    try:
        reading = await read(io, conversation_id)
    except (NoLiveCall, Forbidden):
        return None
    return Observation(kind="call", at=reading.at, source="read", conversation=reading.conversation)


async def calls_going_on(
    io: Io, *, users: Collection[str], queues: Collection[str], known: Callable[[str], bool]
) -> list[str]:
    """The ids of calls of these users and queues that are not `known`.

    Empty when this token may not ask: then calls become known by their first event.
    """
    one_by_one = not queues and len(users) <= _ASKED_ONE_BY_ONE
    try:
        rows = [row for asked in (users if one_by_one else [None]) for row in await _active(io, asked)]
    except Forbidden:
        ids = [call.id for call in await _own_calls(io)]
    else:
        ids = [
            row.conversation_id
            for row in rows
            if row.conversation_id and (row.user_id in users or row.queue_id in queues)
        ]
    return [each for each in dict.fromkeys(ids) if not known(each)]


async def _active(io: Io, user_id: str | None) -> list[ActivityRow]:
    """How a page is counted is unconfirmed: one with nothing new is the last."""
    found: dict[ActivityRow, None] = {}
    for page in range(1, _PAGES + 1):
        rows = read_activity(await io.send(activity(user_id, page=page, size=_PAGE_SIZE)))
        new = [row for row in rows if row not in found]
        found |= dict.fromkeys(new)
        if len(rows) < _LEAST_PAGE or not new:
            break
    return list(found)


async def _own_calls(io: Io) -> tuple[Conversation, ...]:
    try:
        return read_own_calls(await io.send(get_own_calls()))
    except Refused:
        return ()
