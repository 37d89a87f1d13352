"""16,000 agents watched while 2,000 events a second arrive: from the socket to the mirror, and the memory."""

import time
from dataclasses import dataclass

from benchmarks.house import cpu_seconds, house, in_process, memory_mb, wait_until

PER_SECOND, ROUNDS = 2_000, 3


@dataclass(frozen=True, slots=True)
class Watched:
    """Milliseconds from the simulator's socket to the mirror."""

    agents: int
    per_second: float
    taken: tuple[float, ...]
    memory_mb: float
    cpu: float


def measure(*, agents: int = 16_000, on_calls: int = 6_000) -> Watched:
    with house(agents=agents) as made:
        calls = made.on_calls(made.twin.agents[:on_calls])
        plan = {
            "control_url": made.twin.control_url,
            "per_second": PER_SECOND,
            "rounds": ROUNDS,
            "calls": list(calls.items()),
        }
        pid = made.serving.process.pid
        before, seq = cpu_seconds(pid), made.last_seq()
        found = in_process("benchmarks.pressing", plan)
        cpu = cpu_seconds(pid) - before
        told = {
            one["conversation"]: one["at"] for one in made.ledger("event", after=seq) if one["conversation"]
        }

        def seen() -> dict[str, float]:
            return dict(
                made.query("select conversation_id, seen_at from microphones where seen_at is not null")
            )

        def caught_up() -> bool:
            found = seen()
            return all(sent - 0.5 < found.get(call, 0.0) for call, sent in told.items())

        wait_until(caught_up, seconds=20)
        time.sleep(1)
        at = seen()
        return Watched(
            agents=agents,
            per_second=found["good"] / found["answered_seconds"],
            taken=tuple((at[call] - sent) * 1000 for call, sent in told.items() if call in at),
            memory_mb=memory_mb(pid),
            cpu=100 * cpu / found["answered_seconds"],
        )
