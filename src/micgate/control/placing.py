"""Before a mute stands: which call, under which conditions, for how long."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

import msgspec

from micgate.control.errors import CallNotChosen, ExtensionRefused, LengthRefused, WishError
from micgate.control.microphone import LegState, Observed
from micgate.control.mute import Mute
from micgate.control.policy import CAP_SECONDS, spoken

CHAIN = 2
"""An owner's mutes of one agent on one call last at most this many ceilings together."""


DAY = 86_400.0
"""Mutes of one call are added up for so long; those of all calls for as long as one may last."""
_ROUNDING = 0.001
"""Seconds: times are floats."""


class Condition(StrEnum):
    """What a caller may demand before a mute is placed."""

    CONNECTED = "connected"
    NOT_HELD = "not_held"
    QUEUE = "queue"
    PRESENCE = "presence"
    ROUTING_STATUS = "routing_status"


class OnlyIf(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Conditions. A list is met by any of its words, compared without case."""

    connected: bool = False
    not_held: bool = False
    queue: tuple[str, ...] = ()
    presence: tuple[str, ...] = ()
    routing_status: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """What is known at that moment. None is unknown, and meets no condition."""

    observed: Observed | None = None
    stale: bool = False
    queue: str | None = None
    presence: str | None = None
    routing_status: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unmet:
    """A condition that does not hold, or of which nothing is known (`found` None)."""

    condition: Condition
    wanted: str
    found: str | None

    @property
    def unknown(self) -> bool:
        return self.found is None


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveCall:
    """One live call of an agent, as far as choosing goes. `held` None is unknown."""

    conversation_id: str
    held: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The call that a mute covers; `said` is what a person should be told about it."""

    conversation_id: str
    said: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsal:
    """What placing would do. Nothing was placed."""

    places: bool
    choice: Choice | None = None
    unmet: tuple[Unmet, ...] = ()
    refused: WishError | None = None


def unmet(only_if: OnlyIf, circumstances: Circumstances) -> tuple[Unmet, ...]:
    """The conditions that do not hold. Empty: the mute may be placed."""
    observed = None if circumstances.stale else circumstances.observed
    connected = None if observed is None else _connected(observed.state)
    held = None if observed is None else observed.held
    flags = (
        (only_if.connected, Condition.CONNECTED, connected, {True: "connected", False: "not connected"}),
        (only_if.not_held, Condition.NOT_HELD, _not(held), {True: "not held", False: "held"}),
    )
    words = (
        (only_if.queue, Condition.QUEUE, circumstances.queue),
        (only_if.presence, Condition.PRESENCE, circumstances.presence),
        (only_if.routing_status, Condition.ROUTING_STATUS, circumstances.routing_status),
    )
    return (
        *(
            Unmet(condition=condition, wanted=says[True], found=None if holds is None else says[holds])
            for demanded, condition, holds, says in flags
            if demanded and holds is not True
        ),
        *(
            Unmet(condition=condition, wanted=" or ".join(wanted), found=found)
            for wanted, condition, found in words
            if wanted and not _among(found, wanted)
        ),
    )


def choose(calls: Iterable[LiveCall], conversation_id: str | None = None) -> Choice:
    """The call to mute: the named one, or the one that is not on hold, or the only one."""
    live = tuple(calls)
    if conversation_id is not None:
        return _named(live, conversation_id)
    if len(live) == 1:
        held = live[0].held
        said = "The call is on hold: the mute holds when it is retrieved." if held else None
        return Choice(conversation_id=live[0].conversation_id, said=said)
    talking = [call for call in live if call.held is False]
    if len(talking) == 1 and all(call.held is not None for call in live):
        said = "The agent has other calls on hold: they are not muted."
        return Choice(conversation_id=talking[0].conversation_id, said=said)
    raise _not_chosen(
        "The agent has no live call." if not live else "The agent has several live calls.", live
    )


def rehearse(
    calls: Iterable[LiveCall],
    only_if: OnlyIf,
    circumstances: Circumstances,
    *,
    conversation_id: str | None = None,
    covers_agent: bool = False,
) -> Rehearsal:
    """The dry run: the same checks, and nothing else."""
    try:
        choice = None if covers_agent else choose(calls, conversation_id)
    except CallNotChosen as refused:
        return Rehearsal(places=False, refused=refused)
    missing = unmet(only_if, circumstances)
    return Rehearsal(places=not missing, choice=choice, unmet=missing)


def extended(mute: Mute, *, seconds: float, reason: str, now: float, ceiling: float) -> Mute:
    """The mute, ending so many seconds from now. Never beyond twice the ceiling, nor beyond the cap."""
    if not mute.stands or mute.release_at <= now:
        raise ExtensionRefused("The mute has ended.", remedy="Place a new one.")
    if not reason.strip():
        raise ExtensionRefused("Extending needs a reason.", remedy="Say why.")
    if not seconds > 0:
        raise LengthRefused("An extension lasts more than 0 seconds.", remedy="Ask for more.")
    most = min(CHAIN * ceiling, CAP_SECONDS)
    if now + seconds - mute.placed_at > most:
        left = max(0.0, mute.placed_at + most - now)
        raise LengthRefused(
            f"With this the mute would last longer than {spoken(most)}.",
            remedy=f"Ask for at most {spoken(left)} from now.",
        )
    return msgspec.structs.replace(mute, release_at=now + seconds)


def chain_left(mute: Mute, earlier: Iterable[Mute], *, ceiling: float) -> float:
    """Seconds of silence that its owner may still ask for, of the same agent on the same call."""
    return CHAIN * ceiling - spent(mute, earlier)


def spent(mute: Mute, others: Iterable[Mute]) -> float:
    """The seconds of others of the same owner, agent and call that count together with this one."""
    return sum(
        (one.release_at if one.ended_at is None else one.ended_at) - one.placed_at
        for one in others
        if (one.owner, one.user_id, one.conversation_id) == (mute.owner, mute.user_id, mute.conversation_id)
        and one.id != mute.id
        and one.placed_at >= chained_since(mute)
    )


def chained_since(mute: Mute) -> float:
    """Mutes placed before count no more."""
    return mute.placed_at - (CAP_SECONDS if mute.conversation_id is None else DAY)


def check_spent(mute: Mute, *, spent: float, within: float) -> None:
    if spent + mute.release_at - mute.placed_at > within + _ROUNDING:
        raise chained(within=within, spent=spent)


def chained(*, within: float, spent: float) -> LengthRefused:
    """`spent` of `within` seconds have been used up by earlier mutes."""
    left = max(0.0, within - spent)
    return LengthRefused(
        f"Your mutes of this agent on this call would last over {spoken(within)} together.",
        remedy=f"Ask for at most {spoken(int(left))}." if left >= 1 else "Let somebody else decide.",
    )


def _connected(state: LegState) -> bool | None:
    return None if state is LegState.UNKNOWN else state is LegState.LIVE


def _not(value: bool | None) -> bool | None:  # noqa: FBT001 -- it is the value itself
    return None if value is None else not value


def _among(found: str | None, wanted: tuple[str, ...]) -> bool:
    return found is not None and found.casefold() in {word.casefold() for word in wanted}


def _named(live: tuple[LiveCall, ...], conversation_id: str) -> Choice:
    if any(call.conversation_id == conversation_id for call in live):
        return Choice(conversation_id=conversation_id)
    raise _not_chosen("The agent is not on that call.", live)


def _not_chosen(what: str, live: tuple[LiveCall, ...]) -> CallNotChosen:
    choices = tuple(call.conversation_id for call in live)
    remedy = f"Name one of: {', '.join(choices)}." if choices else "Wait for a call."
    return CallNotChosen(what, remedy=remedy, choices=choices)
