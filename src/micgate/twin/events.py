"""From what the world publishes to messages on the sockets of those who follow it, bent by faults."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from micgate.twin import answers, messages, profiles
from micgate.twin.answers import Wire
from micgate.twin.calls import Conversation
from micgate.twin.channels import Channels
from micgate.twin.exchange import encode
from micgate.twin.faults import Delivery, Fault, bends, deliveries
from micgate.twin.floor import ConversationChanged, Published, QueueMemberChanged, TokenEnded, UserChanged
from micgate.twin.world import World

_PLAIN = (Delivery(),)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Event:
    topic: str
    body: bytes
    correlation_id: str
    user: str | None = None
    conversation: str | None = None
    stale_body: bytes | None = None
    fate: str | None = None


class Events:
    def __init__(self, world: World, channels: Channels) -> None:
        self._world = world
        self._channels = channels
        self._held: dict[str, list[_Event]] = {}

    def publish(self, published: Published) -> None:
        if isinstance(published, ConversationChanged):
            self._conversation(published)
        elif isinstance(published, UserChanged):
            self._user(published)
        elif isinstance(published, QueueMemberChanged):
            self._member(published)
        else:
            self._token(published)

    def _conversation(self, changed: ConversationChanged) -> None:
        followed = self._followed(changed.after)
        if not followed:
            return
        fault = None
        if self._world.faults.all():
            users = changed.after.user_ids
            fault = self._world.faults.for_event(topics=[topic for topic, _, _ in followed], agents=users)
        bodies: dict[bool, bytes] = {}
        for topic, user, calls in followed:
            if calls not in bodies:
                bodies[calls] = _body(changed.after, calls=calls)
            bent = fault if fault is not None and bends(fault, topic) else None
            stale = None
            if bent is not None and changed.before is not None:
                stale = _body(changed.before, calls=calls)
            event = _Event(
                topic=topic,
                body=bodies[calls],
                correlation_id=changed.correlation_id,
                user=user,
                conversation=changed.after.id,
                stale_body=stale,
                fate=None if bent is None else bent.kind,
            )
            self._deliver(event, bent)

    def _followed(self, after: Conversation) -> list[tuple[str, str | None, bool]]:
        """Topic, user, whether it is a calls topic: those that somebody follows."""
        followers = self._channels.followers
        if not followers:
            return []
        candidates: list[tuple[str, str | None, bool]] = []
        for user in after.user_ids:
            candidates.append((f"v2.users.{user}.conversations", user, False))
            if after.media == "call":
                candidates.append((f"v2.users.{user}.conversations.calls", user, True))
        if after.media == "call":
            queues = after.queue_ids
            candidates += [(f"v2.routing.queues.{queue}.conversations.calls", None, True) for queue in queues]
        return [candidate for candidate in candidates if candidate[0] in followers]

    def _user(self, changed: UserChanged) -> None:
        user = self._world.people.users[changed.user_id]
        bodies: dict[str, Callable[[], Wire]] = {
            "presence": lambda: profiles.presence_event(user),
            "routingStatus": lambda: profiles.routing_status_event(user),
            "activity": lambda: profiles.activity_event(user),
            "conversationsummary": lambda: summary(self._world, user.id),
        }
        for what in changed.topics:
            self._plain(f"v2.users.{user.id}.{what}", bodies[what], changed.correlation_id, user=user.id)

    def _member(self, changed: QueueMemberChanged) -> None:
        user = self._world.people.users[changed.user_id]
        queue = self._world.people.queues[changed.queue_id]
        topic = f"v2.routing.queues.{queue.id}.users"
        self._plain(
            topic, lambda: profiles.queue_member_event(user, queue), changed.correlation_id, user=user.id
        )

    def _token(self, ended: TokenEnded) -> None:
        if ended.user_id is not None:
            body: Wire = {
                "user": {"id": ended.user_id},
                "clientId": ended.client_id,
                "tokenHash": hashlib.sha256(ended.value.encode()).hexdigest(),
            }
            topic = f"v2.users.{ended.user_id}.tokens"
            self._plain(topic, lambda: body, self._world.new_id(), user=ended.user_id)
        if self._world.behaviour.channel_dies_with_token:
            self._channels.end_of_token(ended.value, revoked=ended.reason == "revoked")

    def _plain(self, topic: str, body: Callable[[], Wire], correlation_id: str, *, user: str) -> None:
        if topic not in self._channels.followers:
            return
        fault = None
        if self._world.faults.all():
            fault = self._world.faults.for_event(topics=[topic], agents=[user])
        fate = None if fault is None else fault.kind
        encoded = encode(body())
        event = _Event(topic=topic, body=encoded, correlation_id=correlation_id, user=user, fate=fate)
        self._deliver(event, fault)

    def _deliver(self, event: _Event, fault: Fault | None) -> None:
        planned = _PLAIN if fault is None else deliveries(fault)
        if fault is not None:
            self._world.ledger.fault(
                at=self._world.now, fault=fault.id, fault_kind=fault.kind, topic=event.topic
            )
        if not planned:
            self._enter(event, fate=event.fate)
        for delivery in planned:
            self._plan(event, delivery)

    def _plan(self, event: _Event, delivery: Delivery) -> None:
        if delivery.after_next:
            self._held.setdefault(event.topic, []).append(event)
            self._world.later(delivery.delay, lambda: self._release(event.topic))
        elif delivery.delay:
            self._world.later(delivery.delay, lambda: self._send(event, stale=delivery.stale))
        else:
            self._send(event, stale=delivery.stale)
            self._release(event.topic)

    def _release(self, topic: str) -> None:
        for event in self._held.pop(topic, ()):
            self._send(event, stale=False)

    def _send(self, event: _Event, *, stale: bool) -> None:
        body = event.stale_body if stale and event.stale_body is not None else event.body
        message = messages.event(event.topic, body, event.correlation_id)
        for channel in self._channels.followers.get(event.topic, ()):
            if channel.outlet is None:
                continue
            sent = channel.outlet.put(message)
            self._enter(event, channel=channel.id, fate=event.fate if sent else "socket_silent")

    def _enter(self, event: _Event, *, channel: str | None = None, fate: str | None = None) -> None:
        self._world.ledger.event(
            at=self._world.now,
            topic=event.topic,
            channel=channel,
            conversation=event.conversation,
            user=event.user,
            correlation_id=event.correlation_id,
            fate=fate,
        )


def summary(world: World, user_id: str) -> Wire:
    calls = world.calls
    return profiles.conversation_summary(
        user_id, {medium: calls.summary(user_id, medium) for medium in ("call", "chat", "email")}
    )


def _body(conversation: Conversation, *, calls: bool) -> bytes:
    return encode(answers.call_event(conversation) if calls else answers.conversation_event(conversation))
