"""Tokens: issued, renewed, counted, grown idle, revoked; and the codes they are exchanged for."""

import hashlib
import secrets
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from functools import partial
from math import floor
from typing import Literal

from micgate.twin.clock import Timer
from micgate.twin.floor import Floor, TokenEnded
from micgate.twin.people import Client, GrantKind, User
from micgate.twin.refusals import GrantRefused

CODE_SECONDS = 600.0
RATE_SECONDS = 60.0


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
    idle_timer: Timer | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """The three headers; `exceeded`: this request is one too many and `reset` is its Retry-After."""

    count: int
    allowed: int
    reset: int
    exceeded: bool


EndReason = Literal["expired", "idle", "revoked", "refreshed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Code:
    client_id: str
    user: User
    redirect_uri: str
    challenge: str | None
    expires_at: float


class Tokens:
    def __init__(self, floor: Floor) -> None:
        self._floor = floor
        self._by_value: dict[str, Token] = {}
        self._by_refresh: dict[str, Token] = {}
        self._codes: dict[str, _Code] = {}

    def authenticate(self, client_id: str, secret: str | None) -> Client:
        """The client behind an id and secret (None only for a public client).

        Raises GrantRefused: 400 for an unknown client, 401 for a wrong secret.
        """
        client = self._floor.people.clients.get(client_id)
        if client is None:
            raise GrantRefused(400, "invalid_client", "client not found: invalid_client")
        if (client.secret is None) != (secret is None):
            raise _wrong_secret()
        if client.secret is not None and not secrets.compare_digest(
            client.secret.encode(), (secret or "").encode()
        ):
            raise _wrong_secret()
        return client

    def by_client_credentials(self, client: Client) -> Token:
        """Raises GrantRefused when the client is made for another grant."""
        _check_grant(client, "client_credentials")
        return self.issue(client=client, user=None)

    def issue_code(
        self, *, client: Client, user: User, redirect_uri: str, challenge: str | None = None
    ) -> str:
        """A code that works once, for `redirect_uri`, within ten minutes. `challenge`: S256, for PKCE."""
        code = self._secret()
        self._codes[code] = _Code(
            client_id=client.id,
            user=user,
            redirect_uri=redirect_uri,
            challenge=challenge,
            expires_at=self._floor.clock.now + CODE_SECONDS,
        )
        self._floor.clock.later(CODE_SECONDS, partial(self._forget_code, code))
        return code

    def by_code(self, *, client: Client, code: str, redirect_uri: str, verifier: str | None = None) -> Token:
        """Raises GrantRefused (`invalid_grant`)."""
        _check_grant(client, "code", "pkce")
        kept = self._codes.pop(code, None)
        if kept is None or kept.expires_at <= self._floor.clock.now or kept.client_id != client.id:
            raise _invalid_grant("The authorization code is unknown, used or expired.")
        if kept.redirect_uri != redirect_uri:
            raise _invalid_grant("redirect_uri is not the one of the authorization request.")
        public = client.secret is None
        if not _proves(kept.challenge, verifier) or (public and verifier is None):
            raise _invalid_grant("code_verifier does not fit code_challenge.")
        behaviour = self._floor.behaviour
        refreshable = client.grant == "code" or behaviour.pkce_refresh_token == "on"
        return self.issue(client=client, user=kept.user, refreshable=refreshable)

    def by_refresh(self, *, client: Client, refresh: str) -> Token:
        """New access and refresh token; the old ones are worth nothing from now on. Raises GrantRefused."""
        old = self._by_refresh.get(refresh)
        if old is None or old.client is not client:
            raise _invalid_grant("The refresh token is unknown, used or revoked.")
        self._end(old, "refreshed")
        return self.issue(client=client, user=old.user, refreshable=True)

    def issue(self, *, client: Client, user: User | None, refreshable: bool = False) -> Token:
        """A token without ceremony. A refresh token comes with it when `refreshable` and the knob is on."""
        now = self._floor.clock.now
        token = Token(
            value=self._secret(),
            refresh=self._secret() if refreshable and self._floor.behaviour.refresh_tokens == "on" else None,
            client=client,
            user=user,
            org_id=client.org_id if user is None else user.org_id,
            scopes=client.scopes,
            issued_at=now,
            expires_at=now + client.token_seconds,
            last_used=now,
            window_start=now,
        )
        self._by_value[token.value] = token
        if token.refresh is not None:
            self._by_refresh[token.refresh] = token
        self._floor.clock.at(token.expires_at, partial(self._end, token, "expired"))
        self._watch_idle(token)
        return token

    def find(self, value: str) -> Token | None:
        """The live token of a request; using it makes it fresh. None: unknown, expired, revoked, idle."""
        token = self._by_value.get(value)
        if token is None:
            return None
        self._end_if_idle(token)
        if token.ended:
            return None
        token.last_used = self._floor.clock.now
        return token

    def count(self, token: Token) -> Rate:
        """Count one request in the token's minute."""
        now, allowed = self._floor.clock.now, token.client.rate_per_minute
        if now >= token.window_start + RATE_SECONDS:
            token.window_start, token.window_count = now, 0
        left = floor(token.window_start + RATE_SECONDS - now) + 1
        if token.window_count >= allowed:
            return Rate(count=allowed, allowed=allowed, reset=left, exceeded=True)
        token.window_count += 1
        return Rate(count=token.window_count, allowed=allowed, reset=left, exceeded=False)

    def storm(self, token: Token, seconds: float) -> Rate:
        """What a rate storm says: exceeded, for so long (1 to 61 s)."""
        allowed = token.client.rate_per_minute
        return Rate(count=allowed, allowed=allowed, reset=min(61, max(1, round(seconds))), exceeded=True)

    def revoke(self, token: Token) -> None:
        """End it now, and its refresh token. Publishes TokenEnded."""
        self._end(token, "revoked")

    def revoke_of(self, *, user_id: str | None = None, client_id: str | None = None) -> int:
        """End every live token of a user or client, or all of them. Answers how many there were."""
        ending = [
            token
            for token in {*self._by_value.values(), *self._by_refresh.values()}
            if user_id in (None, None if token.user is None else token.user.id)
            and client_id in (None, token.client.id)
        ]
        for token in ending:
            self._end(token, "revoked")
        return len(ending)

    def watch_idle(self) -> None:
        """To be called when the knob `idle_token_s` was turned."""
        for token in list(self._by_value.values()):
            self._watch_idle(token)

    def _forget_code(self, code: str) -> None:
        self._codes.pop(code, None)

    def _watch_idle(self, token: Token) -> None:
        if token.idle_timer is not None:
            token.idle_timer.cancel()
        if self._may_idle(token) and not token.ended:
            due = token.last_used + self._floor.behaviour.idle_token_s
            token.idle_timer = self._floor.clock.at(due, partial(self._look_idle, token))

    def _look_idle(self, token: Token) -> None:
        self._end_if_idle(token)
        self._watch_idle(token)

    def _end_if_idle(self, token: Token) -> None:
        idle_at = token.last_used + self._floor.behaviour.idle_token_s
        if self._may_idle(token) and idle_at <= self._floor.clock.now:
            self._end(token, "idle")

    def _may_idle(self, token: Token) -> bool:
        behaviour = self._floor.behaviour
        return behaviour.idle_token_s > 0 and (token.user is not None or behaviour.idle_without_user)

    def _end(self, token: Token, reason: EndReason) -> None:
        if reason != "expired" and token.refresh is not None:
            self._by_refresh.pop(token.refresh, None)
        if token.ended:
            return
        token.ended = True
        self._by_value.pop(token.value, None)
        self._floor.published.append(
            TokenEnded(
                value=token.value,
                client_id=token.client.id,
                user_id=None if token.user is None else token.user.id,
                reason=reason,
                at=self._floor.clock.now,
            )
        )

    def _secret(self) -> str:
        return self._floor.new_secret()


def _check_grant(client: Client, *grants: GrantKind) -> None:
    if client.grant not in grants:
        raise GrantRefused(400, "unauthorized_client", "The client may not use this grant.")


def _proves(challenge: str | None, verifier: str | None) -> bool:
    if challenge is None or verifier is None:
        return challenge is None and verifier is None
    digest = urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    return secrets.compare_digest(digest.encode(), challenge.encode())


def _wrong_secret() -> GrantRefused:
    return GrantRefused(401, "invalid_client", "authentication failed: invalid_client")


def _invalid_grant(why: str) -> GrantRefused:
    return GrantRefused(400, "invalid_grant", why)
