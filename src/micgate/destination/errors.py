"""Why nothing was posted.

DestinationError
├── MalformedUrl        it cannot be read as a URL to post to
├── Unencrypted         http, and not to loopback
├── ForbiddenAddress    loopback, private, link-local, multicast, reserved, or a cloud's metadata
└── NotReached          there was no answer: `Unresolved`, `Untrusted`, `TimedOut`, `Cut`
"""

from typing import ClassVar


class DestinationError(Exception):
    """The root. Its text names a host at most: the rest of a URL may be a secret."""

    word: ClassVar[str] = "destination_error"

    def __init__(self, what: str, *, remedy: str) -> None:
        super().__init__(f"{what} {remedy}")
        self.what = what
        self.remedy = remedy


class MalformedUrl(DestinationError):
    word = "malformed_url"


class Unencrypted(DestinationError):
    word = "unencrypted_url"


class ForbiddenAddress(DestinationError):
    word = "forbidden_address"


class NotReached(DestinationError):
    """There is no answer; what was sent may have arrived all the same."""

    word = "not_reached"


class Unresolved(NotReached):
    word = "unknown_host"


class Untrusted(NotReached):
    word = "untrusted_certificate"


class TimedOut(NotReached):
    word = "timed_out"


class Cut(NotReached):
    """Closed without an answer, or with one that is not HTTP."""

    word = "no_answer"
