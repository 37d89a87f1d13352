"""What runs in this process beside the API, and when each task last did what it is for."""

from collections.abc import Callable

import msgspec


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """`beat_seconds`: so long ago it last did its work, or began. Some only work when there is something to
    do: for those a long time means nothing. `failing`: a word of what is wrong now.
    """

    name: str
    beat_seconds: float
    failing: str | None = None


class Beats:
    """Of the tasks of the service itself. The keeper's have their own."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._beats: dict[str, float] = {}

    def of(self, name: str) -> Callable[[], None]:
        """For a task that begins now: what it calls at each turn."""

        def beat() -> None:
            self._beats[name] = self._monotonic()

        beat()
        return beat

    def tasks(self) -> list[Task]:
        now = self._monotonic()
        return [Task(name=name, beat_seconds=round(now - at, 3)) for name, at in self._beats.items()]
