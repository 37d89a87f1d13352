"""Users: one, many, found, and the caller."""

from collections.abc import Sequence

from micgate.twin import profiles
from micgate.twin.answers import Wire
from micgate.twin.authorization import token_info
from micgate.twin.events import summary
from micgate.twin.exchange import Answer, json_answer
from micgate.twin.listings import cut, descending, page
from micgate.twin.people import Role, User
from micgate.twin.refusals import Refusal, bad_request, not_authorized, not_found
from micgate.twin.routes import Ask, Route
from micgate.twin.search import UserSearchRequest, meets_all

USERS_PER_PAGE = 100
STATES = ("active", "inactive", "deleted", "any")


def get_me(ask: Ask) -> Answer:
    caller = ask.caller
    if not any(caller.in_scope(area, change=False) for area in ("user-basic-info", "users")):
        caller.needs_scope("users", change=False)
    if caller.user is None:
        raise _no_user(ask.world.behaviour.users_me_without_user)
    return json_answer(user_shape(ask, caller.user, ask.query.items("expand"), me=True))


def _no_user(status: int) -> Refusal:
    if status == 403:  # noqa: PLR2004 -- a knob's value
        return not_authorized()
    if status == 404:  # noqa: PLR2004 -- as above
        return Refusal(404, "not.found", "The requested user was not found.")
    return bad_request("This request requires a user context. Client credentials cannot be used.")


def get_user(ask: Ask) -> Answer:
    wanted = ask.query.text("state") or "active"
    known = ask.world.people.users.get(ask.params[0])
    if known is None or known.org_id != ask.caller.org_id or wanted not in {known.state, "any"}:
        raise not_found("user", ask.params[0])
    return json_answer(user_shape(ask, known, ask.query.items("expand")))


def get_routing_status(ask: Ask) -> Answer:
    known = ask.world.people.users.get(ask.params[0])
    if known is None or known.org_id != ask.caller.org_id:
        raise not_found("user", ask.params[0])
    return json_answer(profiles.routing_status(known))


def list_users(ask: Ask) -> Answer:
    state = ask.query.text("state") or "active"
    if state not in STATES:
        raise bad_request(f"state is one of {', '.join(STATES)}.", code="invalid.value")
    ids = set(ask.query.items("id"))
    expand = ask.query.items("expand")
    found = [
        one
        for one in ask.world.people.users_of(ask.caller.org_id)
        if state in {one.state, "any"} and (not ids or one.id in ids)
    ]
    found.sort(key=lambda one: one.name.casefold(), reverse=descending(ask))
    return page(ask, found, lambda one: user_shape(ask, one, expand), most=USERS_PER_PAGE)


def search_users(ask: Ask) -> Answer:
    """An index behind the truth: somebody new is missing for a while (knob)."""
    wanted = ask.read(UserSearchRequest)
    size = 25 if wanted.page_size is None else wanted.page_size
    number = 1 if wanted.page_number is None else wanted.page_number
    if not (1 <= size <= USERS_PER_PAGE and number >= 1):
        raise bad_request(
            f"pageSize must be 1 to {USERS_PER_PAGE}, pageNumber at least 1.", code="invalid.value"
        )
    indexed_until = ask.world.now - ask.world.behaviour.search_lag_s
    found = [
        one
        for one in ask.world.people.users_of(ask.caller.org_id)
        if one.state != "deleted" and one.created_at <= indexed_until and meets_all(one, wanted.query or [])
    ]
    found.sort(key=lambda one: one.name.casefold(), reverse=wanted.sort_order == "DESC")
    shown = [user_shape(ask, one, wanted.expand or []) for one in cut(found, size, number)]
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


def user_shape(ask: Ask, user: User, expand: Sequence[str], *, me: bool = False) -> Wire:
    shape = profiles.user(user, ask.world.people)
    if "presence" in expand:
        shape["presence"] = profiles.presence(user)
    if "routingStatus" in expand:
        shape["routingStatus"] = profiles.routing_status(user)
    if "conversationSummary" in expand:
        shape["conversationSummary"] = summary(ask.world, user.id)
    if "station" in expand:
        shape["station"] = {}
    if "authorization" in expand:
        shape["authorization"] = _authorization(user.role)
    if "team" in expand and user.team_id is not None:
        shape["team"] = profiles.team(ask.world.people.teams[user.team_id], ask.world.people)
    if me and "organization" in expand:
        shape["organization"] = _organization(ask)
    if me and "token" in expand:
        shape["token"] = token_info(ask)
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


ROUTES = (
    Route(method="GET", path="/api/v2/users/me", do=get_me),
    Route(method="GET", path="/api/v2/users", do=list_users, area="users"),
    Route(method="GET", path="/api/v2/users/{userId}", do=get_user, area="users"),
    Route(method="GET", path="/api/v2/users/{userId}/routingstatus", do=get_routing_status, area="users"),
    Route(
        method="POST",
        path="/api/v2/users/search",
        do=search_users,
        area="users",
        any_of=("directory:user:view",),
    ),
)
