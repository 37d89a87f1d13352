"""The floor of the contact centre: what all its parts share, and the one way in which a conversation changes."""

import random
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from micgate.twin.behaviour import Behaviour
from micgate.twin.calls import Calls, Conversation
from micgate.twin.clock import Clock
from micgate.twin.ledger import Cause, Ledger
from micgate.twin.people import People, Presence

UserTopic = Literal["presence", "routingStatus", "activity", "conversationsummary"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationChanged:
    """`before` is None for a new conversation and equals `after` when an unchanged state is published again. It goes to the
    topics of `after.user_ids` and `after.queue_ids`. `correlation_id` is the one events carry (knob).
    """

    before: Conversation | None
    after: Conversation
    correlation_id: str
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class UserChanged:
    """One event each on `v2.users.{user_id}.{topic}` for the named topics; state is read from People and Calls."""

    user_id: str
    topics: tuple[UserTopic, ...]
    correlation_id: str
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueMemberChanged:
    queue_id: str
    user_id: str
    joined: bool
    correlation_id: str
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenEnded:
    """Channels made with this token end too (knob `channel_dies_with_token`). `value` is the token: never show it."""

    value: str
    client_id: str
    user_id: str | None
    reason: Literal["expired", "idle", "revoked", "refreshed"]
    at: float


Published = ConversationChanged | UserChanged | QueueMemberChanged | TokenEnded


class Floor:
    def __init__(self, *, seed: int, now: float, ledger_limit: int) -> None:
        self.clock = Clock(now)
        self.behaviour = Behaviour()
        self.people = People()
        self.calls = Calls()
        self.ledger = Ledger(limit=ledger_limit)
        self.published: list[Published] = []
        self._ids = random.Random(f"{seed}:ids")  # noqa: S311 -- reproducible worlds, not secrets
        self.lags = random.Random(f"{seed}:lags")  # noqa: S311 -- as above

    def new_id(self) -> str:
        """A UUID from the seed."""
        return str(UUID(int=self._ids.getrandbits(128), version=4))

    def commit(
        self, conversation: Conversation, *, cause: Cause, request_id: str | None = None, always: bool = False
    ) -> Conversation:
        """Make this the present value of a conversation: ledger, index, event, the users' routing status and summary.

        Nothing happens when it equals the present value, unless `always`. `request_id` is the correlation id of the request
        behind it.
        """
        raise NotImplementedError

    def set_presence(self, user_id: str, presence: Presence) -> None:
        raise NotImplementedError

    def join_queue(self, queue_id: str, user_id: str, *, joined: bool) -> None:
        raise NotImplementedError
