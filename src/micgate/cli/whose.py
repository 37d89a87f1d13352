"""`micgate why` and `micgate agents`: reads, and how they are shown."""

import calendar
import time

from micgate.cli import explanation, microphone, show
from micgate.cli.explanation import Explanation, Ours
from micgate.direct.find import AgentOnCall
from micgate.direct.sync import SyncGenesys
from micgate.genesys import requests
from micgate.genesys.errors import NoLiveCall, Refused
from micgate.genesys.io import drive
from micgate.genesys.models import User
from micgate.genesys.reading import Call
from micgate.settings import Settings

NO_LIVE_CALL = 4
_MORE = ("presence", "routingStatus")


def run(settings: Settings, output: show.Output, *, agent: str | None, conversation_id: str | None) -> int:
    with microphone.direct(settings, output) as genesys:
        found = _explain(genesys, settings, agent=agent, conversation_id=conversation_id)
        microphone.name_forgotten(genesys, settings, output)
        output.result(show.joined(explanation.lines(found)), explanation.members(found))
    return 0 if found.call else NO_LIVE_CALL


def list_agents(settings: Settings, output: show.Output) -> None:
    with microphone.direct(settings, output) as genesys:
        found = genesys.agents_on_calls()
        microphone.name_forgotten(genesys, settings, output)
    if output.as_json:
        output.json({"agents": found})
    elif found:
        output.table(_COLUMNS, [_row(each) for each in found])
    else:
        output.say("Nobody is on a call.")


def _explain(
    genesys: SyncGenesys, settings: Settings, *, agent: str | None, conversation_id: str | None
) -> Explanation:
    try:
        call = microphone.find_call(genesys, settings, agent=agent, conversation_id=conversation_id)
    except NoLiveCall as error:
        user = _user(genesys, (agent or "").strip() or settings.agent)
        if user is None:
            raise
        return explanation.explain(user, None, None, why_no_call=error)
    user = _user(genesys, call.user_id) or User(id=call.user_id or "", name=call.agent_name)
    return explanation.explain(user, call, _ours(genesys, settings, call), why_no_call=None)


def _user(genesys: SyncGenesys, agent: str | None) -> User | None:
    """The person, with presence where this token may read it."""
    if not agent:
        return None
    user = genesys.find_user(agent)
    try:
        return requests.read_user(drive(genesys.session.send(requests.get_user(user.id, expand=_MORE))))
    except Refused:
        return user


def _ours(genesys: SyncGenesys, settings: Settings, call: Call) -> Ours | None:
    standing = microphone.closed_from_here(genesys)
    return explanation.ours(standing, call, running=microphone.is_running(call, settings))


_COLUMNS = ("agent", "e-mail", "microphone", "for", "call")
_MICROPHONE = {True: "muted", False: "open", None: "unknown"}


def _row(each: AgentOnCall) -> tuple[str, ...]:
    word = _MICROPHONE[each.muted] if each.state in {None, "connected"} else each.state
    held = ", on hold" if each.held else ""
    return (
        each.name or each.user_id,
        each.email or "",
        f"{word}{held}",
        _age(each.since),
        each.conversation_id,
    )


def _age(since: str | None) -> str:
    """How long ago the vendor's time, ISO 8601 in UTC, was."""
    try:
        began = calendar.timegm(time.strptime((since or "")[:19], "%Y-%m-%dT%H:%M:%S"))
    except ValueError:
        return ""
    return show.span(time.time() - began)
