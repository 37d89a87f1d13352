"""Every way to mute: the checks, and the one transaction behind them."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, nullcontext, suppress
from dataclasses import dataclass
from typing import Annotated

import msgspec

from micgate.audit.privacy import one_line
from micgate.control import mute as wishes
from micgate.control.errors import LengthRefused
from micgate.control.mute import Covers, Mute
from micgate.control.placing import (
    CHAIN,
    LiveCall,
    OnlyIf,
    chain_left,
    chained_since,
    check_spent,
    choose,
    spent,
    unmet,
)
from micgate.control.policy import OnOverride, OpenPolicy, ceiling, length
from micgate.service.http.errors import ConditionsUnmet, Malformed, NotPermitted
from micgate.service.principals import permission
from micgate.service.principals.permission import Asked, Queue
from micgate.service.principals.principal import Principal
from micgate.service.request import record, views
from micgate.service.request.idempotent import IdempotencyKey
from micgate.service.request.moments import moment
from micgate.service.request.parts import Parts
from micgate.store.agents import Agent
from micgate.store.errors import Overtaken, Unavailable
from micgate.store.idempotency import Answer
from micgate.store.ids import new_id
from micgate.store.microphones import Remembered
from micgate.store.mutes import too_many
from micgate.store.orgs import frozen
from micgate.store.verbs import Change, Place, Placed

CREATED = 201
_TRIES = 3
_EARLIER = 1000

Text = Annotated[str, msgspec.Meta(min_length=1, max_length=320, pattern="^[^\\x00-\\x1f\\x7f]*$")]
"""One line, without control characters: the database takes no NUL."""
Presence = Annotated[float, msgspec.Meta(ge=2, le=300)]
"""Seconds within which an owner promises to say again that it is there."""


class NewMute(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"for_": "for"}):
    """A wish to silence an agent. `for` ("90s", "2m", 120) or `until` (RFC 3339), else 2 minutes.

    `agent` is a user id, an e-mail address or a unique name. Without `conversation` the call is inferred:
    the one that is not on hold. `only_if` refuses unless all of it is known to hold. With `presence` the
    mute has to be renewed every so many seconds (2 to 300), else it ends as `owner_gone` a grace later.
    `dry_run` places nothing.
    """

    agent: Text
    for_: str | float | None = None
    until: Text | None = None
    reason: Text | None = None
    note: Annotated[str, msgspec.Meta(max_length=2000)] | None = None
    covers: Covers | None = None
    conversation: Text | None = None
    on_override: OnOverride = OnOverride.YIELD
    open_policy: OpenPolicy = OpenPolicy.RESTORE
    only_if: OnlyIf = OnlyIf()
    presence: Presence | None = None
    dry_run: bool = False


class RehearsalView(msgspec.Struct, frozen=True, kw_only=True):
    """What placing would do; nothing was placed. What would be refused is answered as that problem."""

    places: bool
    agent: views.Person
    conversation_id: str | None
    covers: Covers
    release_at: str
    said: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A mute that may be placed. `note` goes beside it, `owner` is its owner's name.

    `within`: so long may the owner's mutes of this agent and call last together. `beside`: the owner's other
    mutes, if what was checked depends on them.
    """

    mute: Mute
    agent: Agent
    owner: str
    note: str | None
    said: str | None
    within: float
    beside: tuple[str, ...] | None = None

    def view(self) -> views.MuteView:
        agents, names = {self.agent.user_id: self.agent}, {self.mute.owner.id: self.owner}
        return views.mute(self.mute, agents=agents, names=names, note=self.note, said=self.said)

    def rehearsal(self) -> RehearsalView:
        shown = self.view()
        return RehearsalView(
            places=True,
            agent=shown.agent,
            conversation_id=shown.conversation_id,
            covers=shown.covers,
            release_at=shown.release_at,
            said=shown.said,
        )


async def check_and_place(
    parts: Parts, principal: Principal, wish: NewMute, agent: Agent, *, key: IdempotencyKey | None
) -> tuple[Plan, Placed]:
    """Once more when another mute of the same owner came between the checks and the commit."""
    async with _turn(parts, principal):
        for _ in range(_TRIES - 1):
            planned = await plan(parts, principal, wish, agent)
            with suppress(Overtaken):
                return planned, await place(parts, principal, planned, key=key)
        planned = await plan(parts, principal, wish, agent)
        return planned, await place(parts, principal, planned, key=key)


def _turn(parts: Parts, principal: Principal) -> AbstractAsyncContextManager[object]:
    """Two at once at this replica would overtake each other, where the share of a queue is bounded."""
    return nullcontext() if principal.limits.queue_share is None else parts.turns.of(principal.id)


async def plan(parts: Parts, principal: Principal, wish: NewMute, agent: Agent) -> Plan:
    """Check everything and place nothing. Raises whatever speaks against it."""
    now = parts.now()
    try:
        return await _planned(parts, principal, wish, agent, now)
    except NotPermitted as refusal:
        if not wish.dry_run:
            told = record.refused(principal, agent, at=now, word=refusal.word, reason=None)
            await parts.store.entries.tell(parts.org, (told,))
        raise


async def rehearse(parts: Parts, principal: Principal, plan: Plan) -> RehearsalView:
    """What the commit would check too, and nothing else. Raises whatever speaks against it."""
    if brake := await parts.store.orgs.brake(parts.org):
        raise frozen(brake.by)
    most = principal.limits.standing
    if most is not None:
        standing = await parts.store.mutes.of_owner(parts.org, principal.owner)
        if len(standing) >= most:
            raise too_many(most)
    return plan.rehearsal()


async def longest(parts: Parts, principal: Principal, plan: Plan) -> float:
    """Seconds for which a mute like this may be asked for now."""
    most = ceiling(principal.placer, covers_agent=plan.mute.conversation_id is None)
    left = chain_left(plan.mute, await _earlier(parts, plan.mute), ceiling=most)
    return max(0.0, min(most, principal.limits.longest, left))


async def place(parts: Parts, principal: Principal, plan: Plan, *, key: IdempotencyKey | None) -> Placed:
    """Commit it. `replayed` when it was asked, and answered, before."""
    mute = plan.mute
    answer = Answer(CREATED, msgspec.json.encode(plan.view()))
    change = Place(
        org=parts.org,
        mutes=(mute,),
        notes=((mute.note_ref, plan.note),) if mute.note_ref and plan.note else (),
        at_most=principal.limits.standing,
        rate=principal.limits.rate,
        within=plan.within,
        beside=plan.beside,
        tell=record.placed(principal, plan.agent, at=mute.placed_at, note=plan.note),
        claim=key.claim(answer, now=mute.placed_at) if key else None,
    )
    return await commit(parts, change)


async def commit(parts: Parts, change: Change) -> Placed:
    """Change mutes. A commit that may have been lost is repeated with the same ids: that is done once."""
    with parts.transaction(change):
        return await _repeated(lambda: parts.store.place(change, now=parts.now()))


async def _repeated(commit: Callable[[], Awaitable[Placed]]) -> Placed:
    for _ in range(_TRIES - 1):
        try:
            return await commit()
        except Unavailable as error:
            if not error.perhaps_done:
                raise
    return await commit()


async def _planned(parts: Parts, principal: Principal, wish: NewMute, agent: Agent, now: float) -> Plan:
    permission.check_agent(principal, agent.user_id)
    covers = _covers(wish)
    seconds = _seconds(wish, principal, covers=covers, now=now)
    reason = wishes.reason(wish.reason or parts.reasons[0], allowed=parts.reasons)
    note = wishes.note(None if wish.note is None else one_line(wish.note))
    rows = await parts.store.microphones.of_agent(parts.org, agent.user_id)
    live = () if covers is Covers.AGENT else await _calls(parts, principal, agent, rows, wish.conversation)
    choice = None if covers is Covers.AGENT else choose(live, wish.conversation)
    call = choice.conversation_id if choice else None
    beside = await _permit(parts, principal, wish, agent, call=call, seconds=seconds)
    chosen = next((one for one in live if one.conversation_id == call), None)
    await _demand(parts, wish.only_if, agent, rows, chosen)
    mute = Mute(
        id=new_id(),
        user_id=agent.user_id,
        owner=principal.owner,
        placed_at=now,
        release_at=now + seconds,
        conversation_id=call,
        reason=reason,
        on_override=wish.on_override,
        open_policy=wish.open_policy,
        renew_by=None if wish.presence is None else now + wish.presence,
        note_ref=new_id() if note else None,
    )
    within = together(principal, covers_agent=call is None)
    if wish.dry_run:
        await _check_chain(parts, mute, within=within)
    said = _together(choice.said if choice else None, await parts.forecast.said(mute.release_at))
    owner = principal.name
    return Plan(mute=mute, agent=agent, owner=owner, note=note, said=said, within=within, beside=beside)


async def _calls(
    parts: Parts, principal: Principal, agent: Agent, rows: tuple[Remembered, ...], named: str | None
) -> tuple[LiveCall, ...]:
    """The live calls among which to choose. A key for certain queues is told of no others."""
    live = await parts.directory.calls(agent, rows, named=named)
    if principal.limits.queues is None or any(call.conversation_id == named for call in live):
        return live
    found = [
        call
        for call in live
        if await parts.directory.is_from_any(agent.user_id, call.conversation_id, principal.limits.queues)
    ]
    if live and not found:
        raise permission.not_its_queue()
    return tuple(found)


def _together(*said: str | None) -> str | None:
    return " ".join(one for one in said if one) or None


def together(principal: Principal, *, covers_agent: bool) -> float:
    """Seconds that the mutes of one owner, agent and call may last together."""
    return CHAIN * ceiling(principal.placer, covers_agent=covers_agent)


def _covers(wish: NewMute) -> Covers:
    if wish.covers is Covers.AGENT and wish.conversation is not None:
        raise Malformed(
            "covers=agent silences every call, and one call is named.", remedy="Leave out one of them."
        )
    return wish.covers or Covers.CALL


def _seconds(wish: NewMute, principal: Principal, *, covers: Covers, now: float) -> float:
    return seconds_asked(
        wish.for_, wish.until, principal=principal, covers_agent=covers is Covers.AGENT, now=now
    )


def seconds_asked(
    for_: str | float | None, until: str | None, *, principal: Principal, covers_agent: bool, now: float
) -> float:
    """The length that `for` or `until` means, within the ceiling."""
    if for_ is not None and until is not None:
        raise Malformed("`for` and `until` are both given.", remedy="Leave out one of them.")
    asked = moment(until, name="until") - now if until is not None else for_
    if isinstance(asked, float) and until is not None and asked < 1:
        raise LengthRefused("`until` has passed.", remedy="Give a time ahead, with its zone.")
    return length(asked, placer=principal.placer, covers_agent=covers_agent)


async def _permit(
    parts: Parts, principal: Principal, wish: NewMute, agent: Agent, *, call: str | None, seconds: float
) -> tuple[str, ...] | None:
    """The owner's other mutes, if the permission depends on them."""
    marked = await parts.directory.protected()
    some_queue = any(kind == "queue" for kind, _ in marked)
    queue, known, others = None, False, None
    if call is not None and permission.needs_queue(principal.limits, protected_queues=some_queue):
        queue_id = await parts.directory.queue(agent.user_id, call)
        others = await _others(parts, principal, queue_id)
        queue, known = await _queue(parts, queue_id, agent, others), True
    if call is None and principal.limits.queue_share is not None:
        others = await parts.store.mutes.of_owner(parts.org, principal.owner)
        queue = await _everybody(parts, agent, others)
    asked = Asked(
        user_id=agent.user_id,
        covers_agent=call is None,
        on_override=wish.on_override,
        seconds=seconds,
        queue=queue,
        queue_known=known,
        protected=("agent", agent.user_id) in marked or (queue is not None and ("queue", queue.id) in marked),
    )
    permission.check(principal, asked)
    return None if others is None else tuple(one.id for one in others)


async def _others(parts: Parts, principal: Principal, queue_id: str | None) -> tuple[Mute, ...] | None:
    """The owner's mutes that stand, where the share of a queue is bounded."""
    if queue_id is None or principal.limits.queue_share is None:
        return None
    return await parts.store.mutes.of_owner(parts.org, principal.owner)


async def _queue(
    parts: Parts, queue_id: str | None, agent: Agent, others: tuple[Mute, ...] | None
) -> Queue | None:
    """With what its share is counted from, if others are given: people, however many mutes each has."""
    if queue_id is None or others is None:
        return Queue(id=queue_id) if queue_id else None
    muted: set[str] = set()
    for one in (one for one in others if one.conversation_id is not None and one.user_id != agent.user_id):
        if await parts.directory.is_from(one.user_id, one.conversation_id or "", queue_id):
            muted.add(one.user_id)
    return Queue(id=queue_id, members=await parts.directory.members(queue_id), muted=len(muted))


async def _everybody(parts: Parts, agent: Agent, others: tuple[Mute, ...]) -> Queue:
    """Nobody knows from which queues all calls of an agent come: the share is then one of everybody here."""
    muted = {one.user_id for one in others if one.conversation_id is None} - {agent.user_id}
    return Queue(id=permission.EVERYBODY, members=await parts.directory.population(), muted=len(muted))


async def _demand(
    parts: Parts, only_if: OnlyIf, agent: Agent, rows: tuple[Remembered, ...], call: LiveCall | None
) -> None:
    if only_if == OnlyIf():
        return
    known = await parts.directory.circumstances(agent, rows, call, only_if)
    if missing := unmet(only_if, known):
        raise ConditionsUnmet(missing)


async def _check_chain(parts: Parts, mute: Mute, *, within: float) -> None:
    """What placing would find."""
    check_spent(mute, spent=spent(mute, await _earlier(parts, mute)), within=within)


async def _earlier(parts: Parts, mute: Mute) -> tuple[Mute, ...]:
    """What may count towards its chain, and more."""
    since = chained_since(mute)
    return await parts.store.mutes.of_agent(parts.org, mute.user_id, since=since, limit=_EARLIER)
