"""Who and what exists: users, queues, teams, authorization, the token itself."""

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Literal, TypeVar

import msgspec

from micgate.twin import answers
from micgate.twin.answers import Wire
from micgate.twin.events import summary
from micgate.twin.exchange import DONE, Answer, json_answer
from micgate.twin.people import SCOPES, Queue, Role, Team, User
from micgate.twin.refusals import Refusal, bad_request, not_found
from micgate.twin.routes import Ask, Route

MOST_PER_PAGE = 500
USERS_PER_PAGE = 100
GRANT_TYPES = {"client_credentials": "CLIENT-CREDENTIALS", "code": "CODE", "pkce": "CODE"}

Thing = TypeVar("Thing")
Named = TypeVar("Named", User, Queue, Team)


class Criterion(msgspec.Struct, rename="camel"):
    type: Literal[
        "EXACT", "STARTS_WITH", "CONTAINS", "REGEX", "TERM", "TERMS", "REQUIRED_FIELDS", "MATCH_ALL", "QUERY_STRING",
        "RANGE", "LESS_THAN", "LESS_THAN_EQUAL_TO", "GREATER_THAN", "GREATER_THAN_EQUAL_TO",
    ]  # fmt: skip
    fields: list[str] | None = None
    value: str | None = None
    values: list[str] | None = None
    operator: Literal["AND", "OR", "NOT"] | None = None
    group: list["Criterion"] | None = None


class UserSearchRequest(msgspec.Struct, rename="camel"):
    page_size: int | None = None
    page_number: int | None = None
    query: list[Criterion] | None = None
    expand: list[str] | None = None
    sort_order: Literal["ASC", "DESC", "SCORE"] | None = None
    sort_by: str | None = None


def get_me(ask: Ask) -> Answer:
    caller = ask.caller
    if not any(caller.in_scope(area, change=False) for area in ("user-basic-info", "users")):
        caller.needs_scope("users", change=False)
    if caller.user is None:
        raise _no_user(ask.world.behaviour.users_me_without_user)
    return json_answer(_user(ask, caller.user, ask.query.items("expand"), me=True))


def _no_user(status: int) -> Refusal:
    if status == 403:  # noqa: PLR2004 -- a knob's value
        return Refusal(403, "not.authorized", "You are not authorized to perform the requested action.")
    if status == 404:  # noqa: PLR2004 -- as above
        return Refusal(404, "not.found", "The requested user was not found.")
    return bad_request("This request requires a user context. Client credentials cannot be used.")


def get_user(ask: Ask) -> Answer:
    wanted = ask.query.text("state") or "active"
    known = ask.world.people.users.get(ask.params[0])
    if known is None or known.org_id != ask.caller.org_id or wanted not in {known.state, "any"}:
        raise not_found("user", ask.params[0])
    return json_answer(_user(ask, known, ask.query.items("expand")))


def get_routing_status(ask: Ask) -> Answer:
    known = ask.world.people.users.get(ask.params[0])
    if known is None or known.org_id != ask.caller.org_id:
        raise not_found("user", ask.params[0])
    return json_answer(answers.routing_status(known))


def list_users(ask: Ask) -> Answer:
    state = ask.query.text("state") or "active"
    ids = set(ask.query.items("id"))
    expand = ask.query.items("expand")
    found = [
        one
        for one in ask.world.people.users_of(ask.caller.org_id)
        if state in {one.state, "any"} and (not ids or one.id in ids)
    ]
    found.sort(key=lambda one: one.name.casefold(), reverse=_descending(ask))
    return _page(ask, found, lambda one: _user(ask, one, expand), most=USERS_PER_PAGE)


def search_users(ask: Ask) -> Answer:
    """An index behind the truth: somebody new is missing for a while (knob)."""
    wanted = ask.read(UserSearchRequest)
    size, number = wanted.page_size or 25, wanted.page_number or 1
    if not (1 <= size <= USERS_PER_PAGE and number >= 1):
        raise bad_request(
            f"pageSize must be 1 to {USERS_PER_PAGE}, pageNumber at least 1.", code="invalid.value"
        )
    indexed_until = ask.world.now - ask.world.behaviour.search_lag_s
    found = [
        one
        for one in ask.world.people.users_of(ask.caller.org_id)
        if one.state != "deleted" and one.created_at <= indexed_until and _meets_all(one, wanted.query or [])
    ]
    found.sort(key=lambda one: one.name.casefold(), reverse=wanted.sort_order == "DESC")
    shown = [_user(ask, one, wanted.expand or []) for one in _cut(found, size, number)]
    return json_answer(_search_answer(ask, shown, total=len(found), size=size, number=number))


def _search_answer(ask: Ask, shown: list[Wire], *, total: int, size: int, number: int) -> Wire:
    shape: Wire = {
        "total": total,
        "pageCount": -(-total // size),
        "pageSize": size,
        "pageNumber": number,
        "types": ["users"],
    }
    if shown or ask.world.behaviour.search_empty == "empty":
        shape["results"] = shown
    return shape


def _meets_all(user: User, query: Iterable[Criterion]) -> bool:
    """Criteria are joined by their own operator: NOT must not fit, one of the ORs must, all others must."""
    either = [_meets(user, one) for one in query if one.operator == "OR"]
    others = (_meets(user, one) != (one.operator == "NOT") for one in query if one.operator != "OR")
    return all(others) and (not either or any(either))


def _meets(user: User, criterion: Criterion) -> bool:
    if criterion.group:
        return _meets_all(user, criterion.group)
    wanted = [*(criterion.values or ()), *([criterion.value] if criterion.value is not None else ())]
    facts = [_fact(user, name) for name in criterion.fields or ("name", "email")]
    if criterion.type == "MATCH_ALL":
        return True
    if criterion.type == "REQUIRED_FIELDS":
        return all(facts)
    return any(_fits(criterion.type, fact, value.casefold()) for fact in facts for value in wanted)


def _fact(user: User, name: str) -> str:
    facts = {
        "id": user.id,
        "name": user.name,
        "email": user.email,
        "username": user.email,
        "state": user.state,
        "title": user.title,
        "department": user.department,
        "divisionId": user.division_id,
    }
    return facts.get(name, "").casefold()


def _fits(kind: str, fact: str, value: str) -> bool:
    if kind in {"EXACT", "TERMS"}:
        return fact == value
    if kind == "STARTS_WITH":
        return any(word.startswith(value) for word in (fact, *fact.split()))
    if kind == "REGEX":
        return _fits_pattern(value, fact)
    return value in fact


def _fits_pattern(pattern: str, fact: str) -> bool:
    try:
        return re.search(pattern, fact) is not None
    except re.error:
        raise bad_request("The value is not a regular expression.", code="invalid.value") from None


def _user(ask: Ask, user: User, expand: Sequence[str], *, me: bool = False) -> Wire:
    shape = answers.user(user, ask.world.people)
    if "presence" in expand:
        shape["presence"] = answers.presence(user)
    if "routingStatus" in expand:
        shape["routingStatus"] = answers.routing_status(user)
    if "conversationSummary" in expand:
        shape["conversationSummary"] = summary(ask.world, user.id)
    if "station" in expand:
        shape["station"] = {}
    if "authorization" in expand:
        shape["authorization"] = _authorization(user.role)
    if "team" in expand and user.team_id is not None:
        shape["team"] = answers.team(ask.world.people.teams[user.team_id], ask.world.people)
    if me and "organization" in expand:
        shape["organization"] = _organization(ask)
    if me and "token" in expand:
        shape["token"] = _token(ask)
    return shape


def _organization(ask: Ask) -> Wire:
    org = ask.world.people.orgs[ask.caller.org_id]
    return {"id": org.id, "name": org.name, "selfUri": "/api/v2/organizations/me"}


def _authorization(role: Role) -> Wire:
    return {
        "roles": [{"id": role.id, "name": role.name}],
        "unusedRoles": [],
        "permissions": sorted(role.permissions),
        "permissionPolicies": [],
    }


def list_queues(ask: Ask) -> Answer:
    """`name` takes `*` and ignores case."""
    pattern = _name_pattern(ask.query.text("name"))
    ids, divisions = set(ask.query.items("id")), set(ask.query.items("divisionId"))
    found = [
        one
        for one in ask.world.people.queues.values()
        if one.org_id == ask.caller.org_id
        and _visible(ask, one)
        and (pattern is None or pattern.fullmatch(one.name))
        and (not ids or one.id in ids)
        and (not divisions or one.division_id in divisions)
    ]
    found.sort(key=lambda one: one.name.casefold(), reverse=_descending(ask))
    return _page(ask, found, lambda one: answers.queue(one, ask.world.people))


def _visible(ask: Ask, queue: Queue) -> bool:
    return ask.caller.role.grants_any(("routing:queue:view",), (queue.division_id,))


def get_queue(ask: Ask) -> Answer:
    return json_answer(answers.queue(_queue(ask), ask.world.people))


def list_members(ask: Ask) -> Answer:
    queue = _queue(ask)
    joined, status = ask.query.text("joined"), set(ask.query.items("routingStatus"))
    pattern, presence = _name_pattern(ask.query.text("name")), set(ask.query.items("presence"))
    by_group = ask.query.text("memberBy") == "group"
    members = [ask.world.people.users[identity] for identity in queue.members]
    found = [
        one
        for one in members
        if not by_group
        and (joined is None or queue.members[one.id] == (joined.lower() == "true"))
        and (not status or one.routing in status)
        and (not presence or one.presence in {wanted.upper().replace(" ", "_") for wanted in presence})
        and (pattern is None or pattern.fullmatch(one.name))
    ]
    size, number = _paging(ask, most=MOST_PER_PAGE)
    entities = [_member(ask, one, queue) for one in _cut(found, size, number)]
    listing = answers.paged(entities, path=ask.path, size=size, number=number, total=len(found))
    for absent in ("total", "pageCount", "lastUri"):
        del listing[absent]
    return json_answer(listing)


def _member(ask: Ask, user: User, queue: Queue) -> Wire:
    shape = answers.queue_member(user, queue, ask.world.people)
    shape["user"] = _user(ask, user, ask.query.items("expand"))
    return shape


def _queue(ask: Ask) -> Queue:
    known = ask.world.people.queues.get(ask.params[0])
    if known is None or known.org_id != ask.caller.org_id:
        raise not_found("queue", ask.params[0])
    return known


def list_teams(ask: Ask) -> Answer:
    pattern = _name_pattern(ask.query.text("name"))
    found = [
        one
        for one in ask.world.people.teams.values()
        if one.org_id == ask.caller.org_id and (pattern is None or pattern.fullmatch(one.name))
    ]
    return _cursor(ask, [answers.team(one, ask.world.people) for one in found])


def list_team_members(ask: Ask) -> Answer:
    known = ask.world.people.teams.get(ask.params[0])
    if known is None or known.org_id != ask.caller.org_id:
        raise not_found("team", ask.params[0])
    users = [ask.world.people.users[identity] for identity in known.member_ids]
    return _cursor(
        ask, [{"id": one.id, "name": one.name, "selfUri": f"/api/v2/users/{one.id}"} for one in users]
    )


def divisions_permitted(ask: Ask) -> Answer:
    permission = ask.query.text("permission")
    if permission is None:
        raise bad_request("permission is required.")
    known = ask.world.people.divisions
    permitted = [known[one] for one in ask.world.access.divisions_permitted(ask.caller, permission)]
    name = (ask.query.text("name") or "").casefold()
    return json_answer([answers.division(one) for one in permitted if name in one.name.casefold()])


def my_subject(ask: Ask) -> Answer:
    caller = ask.caller
    if caller.user is not None:
        return json_answer(_subject(ask, caller.user.id, caller.user.name, caller.role))
    return json_answer(_subject(ask, caller.client.id, caller.client.name, caller.role))


def get_subject(ask: Ask) -> Answer:
    people, wanted = ask.world.people, ask.params[0]
    known = people.users.get(wanted) or people.clients.get(wanted)
    if known is None or known.org_id != ask.caller.org_id:
        raise not_found("subject", wanted)
    return json_answer(_subject(ask, known.id, known.name, known.role))


def _subject(ask: Ask, identity: str, name: str, role: Role) -> Wire:
    """AuthzSubject: one role, in the divisions it is granted in."""
    known = ask.world.people.divisions_of(ask.caller.org_id)
    granted = [one for one in known if role.division_ids is None or one.id in role.division_ids]
    shape: Wire = {"id": role.id, "name": role.name, "policies": _policies(role)}
    grants = [
        {
            "subjectId": identity,
            "division": answers.division(one),
            "role": shape,
            "grantMadeAt": answers.stamp(0),
        }
        for one in granted
    ]
    return {"id": identity, "name": name, "grants": grants, "version": 1}


def _policies(role: Role) -> list[Wire]:
    by_entity: dict[tuple[str, str], list[str]] = {}
    for permission in sorted(role.permissions):
        domain, entity, action = permission.split(":")
        by_entity.setdefault((domain, entity), []).append(action)
    return [
        {"domain": domain, "entityName": entity, "actions": actions}
        for (domain, entity), actions in by_entity.items()
    ]


def list_scopes(ask: Ask) -> Answer:
    entities = [
        {"id": scope, "description": _scope_text(scope), "selfUri": f"/api/v2/oauth/scopes/{scope}"}
        for scope in SCOPES
    ]
    return json_answer({"total": len(entities), "entities": entities, "selfUri": "/api/v2/oauth/scopes"})


def _scope_text(scope: str) -> str:
    area, _, readonly = scope.partition(":")
    return f"View {area}" if readonly else f"View and change {area}"


def get_token(ask: Ask) -> Answer:
    return json_answer(_token(ask))


def _token(ask: Ask) -> Wire:
    token, client = ask.caller.token, ask.caller.client
    org = ask.world.people.orgs[token.org_id]
    named = {"id": org.id, "name": org.name}
    shape: Wire = {
        "organization": named,
        "homeOrganization": named,
        "authorizedScope": sorted(token.scopes),
        "OAuthClient": {
            "id": client.id,
            "name": client.name,
            "authorizedGrantType": GRANT_TYPES[client.grant],
            "scope": sorted(client.scopes),
            "state": "active",
            "organization": named,
        },
    }
    idle = ask.world.behaviour.idle_token_s
    if idle:
        shape["dateTokenIdles"] = answers.stamp(ask.world.now + idle)
    return shape


def delete_token(ask: Ask) -> Answer:
    ask.world.tokens.revoke(ask.caller.token)
    return DONE


def _page(
    ask: Ask, found: Sequence[Thing], shape: Callable[[Thing], Wire], *, most: int = MOST_PER_PAGE
) -> Answer:
    size, number = _paging(ask, most=most)
    entities = [shape(one) for one in _cut(found, size, number)]
    return json_answer(answers.paged(entities, path=ask.path, size=size, number=number, total=len(found)))


def _paging(ask: Ask, *, most: int) -> tuple[int, int]:
    return (
        ask.query.number("pageSize", default=25, most=most),
        ask.query.number("pageNumber", default=1, most=1_000_000),
    )


def _cut(found: Sequence[Thing], size: int, number: int) -> Sequence[Thing]:
    return found[(number - 1) * size : number * size]


def _cursor(ask: Ask, entities: list[Wire]) -> Answer:
    """Team listings page by cursor; `after` is the number of entries before the page."""
    size = ask.query.number("pageSize", default=25, most=MOST_PER_PAGE)
    after = ask.query.text("after") or "0"
    if not after.isdecimal():
        raise bad_request("after is not a cursor of this listing.", code="invalid.value")
    end = int(after) + size
    shape: Wire = {
        "entities": entities[int(after) : end],
        "selfUri": f"{ask.path}?pageSize={size}&after={after}",
    }
    if end < len(entities):
        shape["nextUri"] = f"{ask.path}?pageSize={size}&after={end}"
    return json_answer(shape)


def _name_pattern(name: str | None) -> re.Pattern[str] | None:
    if name is None:
        return None
    return re.compile(".*".join(map(re.escape, name.split("*"))), re.IGNORECASE)


def _descending(ask: Ask) -> bool:
    return (ask.query.text("sortOrder") or "").lower() in {"desc", "descending"}


_VIEW_QUEUES = ("routing:queue:view",)
_VIEW_MEMBERS = (
    "routing:queue:view",
    "routing:queue:edit",
    "routing:queue:readonly",
    "routing:queueMember:manage",
)
_VIEW_TEAMS = ("groups:team:view",)


def _route(
    method: str, path: str, do: Callable[[Ask], Answer], area: str | None = None, any_of: tuple[str, ...] = ()
) -> Route:
    return Route(method=method, path=path, do=do, area=area, any_of=any_of)


ROUTES = (
    _route("GET", "/api/v2/users/me", get_me),
    _route("GET", "/api/v2/users", list_users, "users"),
    _route("GET", "/api/v2/users/{userId}", get_user, "users"),
    _route("GET", "/api/v2/users/{userId}/routingstatus", get_routing_status, "users"),
    _route("POST", "/api/v2/users/search", search_users, "users", ("directory:user:view",)),
    _route("GET", "/api/v2/routing/queues", list_queues, "routing", _VIEW_QUEUES),
    _route("GET", "/api/v2/routing/queues/{queueId}", get_queue, "routing", _VIEW_QUEUES),
    _route("GET", "/api/v2/routing/queues/{queueId}/members", list_members, "routing", _VIEW_MEMBERS),
    _route("GET", "/api/v2/teams", list_teams, None, _VIEW_TEAMS),
    _route("GET", "/api/v2/teams/{teamId}/members", list_team_members, None, _VIEW_TEAMS),
    _route("GET", "/api/v2/authorization/divisionspermitted/me", divisions_permitted, "authorization"),
    _route("GET", "/api/v2/authorization/subjects/me", my_subject, "authorization"),
    _route(
        "GET",
        "/api/v2/authorization/subjects/{subjectId}",
        get_subject,
        "authorization",
        ("authorization:grant:view",),
    ),
    _route("GET", "/api/v2/oauth/scopes", list_scopes),
    _route("GET", "/api/v2/tokens/me", get_token),
    _route("DELETE", "/api/v2/tokens/me", delete_token),
)
