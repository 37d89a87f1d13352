"""What the service asks the platform directly: people, and calls that the keeper has not seen yet.

All of it can be answered by a read; nothing here changes anything.
"""

from typing import Protocol

import msgspec

from micgate.genesys.errors import NoLiveCall
from micgate.genesys.io import Io
from micgate.genesys.lookup import live_calls
from micgate.genesys.models import User
from micgate.genesys.people import find_user
from micgate.genesys.reading import newest, read
from micgate.genesys.requests import get_queues, get_user, read_queues, read_user


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """A person of the org."""

    user_id: str
    name: str | None = None
    email: str | None = None


class FoundCall(msgspec.Struct, frozen=True, kw_only=True):
    """A live call of an agent. `queue_id` None: it came from no queue."""

    conversation_id: str
    held: bool | None = None
    queue_id: str | None = None


class Mood(msgspec.Struct, frozen=True, kw_only=True):
    """Presence and routing status, in the platform's words."""

    presence: str | None = None
    routing_status: str | None = None


class LookUp(Protocol):
    """Raises errors of the genesys tree."""

    async def agent(self, ref: str) -> Found:
        """The person with this id, e-mail address or name."""

    async def calls(self, agent: Found) -> tuple[FoundCall, ...]:
        """The live calls of a person. Raises `NoLiveCall` when there are none, and says what there is."""

    async def mood(self, user_id: str) -> Mood: ...

    async def queue_of(self, user_id: str, conversation_id: str) -> str | None:
        """The queue that this call of the agent came from."""

    async def queues(self) -> dict[str, int | None]:
        """How many members each queue has, by its id; None when that is not told."""


class GenesysLookUp:
    """A `LookUp` on a session."""

    def __init__(self, io: Io) -> None:
        self._io = io

    async def agent(self, ref: str) -> Found:
        user = await find_user(self._io, ref)
        return Found(user_id=user.id, name=user.name, email=user.email)

    async def calls(self, agent: Found) -> tuple[FoundCall, ...]:
        user = User(id=agent.user_id, name=agent.name, email=agent.email)
        return tuple(
            FoundCall(conversation_id=call.conversation_id, held=call.held, queue_id=call.queue_id)
            for call in await live_calls(self._io, user, own=False)
        )

    async def mood(self, user_id: str) -> Mood:
        user = read_user(await self._io.send(get_user(user_id, expand=("presence", "routingStatus"))))
        return Mood(
            presence=user.presence.word if user.presence else None,
            routing_status=user.routing_status.status if user.routing_status else None,
        )

    async def queue_of(self, user_id: str, conversation_id: str) -> str | None:
        reading = await read(self._io, conversation_id)
        end = newest(reading.conversation.ends_of(user_id))
        if end is None or end.ended:
            raise NoLiveCall("The agent is not on that call.", remedy="Leave out the call, or name another.")
        return end.queue_id

    async def queues(self) -> dict[str, int | None]:
        found: dict[str, int | None] = {}
        for number in range(1, _PAGES + 1):
            page = read_queues(await self._io.send(get_queues(page=number, size=_SIZE)))
            found |= {queue.id: queue.member_count for queue in page.items}
            if len(page.items) < _SIZE:
                break
        return found


_PAGES, _SIZE = 50, 100
