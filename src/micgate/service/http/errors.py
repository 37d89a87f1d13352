"""What the service itself refuses.

ServiceError
├── Unauthenticated      no key, or one that is unknown, revoked or expired
├── NotPermitted         the key may not do that, or not to this agent
├── NotThere             no such mute, key or call
├── Malformed            the request cannot be read
├── WrongContentType     the body is not JSON by its own account
├── HeadTooLarge         address and headers are longer than anybody needs
├── NotThroughTheProxy   plain http from somewhere else than the stated proxy
├── ConditionsUnmet      what `only_if` demands does not hold
├── Over                 the mute has ended meanwhile
├── NoPresence           the mute does not depend on anybody's presence
├── NobodyKeeps          no replica is the keeper just now
├── TooFast              more requests than the key may make
├── TooSlow              the request did not arrive in time
├── TooManyStreams       more open streams than the key may have
├── Impossible           the host asks for something that cannot be done so
└── UnsafeListening      plain http where others could read the keys
"""

from typing import ClassVar

from micgate.control.placing import Unmet


class ServiceError(Exception):
    """The root: what is refused and what to do instead. `word` is stable and meant for programs."""

    word: ClassVar[str] = "service_error"

    def __init__(self, what: str, *, remedy: str) -> None:
        super().__init__(f"{what} {remedy}")
        self.what = what
        self.remedy = remedy

    def facts(self) -> dict[str, object]:
        return {}


class Unauthenticated(ServiceError):
    word = "unauthenticated"


class NotPermitted(ServiceError):
    """`rule` says which limit or scope it was."""

    word = "not_permitted"

    def __init__(self, what: str, *, remedy: str, rule: str) -> None:
        super().__init__(what, remedy=remedy)
        self.rule = rule

    def facts(self) -> dict[str, object]:
        return {"rule": self.rule}


class NotThere(ServiceError):
    word = "not_found"


class Malformed(ServiceError):
    word = "malformed_request"


class WrongContentType(ServiceError):
    word = "wrong_content_type"


class HeadTooLarge(ServiceError):
    word = "head_too_large"


class NotThroughTheProxy(ServiceError):
    word = "not_through_the_proxy"


class ConditionsUnmet(ServiceError):
    word = "conditions_unmet"

    def __init__(self, unmet: tuple[Unmet, ...]) -> None:
        told = "; ".join(f"{one.condition}: {one.wanted} wanted, {one.found or 'unknown'}" for one in unmet)
        super().__init__(
            f"Not muted, as only_if is not met ({told}).", remedy="Try again when it is, or ask for less."
        )
        self.unmet = unmet

    def facts(self) -> dict[str, object]:
        return {
            "unmet": [
                {"condition": one.condition, "wanted": one.wanted, "found": one.found} for one in self.unmet
            ]
        }


class Over(ServiceError):
    """`end` says why, None when that is not known yet."""

    word = "mute_ended"

    def __init__(self, what: str, *, remedy: str, end: str | None = None) -> None:
        super().__init__(what, remedy=remedy)
        self.end = end

    def facts(self) -> dict[str, object]:
        return {"end": self.end}


class NobodyKeeps(ServiceError):
    word = "no_keeper"


class NoPresence(ServiceError):
    word = "no_presence"


class TooFast(ServiceError):
    """`retry_after` is in seconds."""

    word = "too_fast"

    def __init__(self, what: str, *, remedy: str, retry_after: float) -> None:
        super().__init__(what, remedy=remedy)
        self.retry_after = retry_after

    def facts(self) -> dict[str, object]:
        return {"retry_after": round(self.retry_after, 1)}


class TooSlow(ServiceError):
    word = "too_slow"


class TooManyStreams(ServiceError):
    word = "too_many_streams"


class Impossible(ServiceError):
    word = "impossible"


class UnsafeListening(ServiceError):
    word = "unsafe_configuration"
