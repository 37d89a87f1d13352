"""One request to the platform, and what became of it."""

from enum import StrEnum

import msgspec


class Verb(StrEnum):
    """What a request asks for."""

    MUTE = "mute"
    OPEN = "open"
    READ = "read"
    PAUSE = "pause"
    RESUME = "resume"


class Lane(StrEnum):
    """What a request is for. In the order in which a short budget serves them."""

    RELEASE = "release"
    BRAKE = "brake"
    REASSERT = "reassert"
    MUTE = "mute"
    CONFIRM = "confirm"
    LOOK_UP = "look_up"


class Kind(StrEnum):
    """How a request ended. Only `unknown` leaves open whether the platform got it."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    NOT_SENT = "not_sent"
    UNKNOWN = "unknown"


class Command(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One request, to be written down before it is sent, and to be sent at most once.

    `leg` is empty for a read of a microphone that was never seen, and for a recording. `mutes` are the mutes
    it serves. `before` is what was known of the target when it was made: true when it was muted (or paused),
    None when unknown. `landed`: its effect was seen before its answer came. After `deadline` (service time)
    nobody waits for the answer any more.
    """

    id: str
    verb: Verb
    lane: Lane
    made_at: float
    deadline: float
    leg: str = ""
    mutes: tuple[str, ...] = ()
    before: bool | None = None
    landed: bool = False


class Outcome(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The one closing word about a command.

    `again_at` invites a new command from then on: set after a rate limit, an expired token, or when another
    strategy is left to try. Without it a refusal is final. What was not sent and is invited again was held
    back by news, and does not count as tried. `word` is meant for programs, `says` for people.
    """

    command_id: str
    kind: Kind
    at: float
    again_at: float | None = None
    status: int | None = None
    word: str | None = None
    says: str | None = None
    correlation_id: str | None = None

    @property
    def final(self) -> bool:
        """Refused, and the same again would be refused too."""
        return self.kind is Kind.REFUSED and self.again_at is None


class Doubt(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A command that may still take effect. `sure`: the platform accepted it.

    `landed`: something was seen that looks like its effect, so it explains no further change. That may have
    been somebody's finger, and the command still to come.
    """

    command_id: str
    sets: bool
    until: float
    sure: bool = False
    landed: bool = False
    before: bool | None = None


class Refusal(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A final refusal that has not been dealt with. `told`: it is in the record."""

    at: float
    mutes: tuple[str, ...] = ()
    status: int | None = None
    word: str | None = None
    says: str | None = None
    told: bool = False
