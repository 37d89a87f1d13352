"""Where micgate may post to, and the posting: whoever names a URL must not reach into the network behind it.

The name is resolved here, every address it has is judged, and the connection goes to an address that was
judged: a name that answers otherwise a moment later changes nothing. The certificate is checked against the
name. Redirects are not followed, cookies not kept, and of an answer little more than its status is read.
"""

from micgate.destination.errors import (
    Cut,
    DestinationError,
    ForbiddenAddress,
    MalformedUrl,
    NotReached,
    TimedOut,
    Unencrypted,
    Unresolved,
    Untrusted,
)
from micgate.destination.poster import Answer, Poster, system_resolve
from micgate.destination.url import parse

__all__ = [
    "Answer",
    "Cut",
    "DestinationError",
    "ForbiddenAddress",
    "MalformedUrl",
    "NotReached",
    "Poster",
    "TimedOut",
    "Unencrypted",
    "Unresolved",
    "Untrusted",
    "parse",
    "system_resolve",
]
