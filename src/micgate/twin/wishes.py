"""What may be asked of the control surface: the bodies of its requests."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from micgate.twin.calls import Direction, Media
from micgate.twin.people import GrantKind, Presence

MOST_AGENTS = 20_000


class _Body(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Unknown members are refused: a typing error in a test should not pass."""


class Reset(_Body):
    seed: int | None = None
    agents: Annotated[int, Meta(ge=0, le=MOST_AGENTS)] | None = None
    quiet: bool | None = None


class NewOrg(_Body):
    name: str = "Second organization"


class NewUser(_Body):
    name: str
    email: str
    permissions: list[str] | None = None
    queues: list[str] = []
    division: str | None = None
    org: str | None = None


class NewPresence(_Body):
    presence: Presence


class Membership(_Body):
    user: str
    joined: bool = True


class NewClient(_Body):
    grant: GrantKind = "client_credentials"
    permissions: list[str] | None = None
    scopes: list[str] | None = None
    token_seconds: int = 86_400
    rate_per_minute: int = 300
    divisions: list[str] | None = None
    org: str | None = None
    name: str = "Client"


class NewCall(_Body):
    agent: str
    customer: str | None = None
    queue: str | None = None
    direction: Direction = "inbound"
    state: Literal["alerting", "connected", "dialing", "queued"] = "connected"
    recording: bool = True
    media: Media = "call"


class Deed(_Body):
    agent: str | None = None
    to: str | None = None
    blind: bool = True
    connected: bool = False
    muted: bool | None = None
    paused: bool | None = None


class FaultMatch(_Body):
    method: str | None = None
    path: str | None = None
    topic: str | None = None
    agent: str | None = None


class NewFault(_Body):
    kind: str
    match: FaultMatch = msgspec.field(default_factory=FaultMatch)
    times: int | None = None
    probability: float | None = None
    seconds: float | None = None
    status: int | None = None
    vendor_body: bool = True
    delay_ms: float | None = None


class Advance(_Body):
    seconds: float
