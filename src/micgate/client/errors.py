"""What can go wrong with the service: one tree.

    GateError
    ├── UnsafeAddress       the address would show the key to others, or is none
    ├── Rejected            the service said no: a problem document
    │   ├── KeyRefused      401: unknown, revoked or expired
    │   ├── NotAllowed      403: a scope or a limit of the key
    │   ├── NotThere        404: no such agent, mute or call
    │   ├── Conflicting     409, 412: not as things are now (no live call, a condition unmet, ended meanwhile)
    │   ├── Invalid         400, 413, 422: the request itself
    │   ├── Frozen          423: the brake is on
    │   ├── TooFast         429
    │   └── Failed          5xx: the service, its database or Genesys Cloud
    ├── NotTheService       something else answered: a proxy, a wrong port
    ├── NotReached          no connection, or it was cut
    └── TimedOut            no answer in time

Each says what happened and what to do (`remedy`). `word` is stable and meant for programs. None ever holds
the key.
"""

from collections.abc import Mapping
from typing import Any


class GateError(Exception):
    """The root. `str()` is the whole text."""

    word = "service_client_error"

    def __init__(self, what: str, *, remedy: str) -> None:
        super().__init__(f"{what} {remedy}".strip())
        self.what = what
        self.remedy = remedy

    def facts(self) -> dict[str, Any]:
        return {}


class UnsafeAddress(GateError):
    word = "unsafe_configuration"


class Rejected(GateError):
    """`word`, `remedy` and `facts()` are the service's own. `retry_after` is in seconds.

    `instance` names this one occurrence, in the service's log too where the mistake was not the caller's.
    """

    word = "rejected"

    def __init__(
        self,
        what: str,
        *,
        remedy: str,
        word: str,
        status: int,
        facts: Mapping[str, Any] | None = None,
        retry_after: float | None = None,
        instance: str = "",
    ) -> None:
        super().__init__(what, remedy=remedy)
        self.word = word
        self.status = status
        self.retry_after = retry_after
        self.instance = instance
        self._facts = dict(facts or {})

    def facts(self) -> dict[str, Any]:
        return {"status": self.status, **self._facts}


class KeyRefused(Rejected):
    pass


class NotAllowed(Rejected):
    pass


class NotThere(Rejected):
    pass


class Conflicting(Rejected):
    pass


class Invalid(Rejected):
    pass


class Frozen(Rejected):
    pass


class TooFast(Rejected):
    pass


class Failed(Rejected):
    pass


class NotTheService(GateError):
    word = "not_the_service"


class NotReached(GateError):
    """`sent` false: nothing can have happened."""

    word = "service_not_reached"

    def __init__(self, what: str, *, remedy: str, sent: bool) -> None:
        super().__init__(what, remedy=remedy)
        self.sent = sent

    def facts(self) -> dict[str, Any]:
        return {"sent": self.sent}


class TimedOut(NotReached):
    word = "service_timed_out"
