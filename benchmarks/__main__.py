"""`make bench`: every figure that the documents name, measured in one run, beside what was asked for.

The whole run writes `docs/figures.json` and `docs/figures.md`; single subjects are only printed.
"""

import argparse
import json
import os
import platform
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks import bulk, crowd, flood, load, pace, patch, process, record, takeover, viewers, watched
from benchmarks.figure import Figure, table
from benchmarks.house import percentile
from benchmarks.pace import Pace
from benchmarks.timing import Series

DOCS = Path(__file__).parent.parent / "docs"
NEVER = float("inf")


@dataclass(frozen=True, slots=True)
class Subject:
    """`says` is how it is measured."""

    title: str
    says: str
    run: Callable[..., list[Figure]]


def patch_figures(*, quick: bool) -> list[Figure]:
    series = patch.measure(rounds=5 if quick else 25, calls=100 if quick else 200)
    return [
        *medians(series, unit="ms"),
        ratio(series, "genesys/ over aiohttp", "bare aiohttp", limit=1.15),
        ratio(series, "genesys/ over urllib3", "bare urllib3", limit=1.15),
        ratio(series, "genesys/ over urllib3", "official SDK"),
    ]


def process_figures(*, quick: bool) -> list[Figure]:
    series = process.measure(rounds=3 if quick else 9)
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
    seen = load.measure(seconds=5 if quick else 15)
    return [
        Figure(
            "simulator, 500 agents on calls: requests a second", seen.per_second, "", 1_950.0, at_least=True
        ),
        Figure("errors among them", seen.errors, "", 0.0),
        Figure("answer, median", seen.p50_ms, "ms"),
        Figure("answer, p99", seen.p99_ms, "ms"),
    ]


def pace_figures(*, quick: bool) -> list[Figure]:
    calm = pace.measure(rate=20, seconds=5 if quick else 30)
    pressed = pace.measure(rate=250, seconds=2 if quick else 8)
    return [*paced(calm, rate=20), *paced(pressed, rate=250)]


def crowd_figures(*, quick: bool) -> list[Figure]:
    found = crowd.measure(mutes=1_000 if quick else 10_000)
    return [
        Figure("mutes that were refused or not sent", found.pace.refused, "", 0.0),
        Figure("requests to the platform for each mute", found.pace.requests_per_mute, "", 1.0),
        Figure("reads of mutes that nothing was heard of for two minutes", found.pace.looks, ""),
        Figure("mutes standing at once", found.standing, ""),
        Figure("memory of the service with them", found.memory_mb, "MB"),
        Figure("its processor time while nothing happens, of one core", found.idle_cpu, "%"),
        Figure("un-mute on the wire after its end, p50", percentile(found.wire_late, 0.5), "ms"),
        Figure("un-mute on the wire after its end, p99", percentile(found.wire_late, 0.99), "ms", 250.0),
        Figure("seen to be given back after its end, p50", percentile(found.seen_late, 0.5), "ms"),
        Figure("seen to be given back after its end, p99", percentile(found.seen_late, 0.99), "ms"),
        Figure("microphones never given back", found.stuck, "", 0.0),
    ]


def flood_figures(*, quick: bool) -> list[Figure]:
    found = flood.measure(windows=1 if quick else 2)
    return [
        Figure("confirmed changes of microphones a minute", found.changes, "", 290.0, at_least=True),
        Figure("answers 429 from the platform", found.refusals, "", 0.0),
        Figure("mutes accepted by the service", found.answered, ""),
        Figure("un-mute on the wire after its end, p50", percentile(found.wire_late, 0.5), "ms"),
        Figure("un-mute on the wire after its end, p99", percentile(found.wire_late, 0.99), "ms", 250.0),
        Figure("un-mute on the wire after its end, longest", max(found.wire_late), "ms", 5_000.0),
        Figure("seen to be given back after its end, p50", percentile(found.seen_late, 0.5), "ms"),
        Figure("seen to be given back after its end, p99", percentile(found.seen_late, 0.99), "ms"),
        Figure("seen to be given back after its end, longest", max(found.seen_late), "ms", 5_000.0),
    ]


def watched_figures(*, quick: bool) -> list[Figure]:
    found = watched.measure(agents=2_000, on_calls=1_000) if quick else watched.measure()
    return [
        Figure("agents watched", found.agents, ""),
        Figure("events a second", found.per_second, "", 1_950.0, at_least=True),
        Figure("event to mirror, p50", percentile(found.taken, 0.5), "ms"),
        Figure("event to mirror, p99", percentile(found.taken, 0.99), "ms", 5.0),
        Figure("memory of the service", found.memory_mb, "MB", 300.0),
        Figure("its processor time meanwhile, of one core", found.cpu, "%"),
    ]


def viewers_figures(*, quick: bool) -> list[Figure]:
    found = viewers.measure(seconds=4 if quick else 12)
    return [
        Figure("viewers", found.viewers, ""),
        Figure("changes a second", found.per_second, "", 490.0, at_least=True),
        Figure("commit of a change to each viewer, p50", percentile(found.taken, 0.5), "ms"),
        Figure("commit of a change to each viewer, p99", percentile(found.taken, 0.99), "ms", 50.0),
        Figure("changes that a viewer missed", found.lost, "", 0.0),
        Figure("processor time of the service meanwhile, of one core", found.cpu, "%"),
    ]


def record_figures(*, quick: bool) -> list[Figure]:
    rate = record.verified_per_second(records=20_000 if quick else record.VERIFIED)
    found = record.measure(entries=20_000 if quick else record.ENTRIES)
    asked = {
        "GET /v1/audit, the first 100": found.first_page,
        "GET /v1/audit, the last 100": found.last_page,
        "GET /v1/audit, the latest 100 about an agent": found.about_agent,
        "GET /v1/agents/{ref} (why)": found.why,
        "GET /v1/mutes of an agent": found.mutes,
    }
    return [
        Figure("micgate audit verify, whole process: records a second", rate, "", 50_000.0, at_least=True),
        Figure("entries in the record that is asked", found.entries, ""),
        *(
            Figure(f"{name}, {word}", percentile(taken, share), "ms", 50.0)
            for name, taken in asked.items()
            for word, share in (("p50", 0.5), ("p99", 0.99))
        ),
    ]


def takeover_figures(*, quick: bool) -> list[Figure]:
    found = takeover.measure(kills=1, stops=1) if quick else takeover.measure()
    return [
        Figure("keeper killed: the next one sends, median", percentile(found.killed, 0.5), "s"),
        Figure("keeper killed: the next one sends, longest", max(found.killed), "s", 5.0),
        Figure("keeper stopped: the next one sends, longest", max(found.stopped), "s", 5.0),
    ]


SUBJECTS: Mapping[str, Subject] = {
    "patch": Subject(
        "One PATCH over a kept-alive connection",
        "Rounds alternate between the contenders: a figure is the median call of the median round, a ratio "
        "the median of the rounds' ratios. `genesys/` is micgate's client of the vendor's API.",
        patch_figures,
    ),
    "process": Subject(
        "Whole processes",
        "From start to exit, on the simulator with `apply_ms` 0. The script on the official SDK is spared "
        "the look-up of the call.",
        process_figures,
    ),
    "bulk": Subject(
        "Bulk",
        "200 mutes at once over 20 connections to a server that takes 60 ms: 600 ms is ideal.",
        bulk_figures,
    ),
    "simulator": Subject(
        "The simulator", "500 agents on calls, 2,000 requests a second, one core.", load_figures
    ),
    "pace": Subject(
        "A mute, from POST to the wire, at 20 and at 250 a second",
        "From the client's send to the commit of the intent, and to the arrival of the PATCH at the "
        "simulator: all on one machine and one clock. Each mute is of another agent, and ends 10 s later.",
        pace_figures,
    ),
    "crowd": Subject(
        "10,000 mutes that end at 250 a second",
        "Placed at 80 a second until 10,000 stand; they end at 250 a second. The budget is lifted, "
        "and the platform applies changes after 20 to 60 ms, which is part of what is seen.",
        crowd_figures,
    ),
    "flood": Subject(
        "A key that asks for more than the platform allows",
        "50 mutes of 8 s a second against 300 requests a minute. The platform applies changes after 20 to "
        "60 ms, which is part of what is seen.",
        flood_figures,
    ),
    "watched": Subject(
        "16,000 agents",
        "2,000 events a second on 6,000 calls, from the simulator's socket to the service's mirror.",
        watched_figures,
    ),
    "viewers": Subject(
        "The stream of events",
        "200 viewers while another replica commits 500 changes a second.",
        viewers_figures,
    ),
    "record": Subject(
        "A record of 1,000,000 entries",
        f"Verified offline: an export of {record.VERIFIED:,}. Asked over HTTP: "
        f"{record.EACH - 1} requests of each kind, after one that does not count.",
        record_figures,
    ),
    "takeover": Subject(
        "The keeper lost",
        "Two replicas on one machine, where a process that is gone is noticed at once. SIGKILL and SIGSTOP "
        "of the one that keeps the organization, until the next state change by the other one reaches the "
        "simulator. From another machine a killed one looks like a stopped one.",
        takeover_figures,
    ),
}

GUARDIAN = """\
## The guardian

From `kill -9` of `micgate mute` to the un-mute on the wire, 85 random kills: median 7 ms, at most 0.32 s (a
kill between the PATCH and its effect, which is waited for). `make bench` does not repeat this.
"""


def paced(found: Pace, *, rate: int) -> list[Figure]:
    at = f"at {rate} a second"
    return [
        Figure(f"POST to answer {at}, p50", found.of("answer", 0.5), "ms"),
        Figure(f"POST to answer {at}, p99", found.of("answer", 0.99), "ms"),
        Figure(f"POST to intent committed {at}, p50", found.of("intent", 0.5), "ms", 5.0),
        Figure(f"POST to intent committed {at}, p99", found.of("intent", 0.99), "ms", 20.0),
        Figure(f"POST to PATCH on the wire {at}, p50", found.of("wire", 0.5), "ms", 10.0),
        Figure(f"POST to PATCH on the wire {at}, p99", found.of("wire", 0.99), "ms", 50.0),
        Figure("requests to the platform for each mute", found.requests_per_mute, "", 1.0),
        Figure("mutes that were refused or not sent", found.refused, "", 0.0),
        Figure("processor time of the service for each mute", found.cpu_ms, "ms"),
    ]


def medians(
    series: Mapping[str, Series], *, unit: str, limits: Mapping[str, float] | None = None
) -> list[Figure]:
    return [Figure(name, one.median, unit, (limits or {}).get(name)) for name, one in series.items()]


def ratio(series: Mapping[str, Series], one: str, other: str, *, limit: float | None = None) -> Figure:
    return Figure(f"{one} : {other}", series[one].ratio(series[other]), "x", limit)


def measured(name: str, *, quick: bool) -> list[Figure]:
    """A subject that breaks is a figure that misses: the others are measured all the same."""
    try:
        return SUBJECTS[name].run(quick=quick)
    except Exception:  # noqa: BLE001 -- the outermost edge of one subject
        traceback.print_exc()
        return [Figure(f"{name} could not be measured", NEVER, "", 0.0)]


def machine() -> str:
    cores = len(os.sched_getaffinity(0))
    return f"{cores} cores, {platform.system()} {platform.machine()}, Python {platform.python_version()}"


def document(found: Mapping[str, list[Figure]], *, on: str) -> str:
    every = [one for figures in found.values() for one in figures if one.limit is not None]
    met = sum(one.holds for one in every)
    head = (
        f"Written by `make bench` on {on}: {machine()}, shared with simulator, database and clients.\n"
        f"{met} of {len(every)} figures that were asked for are met.\n"
    )
    parts = [
        "# Figures\n",
        head,
        *(
            f"## {SUBJECTS[name].title}\n\n{SUBJECTS[name].says}\n\n{table(one)}\n"
            for name, one in found.items()
        ),
        GUARDIAN,
    ]
    return "\n".join(parts)


def write(found: Mapping[str, list[Figure]]) -> None:
    on = time.strftime("%Y-%m-%d")
    plain = {name: [one.plain() for one in figures] for name, figures in found.items()}
    told = {"measured_on": on, "machine": machine(), "subjects": plain}
    (DOCS / "figures.json").write_text(json.dumps(told, indent=1) + "\n")
    (DOCS / "figures.md").write_text(document(found, on=on))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("subjects", nargs="*", choices=[[], *SUBJECTS], default=[], metavar="SUBJECT")
    parser.add_argument("--quick", action="store_true", help="fewer rounds")
    parser.add_argument("--json", action="store_true", help="one object on stdout")
    parser.add_argument("--markdown", action="store_true", help="tables on stdout")
    chosen = parser.parse_args()
    aside = chosen.json or chosen.markdown
    found: dict[str, list[Figure]] = {}
    for name in chosen.subjects or SUBJECTS:
        print(name, file=sys.stderr if aside else sys.stdout, flush=True)
        found[name] = measured(name, quick=chosen.quick)
        if not aside:
            print(*found[name], sep="\n", flush=True)
    if chosen.json:
        print(json.dumps({name: [one.plain() for one in figures] for name, figures in found.items()}))
    if chosen.markdown:
        print(document(found, on=time.strftime("%Y-%m-%d")))
    if not chosen.subjects and not chosen.quick:
        write(found)
    return 0 if all(one.holds for figures in found.values() for one in figures) else 1


if __name__ == "__main__":
    raise SystemExit(main())
