"""The microphone that a caller of the library or the command line means, and who is on a call at all."""

import re
from collections.abc import Iterator, Sequence

import msgspec

from micgate.genesys.errors import GenesysError
from micgate.genesys.locate import find_call, find_me, find_user
from micgate.genesys.models import ActivityRow, User
from micgate.genesys.reading import Call, call_at, newest, read
from micgate.genesys.requests import activity, get_users, read_activity, read_users
from micgate.genesys.session import Session

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_AT_ONCE = 100
LOOKED_AT = 60
"""Calls whose microphones are read for one list: the whole budget is 300 requests a minute."""


class AgentOnCall(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody on a call now. `muted` None: unknown. `state` is the vendor's word."""

    user_id: str
    name: str | None
    email: str | None
    conversation_id: str
    queue_id: str | None
    direction: str | None
    since: str | None
    state: str | None
    muted: bool | None
    held: bool | None


async def find(
    io: Session,
    agent: str | None,
    *,
    conversation_id: str | None = None,
    participant_id: str | None = None,
) -> Call:
    """The live call of an agent: user id, e-mail or unique name; without one, the person whose token this is.

    With both ids nothing is looked up: one read of the conversation. Then only a user id is compared.
    """
    user, own = None, False
    if agent and conversation_id and (participant_id or _UUID.fullmatch(agent.strip())):
        user = User(id=agent.strip()) if _UUID.fullmatch(agent.strip()) else None
    elif agent:
        user = await find_user(io, agent)
        own = await io.has_user() and user.id == (await find_me(io)).id
    elif not conversation_id and await io.has_user():
        user, own = await find_me(io), True
    return await find_call(io, user, conversation_id=conversation_id, participant_id=participant_id, own=own)


async def agents_on_calls(io: Session) -> tuple[AgentOnCall, ...]:
    """Everybody on a call, by name. The first `LOOKED_AT` microphones are read; the others stay unknown."""
    rows = [row for row in read_activity(await io.send(activity())) if row.conversation_id and row.user_id]
    people = await _people(io, sorted({row.user_id for row in rows if row.user_id}))
    listed = [
        await _listed(io, row, people.get(row.user_id or ""), looks=number < LOOKED_AT)
        for number, row in enumerate(_unique(rows))
    ]
    return tuple(sorted(listed, key=lambda each: ((each.name or "").casefold(), each.conversation_id)))


def _unique(rows: Sequence[ActivityRow]) -> Iterator[ActivityRow]:
    seen = set()
    for row in rows:
        if (row.conversation_id, row.user_id) not in seen:
            seen.add((row.conversation_id, row.user_id))
            yield row


async def _people(io: Session, ids: Sequence[str]) -> dict[str, User]:
    found: dict[str, User] = {}
    for start in range(0, len(ids), _AT_ONCE):
        page = read_users(await io.send(get_users(ids[start : start + _AT_ONCE])))
        found |= {user.id: user for user in page.items}
    return found


async def _listed(io: Session, row: ActivityRow, user: User | None, *, looks: bool) -> AgentOnCall:
    call = await _looked_at(io, row, user) if looks else None
    return AgentOnCall(
        user_id=row.user_id or "",
        name=user.name if user else None,
        email=user.email if user else None,
        conversation_id=row.conversation_id or "",
        queue_id=row.queue_id,
        direction=row.direction,
        since=(call and call.connected_at) or row.activity_date,
        state=call.state if call else None,
        muted=call.muted if call else None,
        held=call.held if call else None,
    )


async def _looked_at(io: Session, row: ActivityRow, user: User | None) -> Call | None:
    """A call that has ended meanwhile, or that may not be read, is listed without its microphone."""
    try:
        reading = await read(io, row.conversation_id or "")
    except GenesysError:
        return None
    end = newest(reading.conversation.ends_of(row.user_id or ""))
    return call_at(reading, end, user) if end else None
