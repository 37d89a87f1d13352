"""`make bench`: every figure that the documents name, measured side by side in one run."""

import argparse
import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass

from benchmarks import bulk, load, patch, process
from benchmarks.timing import Series


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the report. `limit` is what the design asks for; None where there is only a comparison."""

    name: str
    value: float
    unit: str
    limit: float | None = None
    at_least: bool = False

    @property
    def holds(self) -> bool:
        if self.limit is None:
            return True
        return self.value >= self.limit if self.at_least else self.value <= self.limit

    def __str__(self) -> str:
        sign = "≥" if self.at_least else "≤"
        bound = "" if self.limit is None else f"   ({sign} {self.limit:g}{'' if self.holds else ', MISSED'})"
        return f"  {self.name:<58}{self.value:>10.2f} {self.unit}{bound}"


def patch_figures(*, quick: bool) -> list[Figure]:
    series = patch.measure(rounds=5 if quick else 25, calls=100 if quick else 200)
    return [
        *medians(series, unit="ms"),
        ratio(series, "genesys/ over aiohttp", "bare aiohttp", limit=1.15),
        ratio(series, "genesys/ over urllib3", "bare urllib3", limit=1.15),
        ratio(series, "genesys/ over urllib3", "official SDK"),
    ]


def process_figures(*, quick: bool) -> list[Figure]:
    series = process.measure(rounds=3 if quick else 15)
    limits = {"micgate --help": 80.0, "micgate set, confirmed": 200.0}
    return [
        *medians(series, unit="ms", limits=limits),
        ratio(series, "micgate --help", "bare Python"),
        ratio(series, "micgate set, confirmed", "official SDK script, confirmed"),
    ]


def bulk_figures(*, quick: bool) -> list[Figure]:
    taken = bulk.measure(rounds=3 if quick else 9)
    return [Figure("200 mutes, 20 connections, 60 ms server", taken.median, "ms", 700.0)]


def load_figures(*, quick: bool) -> list[Figure]:
    seen = load.measure(seconds=5 if quick else 20)
    return [
        Figure("simulator, 500 agents on calls: requests/s", seen.per_second, "", 1_950.0, at_least=True),
        Figure("errors among them", seen.errors, "", 0.0),
        Figure("answer, median", seen.p50_ms, "ms"),
        Figure("answer, p99", seen.p99_ms, "ms"),
    ]


SUBJECTS: Mapping[str, Callable[..., list[Figure]]] = {
    "patch": patch_figures,
    "process": process_figures,
    "bulk": bulk_figures,
    "simulator": load_figures,
}


def medians(
    series: Mapping[str, Series], *, unit: str, limits: Mapping[str, float] | None = None
) -> list[Figure]:
    return [Figure(name, one.median, unit, (limits or {}).get(name)) for name, one in series.items()]


def ratio(series: Mapping[str, Series], one: str, other: str, *, limit: float | None = None) -> Figure:
    return Figure(f"{one} : {other}", series[one].ratio(series[other]), "x", limit)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("subjects", nargs="*", choices=[[], *SUBJECTS], default=[], metavar="SUBJECT")
    parser.add_argument("--quick", action="store_true", help="fewer rounds")
    parser.add_argument("--json", action="store_true", help="one object on stdout")
    chosen = parser.parse_args()
    found: dict[str, list[Figure]] = {}
    for subject in chosen.subjects or SUBJECTS:
        print(subject, file=sys.stderr if chosen.json else sys.stdout, flush=True)
        found[subject] = SUBJECTS[subject](quick=chosen.quick)
        if not chosen.json:
            print(*found[subject], sep="\n", flush=True)
    if chosen.json:
        print(json.dumps({name: [asdict(one) for one in figures] for name, figures in found.items()}))
    return 0 if all(one.holds for figures in found.values() for one in figures) else 1


if __name__ == "__main__":
    raise SystemExit(main())
