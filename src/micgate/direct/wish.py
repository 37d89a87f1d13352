"""What somebody asks for, checked before anything is sent."""

from dataclasses import dataclass
from typing import Self
from uuid import uuid4

from micgate.control import mute, policy
from micgate.control.errors import WishError
from micgate.control.policy import OnOverride, OpenPolicy
from micgate.direct.connect import Connection
from micgate.direct.journal import About, stamp
from micgate.direct.memory import DOUBT_SECONDS, Plan
from micgate.genesys.io import Io
from micgate.genesys.reading import Call


class PolicyRefused(WishError):
    """Not one of the words, or one that needs a service."""

    word = "policy_refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """How long, why, and what happens at the end."""

    seconds: float
    reason: str
    note: str | None
    open_policy: OpenPolicy
    on_override: OnOverride
    doubt_seconds: float = DOUBT_SECONDS

    @classmethod
    def checked(
        cls,
        *,
        for_: object = None,
        reason: object = None,
        note: object = None,
        open_policy: str = OpenPolicy.RESTORE,
        on_override: str = OnOverride.YIELD,
    ) -> Self:
        """Raises `LengthRefused`, `ReasonRefused`, `NoteRefused` or `PolicyRefused`."""
        return cls(
            seconds=policy.length(for_),
            reason=mute.reason(reason),
            note=mute.note(note),
            open_policy=OpenPolicy(_word(open_policy, "open_policy", tuple(OpenPolicy))),
            on_override=OnOverride(_word(on_override, "on_override", _WITHOUT_SERVICE)),
        )

    def plan(self, call: Call, connection: Connection, *, has_user: bool, now: float) -> Plan:
        """`now` is of `io.monotonic`."""
        return Plan(
            mute_id=str(uuid4()),
            call=call,
            release_at=now + self.seconds,
            has_user=has_user,
            reason=self.reason,
            note=self.note,
            open_policy=self.open_policy,
            on_override=self.on_override,
            strategy=connection.strategy,
            patience=connection.patience,
            doubt_seconds=self.doubt_seconds,
        )


def about(plan: Plan, connection: Connection, io: Io) -> About:
    """What the journal says of this mute."""
    return About(
        command="mute",
        user_id=plan.call.user_id,
        agent=plan.call.agent_name,
        reason=plan.reason,
        note=plan.note,
        mute_id=plan.mute_id,
        api=connection.region.host,
        until=stamp(io.now() + plan.release_at - io.monotonic()),
    )


_WITHOUT_SERVICE = (OnOverride.YIELD, OnOverride.NOTIFY)


def _word(word: str, name: str, allowed: tuple[str, ...]) -> str:
    if word in allowed:
        return word
    raise PolicyRefused(
        f"{word!r} cannot be used as {name} here.", remedy=f"Give one of: {', '.join(allowed)}."
    )
