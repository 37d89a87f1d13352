"""One way to write a value down, so that its hash is the same everywhere.

Members sorted, no spaces, UTF-8, no fractions: RFC 8785 for what a record can hold, so any implementation of
it can check ours. Times are text. Pure.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256
from typing import Annotated, TypeAlias

import msgspec

LARGEST = 2**53 - 1
"""Larger integers do not survive JSON everywhere (RFC 8785, section 3.2.2.3)."""

Whole: TypeAlias = Annotated[int, msgspec.Meta(ge=-LARGEST, le=LARGEST)]
Plain: TypeAlias = bool | Whole | str | list[str] | None
"""What a fact in a record may be. No fractions: every language prints them in another way."""


def canonical(value: msgspec.Struct | Mapping[str, str]) -> bytes:
    return _encode(value)


def hashed(value: msgspec.Struct | Mapping[str, str]) -> str:
    """SHA-256 of the canonical form, in hexadecimal."""
    return sha256(_encode(value)).hexdigest()


def stamp(at: float) -> str:
    """Service time (seconds since 1970) to the microsecond, UTC: what PostgreSQL keeps of a time too."""
    moment = datetime.fromtimestamp(at, UTC).replace(tzinfo=None)
    return f"{moment.isoformat(timespec='microseconds')}Z"


_encode = msgspec.json.Encoder(order="sorted").encode
