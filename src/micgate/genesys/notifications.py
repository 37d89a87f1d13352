"""The notification protocol without I/O: messages in, observations and advice out.

Envelope: `NotificationEvent` of the vendor's Java SDK. The ping is what its `NotificationHandler.sendPing`
sends, and a new socket on the same address after `socket_closing` is what that class does. Body models are
listed in `notificationMappings.json` of the vendor's SDK repositories. Heartbeats every half minute, and
`result` on a channel that is gone, are seen by public clients and unconfirmed by the vendor.
"""

from enum import Enum
from typing import Literal

import msgspec

from micgate.genesys.models import Conversation, ConversationSummary, Presence, RoutingStatus, Shape
from micgate.genesys.shapes import CallShape, WholeShape, from_call, from_whole

PING = '{"message":"ping"}'
SILENCE = 45.0
"""Seconds without any message after which the socket is asked whether it lives."""
_ANSWER_SHARE = 1 / 3
"""Of the silence, how long the answer may take: 15 s. Then the socket is dead, whatever TCP says."""

ObservationKind = Literal["call", "presence", "routing_status", "summary", "gap"]
Source = Literal["event", "read"]


class Observation(msgspec.Struct, frozen=True, kw_only=True):
    """What Genesys told us, when (seconds of `io.monotonic`) and by which way.

    `conversation` is the whole call, not a difference. A `gap` says that events may be missing, `reason` why;
    what is read again follows as observations of source "read". `doubtful` marks an event that takes back a
    change seen moments ago: it may be late or old, and a read follows.
    """

    kind: ObservationKind
    at: float
    source: Source = "event"
    user_id: str | None = None
    queue_id: str | None = None
    conversation: Conversation | None = None
    presence: Presence | None = None
    routing_status: RoutingStatus | None = None
    summary: ConversationSummary | None = None
    correlation_id: str | None = None
    reason: str | None = None
    doubtful: bool = False

    @property
    def gap(self) -> bool:
        return self.kind == "gap"


class Advice(Enum):
    """What whoever holds the socket should do now."""

    PING = "ping"
    """Send `PING`."""
    RECONNECT = "reconnect"
    """The socket is dead: a new one on the same address. Events are missing."""
    REPLACE_SOCKET = "replace_socket"
    """The socket is about to be closed: open a new one on the same address now, then let go of this one."""
    NEW_CHANNEL = "new_channel"
    """The channel is gone: make and subscribe another. Events are missing."""
    NEW_TOKEN = "new_token"
    """The channel's token was revoked: a new channel, by a new token. Events are missing."""
    TAKEN_OVER = "taken_over"
    """Another process connected to this channel. Never fight: stop."""


class Line:
    """One socket of a channel: is it alive, and what does it say?

    Feed every message to `received`, and call `tick` when `due` (seconds of the same clock) has come.
    """

    def __init__(self, *, now: float, silence: float = SILENCE) -> None:
        self.garbled = 0
        self._silence = silence
        self._heard = now
        self._asked: float | None = None

    @property
    def due(self) -> float:
        if self._asked is None:
            return self._heard + self._silence
        return self._asked + self._silence * _ANSWER_SHARE

    def tick(self, now: float) -> Advice | None:
        if now < self.due:
            return None
        if self._asked is not None:
            return Advice.RECONNECT
        self._asked = now
        return Advice.PING

    def received(self, message: str | bytes, now: float) -> Observation | Advice | None:
        """None for what needs nothing done: heartbeats, pongs, topics nobody asked for, garbage (counted)."""
        self._heard, self._asked = now, None
        try:
            envelope = _ENVELOPE.decode(message)
            return _said(envelope) if _is_system(envelope) else _told(envelope, now)
        except msgspec.MsgspecError:
            self.garbled += 1
            return None


def calls_topic(user_id: str) -> str:
    """The user's calls, with `muted` on the participants."""
    return f"v2.users.{user_id}.conversations.calls"


def queue_calls_topic(queue_id: str) -> str:
    """The calls of a queue: far fewer topics than one per user, but no direct calls."""
    return f"v2.routing.queues.{queue_id}.conversations.calls"


def presence_topic(user_id: str) -> str:
    return f"v2.users.{user_id}.presence"


def routing_status_topic(user_id: str) -> str:
    return f"v2.users.{user_id}.routingStatus"


def subject_of(topic: str) -> tuple[str | None, str | None]:
    """The user, or the queue, whose calls a topic tells."""
    user_id, queue_id, what = _about(topic)
    return (user_id, queue_id) if what in _OF_CALLS else (None, None)


class _Metadata(msgspec.Struct):
    correlation_id: str | None = msgspec.field(name="CorrelationId", default=None)


class _Envelope(Shape, frozen=True, kw_only=True):
    topic_name: str = ""
    event_body: msgspec.Raw = msgspec.Raw(b"{}")
    metadata: _Metadata | None = None
    result: str | int | None = None


class _SystemBody(Shape, frozen=True, kw_only=True):
    reason: str | None = None


class _RoutingBody(Shape, frozen=True, kw_only=True):
    routing_status: RoutingStatus | None = None


_ENVELOPE = msgspec.json.Decoder(_Envelope)
_CALL = msgspec.json.Decoder(CallShape)
_WHOLE = msgspec.json.Decoder(WholeShape)
_PRESENCE = msgspec.json.Decoder(Presence)
_ROUTING = msgspec.json.Decoder(_RoutingBody)
_SUMMARY = msgspec.json.Decoder(ConversationSummary)
_SYSTEM = msgspec.json.Decoder(_SystemBody)

_NO_LONGER = "v2.system.no_longer_subscribed"
_REVOKED = "v2.system.token_revoked"
_CLOSING = "v2.system.socket_closing"
_REASONS = {
    "another_channel_subscribed": Advice.TAKEN_OVER,
    "user_tokens_revoked": Advice.NEW_TOKEN,
}
_OF_CALLS = {"conversations.calls", "conversations"}
_OF_A_USER, _OF_A_QUEUE = 4, 5  # v2.users.{id}.{what}, v2.routing.queues.{id}.{what}


def _is_system(envelope: _Envelope) -> bool:
    return envelope.topic_name.startswith("v2.system.") or envelope.result is not None


def _said(envelope: _Envelope) -> Advice | None:
    topic = envelope.topic_name
    if topic.startswith(_CLOSING):
        return Advice.REPLACE_SOCKET
    if topic.startswith(_REVOKED):
        return Advice.NEW_TOKEN
    if topic.startswith(_NO_LONGER):
        return _REASONS.get(_SYSTEM.decode(envelope.event_body).reason or "", Advice.NEW_CHANNEL)
    return Advice.NEW_CHANNEL if str(envelope.result) in {"401", "403", "404"} else None


def _told(envelope: _Envelope, now: float) -> Observation | None:
    user_id, queue_id, what = _about(envelope.topic_name)
    read = _READERS.get(what)
    if read is None:
        return None
    correlation_id = envelope.metadata.correlation_id if envelope.metadata else None
    return msgspec.structs.replace(
        read(envelope.event_body, now),
        user_id=user_id,
        queue_id=queue_id,
        correlation_id=correlation_id,
    )


def _about(topic: str) -> tuple[str | None, str | None, str]:
    """The user, or the queue, and what of it."""
    words = topic.split(".", _OF_A_QUEUE - 1)
    if words[:2] == ["v2", "users"] and len(words) >= _OF_A_USER:
        return words[2], None, ".".join(words[3:])
    if words[:3] == ["v2", "routing", "queues"] and len(words) == _OF_A_QUEUE:
        return None, words[3], words[4]
    return None, None, ""


def _call(body: msgspec.Raw, now: float) -> Observation:
    return Observation(kind="call", at=now, conversation=from_call(_CALL.decode(body)))


def _whole(body: msgspec.Raw, now: float) -> Observation:
    return Observation(kind="call", at=now, conversation=from_whole(_WHOLE.decode(body)))


def _presence(body: msgspec.Raw, now: float) -> Observation:
    return Observation(kind="presence", at=now, presence=_PRESENCE.decode(body))


def _routing(body: msgspec.Raw, now: float) -> Observation:
    return Observation(kind="routing_status", at=now, routing_status=_ROUTING.decode(body).routing_status)


def _summary(body: msgspec.Raw, now: float) -> Observation:
    return Observation(kind="summary", at=now, summary=_SUMMARY.decode(body))


_READERS = {
    "conversations.calls": _call,
    "conversations": _whole,
    "presence": _presence,
    "routingStatus": _routing,
    "conversationsummary": _summary,
}
