"""One function per vendor operation we use, and one reader per kind of answer. Nothing here does I/O.

Paths, bodies and answers are those of the vendor's Python SDK (v269): `apis/conversations_api.py`,
`users_api.py`, `routing_api.py`, `analytics_api.py`, `notifications_api.py`, `tokens_api.py`,
`authorization_api.py`, `o_auth_api.py`. That a PATCH answers 202 without a body is said by the vendor's CLI
(`gc`, 166.0.0).

Readers raise `NotGenesys` when a 2xx answer is not what the vendor describes: a gateway answered.
"""

from collections.abc import Sequence
from typing import TypeVar
from urllib.parse import quote

import msgspec

from micgate.genesys.errors import BadRequest, NotGenesys
from micgate.genesys.messages import Kind, Request, Response
from micgate.genesys.models import (
    ActivityRow,
    AvailableTopic,
    Channel,
    ChannelTopic,
    Conversation,
    DetailRow,
    Page,
    Queue,
    QueueMember,
    Reference,
    Subject,
    TokenInfo,
    User,
)
from micgate.genesys.shapes import CallShape, WholeShape, from_call, from_whole

JSON = "application/json"
COMMAND_TIMEOUT = 4.0
"""Seconds for one state change: longer, and nothing of an interactive command's patience is left to look."""

_Answer = TypeVar("_Answer")


def patch_participant(conversation_id: str, participant_id: str, *, muted: bool) -> Request:
    """Mute or un-mute as a party to the conversation; 403 `not.authorized` for everybody else."""
    return _change("PATCH", _participant(conversation_id, participant_id), _MUTE[muted])


def patch_participant_on_behalf(
    conversation_id: str, participant_id: str, *, user_id: str, muted: bool
) -> Request:
    """The same in the name of `user_id`, who must be in the conversation: for a caller without a user.

    That it honours `muted` from a client-credentials token is unconfirmed.
    """
    path = f"{_participant(conversation_id, participant_id)}/user/{_segment(user_id)}"
    return _change("PATCH", path, _MUTE[muted])


def set_recording_state(conversation_id: str, *, paused: bool) -> Request:
    """Start or end a secure pause, in the call or not. Needs `conversation:recording:pauseOthers`."""
    body = msgspec.json.encode({"recordingState": "PAUSED" if paused else "ACTIVE"})
    return _change("PUT", f"{_CALLS}/{_segment(conversation_id)}/recordingstate", body)


def get_call(conversation_id: str, *, within: float | None = None) -> Request:
    """No permission is listed for it; whether a client-credentials token may is unconfirmed.

    `within` seconds it is asked once, by somebody who asks again himself; otherwise with patience.
    """
    return _hurried(_get(f"{_CALLS}/{_segment(conversation_id)}"), within)


def get_conversation(conversation_id: str, *, within: float | None = None) -> Request:
    """Any media; needs `conversation:communication:view`. `within` as for `get_call`."""
    return _hurried(_get(f"{_CONVERSATIONS}/{_segment(conversation_id)}"), within)


def get_own_calls() -> Request:
    """The calling user's calls. Useless without a user: an empty list or a 4xx (unconfirmed which)."""
    return _get(_CALLS)


def read_call(response: Response) -> Conversation:
    return from_call(_decoded(response, CallShape))


def read_conversation(response: Response) -> Conversation:
    return from_whole(_decoded(response, WholeShape))


def read_own_calls(response: Response) -> tuple[Conversation, ...]:
    return tuple(from_call(shape) for shape in _decoded(response, Page[CallShape]).items)


def get_me(*, expand: Sequence[str] = ()) -> Request:
    """The calling user. Refused for client credentials with a 4xx."""
    return _get("/api/v2/users/me", _listed("expand", expand))


def get_user(user_id: str, *, expand: Sequence[str] = ()) -> Request:
    return _get(f"/api/v2/users/{_segment(user_id)}", _listed("expand", expand))


def get_users(
    ids: Sequence[str] = (), *, page: int = 1, size: int = 100, expand: Sequence[str] = ()
) -> Request:
    """Everybody, or those with these ids. There is no e-mail filter; 100 a page is the most (unconfirmed)."""
    return _get("/api/v2/users", (*_paged(page, size), *_listed("id", ids), *_listed("expand", expand)))


def search_users(field: str, value: str, *, match: str = "EXACT", size: int = 25) -> Request:
    """People whose `field` ("email", "name") matches. Needs `directory:user:view`.

    It is an index: somebody new can be missing for a while. The caller compares what comes back.
    """
    query = [{"type": match, "fields": [field], "value": value}]
    return _ask("/api/v2/users/search", {"pageSize": size, "pageNumber": 1, "query": query})


def read_user(response: Response) -> User:
    return _decoded(response, User)


def read_users(response: Response) -> Page[User]:
    return _decoded(response, Page[User])


def read_found_users(response: Response) -> tuple[User, ...]:
    """`results` may be absent when nothing matches."""
    return _decoded(response, _Found).results or ()


def get_queues(*, name: str | None = None, page: int = 1, size: int = 100) -> Request:
    named = (("name", name),) if name else ()
    return _get("/api/v2/routing/queues", (*_paged(page, size), *named))


def get_queue_members(queue_id: str, *, page: int = 1, size: int = 100) -> Request:
    """The listing has no `total`: go on while `next_uri` is there."""
    return _get(f"/api/v2/routing/queues/{_segment(queue_id)}/members", _paged(page, size))


def read_queues(response: Response) -> Page[Queue]:
    return _decoded(response, Page[Queue])


def read_queue_members(response: Response) -> Page[QueueMember]:
    return _decoded(response, Page[QueueMember])


def activity(
    user_id: str | None = None, *, queue_id: str | None = None, page: int = 1, size: int = 100
) -> Request:
    """Which calls go on now (`oInteracting`) or ring (`oAlerting`). Needs `analytics:queueObservation:view`.

    The vendor's page speaks of queue interactions: calls that never touched a queue may be absent
    (unconfirmed).
    https://developer.genesys.cloud/analyticsdatamanagement/analytics/observation/activity-query
    """
    filters = [("userId", user_id), ("queueId", queue_id), ("mediaType", "voice")]
    body = {
        "metrics": [{"metric": metric, "details": True} for metric in ("oInteracting", "oAlerting")],
        "groupBy": ["userId"],
        "filter": {"type": "and", "predicates": [_matches(name, value) for name, value in filters if value]},
    }
    return _ask("/api/v2/analytics/conversations/activity/query", body, _paged(page, size))


def read_activity(response: Response) -> tuple[ActivityRow, ...]:
    results = _decoded(response, _Activity).results or ()
    return tuple(row for result in results for row in result.entities or ())


def details(user_id: str, *, interval: str, size: int = 25) -> Request:
    """The user's calls that have not ended, newest first; seconds behind real time.

    `interval` is "2026-01-15T00:00:00.000Z/2026-01-16T00:00:00.000Z".
    Needs `analytics:conversationDetail:view`.
    """
    ongoing = {"type": "dimension", "dimension": "conversationEnd", "operator": "notExists"}
    open_segment = {"type": "dimension", "dimension": "segmentEnd", "operator": "notExists"}
    segment = [_matches("userId", user_id), _matches("mediaType", "voice"), open_segment]
    body = {
        "interval": interval,
        "order": "desc",
        "orderBy": "conversationStart",
        "paging": {"pageSize": size, "pageNumber": 1},
        "conversationFilters": [{"type": "and", "predicates": [ongoing]}],
        "segmentFilters": [{"type": "and", "predicates": segment}],
    }
    return _ask("/api/v2/analytics/conversations/details/query", body)


def read_details(response: Response) -> tuple[DetailRow, ...]:
    return _decoded(response, _Details).conversations or ()


def create_channel() -> Request:
    """A new notification channel. The 21st of a client removes the one least recently used."""
    return Request(method="POST", path=_CHANNELS, kind=Kind.CHANGE)


def get_channels() -> Request:
    """The channels of this OAuth client, whichever process made them."""
    return _get(_CHANNELS, (("includechannels", "oauthclient"),))


def head_channel(channel_id: str) -> Request:
    """2xx while the channel exists, 404 afterwards."""
    return Request(method="HEAD", path=f"{_CHANNELS}/{_segment(channel_id)}")


def get_subscriptions(channel_id: str) -> Request:
    return _get(_subscriptions(channel_id))


def put_subscriptions(channel_id: str, topics: Sequence[str]) -> Request:
    """Replace the channel's topics and extend its life. Refused ones come back marked and fail nothing."""
    return _topics("PUT", channel_id, topics)


def add_subscriptions(channel_id: str, topics: Sequence[str]) -> Request:
    return _topics("POST", channel_id, topics)


def get_available_topics() -> Request:
    """Every topic that exists and the permissions it asks for."""
    return _get(
        "/api/v2/notifications/availabletopics", (("expand", "requiresPermissions,permissionDetails"),)
    )


def read_channel(response: Response) -> Channel:
    return _decoded(response, Channel)


def read_channels(response: Response) -> tuple[Channel, ...]:
    return _decoded(response, Page[Channel]).items


def read_subscriptions(response: Response) -> tuple[ChannelTopic, ...]:
    return _decoded(response, Page[ChannelTopic]).items


def read_available_topics(response: Response) -> tuple[AvailableTopic, ...]:
    return _decoded(response, Page[AvailableTopic]).items


def get_token() -> Request:
    """What this token is: organization, OAuth client, scopes."""
    return _get("/api/v2/tokens/me")


def read_token(response: Response) -> TokenInfo:
    return _decoded(response, TokenInfo)


def get_scopes() -> Request:
    """Every scope the region knows."""
    return _get("/api/v2/oauth/scopes")


def read_scopes(response: Response) -> tuple[str, ...]:
    return tuple(scope.id for scope in _decoded(response, Page[Reference]).items if scope.id)


def get_own_grants() -> Request:
    """The caller's roles with their policies, each in a division."""
    return _get("/api/v2/authorization/subjects/me", (("includeFullRoles", "true"),))


def read_grants(response: Response) -> Subject:
    return _decoded(response, Subject)


def get_permitted_divisions(permission: str) -> Request:
    """The divisions in which the caller holds this one permission; needs no permission itself."""
    return _get("/api/v2/authorization/divisionspermitted/me", (("permission", permission),))


def read_divisions(response: Response) -> tuple[Reference, ...]:
    return _decoded(response, tuple[Reference, ...])


_CONVERSATIONS = "/api/v2/conversations"
_CALLS = "/api/v2/conversations/calls"
_CHANNELS = "/api/v2/notifications/channels"

# Each member of the body is executed as an action (Genesys staff: https://community.genesys.com/discussion/
# update-and-change-system-wrap-up-codes), so these are the whole bodies.
_MUTE = {True: b'{"muted": true}', False: b'{"muted": false}'}

_Pairs = tuple[tuple[str, str], ...]


class _Found(msgspec.Struct):
    results: tuple[User, ...] | None = None


class _ActivityResult(msgspec.Struct):
    entities: tuple[ActivityRow, ...] | None = None


class _Activity(msgspec.Struct):
    results: tuple[_ActivityResult, ...] | None = None


class _Details(msgspec.Struct):
    conversations: tuple[DetailRow, ...] | None = None


def _get(path: str, query: _Pairs = ()) -> Request:
    return Request(method="GET", path=path, query=query)


def _hurried(request: Request, within: float | None) -> Request:
    if within is None:
        return request
    return msgspec.structs.replace(request, timeout=within, patience=0.0)


def _ask(path: str, body: object, query: _Pairs = ()) -> Request:
    """A question that needs a body: a POST that changes nothing."""
    return Request(method="POST", path=path, query=query, body=msgspec.json.encode(body), content_type=JSON)


def _change(method: str, path: str, body: bytes) -> Request:
    return Request(
        method=method,
        path=path,
        kind=Kind.CHANGE,
        body=body,
        content_type=JSON,
        timeout=COMMAND_TIMEOUT,
    )


def _topics(method: str, channel_id: str, topics: Sequence[str]) -> Request:
    """Kind READ although it writes: subscribing twice to the same topics is subscribing once."""
    return Request(
        method=method,
        path=_subscriptions(channel_id),
        query=(("ignoreErrors", "true"),),
        body=msgspec.json.encode([{"id": topic} for topic in topics]),
        content_type=JSON,
    )


def _participant(conversation_id: str, participant_id: str) -> str:
    return f"{_CALLS}/{_segment(conversation_id)}/participants/{_segment(participant_id)}"


def _subscriptions(channel_id: str) -> str:
    return f"{_CHANNELS}/{_segment(channel_id)}/subscriptions"


def _segment(value: str) -> str:
    """An id as one path segment, whatever it holds."""
    if value in {"", ".", ".."}:
        raise BadRequest(f"{value!r} is not an id.", remedy="Give the id as Genesys Cloud shows it.")
    return quote(value, safe="")


def _paged(page: int, size: int) -> _Pairs:
    return (("pageSize", str(size)), ("pageNumber", str(page)))


def _listed(name: str, values: Sequence[str]) -> _Pairs:
    return ((name, ",".join(values)),) if values else ()


def _matches(dimension: str, value: str) -> dict[str, str]:
    return {"type": "dimension", "dimension": dimension, "operator": "matches", "value": value}


def _decoded(response: Response, shape: type[_Answer]) -> _Answer:
    try:
        return msgspec.json.decode(response.body, type=shape)
    except msgspec.MsgspecError as error:
        raise NotGenesys(
            "The answer is not what Genesys Cloud sends.",
            means="A proxy, a gateway or another service answered instead.",
            remedy="Check the region, and the proxy settings if there is a proxy.",
            status=response.status,
            correlation_id=response.correlation_id,
        ) from error
