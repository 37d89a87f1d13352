"""Can live calls be found? Each of the ways is tried, and each refusal says which permission it lacks."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import msgspec

from micgate.doctor import places
from micgate.doctor.case import Case
from micgate.doctor.finding import Finding, Verdict, fail, from_error, ok, warn
from micgate.genesys import requests
from micgate.genesys.errors import Forbidden, MissingPermission, NoSuchMicrophone
from micgate.genesys.locate import find_call, find_user
from micgate.genesys.models import ActivityRow

NOBODY = "00000000-0000-4000-8000-000000000000"


async def look_up(case: Case) -> Finding:
    if case.agent:
        return await _one_agent(case, case.agent)
    if case.has_user:
        return await _own_calls(case)
    return await _every_way(case)


async def _one_agent(case: Case, ref: str) -> Finding:
    case.named(ref)
    user = await find_user(case.io, ref)
    case.met((user,))
    own = case.me is not None and case.me.id == user.id
    try:
        call = await find_call(case.io, user, own=own)
    except NoSuchMicrophone as error:
        return from_error("look-up", error, verdict=Verdict.WARN)
    muted = {True: "muted", False: "open", None: "in an unknown state"}[call.muted]
    return ok(
        "look-up", f"{user.label} is on a call; the microphone is {muted}.", conversation=call.conversation_id
    )


async def _own_calls(case: Case) -> Finding:
    calls = requests.read_own_calls(await case.io.send(requests.get_own_calls()))
    return ok("look-up", f"Your own calls can be read: {len(calls)} now.", calls=len(calls))


async def _every_way(case: Case) -> Finding:
    """What a service uses to find a call, in the order of its flow."""
    outcomes = [await _tried(way, case) for way in _WAYS]
    refused = [outcome for outcome in outcomes if outcome.refusal]
    if not refused:
        return ok("look-up", " ".join(outcome.says for outcome in outcomes))
    lost = {outcome.name for outcome in refused}
    verdict = fail if lost & {"conversation"} or {"activity query", "details query"} <= lost else warn
    return verdict(
        "look-up",
        " ".join(f"The {outcome.name} is refused: {outcome.says}" for outcome in refused),
        f"{places.ROLES} > the role of this client: {_permissions(refused)}. {places.TAKES_A_WHILE}",
        refused=tuple(outcome.name for outcome in refused),
    )


class _Outcome(msgspec.Struct, frozen=True):
    name: str
    says: str
    refusal: Forbidden | None = None


_Way = tuple[str, Callable[[Case], Awaitable[str]]]


async def _tried(way: _Way, case: Case) -> _Outcome:
    name, attempt = way
    try:
        return _Outcome(name, await attempt(case))
    except Forbidden as refusal:
        return _Outcome(name, refusal.means or refusal.what, refusal)


def _permissions(outcomes: list[_Outcome]) -> str:
    names = {
        name
        for outcome in outcomes
        if isinstance(outcome.refusal, MissingPermission)
        for name in outcome.refusal.permissions[:1]
    }
    return "add " + ", ".join(sorted(names)) if names else "compare it with `micgate doctor --role`"


async def _search(case: Case) -> str:
    await case.io.send(requests.search_users("email", "nobody@micgate.invalid"))
    return "Agents can be searched."


async def _activity(case: Case) -> str:
    rows = requests.read_activity(await case.io.send(requests.activity()))
    case.conversation_id = next((row.conversation_id for row in rows if row.conversation_id), None)
    return f"{_people(rows)} on calls now."


async def _details(case: Case) -> str:
    until = datetime.fromtimestamp(case.io.now(), UTC)
    interval = f"{_iso(until - timedelta(hours=1))}/{_iso(until)}"
    await case.io.send(requests.details(NOBODY, interval=interval, size=1))
    return "Past and live calls can be searched."


async def _conversation(case: Case) -> str:
    if case.conversation_id is None:
        return "No call is there to read now."
    await case.io.send(requests.get_conversation(case.conversation_id))
    return "A live call can be read."


async def _queues(case: Case) -> str:
    page = requests.read_queues(await case.io.send(requests.get_queues(size=1)))
    case.queue_id = page.items[0].id if page.items else None
    case.named(*(queue.name for queue in page.items))
    return "Queues can be listed."


_WAYS: tuple[_Way, ...] = (
    ("user search", _search),
    ("activity query", _activity),
    ("details query", _details),
    ("conversation", _conversation),
    ("queue list", _queues),
)


def _people(rows: tuple[ActivityRow, ...]) -> str:
    count = len({row.user_id for row in rows if row.user_id})
    return "Nobody is" if count == 0 else "One agent is" if count == 1 else f"{count} agents are"


def _iso(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%S}.000Z"
