"""The simulated contact centre, whole and pure: commands in, changes out. Time and randomness come from outside."""

from collections.abc import Callable, Iterable

from micgate.twin.access import Access
from micgate.twin.behaviour import Behaviour, Value, changed
from micgate.twin.calls import Calls
from micgate.twin.changes import Changes
from micgate.twin.clock import Clock, Timer
from micgate.twin.faults import Faults
from micgate.twin.floor import Floor, Published
from micgate.twin.ledger import Ledger
from micgate.twin.people import Client, GrantKind, Org, People, User
from micgate.twin.telephony import Telephony
from micgate.twin.tokens import Tokens


class World:
    """`agents` people work in it; `quiet` means that no call comes by itself. The same arguments make the same world, ids and
    secrets included.
    """

    org: Org
    supervisor: User
    client: Client
    """The announced one: client credentials, every permission."""
    public_client: Client
    """For PKCE."""

    def __init__(
        self,
        *,
        seed: int = 7,
        agents: int = 12,
        quiet: bool = False,
        now: float = 0.0,
        ledger_limit: int = 100_000,
    ) -> None:
        self._floor = Floor(seed=seed, now=now, ledger_limit=ledger_limit)
        self.agents: list[User] = []
        self.people: People = self._floor.people
        self.calls: Calls = self._floor.calls
        self.ledger: Ledger = self._floor.ledger
        self.clock: Clock = self._floor.clock
        self.tokens: Tokens
        self.telephony: Telephony
        self.changes: Changes
        self.access: Access
        self.faults: Faults

    @property
    def now(self) -> float:
        return self.clock.now

    @property
    def behaviour(self) -> Behaviour:
        return self._floor.behaviour

    def turn(self, knobs: dict[str, Value]) -> Behaviour:
        """Change knobs from now on. Raises Impossible (400)."""
        self._floor.behaviour = changed(self._floor.behaviour, knobs)
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

    def add_org(self, *, name: str) -> Org:
        """A second organization, with a home division."""
        raise NotImplementedError

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
        raise NotImplementedError

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
        raise NotImplementedError
