"""The analytics queries: who is interacting now, records a little behind, the queues of users."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import msgspec

from micgate.twin.answers import Wire, present, stamp, stamped
from micgate.twin.calls import Conversation, Media, Participant
from micgate.twin.exchange import Answer, json_answer
from micgate.twin.refusals import bad_request, not_found
from micgate.twin.routes import Ask, Route

Metric = Literal["oAlerting", "oInteracting", "oLongestInteracting", "oLongestWaiting", "oWaiting"]
Operator = Literal["matches", "exists", "notExists"]
MEDIA_TYPE: dict[Media, str] = {"call": "voice", "chat": "chat", "email": "email"}
DISCONNECTS = {
    "transfer.conference": "conferenceTransfer", "transfer.consult": "consultTransfer",
    "transfer.donotdisturb": "dndTransfer", "endpoint.donotdisturb": "dndEndpoint",
    "transfer.forward": "forwardTransfer", "transfer.noanswer": "noAnswerTransfer",
    "transfer.notavailable": "notAvailableTransfer", "transport.failure": "transportFailure",
    "session.expired": "sessionExpired",
}  # fmt: skip


class Predicate(msgspec.Struct, rename="camel"):
    dimension: str | None = None
    metric: str | None = None
    property: str | None = None
    type: Literal["dimension", "property", "metric"] | None = None
    operator: Operator | None = None
    value: str | None = None


class Clause(msgspec.Struct):
    type: Literal["and", "or"] | None = None
    predicates: list[Predicate] | None = None


class Filter(msgspec.Struct):
    type: Literal["and", "or"] | None = None
    clauses: list[Clause] | None = None
    predicates: list[Predicate] | None = None


class ActivityMetric(msgspec.Struct):
    metric: Metric | None = None
    details: bool | None = None


class ActivityQuery(msgspec.Struct, rename="camel"):
    metrics: list[ActivityMetric]
    group_by: list[str]
    filter: Filter | None = None
    order: Literal["asc", "desc", "unordered"] | None = None


class Paging(msgspec.Struct, rename="camel"):
    page_size: int | None = None
    page_number: int | None = None


class DetailsQuery(msgspec.Struct, rename="camel"):
    interval: str | None = None
    conversation_filters: list[Filter] | None = None
    segment_filters: list[Filter] | None = None
    order: Literal["asc", "desc", "unordered"] | None = None
    order_by: Literal["conversationStart", "conversationEnd", "segmentStart", "segmentEnd"] | None = None
    paging: Paging | None = None


class ObservationQuery(msgspec.Struct, rename="camel"):
    filter: Filter
    metrics: list[Literal["oActiveQueues", "oMemberQueues"]]


Facts = dict[str, str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """One end of a conversation that counts towards a metric now."""

    metric: Metric
    since: float
    facts: Facts


ACTIVITY_DIMENSIONS = frozenset({
    "activeRouting", "addressFrom", "addressTo", "agentScore", "ani", "conversationId", "convertedFrom",
    "convertedTo", "direction", "dnis", "mediaType", "participantName", "queueId", "requestedLanguageId",
    "requestedRouting", "requestedRoutingSkillId", "routingPriority", "scoredAgentId", "sessionId", "teamId",
    "usedRouting", "userId",
})  # fmt: skip
SHOWN = (
    "conversationId", "sessionId", "userId", "queueId", "mediaType", "direction", "participantName",
    "addressFrom", "addressTo", "ani", "dnis", "teamId",
)  # fmt: skip
LONGEST: dict[Metric, Metric] = {"oLongestInteracting": "oInteracting", "oLongestWaiting": "oWaiting"}


def query_activity(ask: Ask) -> Answer:
    """The present state, by groups. Entities only where `details` asks for them."""
    wanted = ask.read(ActivityQuery)
    if not wanted.metrics or not wanted.group_by:
        raise bad_request("metrics and groupBy must not be empty.", code="invalid.value")
    _check_dimensions([*wanted.group_by, *_dimensions([wanted.filter] if wanted.filter else ())])
    named = _named_user([wanted.filter] if wanted.filter else [])
    fitting = [one for one in _activities(ask, user=named) if _meets(wanted.filter, one.facts)]
    size = ask.query.number("pageSize", default=1000, most=10_000)
    number = ask.query.number("pageNumber", default=1, most=1_000_000)
    groups = list(_groups(fitting, wanted.group_by).items())[(number - 1) * size : number * size]
    results = [_activity_result(ask, wanted, group, members) for group, members in groups]
    return json_answer({"results": results})


def _check_dimensions(named: Iterable[str]) -> None:
    unknown = sorted(set(named) - ACTIVITY_DIMENSIONS)
    if unknown:
        raise bad_request(f"There is no dimension {', '.join(unknown)}.", code="invalid.value")


def _dimensions(filters: Iterable[Filter]) -> Iterator[str]:
    for one in filters:
        for clause in (one, *(one.clauses or ())):
            yield from (told.dimension for told in clause.predicates or () if told.dimension)


def _activities(ask: Ask, *, user: str | None) -> Iterator[Activity]:
    covers_direct = ask.world.behaviour.activity_covers_direct
    calls = ask.world.calls
    for conversation in calls.live.values() if user is None else calls.of_user(user):
        if conversation.org_id != ask.caller.org_id or not (covers_direct or conversation.queue_ids):
            continue
        for one in conversation.participants:
            metric = _metric(one)
            if metric is not None:
                since = one.connected_time if metric == "oInteracting" else one.start_time
                yield Activity(metric=metric, since=since or one.start_time, facts=_facts(conversation, one))


def _metric(one: Participant) -> Metric | None:
    """A metric counts the platform's people, and the queue for who waits in it."""
    if one.ended:
        return None
    if one.purpose == "acd":
        return "oWaiting"
    if one.user_id is None or one.purpose == "voicemail":
        return None
    return "oInteracting" if one.connected else "oAlerting"


def _facts(conversation: Conversation, one: Participant) -> Facts:
    return {
        "conversationId": conversation.id,
        "sessionId": one.communication_id,
        "userId": one.user_id,
        "queueId": one.queue_id,
        "mediaType": MEDIA_TYPE[conversation.media],
        "direction": one.direction,
        "participantName": one.name,
        "addressFrom": one.ani,
        "addressTo": one.dnis,
        "ani": one.ani,
        "dnis": one.dnis,
        "teamId": one.team_id,
    }


def _named_user(filters: Sequence[Filter]) -> str | None:
    """The one user that filters let through: then nobody else needs to be looked at."""
    for one in filters:
        for told in one.predicates or () if one.type != "or" else ():
            if told.dimension == "userId" and told.operator in {None, "matches"}:
                return told.value
    return None


def _groups(fitting: Iterable[Activity], by: Sequence[str]) -> dict[tuple[str, ...], list[Activity]]:
    groups: dict[tuple[str, ...], list[Activity]] = {}
    for one in fitting:
        groups.setdefault(tuple(one.facts.get(name) or "" for name in by), []).append(one)
    return groups


def _activity_result(
    ask: Ask, wanted: ActivityQuery, group: tuple[str, ...], members: list[Activity]
) -> Wire:
    named = {name: value for name, value in zip(wanted.group_by, group, strict=True) if value}
    metrics = [one.metric for one in wanted.metrics if one.metric is not None]
    detailed = {one.metric for one in wanted.metrics if one.details}
    shown = detailed if ask.world.behaviour.activity_entities else set()
    return {
        "group": named,
        "data": [_activity_data(ask, metric, members) for metric in metrics],
        "truncated": False,
        "entities": [_entity(one) for one in members if one.metric in shown],
    }


def _activity_data(ask: Ask, metric: Metric, members: list[Activity]) -> Wire:
    counted = [one for one in members if one.metric == LONGEST.get(metric, metric)]
    shape: Wire = {"metric": metric, "count": len(counted)}
    if metric in LONGEST and counted:
        shape["calculatedMetricValue"] = round((ask.world.now - min(one.since for one in counted)) * 1000)
    return shape


def _entity(one: Activity) -> Wire:
    shape: Wire = {"activityDate": stamp(one.since), "metric": one.metric}
    return present(shape | {name: one.facts[name] for name in SHOWN})


def query_details(ask: Ask) -> Answer:
    """Records as they were a few seconds ago (knob)."""
    wanted = ask.read(DetailsQuery)
    begin, end = _interval(wanted.interval)
    paging = wanted.paging or Paging()
    size, number = paging.page_size or 25, paging.page_number or 1
    if not (1 <= size <= 100 and number >= 1):  # noqa: PLR2004 -- the published page size
        raise bad_request("pageSize must be 1 to 100, pageNumber at least 1.", code="invalid.value")
    known = _records(ask, _candidates(ask, _named_user(wanted.segment_filters or ())))
    found = [one for one in known if _in_interval(one, begin, end) and _record_meets(wanted, one)]
    found.sort(key=lambda one: one.start_time, reverse=wanted.order == "desc")
    shown = found[(number - 1) * size : number * size]
    shape: Wire = {"totalHits": len(found)}
    if shown:
        shape["conversations"] = [_record(one) for one in shown]
    return json_answer(shape)


def get_details(ask: Ask) -> Answer:
    for one in _records(ask, [ask.params[0]]):
        return json_answer(_record(one))
    raise not_found("conversation", ask.params[0])


def _candidates(ask: Ask, user: str | None) -> list[str]:
    calls = ask.world.calls
    return [one.id for one in (calls.all() if user is None else calls.recent_of_user(user))]


def _records(ask: Ask, identities: Iterable[str]) -> Iterator[Conversation]:
    at = ask.world.now - ask.world.behaviour.details_lag_s
    for identity in identities:
        known = ask.world.calls.as_of(identity, at)
        if known is not None and known.org_id == ask.caller.org_id:
            yield known


def _interval(text: str | None) -> tuple[float, float]:
    if text is None:
        raise bad_request("interval is required.")
    begin, slash, end = text.partition("/")
    try:
        times = _moment(begin), _moment(end)
    except ValueError:
        raise bad_request(f"{text} is not an interval of two ISO 8601 times.", code="invalid.date") from None
    if not slash or times[0] >= times[1]:
        raise bad_request(f"{text} is not an interval of two ISO 8601 times.", code="invalid.date")
    return times


def _moment(text: str) -> float:
    moment = datetime.fromisoformat(text)
    return moment.timestamp() if moment.tzinfo else datetime.fromisoformat(text + "+00:00").timestamp()


def _in_interval(one: Conversation, begin: float, end: float) -> bool:
    return one.start_time < end and (one.end_time is None or one.end_time >= begin)


def _record_meets(wanted: DetailsQuery, one: Conversation) -> bool:
    whole = _conversation_facts(one)
    if not all(_meets(each, whole) for each in wanted.conversation_filters or ()):
        return False
    segments = [_segment_facts(one, leg) for leg in one.participants]
    return all(any(_meets(each, facts) for facts in segments) for each in wanted.segment_filters or ())


def _conversation_facts(one: Conversation) -> Facts:
    return {
        "conversationId": one.id,
        "conversationStart": stamp(one.start_time),
        "conversationEnd": stamped(one.end_time),
        "originatingDirection": _direction(one),
        "divisionId": next(iter(one.division_ids), None),
        "conversationInitiator": one.participants[0].purpose if one.participants else None,
    }


def _segment_facts(one: Conversation, leg: Participant) -> Facts:
    return _facts(one, leg) | {
        "purpose": leg.purpose,
        "segmentStart": stamp(leg.start_time),
        "segmentEnd": stamped(leg.end_time),
        "segmentType": _segment_type(leg),
        "disconnectType": _disconnect(leg),
        "participantId": leg.id,
        "provider": "Edge",
    }


def _meets(wanted: Filter | Clause | None, facts: Facts) -> bool:
    """A filter without predicates lets everything through."""
    if wanted is None:
        return True
    verdicts = [_holds(one, facts) for one in wanted.predicates or ()]
    if isinstance(wanted, Filter):
        verdicts += [_meets(clause, facts) for clause in wanted.clauses or ()]
    if not verdicts:
        return True
    return any(verdicts) if wanted.type == "or" else all(verdicts)


def _holds(told: Predicate, facts: Facts) -> bool:
    fact = facts.get(told.dimension or "")
    if told.operator == "exists":
        return fact is not None
    if told.operator == "notExists":
        return fact is None
    return fact is not None and fact.casefold() == (told.value or "").casefold()


def _record(one: Conversation) -> Wire:
    return present(
        {
            "conversationId": one.id,
            "conversationStart": stamp(one.start_time),
            "conversationEnd": stamped(one.end_time),
            "originatingDirection": _direction(one),
            "divisionIds": list(one.division_ids),
            "participants": [_record_participant(one, leg) for leg in one.participants],
        }
    )


def _record_participant(one: Conversation, leg: Participant) -> Wire:
    session: Wire = {
        "sessionId": leg.communication_id,
        "mediaType": MEDIA_TYPE[one.media],
        "direction": leg.direction,
        "provider": "Edge",
        "ani": leg.ani,
        "dnis": leg.dnis,
        "peerId": leg.peer_id,
        "recording": leg.recording,
        "segments": list(_segments(leg)),
    }
    return present(
        {
            "participantId": leg.id,
            "participantName": leg.name,
            "purpose": leg.purpose if leg.purpose != "supervisor" else "user",
            "userId": leg.user_id,
            "teamId": leg.team_id,
            "sessions": [present(session)],
        }
    )


def _segments(leg: Participant) -> Iterator[Wire]:
    if leg.connected_time is not None and leg.connected_time > leg.start_time and leg.user_id is not None:
        alert: Wire = {"segmentStart": stamp(leg.start_time), "segmentEnd": stamp(leg.connected_time)}
        yield present(alert | {"segmentType": "alert", "queueId": leg.queue_id, "conference": False})
    yield present(
        {
            "segmentStart": stamp(leg.connected_time or leg.start_time),
            "segmentEnd": stamped(leg.end_time),
            "segmentType": _segment_type(leg),
            "queueId": leg.queue_id,
            "disconnectType": _disconnect(leg),
            "conference": False,
        }
    )


def _segment_type(leg: Participant) -> str:
    if leg.connected_time is None:
        return "alert" if leg.state == "alerting" else "dialing"
    return "hold" if leg.held and not leg.ended else "interact"


def _disconnect(leg: Participant) -> str | None:
    kind = leg.disconnect_type
    return None if kind is None else DISCONNECTS.get(kind, kind)


def _direction(one: Conversation) -> str:
    return one.participants[0].direction if one.participants else "inbound"


def query_users(ask: Ask) -> Answer:
    """Counts of queues: it knows no conversations."""
    wanted = ask.read(ObservationQuery)
    people = ask.world.people
    users = [one for one in people.users_of(ask.caller.org_id) if _meets(wanted.filter, {"userId": one.id})]
    results: list[Wire] = []
    for user in users:
        member = [queue for queue in people.queues.values() if user.id in queue.members]
        counts = {
            "oMemberQueues": len(member),
            "oActiveQueues": sum(queue.members[user.id] for queue in member),
        }
        data = [{"metric": metric, "stats": {"count": counts[metric]}} for metric in wanted.metrics]
        results.append({"group": {"userId": user.id}, "data": data})
    return json_answer({"results": results})


_RECORDS = ("analytics:conversationDetail:view", "analytics:agentConversationDetail:view")


def _route(method: str, path: str, do: Callable[[Ask], Answer], *any_of: str) -> Route:
    return Route(method=method, path="/api/v2/analytics" + path, do=do, area="analytics", any_of=any_of)


ROUTES = (
    _route("POST", "/conversations/activity/query", query_activity, "analytics:queueObservation:view"),
    _route("POST", "/conversations/details/query", query_details, *_RECORDS),
    _route("GET", "/conversations/{conversationId}/details", get_details, *_RECORDS),
    _route("POST", "/users/observations/query", query_users, "analytics:userObservation:view"),
)
