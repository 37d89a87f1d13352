"""Notification channels: who follows what. No sockets: an outlet takes the messages."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Protocol

from micgate.twin import messages
from micgate.twin.access import Caller
from micgate.twin.messages import End
from micgate.twin.refusals import Refusal, bad_request, missing_permissions, not_found
from micgate.twin.topics import MOST_CHARACTERS, parts, user_of
from micgate.twin.world import World


class Outlet(Protocol):
    """One open socket."""

    def put(self, message: bytes) -> bool:
        """False when the socket takes nothing (silent, closed)."""
        ...

    def close(self) -> None:
        """Send what waits, then close."""
        ...

    def closing(self, seconds: float | None = None) -> None:
        """Announce the end, close `seconds` later (None: as the knob says)."""
        ...

    def silence(self, seconds: float) -> None: ...

    def cut(self) -> None: ...


@dataclass(slots=True, kw_only=True, eq=False)
class Channel:
    """`topics`: each entry as it was sent, with its single topics. Whoever knows `id` may listen."""

    id: str = field(repr=False)
    client_id: str
    user_id: str | None
    token: str = field(repr=False)
    caller: Caller
    last_used: float
    expires_at: float
    topics: dict[str, tuple[str, ...]] = field(default_factory=dict)
    outlet: Outlet | None = None

    @property
    def single_topics(self) -> Iterable[str]:
        return (part for entry in self.topics.values() for part in entry)


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """One entry of a listing; `missing` is None when it is permitted."""

    topic: str
    missing: tuple[str, ...] | None = None


class Channels:
    def __init__(self, world: World) -> None:
        self.world = world
        self._channels: dict[str, Channel] = {}
        self.followers: dict[str, dict[Channel, None]] = {}

    def all(self) -> list[Channel]:
        return list(self._channels.values())

    def create(self, caller: Caller) -> Channel:
        """One too many pushes out the one least recently used, those without a socket first."""
        mine = self.of(caller)
        most = self.world.behaviour.channels_per_client
        for surplus in sorted(mine, key=lambda one: (one.outlet is not None, one.last_used))[
            : max(0, len(mine) + 1 - most)
        ]:
            self.end(surplus, "evicted")
        now = self.world.now
        channel = Channel(
            id="streaming-0-" + self.world.new_id().replace("-", ""),
            client_id=caller.client.id,
            user_id=caller.user_id,
            token=caller.token.value,
            caller=caller,
            last_used=now,
            expires_at=now + self.world.behaviour.channel_life_s,
        )
        self._channels[channel.id] = channel
        self._expire_later(channel)
        return channel

    def of(self, caller: Caller, *, token_only: bool = False) -> list[Channel]:
        return [
            one
            for one in self._channels.values()
            if one.client_id == caller.client.id
            and one.user_id == caller.user_id
            and not (token_only and one.token != caller.token.value)
        ]

    def find(self, caller: Caller, channel_id: str) -> Channel:
        """Raises Refusal (404) for channels of others, too."""
        channel = self._channels.get(channel_id)
        if channel is None or (channel.client_id, channel.user_id) != (caller.client.id, caller.user_id):
            raise not_found("channel", channel_id)
        return channel

    def attach(self, channel_id: str, outlet: Outlet) -> Channel | None:
        """One socket a channel: the newer one closes the older."""
        channel = self._channels.get(channel_id)
        if channel is None:
            return None
        former, channel.outlet = channel.outlet, outlet
        channel.last_used = self.world.now
        if former is not None:
            former.put(messages.no_longer_subscribed(channel, reason="another_channel_subscribed"))
            former.close()
        return channel

    def detach(self, channel: Channel, outlet: Outlet) -> None:
        if channel.outlet is outlet:
            channel.outlet = None

    def knows(self, channel_id: str) -> bool:
        return channel_id in self._channels

    def subscribe(
        self, channel: Channel, wanted: Iterable[str], *, caller: Caller, ignore_errors: bool, replace: bool
    ) -> list[Subscription]:
        """Follow what is permitted. Without `ignore_errors` one refused entry refuses all (Refusal 403)."""
        judged = [self._judge(topic, caller) for topic in dict.fromkeys(wanted)]
        refused = [one for one in judged if one.missing is not None]
        if refused and not ignore_errors:
            raise _refusal(refused[0])
        topics = {} if replace else dict(channel.topics)
        topics |= {one.topic: parts(one.topic) for one in judged if one.missing is None}
        self._check_size(topics)
        self._follow(channel, topics)
        return [Subscription(topic=topic) for topic in channel.topics] + refused

    def clear(self, channel: Channel) -> None:
        self._follow(channel, {})

    def end(self, channel: Channel, why: End) -> None:
        self._unfollow(channel)
        self._channels.pop(channel.id, None)
        if channel.outlet is None:
            return
        for message in messages.last_words(channel, why):
            channel.outlet.put(message)
        channel.outlet.close()
        channel.outlet = None

    def end_of_token(self, token: str, *, revoked: bool) -> None:
        for channel in [one for one in self._channels.values() if one.token == token]:
            self.end(channel, "user_tokens_revoked" if revoked else "token_ended")

    def strike(self, channel: Channel) -> None:
        """Let the socket faults at the channel's socket, when one is open."""
        outlet, topics = channel.outlet, tuple(channel.single_topics)
        if outlet is None or not self.world.faults.all():
            return
        agents = {user for user in map(user_of, topics) if user is not None}
        fault = self.world.faults.for_socket(topics=topics, agents=agents)
        if fault is None:
            return
        self.world.ledger.fault(at=self.world.now, fault=fault.id, fault_kind=fault.kind)
        deeds: dict[str, Callable[[], None]] = {
            "socket_cut": outlet.cut,
            "socket_silent": lambda: outlet.silence(fault.wait),
            "socket_closing": lambda: outlet.closing(fault.seconds),
            "channel_evicted": lambda: self.end(channel, "evicted"),
            "token_revoked": lambda: self.world.tokens.revoke(channel.caller.token),
        }
        deeds[fault.kind]()

    def _judge(self, topic: str, caller: Caller) -> Subscription:
        missing: list[str] = []
        rejected = len(topic) >= MOST_CHARACTERS
        for part in parts(topic):
            lacking = self.world.access.topic(caller, part)
            rejected = rejected or lacking is not None or self._refused_by_fault(part)
            missing += lacking or ()
        return Subscription(topic=topic, missing=tuple(dict.fromkeys(missing)) if rejected else None)

    def _refused_by_fault(self, topic: str) -> bool:
        if not self.world.faults.all():
            return False
        agent = user_of(topic)
        fault = self.world.faults.for_topic(topic=topic, agents=() if agent is None else (agent,))
        if fault is not None:
            self.world.ledger.fault(at=self.world.now, fault=fault.id, fault_kind=fault.kind, topic=topic)
        return fault is not None

    def _check_size(self, topics: dict[str, tuple[str, ...]]) -> None:
        behaviour = self.world.behaviour
        each = behaviour.combined_topics_count == "each"
        count = sum(len(entry) if each else 1 for entry in topics.values())
        if count > behaviour.topics_per_channel:
            raise bad_request(
                f"A channel takes at most {behaviour.topics_per_channel} topics, these are {count}."
            )

    def _follow(self, channel: Channel, topics: dict[str, tuple[str, ...]]) -> None:
        self._unfollow(channel)
        channel.topics = topics
        for part in channel.single_topics:
            self.followers.setdefault(part, {})[channel] = None
        channel.last_used = self.world.now
        channel.expires_at = self.world.now + self.world.behaviour.channel_life_s
        self._expire_later(channel)
        self.strike(channel)

    def _unfollow(self, channel: Channel) -> None:
        for part in channel.single_topics:
            following = self.followers.get(part, {})
            following.pop(channel, None)
            if not following:
                self.followers.pop(part, None)

    def _expire_later(self, channel: Channel) -> None:
        def expire() -> None:
            if channel.id in self._channels and channel.expires_at <= self.world.now:
                self.end(channel, "expired")

        self.world.later(channel.expires_at - self.world.now, expire)


def _refusal(refused: Subscription) -> Refusal:
    if refused.missing:
        return missing_permissions(refused.missing)
    return Refusal(403, "not.authorized", f"Not authorized to subscribe to the topic {refused.topic}.")
