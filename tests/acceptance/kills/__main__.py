"""Kill and stop services and databases, round after round, and compare the books at the end of every house.

A house is one or two replicas on the embedded or on another PostgreSQL. Exit code 1 when anything is found.
"""

import argparse
import asyncio
import sys
import time
from collections import Counter
from pathlib import Path
from random import SystemRandom

from kills.compare import GRACE
from kills.house import House
from kills.storm import Storm

HOUSES = tuple((replicas, embedded) for embedded in (True, False) for replicas in (2, 1))
CHECK_EVERY = 13
"""Rounds between two comparisons."""


def main() -> int:
    asked = _asked()
    seed = asked.seed or f"{SystemRandom().getrandbits(32):08x}"
    _say(f"Seed {seed}")
    began = time.monotonic()
    numbers = asked.only or list(range(asked.rounds))
    total: Counter[str] = Counter()
    findings = asyncio.run(_houses(seed, numbers, total, grace=asked.grace, keep=asked.keep))
    counts = ", ".join(f"{count} {what}" for what, count in sorted(total.items()))
    _say(f"{time.monotonic() - began:.0f} s: {counts}")
    _say(f"{len(findings)} findings")
    for finding in findings:
        _say(f"  {finding}")
    return 1 if findings else 0


async def _houses(
    seed: str, numbers: list[int], total: Counter[str], *, grace: float, keep: Path | None
) -> list[str]:
    """Round n is drawn from the seed and n, and runs in house n modulo four: so one alone is the same."""
    findings: list[str] = []
    for number, (replicas, embedded) in enumerate(HOUSES):
        mine = [one for one in numbers if one % len(HOUSES) == number]
        if mine:
            async with House(replicas=replicas, embedded=embedded) as house:
                _say(house.name)
                place = keep / house.name.replace(" ", "-").replace(",", "") if keep else None
                findings += await _rounds(house, seed, mine, total, grace=grace, keep=place)
    return findings


async def _rounds(
    house: House, seed: str, numbers: list[int], total: Counter[str], *, grace: float, keep: Path | None
) -> list[str]:
    storm = Storm(house)
    for done, number in enumerate(numbers, start=1):
        began, struck = time.monotonic(), Counter(storm.blows)
        await storm.round(f"{seed}/{number}")
        blows = ", ".join((storm.blows - struck).elements()) or "nothing"
        _say(f"  round {number}: {blows}; {len(storm.accepted)} mutes; {time.monotonic() - began:.1f} s")
        if done % CHECK_EVERY == 0 and done < len(numbers):
            verdict = await storm.verdict(grace=grace)
            if verdict.findings:
                break
    verdict = await storm.verdict(grace=grace)
    _say(f"  {verdict.says()}; {len(verdict.findings)} findings")
    for finding in verdict.findings:
        _say(f"    {finding}")
    if keep:
        await storm.keep(keep)
    total += verdict.figures + storm.blows
    total["rounds"] += storm.rounds
    return [f"{house.name}: {finding}" for finding in verdict.findings]


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m kills", description=__doc__)
    parser.add_argument("--seed", help="draws the same rounds again")
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--grace", type=float, default=GRACE, help="seconds by which a release may be late")
    parser.add_argument("--keep", type=Path, help="a new folder for logs, ledgers and records")
    parser.add_argument("--only", type=int, nargs="+", help="these rounds alone")
    return parser.parse_args()


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
