"""`micgate unmute` where there is a service: the caller's own mutes end; whose the others are is said."""

import re

from micgate.cli import show
from micgate.cli.failure import CommandError
from micgate.cli.standing import End, conclude, members, whose
from micgate.client.errors import NotThere
from micgate.client.models import Explanation, Microphone, Mute
from micgate.client.sync import Gate
from micgate.settings import Settings


class NotYours(CommandError):
    """What keeps the microphone closed is not the mute of whoever asks."""

    word = "not_ours"


class NoSuchMute(CommandError):
    """A mute's id that is none."""

    word = "not_found"


_NOT_CONFIRMED = 3


def run(
    gate: Gate, settings: Settings, output: show.Output, *, ref: str | None, conversation_id: str | None
) -> int:
    """Release what is the caller's own of an agent, or a mute by its id."""
    wanted = (ref or "").strip() or settings.agent
    standing = gate.mutes()
    named = next((mute for mute in standing if mute.id == wanted), None)
    if named:
        return _release(gate, settings, output, (named,))
    if over := _over(gate, wanted):
        output.result(f"That mute has ended already: {over.end}.", {"outcome": "nothing", **members(over)})
        return 0
    agent = _explained(gate, wanted) if wanted else None
    me = gate.me()
    about = [mute for mute in standing if _is_about(mute, agent, conversation_id)]
    mine = tuple(mute for mute in about if (mute.owner.kind, mute.owner.id) == (me.kind, me.id))
    if agent is None and len(mine) > 1:
        raise CommandError(
            f"{len(mine)} mutes of yours stand: {', '.join(mute.agent.label for mute in mine)}.",
            remedy="Name one: micgate unmute AGENT, or its id (micgate mutes).",
        )
    if mine:
        return _release(gate, settings, output, mine)
    return _nothing_of_ours(output, agent, about)


def _over(gate: Gate, ref: str | None) -> Mute | None:
    """The mute with this id, if it is one that stands no more."""
    if not ref or not _ID.fullmatch(ref):
        return None
    try:
        return gate.read(ref)
    except NotThere:
        return None


def _explained(gate: Gate, ref: str) -> Explanation:
    try:
        return gate.explain(ref)
    except NotThere as error:
        if not _ID.fullmatch(ref):
            raise
        raise NoSuchMute(
            f"There is no mute with the id {ref}.", remedy="Those that stand, with their ids: micgate mutes"
        ) from error


_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")
"""Mutes have UUIDs of version 7, people at Genesys of version 4."""


def _is_about(mute: Mute, agent: Explanation | None, conversation_id: str | None) -> bool:
    return (agent is None or mute.agent.id == agent.agent.id) and (
        conversation_id is None or mute.conversation_id == conversation_id
    )


def _release(gate: Gate, settings: Settings, output: show.Output, mutes: tuple[Mute, ...]) -> int:
    for mute in mutes:
        gate.release(mute, wait=0.0)
    agent, calls = mutes[0].agent, {mute.conversation_id for mute in mutes}
    others = [
        mute
        for mute in gate.mutes(agent=agent.id)
        if calls & {None, mute.conversation_id} or mute.conversation_id is None
    ]
    ends = [_still_muted(agent.label, others)] if others else _all_given_back(gate, settings, mutes)
    end = max(ends, key=lambda end: end.exit_code)
    who = {"agent": agent.name, "user_id": agent.id, "conversation_id": mutes[0].conversation_id}
    muted = _MUTED.get(end.outcome, True if any(mute.confirmed for mute in others) else None)
    shown = {"released": [mute.id for mute in mutes], "others": [members(mute) for mute in others]}
    return conclude(output, end, {**who, "muted": muted, **shown})


_MUTED = {"released": False, "kept": True, "left_closed": True}


def _still_muted(who: str, others: list[Mute]) -> End:
    return End(outcome="others_stand", message=f"Released. {who} stays muted by {whose(others)}.")


def _all_given_back(gate: Gate, settings: Settings, mutes: tuple[Mute, ...]) -> list[End]:
    """Only the last one to end opens the microphone: none is judged before all of them are decided."""
    decided = [gate.read(mute, wait=settings.timeout) for mute in mutes]
    return [_given_back(gate, mute) for mute in decided]


def _given_back(gate: Gate, mute: Mute) -> End:
    who = mute.agent.label
    if mute.state == "left_closed":
        return End(
            outcome="left_closed",
            message=f"Released. The microphone of {who} is left closed: opening it would not be safe.",
            remedy="The agent opens it with the mute button. micgate why says what stood against it.",
            exit_code=_NOT_CONFIRMED,
        )
    if mute.undecided:
        return End(
            outcome="releasing",
            message=f"Released, and Genesys Cloud does not show {who} open yet.",
            remedy="The service goes on until it is. See: micgate why",
            exit_code=_NOT_CONFIRMED,
        )
    live = _live(gate.explain(mute.agent.id), mute.conversation_id)
    if not live:
        return End(outcome="no_call", message=f"Released. {who} is on no call that it was about.")
    if any(one.muted for one in live):
        return End(outcome="kept", message=f"Released. {who} is muted still, and not by micgate.")
    return End(outcome="released", message=f"Given back: the microphone of {who} is open.")


def _live(agent: Explanation, conversation_id: str | None) -> list[Microphone]:
    return [
        one
        for one in agent.microphones
        if one.leg_state != "over" and (conversation_id is None or one.conversation_id == conversation_id)
    ]


def _nothing_of_ours(output: show.Output, agent: Explanation | None, others: list[Mute]) -> int:
    if agent is None:
        output.result("No mute of yours stands.", {"outcome": "nothing", "released": [], "muted": None})
        return 0
    who = agent.agent.label
    if others:
        raise NotYours(
            f"No mute of yours stands on {who}. It is {whose(others)}.",
            remedy=f"Ask its owner; with the scope release:any: micgate unmute {others[0].id}",
            mutes=[mute.id for mute in others],
        )
    if any(one.muted for one in _live(agent, None)):
        raise NotYours(
            f"{who} is muted, and not by micgate: the agent, a device or another app; Genesys does not say.",
            remedy="The agent has a button for it.",
        )
    output.result(
        f"No mute stands on {who}: there is nothing to do.",
        {"outcome": "nothing", "released": [], "muted": None, "agent": agent.agent.name},
    )
    return 0
