"""A key that asks for 50 mutes a second where the platform allows 300 requests a minute."""

import threading
import time
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from benchmarks import pace
from benchmarks.crowd import seen_late
from benchmarks.house import House, house, percentile

RATE, LENGTH = 50, 8.0
AGENTS = 1_500
LAST = 12.0
WINDOW = 61.5
"""Seconds until the platform counts anew, as it says them."""
LULL = 20.0
"""Without a mute for so long, and then one: the platform has begun to count anew."""


@dataclass(frozen=True, slots=True)
class Flood:
    """`changes` are those that the platform made for us, a minute; over whole windows of its budget."""

    changes: float
    refusals: int
    late_p50: float
    late_p99: float
    late_max: float
    answered: int


def measure(*, windows: int = 2) -> Flood:
    """The first window, in which the service started, does not count."""
    with house(agents=AGENTS, rate_per_minute=300) as made:
        calls = made.on_calls(made.twin.agents)
        asked = int(RATE * WINDOW * (windows + 1.2))
        agents = [list(calls)[number % AGENTS] for number in range(asked)]
        key, placed = made.key(), []

        def ask() -> None:
            placed.extend(pace.place(made, agents, calls, rate=RATE, key=key, length=LENGTH))

        asking = threading.Thread(target=ask)
        asking.start()
        asking.join()
        time.sleep(LAST)
        return _judged(made, placed)


def _judged(made: House, placed: list[Any]) -> Flood:
    changes = [one for one in made.ledger("change") if one["field"] == "muted" and one["cause"] == "request"]
    late = seen_late(made)
    return Flood(
        changes=_a_minute(
            [one["at"] for one in changes], [one["at"] for one in changes if one["to"] is True]
        ),
        refusals=sum(one["status"] == 429 for one in made.ledger("request")),
        late_p50=percentile(late, 0.5),
        late_p99=percentile(late, 0.99),
        late_max=max(late),
        answered=sum(status == 201 for _, _, status, _ in placed),
    )


def _a_minute(changes: list[float], mutes: list[float]) -> float:
    """From the second beginning of a window to the last; where none shows, over all of it."""
    starts = [later for one, later in pairwise(mutes) if later - one > LULL]
    first, last = (starts[0], starts[-1]) if len(starts) > 1 else (changes[0], changes[-1])
    return 60 * sum(first <= at < last for at in changes) / (last - first)
