"""Tokens: issued, renewed, counted, grown idle, revoked; and the codes they are exchanged for."""

from dataclasses import dataclass, field

from micgate.twin.floor import Floor
from micgate.twin.people import Client, User


@dataclass(slots=True, kw_only=True, eq=False)
class Token:
    value: str = field(repr=False)
    refresh: str | None = field(default=None, repr=False)
    client: Client
    user: User | None
    org_id: str
    scopes: frozenset[str]
    issued_at: float
    expires_at: float
    last_used: float
    ended: bool = False
    window_start: float = 0.0
    window_count: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """The three headers; `exceeded`: this request is one too many and `reset` is its Retry-After."""

    count: int
    allowed: int
    reset: int
    exceeded: bool


class Tokens:
    def __init__(self, floor: Floor) -> None:
        self._floor = floor
        self._by_value: dict[str, Token] = {}
        self._by_refresh: dict[str, Token] = {}

    def authenticate(self, client_id: str, secret: str | None) -> Client:
        """The client behind an id and secret (None only for a public client). Raises GrantRefused: 400 for an unknown client,
        401 for a wrong secret.
        """
        raise NotImplementedError

    def by_client_credentials(self, client: Client) -> Token:
        """Raises GrantRefused when the client is made for another grant."""
        raise NotImplementedError

    def issue_code(
        self, *, client: Client, user: User, redirect_uri: str, challenge: str | None = None
    ) -> str:
        """A code that works once, for `redirect_uri`, within ten minutes. `challenge` is the S256 one of PKCE."""
        raise NotImplementedError

    def by_code(self, *, client: Client, code: str, redirect_uri: str, verifier: str | None = None) -> Token:
        """Raises GrantRefused (`invalid_grant`)."""
        raise NotImplementedError

    def by_refresh(self, *, client: Client, refresh: str) -> Token:
        """New access and refresh token; the old ones are worth nothing from now on. Raises GrantRefused."""
        raise NotImplementedError

    def issue(self, *, client: Client, user: User | None, refreshable: bool = False) -> Token:
        """A token without ceremony, for tests and the control surface."""
        raise NotImplementedError

    def find(self, value: str) -> Token | None:
        """The live token of a request; using it makes it fresh. None: unknown, expired, revoked or idle too long."""
        raise NotImplementedError

    def count(self, token: Token) -> Rate:
        """Count one request in the token's minute."""
        raise NotImplementedError

    def storm(self, token: Token, seconds: float) -> Rate:
        """What a rate storm says: exceeded, for so long (at most 61 s)."""
        raise NotImplementedError

    def revoke(self, token: Token, *, reason: str = "revoked") -> None:
        """End it now (and its refresh token). Publishes TokenEnded."""
        raise NotImplementedError

    def revoke_of(self, *, user_id: str | None = None, client_id: str | None = None) -> int:
        """End every live token of a user or client, or all of them. Answers how many there were."""
        raise NotImplementedError
