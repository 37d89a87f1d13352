"""The access token of a session: fetched by one at a time, renewed early, stored before it is used."""

import inspect
import math
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import replace
from random import Random
from typing import Protocol

from micgate.genesys.errors import Away, BadCredentials, GenesysError, RateLimited
from micgate.genesys.io import Wire
from micgate.genesys.messages import Request, within
from micgate.genesys.oauth import (
    AccessToken,
    ClientCredentials,
    Credentials,
    Token,
    TokenRequest,
    UserSession,
    client_credentials_request,
    exchange,
    refresh_request,
    renewal_margin,
    renewed,
)
from micgate.genesys.regions import Region
from micgate.genesys.retry import beyond_patience, retry_after

OnRenewed = Callable[[UserSession], Awaitable[None] | None]
Renewing = Callable[[UserSession], AbstractAsyncContextManager[UserSession]]
"""Held while a sign-in is renewed, by one process at a time; gives the sign-in as another one left it."""

_TRY_AGAIN = 15.0  # seconds between early renewals that fail while the old token still works


class Clock(Protocol):
    def monotonic(self) -> float:
        """Seconds, for durations only."""
        ...

    def now(self) -> float:
        """Seconds since 1970."""
        ...


class SystemClock:
    """CLOCK_MONOTONIC stands still while a machine sleeps, and tokens do not: where there is one, the boot
    clock.
    """

    _boot = getattr(time, "CLOCK_BOOTTIME", None)

    def monotonic(self) -> float:
        return time.monotonic() if self._boot is None else time.clock_gettime(self._boot)

    def now(self) -> float:
        return time.time()


class Bearer:
    """Gives requests their headers. `common` are the headers of every request, token or not."""

    def __init__(
        self,
        wire: Wire,
        *,
        region: Region,
        credentials: Credentials,
        clock: Clock,
        random: Random,
        common: Mapping[str, str],
        patience: float,
        on_renewed: OnRenewed | None,
        renewing: Renewing = nullcontext,
        token: Token | None = None,
    ) -> None:
        self._wire = wire
        self._region = region
        self._credentials = credentials
        self._clock = clock
        self._random = random
        self._common = common
        self._patience = patience
        self._on_renewed = on_renewed
        self._renewing = renewing
        self._lock = wire.lock()
        self._tries = 0
        self._failure: GenesysError | None = None
        self._unsaved: UserSession | None = None
        self._renew_at = self._ends_at = -math.inf
        self._plain: dict[str, str] = {}
        self._json: dict[str, str] = {}
        self._value = ""
        self._adopt_what_is_given(token)

    def __repr__(self) -> str:
        return f"Bearer({self._credentials!r})"

    @property
    def has_user(self) -> bool | None:
        """Whether the token stands for a person; None when only asking can tell."""
        return (
            None if isinstance(self._credentials, AccessToken) else isinstance(self._credentials, UserSession)
        )

    @property
    def token(self) -> Token | None:
        """The token in hand and what is left of its life."""
        life = self._ends_at - self._clock.monotonic()
        if not self._value or life <= 0:
            return None
        return Token(value=self._value, life=life, has_user=self.has_user)

    async def headers_for(self, request: Request) -> dict[str, str]:
        """The headers with a token that is still good. The caller must not change them."""
        if self._clock.monotonic() >= self._renew_at:
            await self._wire.finish(self._renew(self._tries))
        if request.body is None:
            return self._plain
        if request.content_type in {None, "application/json"}:
            return self._json
        return {**self._plain, "Content-Type": request.content_type}

    def refuse(self, headers: Mapping[str, str]) -> bool:
        """A 401 came back to these headers: drop their token. False when no other can be had."""
        credentials = self._credentials
        if isinstance(credentials, AccessToken):
            return False
        if isinstance(credentials, UserSession) and not credentials.refresh_token:
            return False
        if headers.get("Authorization") == self._plain.get("Authorization"):
            self._renew_at = self._ends_at = -math.inf
        return True

    def _adopt_what_is_given(self, token: Token | None) -> None:
        credentials = self._credentials
        if token is not None:
            self._use(token.value, life=token.life)
            return
        if isinstance(credentials, AccessToken):
            self._use(credentials.token, life=math.inf)
        elif isinstance(credentials, UserSession):
            self._use(credentials.access_token, life=credentials.expires_at - self._clock.now())

    def _use(self, token: str, *, life: float) -> None:
        now = self._clock.monotonic()
        self._value = token
        self._plain = {**self._common, "Authorization": f"Bearer {token}"}
        self._json = {**self._plain, "Content-Type": "application/json"}
        self._ends_at = now + life
        self._renew_at = self._ends_at - renewal_margin(life)

    async def _renew(self, tries_before: int) -> None:
        async with self._lock:
            if self._clock.monotonic() < self._renew_at:
                return
            if self._tries != tries_before and self._failure is not None:
                # Whoever waited for a try that failed shares its failure: a hundred requests are one try.
                raise self._failure
            try:
                await self._obtain()
            except GenesysError as error:
                self._fail(error)
            else:
                self._failure = None
            finally:
                self._tries += 1

    def _fail(self, error: GenesysError) -> None:
        if isinstance(error, Away):
            error.reached = False  # the request that wants the token has not been sent
        now = self._clock.monotonic()
        if isinstance(error, Away | RateLimited) and now < self._ends_at:
            self._renew_at = min(self._ends_at, now + _TRY_AGAIN)
            return
        self._failure = error
        raise error

    async def _obtain(self) -> None:
        credentials = self._credentials
        if isinstance(credentials, ClientCredentials):
            token = await self._ask(client_credentials_request(credentials))
            self._use(token.value, life=token.life)
        elif isinstance(credentials, UserSession):
            async with self._renewing(credentials) as latest:
                self._credentials = fresh = await self._fresh(credentials, latest)
            self._use(fresh.access_token, life=fresh.expires_at - self._clock.now())

    async def _fresh(self, session: UserSession, latest: UserSession) -> UserSession:
        """`latest` when another process renewed it meanwhile, else what a refresh brings, stored."""
        if latest != session:
            self._unsaved = None
            if latest.expires_at > self._clock.now():
                return latest
        if self._unsaved is None:
            self._unsaved = await self._refreshed(latest)
        # Kept until stored: a callback that fails is called again, as the old refresh token is used up.
        await self._store(self._unsaved)
        fresh, self._unsaved = self._unsaved, None
        return fresh

    async def _refreshed(self, session: UserSession) -> UserSession:
        if not session.refresh_token:
            raise BadCredentials(
                "The sign-in has ended, and it came without the means to renew it.",
                means="Genesys Cloud gives none to browser clients, nor with an inactivity timeout.",
                remedy="Sign in again (micgate login).",
            )
        token = await exchange(
            self._wire, refresh_request(session), region=self._region, headers=self._common
        )
        return renewed(session, token, now=self._clock.now())

    async def _store(self, session: UserSession) -> None:
        if self._on_renewed is None:
            return
        stored = self._on_renewed(session)
        if inspect.isawaitable(stored):
            await stored

    async def _ask(self, asked: TokenRequest) -> Token:
        """A client's request for a token may be repeated; a refresh may not, since its token works once."""
        started = self._clock.monotonic()
        patience = self._patience if started >= self._ends_at else 0.0
        asked = replace(asked, request=within(asked.request, self._patience))
        attempt = 0
        while True:
            try:
                return await exchange(self._wire, asked, region=self._region, headers=self._common)
            except (Away, RateLimited) as error:
                attempt += 1
                wait = retry_after(
                    error,
                    attempt,
                    elapsed=self._clock.monotonic() - started,
                    patience=patience,
                    jitter=self._random.random(),
                )
                if wait is None:
                    raise _given_up(error, patience) from None
            await self._wire.sleep(wait)


def _given_up(error: Away | RateLimited, patience: float) -> GenesysError:
    return beyond_patience(error, patience=patience) if isinstance(error, RateLimited) else error
