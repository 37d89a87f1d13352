"""Analytics records of conversations, a little behind the present."""

from collections.abc import Iterable, Iterator
from typing import Literal

import msgspec

from micgate.twin.answers import Wire, present, stamp, stamped
from micgate.twin.calls import Conversation, Participant
from micgate.twin.exchange import Answer, json_answer, moment
from micgate.twin.predicates import MEDIA_TYPE, Facts, Filter, facts, meets, named_user
from micgate.twin.refusals import bad_request, not_found
from micgate.twin.routes import Ask, Route

MOST_PER_PAGE = 100
RECORDS = ("analytics:conversationDetail:view", "analytics:agentConversationDetail:view")
DISCONNECTS = {
    "transfer.conference": "conferenceTransfer", "transfer.consult": "consultTransfer",
    "transfer.donotdisturb": "dndTransfer", "endpoint.donotdisturb": "dndEndpoint",
    "transfer.forward": "forwardTransfer", "transfer.noanswer": "noAnswerTransfer",
    "transfer.notavailable": "notAvailableTransfer", "transport.failure": "transportFailure",
    "session.expired": "sessionExpired",
}  # fmt: skip


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


def query_details(ask: Ask) -> Answer:
    """Records as they were a few seconds ago (knob)."""
    wanted = ask.read(DetailsQuery)
    begin, end = _interval(wanted.interval)
    paging = wanted.paging or Paging()
    size, number = paging.page_size or 25, paging.page_number or 1
    if not (1 <= size <= MOST_PER_PAGE and number >= 1):
        raise bad_request(
            f"pageSize must be 1 to {MOST_PER_PAGE}, pageNumber at least 1.", code="invalid.value"
        )
    known = _records(ask, _candidates(ask, named_user(wanted.segment_filters or ())))
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
    times = moment(begin), moment(end)
    if not slash or times[0] >= times[1]:
        raise bad_request(f"{text} is not an interval of two ISO 8601 times.", code="invalid.date")
    return times


def _in_interval(one: Conversation, begin: float, end: float) -> bool:
    return one.start_time < end and (one.end_time is None or one.end_time >= begin)


def _record_meets(wanted: DetailsQuery, one: Conversation) -> bool:
    whole = _conversation_facts(one)
    if not all(meets(each, whole) for each in wanted.conversation_filters or ()):
        return False
    segments = [_segment_facts(one, leg) for leg in one.participants]
    return all(any(meets(each, facts) for facts in segments) for each in wanted.segment_filters or ())


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
    return facts(one, leg) | {
        "purpose": leg.purpose,
        "segmentStart": stamp(leg.start_time),
        "segmentEnd": stamped(leg.end_time),
        "segmentType": _segment_type(leg),
        "disconnectType": _disconnect(leg),
        "participantId": leg.id,
        "provider": "Edge",
    }


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


ROUTES = (
    Route(
        method="POST",
        path="/api/v2/analytics/conversations/details/query",
        do=query_details,
        area="analytics",
        any_of=RECORDS,
    ),
    Route(
        method="GET",
        path="/api/v2/analytics/conversations/{conversationId}/details",
        do=get_details,
        area="analytics",
        any_of=RECORDS,
    ),
)
