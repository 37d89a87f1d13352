"""The simulated contact centre, whole and pure: commands in, changes out, time from outside."""

import random
from collections.abc import Callable, Iterable

from micgate.twin.access import Access
from micgate.twin.behaviour import Behaviour, Value, changed
from micgate.twin.changes import Changes
from micgate.twin.clock import Timer
from micgate.twin.faults import Faults
from micgate.twin.floor import Floor, Published
from micgate.twin.people import Client, GrantKind, Org, Presence, User
from micgate.twin.population import add_client, add_user, found_org, populate
from micgate.twin.telephony import Telephony
from micgate.twin.tokens import Tokens
from micgate.twin.traffic import WARM_UP_SECONDS, Traffic


class World:
    """`agents` people work in it; `quiet` means that no call comes by itself.

    The same arguments make the same world, ids and secrets included.
    """

    def __init__(
        self,
        *,
        seed: int = 7,
        agents: int = 12,
        quiet: bool = False,
        now: float = 1_767_225_600.0,
        ledger_limit: int = 100_000,
    ) -> None:
        begins = now if quiet else now - WARM_UP_SECONDS
        self._floor = Floor(seed=seed, now=begins, ledger_limit=ledger_limit)
        self.people = self._floor.people
        self.calls = self._floor.calls
        self.ledger = self._floor.ledger
        self.clock = self._floor.clock
        self.tokens = Tokens(self._floor)
        self.telephony = Telephony(self._floor)
        self.access = Access(self._floor)
        self.changes = Changes(self._floor, self.access)
        self.faults = Faults(_rng(seed, "faults"))
        self._population = populate(self._floor, agents=agents, rng=_rng(seed, "people"))
        if not quiet:
            traffic = Traffic(self._floor, self.telephony, agents=self.agents, rng=_rng(seed, "traffic"))
            traffic.begin()
            self.advance(now)
            self.drain()

    @property
    def org(self) -> Org:
        return self._population.org

    @property
    def agents(self) -> list[User]:
        """The built-in ones; more may have been added to `people`."""
        return self._population.agents

    @property
    def supervisor(self) -> User:
        return self._population.supervisor

    @property
    def client(self) -> Client:
        """The announced one: client credentials, every permission."""
        return self._population.client

    @property
    def public_client(self) -> Client:
        """For PKCE."""
        return self._population.public_client

    @property
    def now(self) -> float:
        return self.clock.now

    @property
    def behaviour(self) -> Behaviour:
        return self._floor.behaviour

    def turn(self, knobs: dict[str, Value]) -> Behaviour:
        """Change knobs from now on. Raises Impossible (400)."""
        self._floor.behaviour = changed(self._floor.behaviour, knobs)
        self.tokens.watch_idle()
        return self._floor.behaviour

    def new_id(self) -> str:
        return self._floor.new_id()

    def advance(self, to: float) -> None:
        """Let time run to `to` (seconds since 1970): everything due happens, in order."""
        self.clock.advance(to)

    def next_due(self) -> float | None:
        return self.clock.next_due()

    def later(self, seconds: float, action: Callable[[], None]) -> Timer:
        return self.clock.later(seconds, action)

    def drain(self) -> list[Published]:
        """What was published since the last time, in order."""
        published = self._floor.published
        if not published:
            return []
        self._floor.published = []
        return published

    def set_presence(self, user: str, presence: Presence) -> User:
        """Raises Impossible for an unknown user."""
        found = self.people.find_user(user)
        self._floor.set_presence(found.id, presence)
        return found

    def join_queue(self, queue: str, user: str, *, joined: bool) -> None:
        """Make a user a member of a queue, active in it or not. Raises Impossible."""
        self._floor.join_queue(
            self.people.find_queue(queue).id, self.people.find_user(user).id, joined=joined
        )

    def add_org(self, *, name: str) -> Org:
        """A further organization, with a home division."""
        return found_org(self._floor, name=name)

    def add_user(
        self,
        *,
        name: str,
        email: str,
        permissions: Iterable[str] | None = None,
        queues: Iterable[str] = (),
        division: str | None = None,
        org_id: str | None = None,
    ) -> User:
        """An agent's permissions unless told. Queues and division by id or name. Raises Impossible."""
        return add_user(
            self._floor,
            org_id=org_id or self.org.id,
            name=name,
            email=email,
            permissions=permissions,
            queues=queues,
            division=division,
        )

    def add_client(
        self,
        *,
        grant: GrantKind,
        permissions: Iterable[str] | None = None,
        scopes: Iterable[str] | None = None,
        token_seconds: int = 86_400,
        rate_per_minute: int = 300,
        divisions: Iterable[str] | None = None,
        org_id: str | None = None,
        name: str = "Client",
    ) -> Client:
        """Everything in the contract's `x-permissions` and every scope unless told. Raises Impossible."""
        return add_client(
            self._floor,
            grant=grant,
            org_id=org_id or self.org.id,
            name=name,
            permissions=permissions,
            scopes=scopes,
            token_seconds=token_seconds,
            rate_per_minute=rate_per_minute,
            divisions=divisions,
        )


def _rng(seed: int, purpose: str) -> random.Random:
    return random.Random(f"{seed}:{purpose}")  # noqa: S311 -- reproducible worlds, not secrets
