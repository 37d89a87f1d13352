"""What happened, one structure each, beside the facts of `control`. The tag is the action in the record.

Only words, numbers and times: what is about persons is given apart (`privacy.People`), except the fields
named in `entry.PERSONAL`. Times are service time, lengths seconds.
"""

from typing import Literal, TypeAlias

import msgspec

from micgate.control.command import Kind, Lane, Verb
from micgate.control.microphone import Way
from micgate.control.mute import Covers, End
from micgate.control.policy import OnOverride, OpenPolicy


class _Fact(msgspec.Struct, frozen=True, kw_only=True, tag_field="action"):
    pass


class Intended(_Fact, frozen=True, kw_only=True, tag="command.intended"):
    """Written and committed before the request is sent."""

    verb: Verb
    lane: Lane
    epoch: int
    mutes: tuple[str, ...] = ()
    leg: str | None = None


class Concluded(_Fact, frozen=True, kw_only=True, tag="command.concluded"):
    """The one closing word about a command. `says` are the platform's own words."""

    kind: Kind
    seconds: float | None = None
    status: int | None = None
    word: str | None = None
    says: str | None = None
    correlation_id: str | None = None


class Late(_Fact, frozen=True, kw_only=True, tag="command.late"):
    """An outcome that arrived after the command was closed, or at a keeper that no longer was one."""

    kind: Kind
    epoch: int
    status: int | None = None
    word: str | None = None
    says: str | None = None
    correlation_id: str | None = None


class Observed(_Fact, frozen=True, kw_only=True, tag="microphone.observed"):
    """What the platform showed; None where it did not say."""

    muted: bool | None
    way: Way
    held: bool | None = None
    leg: str | None = None


class ForeignChange(_Fact, frozen=True, kw_only=True, tag="microphone.foreign_change"):
    """No command of ours explains it. Recorded only around a mute of ours."""

    muted: bool
    way: Way
    leg: str | None = None


class MutePlaced(_Fact, frozen=True, kw_only=True, tag="mute.placed"):
    """`icon_only`: no open widget told the agent more than Genesys' own icon does."""

    covers: Covers
    reason: str
    release_at: float
    on_override: OnOverride
    open_policy: OpenPolicy
    pause_recording: bool = False
    icon_only: bool | None = None
    batch_id: str | None = None


class MuteExtended(_Fact, frozen=True, kw_only=True, tag="mute.extended"):
    """From one release time to a later (or earlier) one."""

    release_at: float
    release_at_before: float
    reason: str


class MuteEnded(_Fact, frozen=True, kw_only=True, tag="mute.ended"):
    end: End
    ended_at: float
    why: str | None = None


class MuteRefused(_Fact, frozen=True, kw_only=True, tag="mute.refused"):
    """Asked for and not placed. `word` is the problem's."""

    word: str
    reason: str | None = None


class AuditRead(_Fact, frozen=True, kw_only=True, tag="audit.read"):
    """Somebody looked at the record. `through_seq` is the newest record they could see.

    `history`: of one agent, as part of why somebody is muted. `replay`: a stream that was resumed.
    """

    what: Literal["list", "export", "checkpoint", "history", "replay"]
    through_seq: int
    records: int
    with_private: bool


class AuditKeyHandedOver(_Fact, frozen=True, kw_only=True, tag="audit.key_handed_over"):
    key_id: str
    next_key_id: str


class AuditCut(_Fact, frozen=True, kw_only=True, tag="audit.cut"):
    """Records up to this one were deleted because of their age. The next one holds the hash of this."""

    through_seq: int
    records: int


class PrivateExpired(_Fact, frozen=True, kw_only=True, tag="privacy.expired"):
    entries: int


class PersonErased(_Fact, frozen=True, kw_only=True, tag="privacy.erased"):
    """Who it was is not said, here least of all."""

    entries: int


class Protection(_Fact, frozen=True, kw_only=True, tag="policy.protection"):
    """An agent or a queue was marked protected, or no longer is."""

    subject: Literal["agent", "queue"]
    protected: bool


class Brake(_Fact, frozen=True, kw_only=True, tag="brake.pulled"):
    """`frozen` false: mutes may be placed again. Those that it ends have entries of their own."""

    frozen: bool


class KeyIssued(_Fact, frozen=True, kw_only=True, tag="key.issued"):
    key_id: str
    scopes: tuple[str, ...]
    expires_at: float | None = None


class KeyRevoked(_Fact, frozen=True, kw_only=True, tag="key.revoked"):
    key_id: str


class WebhookChanged(_Fact, frozen=True, kw_only=True, tag="webhook.changed"):
    """Where records are posted to. `host` is that of its URL, `from_seq` where a replay begins."""

    webhook_id: str
    what: Literal["added", "removed", "rotated", "replayed"]
    host: str
    from_seq: int | None = None


class FrequentMutes(_Fact, frozen=True, kw_only=True, tag="alert.frequent_mutes"):
    """One owner muted one agent again and again. For auditors to ask why."""

    owner: str
    mutes: int
    days: int
    alert: bool = True


class TookOver(_Fact, frozen=True, kw_only=True, tag="keeper.took_over"):
    epoch: int


class ClockStepped(_Fact, frozen=True, kw_only=True, tag="clock.stepped"):
    """The wall clock jumped; service time, and so every deadline, did not move."""

    seconds: float
    alert: bool = True


Fact: TypeAlias = (
    Intended
    | Concluded
    | Late
    | Observed
    | ForeignChange
    | MutePlaced
    | MuteExtended
    | MuteEnded
    | MuteRefused
    | AuditRead
    | AuditKeyHandedOver
    | AuditCut
    | PrivateExpired
    | PersonErased
    | Protection
    | Brake
    | KeyIssued
    | KeyRevoked
    | WebhookChanged
    | FrequentMutes
    | TookOver
    | ClockStepped
)
