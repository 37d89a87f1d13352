"""Tells an owner beforehand that more mutes end in a minute than the platform allows to be ended."""

from collections.abc import Callable
from contextlib import suppress

import msgspec

from micgate.keeper.outlook import Crowd, Outlook, crowd
from micgate.store.errors import StoreError
from micgate.store.outlooks import Outlooks

OLD = 10.0
"""Seconds after which the figures of a keeper that says nothing count for nothing."""
_READ_EVERY = 1.0


class Forecast:
    """`own`: of the keeper, if it is in this process. Else what it told is read, at most once a second."""

    def __init__(
        self,
        outlooks: Outlooks,
        org: str,
        *,
        own: Callable[[], Outlook | None],
        now: Callable[[], float],
        monotonic: Callable[[], float],
    ) -> None:
        self._outlooks = outlooks
        self._org = org
        self._own = own
        self._now = now
        self._monotonic = monotonic
        self._told: Outlook | None = None
        self._read_at: float | None = None

    async def said(self, release_at: float, *, before: float | None = None) -> str | None:
        """What to say of a mute that will end then. `before`: its end until now."""
        found = self._own() or await self._elsewhere()
        full = crowd(found, release_at, before=before) if found else None
        return _words(full) if full else None

    async def _elsewhere(self) -> Outlook | None:
        now = self._monotonic()
        if self._read_at is None or now - self._read_at >= _READ_EVERY:
            self._read_at = now
            with suppress(StoreError):  # a mute is not refused for want of a remark
                stored = await self._outlooks.read(self._org)
                self._told = msgspec.json.decode(stored.body, type=Outlook) if stored else None
        return self._told if self._told and self._now() - self._told.at <= OLD else None


def _words(full: Crowd) -> str:
    return (
        f"With this one {full.ends} mutes end in the same minute, and Genesys Cloud allows to end "
        f"{full.fits} then: it may end up to {full.late:.0f} s late."
    )
