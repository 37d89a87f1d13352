"""`/v1/orgs/{org}/budget`: the requests that the platform allows, who needs them now, and the next minute.

Only the keeper counts them. On its own replica the figures are its own, at this moment; it writes them down
every second, and the other replicas show that.
"""

import asyncio
from collections.abc import Callable
from typing import Literal

import msgspec
from litestar import get
from litestar.params import FromPath

from micgate.audit.canonical import stamp
from micgate.keeper.outlook import Outlook, outlook
from micgate.keeper.run import Keeper
from micgate.log import Log
from micgate.service.http.errors import NobodyKeeps, NotThere
from micgate.service.request.access import Caller, Shared, opened_by
from micgate.service.request.crowding import OLD
from micgate.store.errors import StoreError
from micgate.store.postgres import PostgresStore

TOLD_EVERY = 1.0


class NextMinute(msgspec.Struct, frozen=True, kw_only=True):
    """The minute after this one: so many mutes end, so many requests are kept for that, so many are left."""

    ends: int
    reserved: int
    left: int


class BudgetView(msgspec.Struct, frozen=True, kw_only=True):
    """Requests to the platform in the minute that ends at `resets_at`.

    Of `allowed`, `used` are gone, `reserved` are kept for mutes that end in it, and `left` is what new mutes
    may use. `waiting` microphones found no room yet. `closed_until`: the platform asked for quiet. `source`:
    counted at this moment by this replica (`keeper`), or what the keeper elsewhere said at `as_of` (`told`).

    `fits`: so many mutes can be ended in a minute; `ends`: so many end in each of the minutes after this one.
    """

    org: str
    as_of: str
    source: Literal["keeper", "told"]
    allowed: int
    used: int
    reserved: int
    left: int
    resets_at: str
    waiting: int
    closed_until: str | None
    next_minute: NextMinute
    fits: int
    ends: list[int]


@get("/v1/orgs/{org:str}/budget", opt=opened_by())
async def show_budget(*, org: FromPath[str], parts: Shared, principal: Caller) -> BudgetView:  # noqa: ARG001 -- any key may
    """What may be asked of the platform this minute, and what the next one looks like."""
    if org != parts.org:
        raise NotThere("There is no such organization here.", remedy="GET /v1/me names the one of this key.")
    if own := parts.outlook():
        return _view(org, own, source="keeper")
    stored = await parts.store.outlooks.read(org)
    if stored is None or parts.now() - stored.at > OLD:
        raise NobodyKeeps(
            "No replica keeps this organization just now, so nobody counts.",
            remedy="Try again in some seconds; /readyz says more.",
        )
    return _view(org, msgspec.json.decode(stored.body, type=Outlook), source="told")


class Accountant:
    """Reads the budget of the keeper in this process, if there is one, and writes it down for the others."""

    def __init__(self, keeper: Callable[[], Keeper | None], store: PostgresStore, *, log: Log) -> None:
        self._keeper = keeper
        self._store = store
        self._log = log

    def now(self) -> Outlook | None:
        keeper = self._keeper()
        reign = keeper.reign if keeper else None
        if reign is None:
            return None
        wake = reign.wake
        return outlook(reign.budget, wake.ends, waiting=len(wake.line), now=reign.clock.now())

    def has_room(self) -> bool:
        """Whether a request could be spent on something else than ends, as far as is known here."""
        found = self.now()
        return found is None or found.left > 0

    async def run(self, *, looked: Callable[[], None] = lambda: None) -> None:
        """Until cancelled. `looked`: it was told, or there is nothing to tell here."""
        while True:
            await asyncio.sleep(TOLD_EVERY)
            try:
                await self._tell()
                looked()
                self._log.recovered("budget.untold")
            except StoreError as error:
                self._log.failed("budget.untold", word=error.word)

    async def _tell(self) -> None:
        keeper, found = self._keeper(), self.now()
        if keeper and keeper.reign and found:
            body = msgspec.json.encode(found).decode()
            await self._store.outlooks.put(keeper.reign.tenure.term, at=found.at, body=body)


def _view(org: str, found: Outlook, *, source: Literal["keeper", "told"]) -> BudgetView:
    closed = found.closed_until
    return BudgetView(
        org=org,
        as_of=stamp(found.at),
        source=source,
        allowed=found.allowed,
        used=found.used,
        reserved=found.reserved,
        left=found.left,
        resets_at=stamp(found.resets_at),
        waiting=found.waiting,
        closed_until=None if closed is None else stamp(closed),
        next_minute=NextMinute(ends=found.next_ends, reserved=found.next_reserved, left=found.next_left),
        fits=found.fits,
        ends=list(found.ends),
    )
