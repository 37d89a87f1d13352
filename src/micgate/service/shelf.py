"""What was found out lately, and how long it counts."""

from collections import OrderedDict
from collections.abc import Callable
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

    def __contains__(self, key: Key) -> bool:
        kept = self._kept.get(key)
        return kept is not None and self._monotonic() < kept[1]

    def get(self, key: Key) -> Value | None:
        return self._kept[key][0] if key in self else None

    def put(self, key: Key, value: Value) -> None:
        self._kept[key] = (value, self._monotonic() + self._seconds)
        self._kept.move_to_end(key)
        if len(self._kept) > self._most:
            self._kept.popitem(last=False)

    def drop(self, key: Key) -> None:
        self._kept.pop(key, None)
