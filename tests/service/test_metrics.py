"""Figures that come from the record."""

from itertools import repeat

import msgspec
import pytest

from micgate.audit.entry import MICGATE, write
from micgate.control.fact import GivenBack
from micgate.service.telemetry.metrics import Metrics, Stored
from micgate.store.entries import Entry, Sealed


def sealed(fact: GivenBack) -> Sealed:
    new = write(fact, at=0.0, actor=MICGATE, target="a-1", salt=repeat(b"").__next__)
    entry = Entry(id=1, org="main", **{name: getattr(new, name) for name in _SAME})
    return Sealed(seq=1, hash=b"", entry=entry)


_SAME = set(msgspec.structs.asdict(Entry(id=1, org="", at=0, actor="", action="", target="", public=""))) - {
    *("id", "org", "private_digest")
}


@pytest.mark.parametrize(("by_us", "count"), [(True, "1.0"), (False, "0.0")])
def test_only_what_was_opened_here_counts_as_late(by_us, count):
    metrics = Metrics()
    metrics.told(sealed(GivenBack(seconds_late=14.7, by_us=by_us)))
    assert f"micgate_release_late_seconds_count {count}" in shown(metrics, None)


def test_what_only_the_database_knows_is_not_made_up_without_it():
    metrics = Metrics()
    assert {
        "micgate_database_up 1.0",
        "micgate_mutes_standing 3.0",
        'micgate_microphones{phase="idle"} 7.0',
    } <= (shown(metrics, KNOWN))
    without = shown(metrics, None)
    assert {"micgate_database_up 0.0", "micgate_mutes_standing NaN", "micgate_streams 2.0"} <= without
    assert not any(line.startswith("micgate_microphones{") for line in without)


KNOWN = Stored(phases={"idle": 7}, standing=3, unsealed=0, waiting=0.0, frozen=False, deliveries={"dead": 1})


def shown(metrics, stored):
    return set(metrics.now(stored, viewers=2, budget={}).decode().splitlines())
