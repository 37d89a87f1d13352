"""One at a time, where what is checked must still hold when it is done. Within one replica."""

import asyncio
from weakref import WeakValueDictionary


class Turns:
    """A lock for each name, for as long as somebody has it or waits for it."""

    def __init__(self) -> None:
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def of(self, *words: str) -> asyncio.Lock:
        """To be held with `async with`."""
        name = "\0".join(words)
        lock = self._locks.get(name)
        if lock is None:
            lock = self._locks[name] = asyncio.Lock()
        return lock
