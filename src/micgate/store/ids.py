"""Ids of ours: uuid7 (RFC 9562, section 5.7), so that they sort by when they were made."""

import secrets
import time
from uuid import UUID

_VERSION, _VARIANT = 7, 0b10


def new_id() -> str:
    """Milliseconds of the wall clock, then 74 random bits. The time orders, nothing depends on it."""
    milliseconds = time.time_ns() // 1_000_000
    high = milliseconds << 16 | _VERSION << 12 | secrets.randbits(12)
    low = _VARIANT << 62 | secrets.randbits(62)
    return str(UUID(int=high << 64 | low))


def earliest(at: float) -> str:
    """No id that was made from that time on (seconds since 1970) is smaller."""
    return str(UUID(int=max(0, int(at * 1000)) << 80))
