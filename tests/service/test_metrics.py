"""Figures that come from the record."""

from itertools import repeat

import msgspec
import pytest

from micgate.audit.entry import MICGATE, write
from micgate.control.fact import GivenBack
from micgate.service.telemetry.metrics import Metrics
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
    shown = metrics.now(
        phases={}, standing=0, unsealed=0, waiting=0, viewers=0, frozen=False, budget={}, deliveries={}
    )
    assert f"micgate_release_late_seconds_count {count}" in shown.decode().splitlines()
