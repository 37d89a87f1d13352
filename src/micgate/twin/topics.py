"""Topic names: what exists, what they need, and how several are written as one."""

from micgate.twin.answers import Wire

MOST_CHARACTERS = 200

VIEW = ("conversation:communication:view",)
PRESENCE = ("directory:user:view",)
QUEUE = ("routing:queue:view",)

TEMPLATES: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("v2.users.{id}.conversations.calls", "The calls of a user", VIEW),
    ("v2.users.{id}.conversations", "The conversations of a user, all media", VIEW),
    ("v2.users.{id}.conversationsummary", "Counts of a user's conversations", PRESENCE),
    ("v2.users.{id}.presence", "The presence of a user", PRESENCE),
    ("v2.users.{id}.routingStatus", "The routing status of a user", PRESENCE),
    ("v2.users.{id}.activity", "The activity of a user", PRESENCE),
    ("v2.users.{id}.tokens", "Tokens of a user", PRESENCE),
    ("v2.routing.queues.{id}.conversations.calls", "The calls of a queue", VIEW),
    ("v2.routing.queues.{id}.users", "Members who join or leave a queue", QUEUE),
)


def parts(topic: str) -> tuple[str, ...]:
    """The single topics of one entry: `prefix?a&b` stands for `prefix.a` and `prefix.b`."""
    prefix, mark, suffixes = topic.partition("?")
    if not mark:
        return (topic,)
    return tuple(f"{prefix}.{suffix}" for suffix in suffixes.split("&"))


def user_of(topic: str) -> str | None:
    """The user a single topic is about."""
    words = topic.split(".")
    return words[2] if len(words) > 3 and words[1] == "users" else None  # noqa: PLR2004 -- v2.users.{id}.{what}


def available(*, details: bool) -> list[Wire]:
    """AvailableTopic for each template; the ids are templates."""
    return [_available(*template, details=details) for template in TEMPLATES]


def _available(topic: str, description: str, permissions: tuple[str, ...], *, details: bool) -> Wire:
    of_user = topic.startswith("v2.users.")
    shape: Wire = {
        "id": topic,
        "description": description,
        "requiresPermissions": list(permissions),
        "requiresDivisionPermissions": bool(permissions),
        "requiresCurrentUser": of_user and not permissions,
        "requiresCurrentUserOrPermission": of_user and bool(permissions),
        "enforced": True,
        "visibility": "Public",
        "transports": ["All"],
        "topicParameters": ["id"],
    }
    if details:
        kind = "requiresAnyDivisionPermissions" if permissions else "requiresCurrentUser"
        shape["permissionDetails"] = [
            {"type": kind, "permissions": list(permissions), "allowsCurrentUser": of_user, "enforced": True}
        ]
    return shape
