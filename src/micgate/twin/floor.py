"""What all parts of the contact centre share, and the one way in which a conversation changes."""

import random
from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Literal
from uuid import UUID

from msgspec.structs import replace

from micgate.twin import legs
from micgate.twin.behaviour import Behaviour
from micgate.twin.calls import Calls, Conversation, Participant
from micgate.twin.clock import Clock
from micgate.twin.ledger import Cause, Ledger
from micgate.twin.people import People, Presence, Routing, User

Freed = Callable[[str], None]
UserTopic = Literal["presence", "routingStatus", "activity", "conversationsummary"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationChanged:
    """`before` is None for a new conversation, and `after` itself when an unchanged state is published again.

    It goes to the topics of `after.user_ids` and `after.queue_ids`. Events carry `correlation_id`; a knob
    says whether it is the request's.
    """

    before: Conversation | None
    after: Conversation
    correlation_id: str
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class UserChanged:
    """One event on each `v2.users.{user_id}.{topic}`; its body is read from People and Calls."""

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
    """Channels made with this token end too (knob `channel_dies_with_token`). Never show `value`."""

    value: str = field(repr=False)
    client_id: str
    user_id: str | None
    reason: Literal["expired", "idle", "revoked", "refreshed"]
    at: float


Published = ConversationChanged | UserChanged | QueueMemberChanged | TokenEnded


_LEG_FIELDS = ("state", "muted", "held", "confined")
_CALL_FIELDS = ("recording_state", "secure_pause")


class Floor:
    def __init__(self, *, seed: int, now: float, ledger_limit: int) -> None:
        self.clock = Clock(now)
        self.behaviour = Behaviour()
        self.people = People()
        self.calls = Calls()
        self.ledger = Ledger(limit=ledger_limit)
        self.published: list[Published] = []
        self.freed: Freed = _nobody_waits
        """Told, a moment later, the id of a user who has become idle."""
        self.lags = random.Random(f"{seed}:lags")  # noqa: S311 -- reproducible worlds, not secrets
        self._ids = random.Random(f"{seed}:ids")  # noqa: S311 -- as above

    def new_id(self) -> str:
        """A UUID from the seed."""
        return str(UUID(int=self._ids.getrandbits(128), version=4))

    def new_secret(self) -> str:
        """A token or secret from the seed."""
        return urlsafe_b64encode(self._ids.randbytes(32)).rstrip(b"=").decode()

    def commit(
        self, conversation: Conversation, *, cause: Cause, request_id: str | None = None, always: bool = False
    ) -> Conversation:
        """Make this the present value: ledger, index, event, the users' routing status and summary.

        Nothing happens when it equals the present value, unless `always`. `request_id` is the correlation id
        of the request behind it.
        """
        before = self.calls.get(conversation.id)
        if before == conversation and before is not None:
            return self._publish(before, before, request_id) if always else before
        after = self._next_version(before, conversation)
        self._enter(before, after, cause, request_id)
        occupied = _leg_states(before) != _leg_states(after)
        summaries = {
            user_id: self.calls.summary(user_id, after.media) for user_id in after.user_ids if occupied
        }
        self.calls.put(after, keep_since=self.clock.now - self.behaviour.details_lag_s)
        self._publish(before, after, request_id)
        if occupied:
            self._time_wrapup(before, after)
        for user_id, summary in summaries.items():
            self._follow(user_id, changed=summary != self.calls.summary(user_id, after.media))
        return after

    def set_presence(self, user_id: str, presence: Presence) -> None:
        user = self.people.users[user_id]
        if user.presence != presence:
            user.presence, user.presence_since = presence, self.clock.now
            self._tell(user_id, "presence", "activity")
            self._follow(user_id, changed=False)

    def join_queue(self, queue_id: str, user_id: str, *, joined: bool) -> None:
        """Make a user a member, active in the queue or not."""
        queue = self.people.queues[queue_id]
        if queue.members.get(user_id) == joined:
            return
        if user_id not in queue.members:
            self.people.users[user_id].queue_ids.append(queue_id)
        queue.members[user_id] = joined
        self.published.append(
            QueueMemberChanged(
                queue_id=queue_id,
                user_id=user_id,
                joined=joined,
                correlation_id=self.new_id(),
                at=self.clock.now,
            )
        )

    def _next_version(self, before: Conversation | None, wanted: Conversation) -> Conversation:
        now = self.clock.now
        version = 1 if before is None else before.version + 1
        if wanted.end_time is None and all(one.ended for one in wanted.participants):
            wanted = replace(wanted, end_time=now, recording_state="none", secure_pause=False)
        return replace(wanted, version=version, changed_at=now)

    def _publish(
        self, before: Conversation | None, after: Conversation, request_id: str | None
    ) -> Conversation:
        known = request_id is not None and self.behaviour.correlation_in_events == "on"
        correlation_id = request_id if known and request_id is not None else self.new_id()
        self.published.append(
            ConversationChanged(before=before, after=after, correlation_id=correlation_id, at=self.clock.now)
        )
        return after

    def _enter(
        self, before: Conversation | None, after: Conversation, cause: Cause, request_id: str | None
    ) -> None:
        was = {one.id: one for one in before.participants} if before is not None else {}
        for one in after.participants:
            old = was.get(one.id)
            if old is not one:
                for name in _LEG_FIELDS if old is not None else _first_fields(one):
                    self._enter_field(
                        name,
                        conversation=after,
                        leg=one,
                        change=(old, one),
                        cause=cause,
                        request_id=request_id,
                    )
        if not after.ended:
            for name in _CALL_FIELDS if before is not None else ():
                self._enter_field(
                    name,
                    conversation=after,
                    leg=None,
                    change=(before, after),
                    cause=cause,
                    request_id=request_id,
                )

    def _enter_field(
        self,
        name: str,
        *,
        conversation: Conversation,
        leg: Participant | None,
        change: tuple[object, object],
        cause: Cause,
        request_id: str | None,
    ) -> None:
        old, new = (getattr(value, name, None) for value in change)
        if old != new:
            self.ledger.change(
                at=self.clock.now,
                conversation=conversation.id,
                participant=None if leg is None else leg.id,
                user=None if leg is None else leg.user_id,
                field=name,
                before=old,
                after=new,
                cause=cause,
                correlation_id=request_id,
            )

    def _time_wrapup(self, before: Conversation | None, after: Conversation) -> None:
        wrapping = () if before is None else tuple(leg.id for leg in before.participants if leg.in_acw)
        for leg in after.participants:
            if leg.in_acw and leg.id not in wrapping:
                self.clock.later(self.behaviour.acw_s, partial(self._end_wrapup, after.id, leg.id))

    def _end_wrapup(self, conversation_id: str, leg_id: str) -> None:
        conversation = self.calls.get(conversation_id)
        if conversation is not None:
            self.commit(legs.wrapped_up(conversation, leg_id, now=self.clock.now), cause="world")

    def _follow(self, user_id: str, *, changed: bool) -> None:
        """Bring the routing status of a user in line with presence and calls."""
        user = self.people.users[user_id]
        routing = self._routing(user)
        topics: list[UserTopic] = ["conversationsummary"] if changed else []
        if routing != user.routing:
            user.routing, user.routing_since = routing, self.clock.now
            topics += ["routingStatus", "activity"]
            if routing == "IDLE":
                self.clock.later(0, partial(self.freed, user_id))
        if topics:
            self._tell(user_id, *topics)

    def _routing(self, user: User) -> Routing:
        legs = [leg for call in self.calls.of_user(user.id) for leg in call.legs(user.id) if leg.occupies]
        if any(leg.queue_id is not None for leg in legs):
            return "INTERACTING"
        if legs:
            return "COMMUNICATING"
        return "IDLE" if user.presence == "ON_QUEUE" else "OFF_QUEUE"

    def _tell(self, user_id: str, *topics: UserTopic) -> None:
        self.published.append(
            UserChanged(user_id=user_id, topics=topics, correlation_id=self.new_id(), at=self.clock.now)
        )


def _first_fields(leg: Participant) -> tuple[str, ...]:
    """What a new leg is told about: its state, and a mute it brought along."""
    return ("state", "muted") if leg.muted else ("state",)


def _nobody_waits(_user_id: str) -> None:
    return


def _leg_states(conversation: Conversation | None) -> tuple[tuple[str, bool], ...]:
    legs = () if conversation is None else conversation.participants
    return tuple((leg.state, leg.in_acw) for leg in legs)
