"""Calls that circulate although the platform never had them, and the right ones."""

import re

MUTE = 'PATCH /api/v2/conversations/calls/{conversationId}/participants/{participantId} {"muted": true}'
ON_BEHALF = (
    "PATCH /api/v2/conversations/calls/{conversationId}/participants/{participantId}/user/{userId}"
    ' {"muted": true}'
)
TOKEN = "POST /oauth/token on the login host (login.{region domain})"
FIND = (
    "POST /api/v2/analytics/conversations/activity/query, or the topic v2.users.{userId}.conversations.calls;"
    " GET /api/v2/users/{userId}?expand=conversationSummary gives counts only"
)

_ID = r"[^/]+"
_CONVERSATION = rf"/api/v2/conversations(?:/calls)?/{_ID}"

_INVENTED: tuple[tuple[str, re.Pattern[str], str], ...] = tuple(
    (methods, re.compile(path), right)
    for methods, path, right in (
        (
            "PATCH PUT",
            rf"{_CONVERSATION}/participants",
            f"{MUTE}: one participant a request, no reason member",
        ),
        ("PUT POST", rf"{_CONVERSATION}/participants/{_ID}(?:/(?:mute|unmute|actions))?", MUTE),
        ("PATCH", rf"{_CONVERSATION}/participants/{_ID}/(?:mute|unmute|actions)", MUTE),
        ("PUT POST PATCH", rf"{_CONVERSATION}/(?:control|mute|unmute)", MUTE),
        ("GET POST", r"/api/v2/conversations/active", FIND),
        ("GET", rf"/api/v2/users/{_ID}/conversations(?:/.*)?", FIND),
        (
            "GET POST PUT PATCH",
            r"/api/v2/conversations/voice(?:/.*)?",
            f"{MUTE}; a service account: {ON_BEHALF}",
        ),
        ("GET POST", r"(?:/api/v2)?/oauth2?/token|/oauth2/.*", TOKEN),
    )
)


def right_call(method: str, path: str) -> str | None:
    """What to call instead, or None for a path nobody is known to have invented."""
    if method == "POST" and path == "/oauth/token":
        return None
    for methods, pattern, right in _INVENTED:
        if method in methods.split() and pattern.fullmatch(path):
            return right
    return None
