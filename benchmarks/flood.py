"""A key that asks for 50 mutes a second where the platform allows 300 requests a minute."""

import threading
import time
from dataclasses import dataclass
from typing import Any

from benchmarks import pace
from benchmarks.crowd import seen_late
from benchmarks.house import House, house, percentile

RATE, LENGTH = 50, 8.0
AGENTS = 1_500
LEAD, LAST = 8.0, 12.0


@dataclass(frozen=True, slots=True)
class Flood:
    """`changes` are those that the platform made for us, a minute."""

    changes: float
    refusals: int
    late_p50: float
    late_p99: float
    late_max: float
    answered: int


def measure(*, minutes: int = 2) -> Flood:
    with house(agents=AGENTS, rate_per_minute=300) as made:
        calls = made.on_calls(made.twin.agents)
        asked = int(RATE * (LEAD + 60 * minutes))
        agents = [list(calls)[number % AGENTS] for number in range(asked)]
        key, placed = made.key(), []

        def ask() -> None:
            placed.extend(pace.place(made, agents, calls, rate=RATE, key=key, length=LENGTH))

        began = time.time() + LEAD
        asking = threading.Thread(target=ask)
        asking.start()
        asking.join()
        time.sleep(LAST)
        return _judged(made, placed, began=began, minutes=minutes)


def _judged(made: House, placed: list[Any], *, began: float, minutes: int) -> Flood:
    end = began + 60 * minutes
    changes = [
        one
        for one in made.ledger("change")
        if one["field"] == "muted" and one["cause"] == "request" and began <= one["at"] < end
    ]
    late = seen_late(made)
    return Flood(
        changes=len(changes) / minutes,
        refusals=sum(one["status"] == 429 for one in made.ledger("request")),
        late_p50=percentile(late, 0.5),
        late_p99=percentile(late, 0.99),
        late_max=max(late),
        answered=sum(status == 201 for _, _, status, _ in placed),
    )
