"""Contenders in turn, round by round, so that a machine whose speed drifts is fair to all of them."""

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


@dataclass(slots=True)
class Series:
    """One contender's rounds: the median of each, in milliseconds."""

    rounds: list[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        return statistics.median(self.rounds)

    def ratio(self, other: "Series") -> float:
        """The median of the ratios round by round."""
        return statistics.median(mine / its for mine, its in zip(self.rounds, other.rounds, strict=True))


def compare(
    contenders: Mapping[str, Callable[[], object]], *, rounds: int, calls: int = 1
) -> dict[str, Series]:
    """Run every contender `calls` times in each of `rounds` rounds, after one round that does not count."""
    series = {name: Series() for name in contenders}
    for number in range(rounds + 1):
        for name, call in contenders.items():
            taken = statistics.median(timed(call) for _ in range(calls))
            if number:
                series[name].rounds.append(taken)
    return series


def timed(call: Callable[[], object]) -> float:
    """Milliseconds of one call."""
    started = time.perf_counter()
    call()
    return (time.perf_counter() - started) * 1000
