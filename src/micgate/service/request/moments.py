"""Times as the API takes them: RFC 3339, always with a zone."""

from datetime import datetime

from micgate.service.http.errors import Malformed


def moment(text: str, *, name: str) -> float:
    """Seconds since 1970."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None or "T" not in text.upper():
        raise Malformed(f"`{name}` is not a time with a zone.", remedy="Write 2026-11-21T10:00:00Z.")
    return found.timestamp()
