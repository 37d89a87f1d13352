"""`/v1/microphones`: who is on a call. `/v1/agents/{ref}`: why somebody is muted."""

from collections.abc import Sequence
from typing import Annotated

import msgspec
from litestar import get
from litestar.params import FromPath, FromQuery, QueryParameter

from micgate.control.microphone import LegState, State, state
from micgate.service.principals import permission
from micgate.service.principals.happening import Happening, happening
from micgate.service.principals.principal import Principal
from micgate.service.request import patience, record, surroundings, views, whom
from micgate.service.request.access import Caller, Shared, opened_by
from micgate.service.request.parts import Parts
from micgate.store.agents import Agent
from micgate.store.entries import Sealed
from micgate.store.microphones import Remembered

MOST = 20_000
_HISTORY = 20
_SEARCHED = 200
"""Among so many records a key for certain queues is shown those of its calls."""
_MUTES = 50


class AgentView(msgspec.Struct, frozen=True, kw_only=True):
    """Why: the calls as observed, the mutes that stand or ended lately, what happened last, and presence.

    `protected`: nobody mutes this agent alone. `says` is the conclusion, for people.
    """

    agent: views.Person
    presence: str | None
    routing_status: str | None
    protected: bool
    microphones: list[views.MicrophoneView]
    mutes: list[views.MuteView]
    lately: list[Happening]
    says: str


class MicrophoneList(msgspec.Struct, frozen=True, kw_only=True):
    """`next` is what to give as `after` for the following page; null on the last."""

    microphones: list[views.MicrophoneView]
    next: str | None = None


@get("/v1/microphones", opt=opened_by())
async def list_microphones(
    *,
    parts: Shared,
    principal: Caller,
    live: Annotated[bool, QueryParameter(description="false: also calls that ring, or are over.")] = True,
    limit: Annotated[int, QueryParameter(ge=1, le=MOST)] = 1000,
    after: FromQuery[str | None] = None,
) -> MicrophoneList:
    """Agents on calls, as last observed; sorted by call and agent."""
    wanted = [row for row in await parts.store.microphones.all(parts.org) if _wanted(row, live=live)]
    rows = await surroundings.rows_seen(parts, principal, wanted)
    left = [row for row in rows if after is None or _place(row) > after]
    page = left[:limit]
    agents = await parts.directory.known({row.target.user_id for row in page})
    return MicrophoneList(
        microphones=[views.microphone(row, agents=agents) for row in page],
        next=_place(page[-1]) if len(left) > limit else None,
    )


@get("/v1/agents/{ref:str}", opt=opened_by())
async def explain_agent(*, ref: FromPath[str], parts: Shared, principal: Caller) -> AgentView:
    """Why an agent is muted, by whom, until when; or that nobody mutes them. A key for certain queues is told
    of their calls only.
    """
    agent = await whom.whom(parts, principal, ref)
    permission.check_agent(principal, agent.user_id)
    every = await parts.store.microphones.of_agent(parts.org, agent.user_id)
    rows = await surroundings.rows_seen(parts, principal, every)
    latest = await parts.store.mutes.of_agent(parts.org, agent.user_id, limit=_MUTES)
    mutes = await surroundings.mutes_seen(parts, principal, latest)
    lately = await _lately(parts, principal, agent)
    marked = await parts.store.agents.protected(parts.org)
    bounded = principal.limits.queues is not None
    concerned = bool(rows or mutes) or not bounded
    presence, routing_status = await whom.mood(parts, principal, agent.user_id) if concerned else (None, None)
    agents = {agent.user_id: agent}
    shown = await patience.show(parts, mutes)
    return AgentView(
        agent=views.person(agent.user_id, agents),
        presence=presence,
        routing_status=routing_status,
        protected=("agent", agent.user_id) in marked,
        microphones=[views.microphone(row, agents=agents) for row in rows],
        mutes=shown,
        lately=[happening(sealed) for sealed in lately],
        says=_says(agent, rows, shown, bounded=bounded),
    )


async def _lately(parts: Parts, principal: Principal, agent: Agent) -> tuple[Sealed, ...]:
    """What the record tells; that somebody read it is told to auditors only."""
    without = ("audit.read", "alert.frequent_mutes")
    most = _HISTORY if principal.limits.queues is None else _SEARCHED
    latest = await parts.store.entries.of(parts.org, agent.pseudonym, limit=most, without=without)
    found = (await surroundings.records_about(parts, principal, latest))[:_HISTORY]
    if found:
        count, through = len(found), found[0].seq
        await record.looked(parts, principal, "history", through=through, records=count, about=agent)
    return found


def _wanted(row: Remembered, *, live: bool) -> bool:
    seen = row.memory.seen
    return not live or bool(row.memory.mutes) or (seen is not None and seen.state is LegState.LIVE)


def _place(row: Remembered) -> str:
    return f"{row.target.conversation_id}/{row.target.user_id}"


def _says(
    agent: Agent, rows: tuple[Remembered, ...], mutes: Sequence[views.MuteView], *, bounded: bool
) -> str:
    who = agent.name or agent.email or agent.user_id
    standing = [mute for mute in mutes if mute.ended_at is None]
    if standing:
        count = "One mute stands" if len(standing) == 1 else f"{len(standing)} mutes stand"
        return f"{count} on {who}: {'; '.join(map(_standing, standing))}."
    live = [row for row in rows if row.memory.live_leg]
    if not live:
        if bounded:
            return (
                f"{who} is on no call that is known to be from a queue of this key; of others it is not told."
            )
        return f"{who} is on no call that is known here, and no mute stands."
    if any(row.memory.known for row in live):
        return _muted(who, {state(row.memory) for row in live if row.memory.known})
    return f"No mute stands on {who}{' on these calls' if bounded else ''}."


def _muted(who: str, states: set[State | None]) -> str:
    """Of somebody on whom no mute stands any more."""
    if State.LEFT_CLOSED in states:
        return f"{who} is muted: micgate left the microphone closed on purpose when its mute ended."
    if states != {None}:
        return f"The last mute on {who} has ended: the microphone is being given back."
    return f"{who} is muted, and not by micgate: the agent, a device or another app; nobody can tell."


def _standing(mute: views.MuteView) -> str:
    """People read its end to the second: 2026-11-21T17:53:07Z."""
    return f"by {mute.owner.label}, reason {mute.reason}, until {mute.release_at.partition('.')[0]}Z"
