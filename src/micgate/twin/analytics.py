"""The analytics queries about now: who is interacting, and the queues of users."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import msgspec

from micgate.twin.answers import Wire, present, stamp
from micgate.twin.calls import Participant
from micgate.twin.exchange import Answer, json_answer
from micgate.twin.predicates import Facts, Filter, facts, meets, named_user
from micgate.twin.refusals import bad_request
from micgate.twin.routes import Ask, Route

Metric = Literal["oAlerting", "oInteracting", "oLongestInteracting", "oLongestWaiting", "oWaiting"]
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


class ActivityMetric(msgspec.Struct):
    """The vendor's guide writes `name` where its SDKs write `metric`."""

    metric: Metric | None = None
    name: Metric | None = None
    details: bool | None = None

    @property
    def wanted(self) -> Metric:
        """Raises Refusal (400)."""
        found = self.metric or self.name
        if found is None:
            raise bad_request("metric is required.", code="invalid.value")
        return found


class ActivityQuery(msgspec.Struct, rename="camel"):
    metrics: list[ActivityMetric]
    group_by: list[str]
    filter: Filter | None = None
    order: Literal["asc", "desc", "unordered"] | None = None


class ObservationQuery(msgspec.Struct, rename="camel"):
    filter: Filter
    metrics: list[Literal["oActiveQueues", "oMemberQueues"]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """One end of a conversation that counts towards a metric now."""

    metric: Metric
    since: float
    facts: Facts


def query_activity(ask: Ask) -> Answer:
    """The present state, by groups. Entities only where `details` asks for them."""
    wanted = ask.read(ActivityQuery)
    if not wanted.metrics or not wanted.group_by:
        raise bad_request("metrics and groupBy must not be empty.", code="invalid.value")
    _check_dimensions([*wanted.group_by, *_dimensions([wanted.filter] if wanted.filter else ())])
    named = named_user([wanted.filter] if wanted.filter else [])
    counted = {LONGEST.get(one.wanted, one.wanted) for one in wanted.metrics}
    fitting = [
        one
        for one in _activities(ask, user=named)
        if one.metric in counted and meets(wanted.filter, one.facts)
    ]
    size = ask.query.number("pageSize", default=1000, most=10_000)
    size = min(size, ask.world.behaviour.activity_page_most)
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
                yield Activity(metric=metric, since=since or one.start_time, facts=facts(conversation, one))


def _metric(one: Participant) -> Metric | None:
    """A metric counts the platform's people, and the queue for who waits in it."""
    if one.ended:
        return None
    if one.purpose == "acd":
        return "oWaiting"
    if one.user_id is None or one.purpose == "voicemail":
        return None
    return "oInteracting" if one.connected else "oAlerting"


def _groups(fitting: Iterable[Activity], by: Sequence[str]) -> dict[tuple[str, ...], list[Activity]]:
    groups: dict[tuple[str, ...], list[Activity]] = {}
    for one in fitting:
        groups.setdefault(tuple(one.facts.get(name) or "" for name in by), []).append(one)
    return groups


def _activity_result(
    ask: Ask, wanted: ActivityQuery, group: tuple[str, ...], members: list[Activity]
) -> Wire:
    named = {name: value for name, value in zip(wanted.group_by, group, strict=True) if value}
    detailed = {one.wanted for one in wanted.metrics if one.details}
    shown = detailed if ask.world.behaviour.activity_entities else set()
    return {
        "group": named,
        "data": [_activity_data(ask, one.wanted, members) for one in wanted.metrics],
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


def query_users(ask: Ask) -> Answer:
    """Counts of queues: it knows no conversations."""
    wanted = ask.read(ObservationQuery)
    people = ask.world.people
    users = [one for one in people.users_of(ask.caller.org_id) if meets(wanted.filter, {"userId": one.id})]
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


ROUTES = (
    Route(
        method="POST",
        path="/api/v2/analytics/conversations/activity/query",
        do=query_activity,
        area="analytics",
        any_of=("analytics:queueObservation:view",),
    ),
    Route(
        method="POST",
        path="/api/v2/analytics/users/observations/query",
        do=query_users,
        area="analytics",
        any_of=("analytics:userObservation:view",),
    ),
)
