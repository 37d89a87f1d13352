"""Authorised requests, and what every answer means.

A request that changes state is exactly one wire request, and every answer is its outcome: 401, 429 and a
refusal are raised, and whoever gave the command gives a new one. A request that only asks is replayed once
after a 401 and retried while `patience` lasts.
"""

from collections.abc import Mapping
from contextlib import nullcontext
from random import Random
from typing import Protocol

from micgate.genesys.bearer import Bearer, Clock, OnRenewed, Renewing, SystemClock
from micgate.genesys.errors import (
    Away,
    BadRequest,
    Forbidden,
    NotFound,
    RateLimited,
    TokenRefused,
    UnsafeConfiguration,
)
from micgate.genesys.io import Wire
from micgate.genesys.messages import SECRET_HEADERS, Headers, Kind, Request, Response, within
from micgate.genesys.models import Participant
from micgate.genesys.oauth import Credentials, Token
from micgate.genesys.ratelimit import ALLOWED, RateLimit, read_rate
from micgate.genesys.refusals import is_markup, refusal
from micgate.genesys.regions import Region
from micgate.genesys.retry import beyond_patience, retry_after

_FIRST_REDIRECT, _UNAUTHORIZED = 300, 401
_ME = Request(method="GET", path="/api/v2/users/me")


class Sight(Protocol):
    """What a live channel offers: the next event about a participant, or None when it watches none or time is
    up.
    """

    async def observed(
        self, *, conversation_id: str, participant_id: str, seconds: float
    ) -> Participant | None: ...


class Session:
    """An `Io` over a wire.

    `patience` is in seconds and bounds the retries of one request that only asks. `extra_headers` go with
    every request (a gateway's); never Authorization. `on_renewed` gets a person's renewed sign-in and must
    have stored it when it returns: only then is the new access token used, because the old refresh token is
    used up. `renewing` is held meanwhile (see `bearer`). `token` is one that somebody else obtained with
    these credentials and that is still good. `sight` may be set later. `requests_sent` counts the requests to
    the API, without those for tokens.
    """

    def __init__(
        self,
        wire: Wire,
        *,
        region: Region,
        credentials: Credentials,
        clock: Clock | None = None,
        random: Random | None = None,
        extra_headers: Mapping[str, str] | None = None,
        user_agent: str = "micgate",
        patience: float = 10.0,
        sight: Sight | None = None,
        on_renewed: OnRenewed | None = None,
        renewing: Renewing = nullcontext,
        token: Token | None = None,
    ) -> None:
        self.region = region
        self.sight = sight
        self.requests_sent = 0
        self._wire = wire
        self._clock = clock or SystemClock()
        self._random = random or Random()  # noqa: S311 -- spreads retries, guards nothing
        self._patience = patience
        self._said: tuple[Headers, float] | None = None
        self._bearer = Bearer(
            wire,
            region=region,
            credentials=credentials,
            clock=self._clock,
            random=self._random,
            common=common_headers(user_agent=user_agent, extra=extra_headers),
            patience=patience,
            on_renewed=on_renewed,
            renewing=renewing,
            token=token,
        )
        self._has_user = self._bearer.has_user

    def __repr__(self) -> str:
        return f"Session({self.region.host}, {self._bearer!r})"

    async def send(self, request: Request) -> Response:
        """Send and return a 2xx answer; every other end is an error of the tree."""
        if request.kind is Kind.READ:
            return await self._ask(request)
        headers = await self._bearer.headers_for(request)
        return await self._once(request, headers)

    async def sleep(self, seconds: float) -> None:
        await self._wire.sleep(seconds)

    def monotonic(self) -> float:
        return self._clock.monotonic()

    def now(self) -> float:
        return self._clock.now()

    async def observed(
        self, *, conversation_id: str, participant_id: str, seconds: float
    ) -> Participant | None:
        if self.sight is None:
            return None
        return await self.sight.observed(
            conversation_id=conversation_id, participant_id=participant_id, seconds=seconds
        )

    async def has_user(self) -> bool:
        """Whether the token stands for a person. For a token given from outside users/me is asked once."""
        if self._has_user is None:
            self._has_user = await self._ask_who()
        return self._has_user

    @property
    def token(self) -> Token | None:
        """The access token in hand, for a guardian that has to act at once."""
        return self._bearer.token

    @property
    def rate(self) -> RateLimit:
        """The request budget as of the latest answer that told."""
        if self._said is None:
            return RateLimit()
        headers, at = self._said
        return read_rate(headers, now=at)

    async def close(self) -> None:
        await self._wire.close()

    async def _ask(self, request: Request) -> Response:
        started = self._clock.monotonic()
        request = within(request, self._patience)
        attempt, replayed = 0, False
        while True:
            headers = await self._bearer.headers_for(request)
            try:
                return await self._once(request, headers)
            except TokenRefused:
                if replayed or not self._bearer.refuse(headers):
                    raise
                replayed = True
                continue
            except (Away, RateLimited) as error:
                attempt += 1
                wait = self._wait(request, error, attempt, started)
            await self._wire.sleep(wait)

    async def _once(self, request: Request, headers: dict[str, str]) -> Response:
        self.requests_sent += 1
        response = await self._wire.send(request, headers)
        if ALLOWED in response.headers:
            self._said = (response.headers, self._clock.monotonic())
        if response.status >= _FIRST_REDIRECT or (response.body and is_markup(response)):
            if response.status == _UNAUTHORIZED:
                self._bearer.refuse(headers)
            raise refusal(response, request, has_user=self._has_user)
        return response

    def _wait(self, request: Request, error: Away | RateLimited, attempt: int, started: float) -> float:
        patience = self._patience if request.patience is None else request.patience
        wait = retry_after(
            error,
            attempt,
            elapsed=self._clock.monotonic() - started,
            patience=patience,
            jitter=self._random.random(),
        )
        if wait is not None:
            return wait
        raise beyond_patience(error, patience=patience) if isinstance(error, RateLimited) else error

    async def _ask_who(self) -> bool:
        """The reference says that users/me is not valid without a user; with which status is unconfirmed."""
        try:
            await self._ask(_ME)
        except (BadRequest, NotFound):
            return False
        except Forbidden as error:
            return error.word == "missing_scope"
        return True


def common_headers(*, user_agent: str, extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The headers of every request to the vendor, token endpoint included."""
    for name, value in (extra or {}).items():
        if name.lower() in SECRET_HEADERS or not (name + value).isprintable() or not value.isascii():
            raise UnsafeConfiguration(
                f"The extra header {name.strip()[:40]!r} cannot be sent.",
                remedy="MICGATE_EXTRA_HEADERS takes a gateway's headers, of printable characters; never "
                "Authorization.",
            )
    return {
        "User-Agent": user_agent,
        "Accept": "application/json",
        "Accept-Encoding": "gzip",
        **(extra or {}),
    }
