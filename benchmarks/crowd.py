"""10,000 mutes that stand at once and end at 250 a second: pace, memory, idling, lateness. Budget lifted."""

import time
from dataclasses import dataclass

from benchmarks import pace
from benchmarks.house import House, cpu_seconds, house, memory_mb
from benchmarks.pace import Pace

PLACING, ENDING = 80, 250
"""A second. Placing at the rate of the ends would say how a service that is asked too much is late."""
SETTLE, IDLE = 6.0, 8.0
LAST = 15.0


@dataclass(frozen=True, slots=True)
class Crowd:
    """`late` in milliseconds from a mute's end; on the wire, and seen to be given back."""

    pace: Pace
    standing: int
    memory_mb: float
    idle_cpu: float
    wire_late: tuple[float, ...]
    seen_late: tuple[float, ...]
    stuck: int


def measure(*, mutes: int = 10_000) -> Crowd:
    placing = mutes / PLACING
    first = placing + SETTLE + IDLE + 10
    lengths = [first + at / ENDING - at / PLACING for at in range(mutes)]
    with house(agents=mutes) as made:
        calls = made.on_calls(made.twin.agents)
        found = pace.run(made, list(calls), calls, rate=PLACING, key=made.key(), length=lengths)
        time.sleep(SETTLE)
        idle = _idle(made)
        standing = made.query("select count(*) from mutes where ended_at is null")[0][0]
        memory = memory_mb(made.serving.process.pid)
        _wait_for_ends(made)
        wire, stuck = _lateness(made)
        return Crowd(
            pace=found,
            standing=int(standing),
            memory_mb=memory,
            idle_cpu=idle,
            wire_late=tuple(wire),
            seen_late=tuple(seen_late(made)),
            stuck=stuck,
        )


def seen_late(made: House) -> list[float]:
    rows = made.query(
        "select (public->>'late_ms')::float8 from entries where action = 'microphone.given_back' "
        "and public ? 'late_ms'"
    )
    return [row[0] for row in rows]


def _idle(made: House) -> float:
    """The share of one core that the service takes while nothing happens."""
    pid = made.serving.process.pid
    before, began = cpu_seconds(pid), time.monotonic()
    time.sleep(IDLE)
    return 100 * (cpu_seconds(pid) - before) / (time.monotonic() - began)


def _wait_for_ends(made: House) -> None:
    last = made.query("select max(release_at) from mutes")[0][0]
    time.sleep(max(0.0, last - time.time()) + LAST)


def _lateness(made: House) -> tuple[list[float], int]:
    ends = dict(made.query("select conversation_id, max(release_at) from mutes group by conversation_id"))
    opened: dict[str, float] = {}
    for one in made.patches():
        if (one["body"] or {}).get("muted") is False:
            opened.setdefault(one["path"].split("/")[5], one["at"])
    late = [(opened[call] - end) * 1000 for call, end in ends.items() if call in opened]
    return late, len(ends) - len(late)
