"""What the notification service says when it refuses or ends something, explained.

Messages as in the vendor's Java SDK (`NotificationEvent`, `SystemMessageSystemMessage`) and `ChannelTopic`.
"""

from collections.abc import Sequence

from micgate.doctor import places
from micgate.doctor.explanation import FINE, Explanation
from micgate.doctor.told import Told


def explain_notice(told: Told) -> Explanation | None:
    """None when it is nothing of the notification service."""
    if told.topic_name:
        return _of_system_message(told)
    if refused := [topic for topic in (told, *(told.entities or ())) if topic.is_refused_topic]:
        return _of_topics(refused)
    if told.result is not None and not told.says_something:
        return _of_socket_result(told)
    return None


def _of_topics(refused: Sequence[Told]) -> Explanation:
    names = ", ".join(topic.id or "a topic" for topic in refused[:_MOST_NAMED])
    names += " and others" if len(refused) > _MOST_NAMED else ""
    needed = sorted({name for topic in refused for name in topic.missing_permissions or ()})
    reasons = sorted({topic.rejection_reason for topic in refused if topic.rejection_reason})
    why = f" ({'; '.join(reasons)})" if reasons else ""
    grant = f"add {' or '.join(needed)}" if needed else "compare it with `micgate doctor --role`"
    return Explanation(
        word="topics_refused",
        what=f"Genesys Cloud refuses to report {names}{why}: calls there cannot be watched live.",
        where=f"{places.ROLES} > the role: {grant}, in the divisions of those agents or queues.",
        facts={"topics": [topic.id for topic in refused], "permissions": needed},
    )


_MOST_NAMED = 3


def _of_system_message(told: Told) -> Explanation:
    topic = told.topic_name or ""
    reason = told.event_body.reason if told.event_body else None
    for start, why, what, where in _SYSTEM:
        if topic.startswith(start) and why in {None, reason}:
            return Explanation(word="channel_lost", what=what, where=where, facts={"reason": reason or ""})
    return Explanation(
        word="no_error",
        what="That is an event or a heartbeat of a notification channel, no error.",
        where="Nothing to change.",
    )


_SYSTEM = (
    (
        "v2.system.no_longer_subscribed",
        "another_channel_subscribed",
        "Another process opened the same notification channel, which ends this one's connection.",
        "Not in Admin: give each process an OAuth client or channel of its own; the newest connection wins.",
    ),
    (
        "v2.system.no_longer_subscribed",
        "user_tokens_revoked",
        "The token that made this notification channel was revoked, and the channel ended with it.",
        f"Get a new token and a new channel; who revokes tokens: {places.OAUTH} and {places.INACTIVITY}.",
    ),
    (
        "v2.system.no_longer_subscribed",
        None,
        "The notification channel lost its subscriptions.",
        "Not in Admin: make a new channel, subscribe again, and read the calls you knew.",
    ),
    (
        "v2.system.token_revoked",
        None,
        "The access token was revoked.",
        f"Get a new one; who revokes tokens: {places.OAUTH} and {places.INACTIVITY}.",
    ),
    (
        "v2.system.socket_closing",
        None,
        "Genesys Cloud closes this socket in about a minute. That is routine.",
        "Not in Admin: connect again to the same address now.",
    ),
)


def _of_socket_result(told: Told) -> Explanation:
    if str(told.result) == "404":
        return Explanation(
            word="channel_lost",
            what="The notification channel is gone: expired, pushed out by a 21st one, or its token ended.",
            where="Not in Admin: make a new channel. A client has 20 of them; find out who opens so many.",
        )
    if str(told.result).startswith("2"):
        return FINE
    return Explanation(
        word="subscription_failed",
        what=f"Genesys Cloud refused what was asked over the notification socket ({told.result}).",
        where="Subscribe by REST with ignoreErrors=true instead: it names what it refuses.",
    )
