"""What a command tells its guardian: first a charge, then notes. JSON, one object a line."""

import msgspec

from micgate.direct.connect import Connection
from micgate.direct.journal import About
from micgate.direct.memory import Memory, Plan
from micgate.genesys.network import Network
from micgate.genesys.oauth import AccessToken, ClientCredentials, Token
from micgate.genesys.regions import Region
from micgate.genesys.session import Session

GRACE_SECONDS = 5.0
"""How long after the release time a silent command is waited for."""
READY = b"ready\n"
_FOREVER = 1e9


class Lent(msgspec.Struct, frozen=True):
    """An access token. `until` is in seconds of the boot clock, which all processes share."""

    value: str
    until: float

    def __repr__(self) -> str:
        return f"Lent(until {self.until:.0f})"


class Charge(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a guardian needs to give one microphone back. Its repr hides the secrets.

    The open file of the lock travels with it. A person's sign-in is lent as its access token alone: renewing
    it would take it away from the command.
    """

    plan: Plan
    about: About
    region: Region
    network: Network
    extra_headers: dict[str, str]
    client: ClientCredentials | None
    token: Lent | None
    journal: str
    lock: str

    def __repr__(self) -> str:
        return f"Charge({self.plan.call.conversation_id})"

    def connection(self) -> Connection:
        """Raises `BadCredentials` when neither client nor token was given."""
        return Connection(
            region=self.region,
            credentials=self.client or AccessToken(self.token.value if self.token else ""),
            network=self.network,
            extra_headers=self.extra_headers,
            strategy=self.plan.strategy,
            patience=self.plan.patience,
        )


class Note(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What has changed since. `done`: nothing is left to do but, with `settle`, to watch for late effects."""

    memory: Memory | None = None
    token: Lent | None = None
    done: bool = False
    settle: bool = False


def lent(session: Session) -> Lent | None:
    """The token in hand, for the guardian."""
    token = session.token
    return Lent(token.value, session.monotonic() + min(token.life, _FOREVER)) if token else None


def borrowed(token: Lent | None, *, has_user: bool, now: float) -> Token | None:
    """The same token at the other end; None when it is past its time."""
    if token is None or token.until <= now:
        return None
    return Token(value=token.value, life=token.until - now, has_user=has_user)
