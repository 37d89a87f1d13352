"""What was found out lately, and how long it counts."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")

MOST = 50_000


class Shelf(Generic[Key, Value]):
    """Values that count for so many seconds; the oldest go when there are too many."""

    def __init__(self, seconds: float, monotonic: Callable[[], float], *, most: int = MOST) -> None:
        self._seconds = seconds
        self._monotonic = monotonic
        self._most = most
        self._kept: OrderedDict[Key, tuple[Value, float]] = OrderedDict()
        self._sought: dict[Key, asyncio.Task[Value]] = {}

    def __contains__(self, key: Key) -> bool:
        kept = self._kept.get(key)
        return kept is not None and self._monotonic() < kept[1]

    def get(self, key: Key) -> Value | None:
        return self._kept[key][0] if key in self else None

    async def found(self, key: Key, seek: Callable[[], Awaitable[Value]]) -> Value:
        """What is kept, else what `seek` finds: once for all who ask meanwhile, whoever leaves."""
        if key in self:
            return self._kept[key][0]
        seeking = self._sought.get(key)
        if seeking is None:
            seeking = self._sought[key] = asyncio.create_task(self._seek(key, seek))
            seeking.add_done_callback(lambda done: done.cancelled() or done.exception())
        return await asyncio.shield(seeking)

    def put(self, key: Key, value: Value) -> None:
        self._kept[key] = (value, self._monotonic() + self._seconds)
        self._kept.move_to_end(key)
        if len(self._kept) > self._most:
            self._kept.popitem(last=False)

    def drop(self, key: Key) -> None:
        """Also what is being sought: it may have been found before the change that this is for."""
        self._kept.pop(key, None)
        self._sought.pop(key, None)

    async def _seek(self, key: Key, seek: Callable[[], Awaitable[Value]]) -> Value:
        try:
            value = await seek()
        finally:
            wanted = self._sought.get(key) is asyncio.current_task()
            if wanted:
                del self._sought[key]
        if wanted:
            self.put(key, value)
        return value
