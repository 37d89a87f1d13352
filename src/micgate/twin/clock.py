"""Time that somebody else moves: what is due happens in order, also what due things make due."""

import heapq
from collections.abc import Callable
from itertools import count


class Timer:
    """Something that is to happen."""

    __slots__ = ("action", "cancelled", "due")

    def __init__(self, due: float, action: Callable[[], None]) -> None:
        self.due = due
        self.action = action
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class Clock:
    """`now` is in seconds since 1970 and never goes back."""

    def __init__(self, now: float) -> None:
        self.now = now
        self._heap: list[tuple[float, int, Timer]] = []
        self._order = count()

    def later(self, seconds: float, action: Callable[[], None]) -> Timer:
        return self.at(self.now + max(0.0, seconds), action)

    def at(self, due: float, action: Callable[[], None]) -> Timer:
        timer = Timer(due, action)
        heapq.heappush(self._heap, (due, next(self._order), timer))
        return timer

    def next_due(self) -> float | None:
        """When `advance` has something to do again."""
        while self._heap and self._heap[0][2].cancelled:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def advance(self, to: float) -> None:
        """Let time run to `to`; every action sees its own moment as `now`."""
        heap = self._heap
        while heap and heap[0][0] <= to:
            due, _, timer = heapq.heappop(heap)
            if not timer.cancelled:
                self.now = max(self.now, due)
                timer.action()
        self.now = max(self.now, to)
