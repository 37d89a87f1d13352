"""Looking up a user's live calls, when nobody has named the conversation."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from micgate.genesys.absence import refuse, refuse_by_summary
from micgate.genesys.errors import Forbidden, GenesysError, NoLiveCall, Refused
from micgate.genesys.io import Io
from micgate.genesys.models import ConversationSummary, User
from micgate.genesys.people import find_me
from micgate.genesys.reading import Call, Reading, call_at, newest, read
from micgate.genesys.requests import (
    activity,
    details,
    get_own_calls,
    get_user,
    read_activity,
    read_details,
    read_own_calls,
    read_user,
)

# The details query trails real time by seconds; together no more than ten.
_LAG_WAITS = (1.0, 2.0, 3.0, 4.0)


async def live_calls(io: Io, user: User, *, own: bool) -> list[Call]:
    """The user's connected ends. Raises, saying what there is instead, when there are none."""
    if own:
        readings = await _own(io)
    else:
        readings = await _looked_up(io, user)
    calls = _connected(readings, user)
    if calls:
        return calls
    for reading in readings:
        end = newest(reading.conversation.ends_of(user.id))
        if end is not None and not end.ended:
            refuse(reading.conversation, end, user)
    summary = await _summary(io, user)
    if not own and summary.active_calls:
        return await _wait_for_details(io, user)
    return refuse_by_summary(summary, user)


async def _own(io: Io) -> list[Reading]:
    at = io.monotonic()
    conversations = read_own_calls(await io.send(get_own_calls()))
    return [Reading(conversation=each, route="calls", at=at) for each in conversations]


async def _looked_up(io: Io, user: User) -> list[Reading]:
    """Activity first; details too unless activity showed a connected call that is not on hold.

    Activity may leave out calls that never touched a queue (unconfirmed), so a call it shows on hold need not
    be the one the agent speaks on.
    """
    refusals: list[GenesysError] = []
    ids: list[str] = []
    readings: list[Reading] = []
    for ask in _QUERIES:
        try:
            found = [each for each in await ask(io, user) if each not in ids]
        except Forbidden as refusal:
            refusals.append(refusal)
            continue
        ids += found
        readings += [await read(io, each) for each in found]
        if any(call.held is not True for call in _connected(readings, user)):
            return readings
    if len(refusals) == len(_QUERIES):
        return await _own_or(io, user, refusals[0])
    return readings


async def _active_ids(io: Io, user: User) -> list[str]:
    rows = read_activity(await io.send(activity(user.id)))
    mine = (row.conversation_id for row in rows if row.user_id in {None, user.id})
    return list(dict.fromkeys(each for each in mine if each))


async def _detail_ids(io: Io, user: User) -> list[str]:
    rows = read_details(await io.send(details(user.id, interval=_last_day(io.now()))))
    return list(dict.fromkeys(row.conversation_id for row in rows if row.conversation_id))


_QUERIES = (_active_ids, _detail_ids)


async def _own_or(io: Io, user: User, refusal: GenesysError) -> list[Reading]:
    """A token that may not look people up may still be this user's own."""
    try:
        readings = await _own(io)
    except Refused:
        raise refusal from None
    if not any(reading.conversation.ends_of(user.id) for reading in readings) and not await _is_me(io, user):
        raise refusal
    return readings


async def _is_me(io: Io, user: User) -> bool:
    try:
        return (await find_me(io)).id == user.id
    except Refused:
        return False


async def _summary(io: Io, user: User) -> ConversationSummary:
    try:
        found = read_user(await io.send(get_user(user.id, expand=("conversationSummary",))))
    except Forbidden:
        return ConversationSummary()
    return found.conversation_summary or ConversationSummary()


async def _wait_for_details(io: Io, user: User) -> list[Call]:
    """Genesys counts an active call that no query shows yet."""
    for seconds in _LAG_WAITS:
        await io.sleep(seconds)
        calls = _connected([await read(io, each) for each in await _detail_ids(io, user)], user)
        if calls:
            return calls
    raise NoLiveCall(
        f"Genesys Cloud counts an active call of {user.label} but does not say which.",
        means="The look-up trails real time, or the role does not cover the division of the call.",
        remedy="Try again in some seconds, or give the conversation id.",
    )


def _connected(readings: Sequence[Reading], user: User) -> list[Call]:
    calls = []
    for reading in readings:
        end = newest(reading.conversation.ends_of(user.id))
        if end is not None and end.live:
            calls.append(call_at(reading, end, user))
    return calls


def _last_day(now: float) -> str:
    """The last 24 hours as the details query wants it, and the next: the clock here may be hours behind."""
    here = datetime.fromtimestamp(now, UTC)
    start, end = here - timedelta(days=1), here + timedelta(days=1)
    return "/".join(each.isoformat(timespec="milliseconds").replace("+00:00", "Z") for each in (start, end))
