"""Simulate, seed after seed, until stopped or until an invariant breaks.

A seed that fails is named, and then told as a story, as short as it gets; exit code 1. The short story is
kept in a file that `--story` tells again.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import count, islice
from pathlib import Path

import msgspec

from simulation.shrink import Failure, failure_of, shrink
from simulation.story import Story, draw

TELL_EVERY = 20.0
TELL_STEPS = 60


def main() -> int:
    asked = _asked()
    if asked.story is not None:
        return _again(asked.story)
    seeds = _seeds(asked.seed, asked.runs)
    began = told = time.monotonic()
    runs = 0
    try:
        for seed, failure in _outcomes(seeds, minutes=asked.minutes, processes=asked.processes):
            runs += 1
            if failure is not None:
                _tell_failure(seed, failure, minutes=asked.minutes)
                return 1
            if time.monotonic() - told > TELL_EVERY:
                told = time.monotonic()
                _tell_progress(runs, minutes=asked.minutes, seconds=told - began, seed=seed)
    except KeyboardInterrupt:
        _say("")
    _tell_progress(runs, minutes=asked.minutes, seconds=time.monotonic() - began, seed=None)
    return 0


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m simulation", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="the first one; it is counted up (default 1)")
    parser.add_argument("--minutes", type=float, default=120, help="simulated, for each seed (default 120)")
    parser.add_argument("--runs", type=int, help="stop after so many seeds")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1, help="at once")
    parser.add_argument("--story", type=Path, help="tell this one again, of a file that a failure has left")
    return parser.parse_args()


def _again(file: Path) -> int:
    story = msgspec.json.decode(file.read_bytes(), type=Story)
    failure = failure_of(story)
    _say(story.told(most=TELL_STEPS))
    _say(f"{failure.says}, after {failure.at:.2f} s" if failure else "Nothing fails.")
    return 1 if failure else 0


def _seeds(first: int, runs: int | None) -> Iterator[int]:
    return islice(count(first), runs)


def _outcomes(
    seeds: Iterator[int], *, minutes: float, processes: int
) -> Iterator[tuple[int, Failure | None]]:
    """As they come in, a few at a time."""
    with ProcessPoolExecutor(processes) as pool:
        running = [(seed, pool.submit(_one, seed, minutes)) for seed in islice(seeds, processes * 2)]
        try:
            while running:
                seed, outcome = running.pop(0)
                yield seed, outcome.result()
                running += [(after, pool.submit(_one, after, minutes)) for after in islice(seeds, 1)]
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _one(seed: int, minutes: float) -> Failure | None:
    return failure_of(draw(seed, minutes=minutes))


def _tell_progress(runs: int, *, minutes: float, seconds: float, seed: int | None) -> None:
    upto = "" if seed is None else f", up to seed {seed}"
    _say(f"{runs} runs, {runs * minutes / 60:.0f} simulated hours in {seconds:.0f} s{upto}")


def _tell_failure(seed: int, failure: Failure, *, minutes: float) -> None:
    story = draw(seed, minutes=minutes)
    _say(f"\nSeed {seed} fails after {failure.at:.2f} s: {failure.says}")
    _say(f"Again: python -m simulation --seed {seed} --minutes {minutes:g} --runs 1")
    _say(f"Shrinking {len(story.steps)} steps ...")
    story, failure = shrink(story, failure, progress=lambda steps: _say(f"  {steps} left"))
    _say(f"\n{failure.says}, after {failure.at:.2f} s of:\n{story.told(most=TELL_STEPS)}")
    file = Path(tempfile.gettempdir(), f"simulation-{seed}.json")
    file.write_bytes(msgspec.json.format(msgspec.json.encode(story)))
    _say(f"\nAgain: python -m simulation --story {file}")


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
