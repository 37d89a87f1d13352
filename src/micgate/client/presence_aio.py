"""A mute for as long as an `async with` block runs: renewed by a task, released at its end."""

import asyncio
from contextlib import suppress
from typing import Protocol, Self

from micgate.client.errors import GateError
from micgate.client.models import Mute
from micgate.client.presence import interval, is_final
from micgate.client.requests import Wish


class _Gate(Protocol):
    async def place(self, wish: Wish, *, wait: float) -> Mute: ...

    async def renew(self, mute: Mute | str, *, presence: float) -> Mute: ...

    async def release(self, mute: Mute | str) -> Mute: ...


class Muted:
    """What `Gate.muted` gives. `mute` is as last heard; `lost` is why nobody renews it any more, else None.

    When the process dies, or the service stays away, nothing has to be done: the mute ends by itself.
    """

    mute: Mute
    lost: GateError | None = None

    def __init__(self, gate: _Gate, wish: Wish, *, presence: float, wait: float) -> None:
        self._gate = gate
        self._wish = wish
        self._presence = presence
        self._wait = wait

    async def __aenter__(self) -> Self:
        self.mute = await self._gate.place(self._wish, wait=self._wait)
        self._renewing = asyncio.create_task(self._renew(), name="micgate-presence")
        return self

    async def __aexit__(self, _kind: object, raised: object, _where: object) -> None:
        """Release it. That this failed is raised, unless the block's own error is on its way."""
        self._renewing.cancel()
        with suppress(asyncio.CancelledError):
            await self._renewing
        try:
            self.mute = await self._gate.release(self.mute)
        except GateError:
            if raised is None:
                raise

    async def _renew(self) -> None:
        while self.lost is None:
            await asyncio.sleep(interval(self._presence))
            try:
                self.mute = await self._gate.renew(self.mute, presence=self._presence)
            except GateError as error:
                self.lost = error if is_final(error) else None
