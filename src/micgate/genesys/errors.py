"""What can go wrong with Genesys Cloud: one tree.

    GenesysError
    ├── OursToFix                   nothing was sent, or nothing can work, until a setting changes
    │   ├── UnknownRegion
    │   ├── MissingCredentials
    │   ├── UnsafeConfiguration
    │   ├── BadCredentials          unknown client, wrong secret, refused sign-in
    │   └── TokenRefused            401 on the API after one renewal
    ├── NoSuchMicrophone            the agent's live call was not found as asked
    │   ├── UnknownAgent
    │   ├── AmbiguousAgent
    │   ├── NoLiveCall              exit code 4
    │   │   └── NotConnected        alerting, dialing, in wrap-up, still in the queue, ended
    │   ├── AmbiguousCall
    │   └── NotAnAgent
    ├── Refused                     the vendor said no
    │   ├── BadRequest              400, 415
    │   ├── Forbidden               403
    │   │   ├── MissingPermission
    │   │   ├── MissingScope
    │   │   └── NotAParty
    │   ├── NotFound                404
    │   ├── Conflict                409
    │   └── RateLimited             429
    ├── Away                        the platform, or the way to it, is not there
    │   ├── PlatformFailed          5xx
    │   ├── NotGenesys              a gateway's or proxy's answer: HTML, wrong shape
    │   ├── TimedOut
    │   └── Unreachable             name, route, TLS, proxy, cut connection
    └── Unconfirmed                 sent (or perhaps sent), not seen to take effect; exit code 3

Every error says what happened, what it means here and what to do. Facts are attributes. No message, attribute
or repr ever carries a secret.
"""

from typing import Any, ClassVar


class GenesysError(Exception):
    """The root. `str()` is the whole text; the three parts are attributes.

    `word` is stable and meant for programs (`"no_live_call"`). `status`, `vendor_code` and `correlation_id`
    are the vendor's, when there was an answer; quote the correlation id to Genesys support.
    """

    word: ClassVar[str] = "genesys_error"

    def __init__(
        self,
        what: str,
        *,
        means: str = "",
        remedy: str = "",
        status: int | None = None,
        vendor_code: str | None = None,
        correlation_id: str | None = None,
        conversation_id: str | None = None,
        participant_id: str | None = None,
    ) -> None:
        super().__init__(" ".join(part for part in (what, means, remedy) if part))
        self.what = what
        self.means = means
        self.remedy = remedy
        self.status = status
        self.vendor_code = vendor_code
        self.correlation_id = correlation_id
        self.conversation_id = conversation_id
        self.participant_id = participant_id

    def facts(self) -> dict[str, Any]:
        """The attributes that are known, for `--json` and logs."""
        names = (
            "status",
            "vendor_code",
            "correlation_id",
            "conversation_id",
            "participant_id",
            *self.more_facts,
        )
        known = {name: getattr(self, name) for name in names}
        return {name: value for name, value in known.items() if value not in (None, (), "")}

    more_facts: ClassVar[tuple[str, ...]] = ()


class OursToFix(GenesysError):
    """Nothing can work until a setting changes."""

    word = "configuration"


class UnknownRegion(OursToFix):
    word = "unknown_region"


class MissingCredentials(OursToFix):
    word = "missing_credentials"


class UnsafeConfiguration(OursToFix):
    """A setting would send a secret where it must not go."""

    word = "unsafe_configuration"


class BadCredentials(OursToFix):
    word = "bad_credentials"


class TokenRefused(OursToFix):
    """401 on the API. For a state change this is its outcome; reads were replayed once with a new token."""

    word = "token_refused"


class NoSuchMicrophone(GenesysError):
    word = "no_such_microphone"


class UnknownAgent(NoSuchMicrophone):
    word = "unknown_agent"


class AmbiguousAgent(NoSuchMicrophone):
    """Several people answer to that name; `candidates` lists "name <e-mail>"."""

    word = "ambiguous_agent"
    more_facts = ("candidates",)

    def __init__(self, what: str, *, candidates: tuple[str, ...], **facts: Any) -> None:
        super().__init__(what, **facts)
        self.candidates = candidates


class NoLiveCall(NoSuchMicrophone):
    """No call to mute. `media` names other media found (`("chat",)`), if that is why."""

    word = "no_live_call"
    more_facts: ClassVar[tuple[str, ...]] = ("media",)

    def __init__(self, what: str, *, media: tuple[str, ...] = (), **facts: Any) -> None:
        super().__init__(what, **facts)
        self.media = media


class NotConnected(NoLiveCall):
    """There is a call, but the agent's end is not connected. `state` is the vendor's word for it."""

    word = "not_connected"
    more_facts = ("media", "state")

    def __init__(self, what: str, *, state: str, **facts: Any) -> None:
        super().__init__(what, **facts)
        self.state = state


class AmbiguousCall(NoSuchMicrophone):
    """Several connected calls that are not on hold; `conversation_ids` lists them."""

    word = "ambiguous_call"
    more_facts = ("conversation_ids",)

    def __init__(self, what: str, *, conversation_ids: tuple[str, ...], **facts: Any) -> None:
        super().__init__(what, **facts)
        self.conversation_ids = conversation_ids


class NotAnAgent(NoSuchMicrophone):
    """The named end belongs to a customer, queue or flow: micgate mutes agents and users only."""

    word = "not_an_agent"
    more_facts = ("purpose",)

    def __init__(self, what: str, *, purpose: str | None = None, **facts: Any) -> None:
        super().__init__(what, **facts)
        self.purpose = purpose


class Refused(GenesysError):
    word = "refused"


class BadRequest(Refused):
    word = "bad_request"


class Forbidden(Refused):
    word = "forbidden"


class MissingPermission(Forbidden):
    """The role lacks a permission; `permissions` are those the vendor named (any of them is enough)."""

    word = "missing_permission"
    more_facts = ("permissions",)

    def __init__(self, what: str, *, permissions: tuple[str, ...] = (), **facts: Any) -> None:
        super().__init__(what, **facts)
        self.permissions = permissions


class MissingScope(Forbidden):
    """The OAuth client of a user's token lacks a scope (`conversations`, ...)."""

    word = "missing_scope"


class NotAParty(Forbidden):
    """The caller is no party to the conversation, which the plain PATCH asks for."""

    word = "not_a_party"


class NotFound(Refused):
    word = "not_found"


class Conflict(Refused):
    word = "conflict"


class RateLimited(Refused):
    """429. `retry_after` is in seconds."""

    word = "rate_limited"
    more_facts = ("retry_after",)

    def __init__(self, what: str, *, retry_after: float | None = None, **facts: Any) -> None:
        super().__init__(what, **facts)
        self.retry_after = retry_after


class Away(GenesysError):
    """The platform, or the way to it. `reached` says whether the request may have arrived."""

    word = "away"

    def __init__(self, what: str, *, reached: bool = True, **facts: Any) -> None:
        super().__init__(what, **facts)
        self.reached = reached


class PlatformFailed(Away):
    word = "platform_failed"
    more_facts = ("retry_after",)

    def __init__(self, what: str, *, retry_after: float | None = None, **facts: Any) -> None:
        super().__init__(what, **facts)
        self.retry_after = retry_after


class NotGenesys(Away):
    word = "not_genesys"


class TimedOut(Away):
    word = "timed_out"


class Unreachable(Away):
    """The way there is broken.

    `cause`: `"name"`, `"refused"`, `"tls"`, `"proxy"`, or `"cut"` (was open, then broke).
    """

    word = "unreachable"
    more_facts = ("cause",)

    def __init__(self, what: str, *, cause: str = "cut", **facts: Any) -> None:
        super().__init__(what, **facts)
        self.cause = cause


class Unconfirmed(GenesysError):
    """A state change was sent (or may have been) and was not seen to take effect in time.

    `wanted` is the value asked for, `seen` the last value read (None: unknown), `cause` the likely reason:
    `"alerting"`, `"held"`, `"transferring"`, `"ended"`, `"stale"`, `"away"`, `"unread"`, `"ignored"`.
    """

    word = "unconfirmed"
    more_facts = ("wanted", "seen", "cause")

    def __init__(self, what: str, *, wanted: bool, seen: bool | None, cause: str, **facts: Any) -> None:
        super().__init__(what, **facts)
        self.wanted = wanted
        self.seen = seen
        self.cause = cause
