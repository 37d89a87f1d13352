"""What is said on a channel's socket."""

from collections.abc import Sequence
from typing import Literal, Protocol

from micgate.twin.answers import Wire
from micgate.twin.exchange import encode

End = Literal["expired", "evicted", "token_ended", "user_tokens_revoked"]
"""Of a channel."""


class Told(Protocol):
    """Of a channel, what messages say."""

    id: str
    client_id: str
    user_id: str | None


HEARTBEAT = encode({"topicName": "channel.metadata", "eventBody": {"message": "WebSocket Heartbeat"}})
PONG = encode({"topicName": "channel.metadata", "eventBody": {"message": "pong"}})
GONE = encode({"result": "404", "status": "error", "message": "The channel does not exist."})


def event(topic: str, body: bytes, correlation_id: str) -> bytes:
    """The envelope of an event around a body that is shared by several topics."""
    return b'{"topicName":"%b","version":"2","eventBody":%b,"metadata":{"CorrelationId":"%b"}}' % (
        topic.encode(),
        body,
        correlation_id.encode(),
    )


def system(topic: str, body: Wire) -> bytes:
    return encode({"topicName": topic, "version": "2", "eventBody": body, "metadata": {}})


def socket_closing() -> bytes:
    return system("v2.system.socket_closing", {"message": "This websocket is closing; reconnect."})


def no_longer_subscribed(channel: Told, *, reason: str) -> bytes:
    return system(
        f"v2.system.no_longer_subscribed.{channel.id}", _about(channel, "no_longer_subscribed", reason)
    )


def last_words(channel: Told, why: End) -> Sequence[bytes]:
    if why != "user_tokens_revoked":
        return (GONE,)
    revoked = system(f"v2.system.token_revoked.{channel.id}", _about(channel, "token_revoked", why))
    return (no_longer_subscribed(channel, reason=why), revoked)


def subscribed(correlation_id: str | None, *, refused: Sequence[str]) -> bytes:
    """The answer to a subscription over the socket."""
    shape: Wire = {"result": "400" if refused else "200", "status": "error" if refused else "subscribed"}
    if correlation_id is not None:
        shape["correlationId"] = correlation_id
    if refused:
        shape["topics"] = list(refused)
    return encode(shape)


def _about(channel: Told, kind: str, reason: str) -> Wire:
    shape: Wire = {
        "channelId": channel.id,
        "systemTopicType": kind,
        "oauthClientId": channel.client_id,
        "reason": reason,
        "message": "Another channel took over."
        if reason == "another_channel_subscribed"
        else "Tokens were revoked.",
    }
    if channel.user_id is not None:
        shape["userId"] = channel.user_id
    return shape
