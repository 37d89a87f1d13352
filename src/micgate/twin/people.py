"""Who and what exists in an organization: people, queues, teams, divisions, and clients that ask for them."""

from dataclasses import dataclass, field
from typing import Literal

from micgate.twin.refusals import Impossible

Presence = Literal["AVAILABLE", "ON_QUEUE", "BUSY", "MEAL", "BREAK", "MEETING", "AWAY", "OFFLINE"]
Routing = Literal["OFF_QUEUE", "IDLE", "INTERACTING", "NOT_RESPONDING", "COMMUNICATING"]
GrantKind = Literal["client_credentials", "code", "pkce"]

AGENT_PERMISSIONS = frozenset({"conversation:communication:disconnect", "conversation:recording:pause"})
SUPERVISOR_PERMISSIONS = AGENT_PERMISSIONS | {"conversation:call:barge"}
SCOPE_AREAS = (
    "analytics", "authorization", "conversations", "notifications", "oauth", "organization", "presence",
    "recordings", "routing", "search", "stations", "telephony", "users",
)  # fmt: skip
SCOPES = tuple(sorted([*SCOPE_AREAS, *(f"{area}:readonly" for area in SCOPE_AREAS), "user-basic-info"]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Org:
    id: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Division:
    id: str
    org_id: str
    name: str
    home: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """Permissions, in the named divisions or (None) in all of the organization."""

    id: str
    name: str
    permissions: frozenset[str]
    division_ids: frozenset[str] | None = None

    def grants_any(self, permissions: tuple[str, ...], divisions: tuple[str, ...] = ()) -> bool:
        """Whether one of `permissions` is held, in one of `divisions` when any are named."""
        if self.permissions.isdisjoint(permissions):
            return False
        return not divisions or self.division_ids is None or not self.division_ids.isdisjoint(divisions)


@dataclass(slots=True, kw_only=True)
class User:
    id: str
    org_id: str
    name: str
    email: str
    password: str = field(repr=False)
    division_id: str
    role: Role
    title: str = "Agent"
    department: str = "Contact Center"
    team_id: str | None = None
    queue_ids: list[str] = field(default_factory=list)
    presence: Presence = "ON_QUEUE"
    presence_since: float = 0.0
    routing: Routing = "IDLE"
    routing_since: float = 0.0
    created_at: float = 0.0
    state: Literal["active", "inactive", "deleted"] = "active"
    version: int = 1
    phone: str = "+15555550100"


@dataclass(slots=True, kw_only=True)
class Queue:
    """`members` maps a user id to whether the user has joined."""

    id: str
    org_id: str
    name: str
    division_id: str
    members: dict[str, bool] = field(default_factory=dict)
    created_at: float = 0.0


@dataclass(slots=True, kw_only=True)
class Team:
    id: str
    org_id: str
    name: str
    division_id: str
    member_ids: list[str] = field(default_factory=list)
    created_at: float = 0.0


@dataclass(slots=True, kw_only=True)
class Client:
    """An OAuth client. `secret` is None for the public one (PKCE). Its role counts for client credentials
    only, its scopes for the other grants only.
    """

    id: str
    org_id: str
    name: str
    grant: GrantKind
    secret: str | None = field(repr=False)
    role: Role
    scopes: frozenset[str]
    token_seconds: int = 86_400
    rate_per_minute: int = 300


class People:
    """Everybody, by id; users also by e-mail and name, both without case."""

    def __init__(self) -> None:
        self.orgs: dict[str, Org] = {}
        self.divisions: dict[str, Division] = {}
        self.users: dict[str, User] = {}
        self.queues: dict[str, Queue] = {}
        self.teams: dict[str, Team] = {}
        self.clients: dict[str, Client] = {}
        self._by_email: dict[str, str] = {}
        self._users_by_name: dict[str, list[str]] = {}

    def add_user(self, user: User) -> User:
        if user.email.casefold() in self._by_email:
            raise Impossible(f"There is already somebody with the e-mail {user.email}.")
        self.users[user.id] = user
        self._by_email[user.email.casefold()] = user.id
        self._users_by_name.setdefault(user.name.casefold(), []).append(user.id)
        for queue_id in user.queue_ids:
            self.queues[queue_id].members[user.id] = True
        if user.team_id is not None:
            self.teams[user.team_id].member_ids.append(user.id)
        return user

    def add_queue(self, queue: Queue) -> Queue:
        self.queues[queue.id] = queue
        return queue

    def add_team(self, team: Team) -> Team:
        self.teams[team.id] = team
        return team

    def add_client(self, client: Client) -> Client:
        self.clients[client.id] = client
        return client

    def user_by_email(self, email: str) -> User | None:
        found = self._by_email.get(email.casefold())
        return None if found is None else self.users[found]

    def find_user(self, ref: str) -> User:
        """By id, e-mail or unique name. Raises Impossible (404, or 409 for a name that several have)."""
        user = self.users.get(ref) or self.user_by_email(ref)
        if user is not None:
            return user
        named = self._users_by_name.get(ref.casefold(), [])
        if len(named) > 1:
            raise Impossible(f"{len(named)} people are called {ref}: use an id or e-mail.")
        if not named:
            raise Impossible(f"Nobody here has the id, e-mail or name {ref}.", status=404)
        return self.users[named[0]]

    def find_queue(self, ref: str) -> Queue:
        """By id or name. Raises Impossible (404)."""
        queue = self.queues.get(ref) or next(
            (queue for queue in self.queues.values() if queue.name.casefold() == ref.casefold()), None
        )
        if queue is None:
            raise Impossible(f"No queue has the id or name {ref}.", status=404)
        return queue

    def find_division(self, ref: str, *, org_id: str) -> Division:
        """By id or name. Raises Impossible (404)."""
        for division in self.divisions_of(org_id):
            if ref == division.id or ref.casefold() == division.name.casefold():
                return division
        raise Impossible(f"No division has the id or name {ref}.", status=404)

    def divisions_of(self, org_id: str) -> list[Division]:
        return [division for division in self.divisions.values() if division.org_id == org_id]

    def users_of(self, org_id: str) -> list[User]:
        return [user for user in self.users.values() if user.org_id == org_id]
