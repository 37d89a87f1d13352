"""Who works in a new contact centre: divisions, queues, teams, agents, a supervisor, and two clients."""

import random
from collections.abc import Iterable
from dataclasses import dataclass

from micgate.twin import names
from micgate.twin.floor import Floor
from micgate.twin.people import (
    AGENT_PERMISSIONS,
    SCOPES,
    SUPERVISOR_PERMISSIONS,
    Client,
    Division,
    GrantKind,
    Org,
    Queue,
    Role,
    Team,
    User,
)
from micgate.twin.refusals import Impossible

CLIENT_PERMISSIONS = frozenset(
    {
        "analytics:agentConversationDetail:view",
        "analytics:conversationDetail:view",
        "analytics:queueObservation:view",
        "analytics:userObservation:view",
        "authorization:grant:view",
        "conversation:agentlessCall:add",
        "conversation:call:record",
        "conversation:communication:disconnect",
        "conversation:communication:view",
        "conversation:participant:wrapup",
        "conversation:recording:pauseOthers",
        "directory:user:view",
        "groups:team:view",
        "routing:queue:edit",
        "routing:queue:readonly",
        "routing:queue:view",
        "routing:queueMember:manage",
    }
)
"""Every permission that the vendor's reference lists for an operation the simulator has."""

AGENTS_PER_QUEUE = 6
AGENTS_PER_TEAM = 8
MOST_QUEUES = len(names.QUEUES)
TOKEN_SECONDS = range(1, 172_801)


@dataclass(frozen=True, slots=True)
class Population:
    org: Org
    agents: list[User]
    supervisor: User
    client: Client
    public_client: Client


def populate(floor: Floor, *, agents: int, rng: random.Random) -> Population:
    org = found_org(floor, name="Brightwater Services")
    # Before the agents: however many there are, a seed has one client, and a reset may leave it as it was.
    client = add_client(floor, grant="client_credentials", org_id=org.id, name="micgate")
    public_client = add_client(floor, grant="pkce", org_id=org.id, name="micgate sign-in")
    divisions = floor.people.divisions_of(org.id)
    divisions.append(_add_division(floor, org=org, name="Customer Care"))
    queues = _add_queues(floor, divisions, count=_at_least_one(agents, AGENTS_PER_QUEUE))
    teams = _add_teams(floor, divisions, count=_at_least_one(agents, AGENTS_PER_TEAM))
    taken: set[str] = set()
    people = [
        _add_agent(floor, place, queues=queues, teams=teams, name=names.unlike(taken, rng), rng=rng)
        for place in range(agents)
    ]
    return Population(
        org=org,
        agents=people,
        supervisor=_add_supervisor(floor, divisions[0], name=names.unlike(taken, rng)),
        client=client,
        public_client=public_client,
    )


def found_org(floor: Floor, *, name: str) -> Org:
    """An organization with its home division."""
    org = Org(id=floor.new_id(), name=name)
    floor.people.orgs[org.id] = org
    _add_division(floor, org=org, name="Home", home=True)
    return org


def add_user(
    floor: Floor,
    *,
    org_id: str,
    name: str,
    email: str,
    permissions: Iterable[str] | None = None,
    queues: Iterable[str] = (),
    division: str | None = None,
) -> User:
    """An agent's permissions unless told. Queues and division by id or name. Raises Impossible."""
    if org_id not in floor.people.orgs:
        raise Impossible(f"There is no organization {org_id}.", status=404)
    homes = floor.people.divisions_of(org_id)
    at = homes[0] if division is None else floor.people.find_division(division, org_id=org_id)
    held = AGENT_PERMISSIONS if permissions is None else frozenset(permissions)
    now = floor.clock.now
    return floor.people.add_user(
        User(
            id=floor.new_id(),
            org_id=org_id,
            name=name,
            email=email,
            password=floor.new_secret()[:16],
            division_id=at.id,
            role=Role(id=floor.new_id(), name="Agent", permissions=held),
            queue_ids=[floor.people.find_queue(queue).id for queue in queues],
            presence_since=now,
            routing_since=now,
            created_at=now,
        )
    )


def add_client(
    floor: Floor,
    *,
    grant: GrantKind,
    org_id: str,
    name: str,
    permissions: Iterable[str] | None = None,
    scopes: Iterable[str] | None = None,
    token_seconds: int = 86_400,
    rate_per_minute: int = 300,
    divisions: Iterable[str] | None = None,
) -> Client:
    """Every permission, everywhere, and every scope unless told. Raises Impossible."""
    if token_seconds not in TOKEN_SECONDS or rate_per_minute < 1:
        raise Impossible("token_seconds is 1 to 172800 and rate_per_minute at least 1.", status=400)
    within = (
        None
        if divisions is None
        else frozenset(floor.people.find_division(one, org_id=org_id).id for one in divisions)
    )
    held = CLIENT_PERMISSIONS if permissions is None else frozenset(permissions)
    return floor.people.add_client(
        Client(
            id=floor.new_id(),
            org_id=org_id,
            name=name,
            grant=grant,
            secret=None if grant == "pkce" else floor.new_secret(),
            role=Role(id=floor.new_id(), name="Integration", permissions=held, division_ids=within),
            scopes=frozenset(SCOPES if scopes is None else scopes),
            token_seconds=token_seconds,
            rate_per_minute=rate_per_minute,
        )
    )


def _at_least_one(agents: int, per: int) -> int:
    return max(1, -(-agents // per))


def _add_division(floor: Floor, *, org: Org, name: str, home: bool = False) -> Division:
    division = Division(id=floor.new_id(), org_id=org.id, name=name, home=home)
    floor.people.divisions[division.id] = division
    return division


def _add_queues(floor: Floor, divisions: list[Division], *, count: int) -> list[Queue]:
    return [
        floor.people.add_queue(
            Queue(
                id=floor.new_id(),
                org_id=divisions[0].org_id,
                name=names.QUEUES[place],
                division_id=divisions[place % len(divisions)].id,
                created_at=floor.clock.now,
            )
        )
        for place in range(min(MOST_QUEUES, max(2, count)))
    ]


def _add_teams(floor: Floor, divisions: list[Division], *, count: int) -> list[Team]:
    return [
        floor.people.add_team(
            Team(
                id=floor.new_id(),
                org_id=divisions[0].org_id,
                name=f"Team {place + 1}",
                division_id=divisions[place % len(divisions)].id,
                created_at=floor.clock.now,
            )
        )
        for place in range(count)
    ]


def _add_agent(
    floor: Floor, place: int, *, queues: list[Queue], teams: list[Team], name: str, rng: random.Random
) -> User:
    first, second = queues[place % len(queues)], queues[(place + 1) % len(queues)]
    member_of = [first.name, second.name] if rng.random() < 0.3 and second is not first else [first.name]  # noqa: PLR2004 -- a third
    team = teams[place % len(teams)]
    user = add_user(
        floor,
        org_id=first.org_id,
        name=name,
        email=names.email(name, domain="brightwater.example"),
        queues=member_of,
        division=first.division_id,
    )
    user.team_id = team.id
    user.phone = names.number(rng).removeprefix("tel:")
    team.member_ids.append(user.id)
    return user


def _add_supervisor(floor: Floor, division: Division, *, name: str) -> User:
    user = add_user(
        floor,
        org_id=division.org_id,
        name=name,
        email=names.email(name, domain="brightwater.example"),
        permissions=SUPERVISOR_PERMISSIONS,
        division=division.id,
    )
    user.title, user.presence, user.routing = "Supervisor", "AVAILABLE", "OFF_QUEUE"
    return user
