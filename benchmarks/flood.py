"""A key that asks for 50 mutes a second where the platform allows 300 requests a minute."""

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from benchmarks import pace
from benchmarks.crowd import seen_late
from benchmarks.house import House, house

RATE, LENGTH = 50, 8.0
AGENTS = 1_500
LAST = 12.0
WINDOW = 61.5
"""Seconds until the platform counts anew, as it says them."""
LULL = 20.0
"""Without a mute for so long, and then one: the platform has begun to count anew."""


@dataclass(frozen=True, slots=True)
class Flood:
    """`changes` are those that the platform made for us, a minute; over whole windows of its budget.

    `wire_late` and `seen_late` are milliseconds from an end: to the un-mute on the wire, and until it is
    seen that it was given back, in which the platform's own delay is contained.
    """

    changes: float
    refusals: int
    wire_late: tuple[float, ...]
    seen_late: tuple[float, ...]
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
    ends: dict[str, list[float]] = {}
    for call, end in made.query("select conversation_id, release_at from mutes order by release_at"):
        ends.setdefault(call, []).append(end)
    return Flood(
        changes=_a_minute(
            [one["at"] for one in changes], [one["at"] for one in changes if one["to"] is True]
        ),
        refusals=sum(one["status"] == 429 for one in made.ledger("request")),
        wire_late=tuple(_wire_late(made.patches(), ends)),
        seen_late=tuple(seen_late(made)),
        answered=sum(status == 201 for _, _, status, _ in placed),
    )


def _wire_late(patches: Sequence[Mapping[str, Any]], ends: Mapping[str, Sequence[float]]) -> list[float]:
    """Of the first un-mute after each end: an agent has several mutes, one after the other."""
    found: dict[tuple[str, float], float] = {}
    for one in patches:
        call = one["path"].split("/")[5]
        before = [end for end in ends.get(call, ()) if end <= one["at"]]
        if (one["body"] or {}).get("muted") is False and before:
            found.setdefault((call, before[-1]), (one["at"] - before[-1]) * 1000)
    return list(found.values())


def _a_minute(changes: list[float], mutes: list[float]) -> float:
    """From the second beginning of a window to the last; where none shows, over all of it."""
    starts = [later for one, later in pairwise(mutes) if later - one > LULL]
    first, last = (starts[0], starts[-1]) if len(starts) > 1 else (changes[0], changes[-1])
    return 60 * sum(first <= at < last for at in changes) / (last - first)
