"""Queues and teams, with their members."""

from micgate.twin import profiles
from micgate.twin.answers import Wire
from micgate.twin.exchange import Answer, json_answer
from micgate.twin.listings import MOST_PER_PAGE, cursor, cut, descending, name_pattern, page, paged, paging
from micgate.twin.people import Queue, User
from micgate.twin.refusals import not_found
from micgate.twin.routes import Ask, Route
from micgate.twin.users import user_shape

VIEW_QUEUES = ("routing:queue:view",)
VIEW_MEMBERS = (
    "routing:queue:view",
    "routing:queue:edit",
    "routing:queue:readonly",
    "routing:queueMember:manage",
)
VIEW_TEAMS = ("groups:team:view",)
QUEUES = "/api/v2/routing/queues"


def list_queues(ask: Ask) -> Answer:
    """`name` takes `*` and ignores case."""
    pattern = name_pattern(ask.query.text("name"))
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
    found.sort(key=lambda one: one.name.casefold(), reverse=descending(ask))
    return page(ask, found, lambda one: profiles.queue(one, ask.world.people))


def _visible(ask: Ask, queue: Queue) -> bool:
    return ask.caller.role.grants_any(VIEW_QUEUES, (queue.division_id,))


def get_queue(ask: Ask) -> Answer:
    return json_answer(profiles.queue(_queue(ask), ask.world.people))


def list_members(ask: Ask) -> Answer:
    queue = _queue(ask)
    joined, status = ask.query.text("joined"), set(ask.query.items("routingStatus"))
    pattern, presence = name_pattern(ask.query.text("name")), set(ask.query.items("presence"))
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
    size, number = paging(ask, most=MOST_PER_PAGE)
    entities = [_member(ask, one, queue) for one in cut(found, size, number)]
    listing = paged(entities, path=ask.path, size=size, number=number, total=len(found))
    for absent in ("total", "pageCount", "lastUri"):
        del listing[absent]
    return json_answer(listing)


def _member(ask: Ask, user: User, queue: Queue) -> Wire:
    shape = profiles.queue_member(user, queue, ask.world.people)
    shape["user"] = user_shape(ask, user, ask.query.items("expand"))
    return shape


def _queue(ask: Ask) -> Queue:
    known = ask.world.people.queues.get(ask.params[0])
    if known is None or known.org_id != ask.caller.org_id:
        raise not_found("queue", ask.params[0])
    return known


def list_teams(ask: Ask) -> Answer:
    pattern = name_pattern(ask.query.text("name"))
    found = [
        one
        for one in ask.world.people.teams.values()
        if one.org_id == ask.caller.org_id and (pattern is None or pattern.fullmatch(one.name))
    ]
    return cursor(ask, [profiles.team(one, ask.world.people) for one in found])


def list_team_members(ask: Ask) -> Answer:
    known = ask.world.people.teams.get(ask.params[0])
    if known is None or known.org_id != ask.caller.org_id:
        raise not_found("team", ask.params[0])
    users = [ask.world.people.users[identity] for identity in known.member_ids]
    return cursor(
        ask, [{"id": one.id, "name": one.name, "selfUri": f"/api/v2/users/{one.id}"} for one in users]
    )


ROUTES = (
    Route(method="GET", path=QUEUES, do=list_queues, area="routing", any_of=VIEW_QUEUES),
    Route(method="GET", path=QUEUES + "/{queueId}", do=get_queue, area="routing", any_of=VIEW_QUEUES),
    Route(
        method="GET", path=QUEUES + "/{queueId}/members", do=list_members, area="routing", any_of=VIEW_MEMBERS
    ),
    Route(method="GET", path="/api/v2/teams", do=list_teams, any_of=VIEW_TEAMS),
    Route(method="GET", path="/api/v2/teams/{teamId}/members", do=list_team_members, any_of=VIEW_TEAMS),
)
