"""Lengths, and when a microphone may be opened again."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from micgate.control.errors import LengthRefused
from micgate.control.policy import (
    Baseline,
    ClosedBy,
    OpenPolicy,
    Placer,
    length,
    may_open,
    spoken,
)

SAFE = {
    "policy": OpenPolicy.RESTORE,
    "baseline": Baseline.OPEN,
    "closed_by": ClosedBy.US,
    "same_leg": True,
    "held": False,
    "seconds_late": 0.0,
}


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90),
        ("2m", 120),
        ("1m30s", 90),
        ("120", 120),
        ("0.25h", 900),
        (" 2M ", 120),
        ("1.5m", 90),
        (45, 45),
        (45.5, 45.5),
        (None, 120),
    ],
)
def test_a_length_is_read_in_every_spelling(text, seconds):
    assert length(text) == seconds


@pytest.mark.parametrize(
    "wrong",
    [
        *("", "0", "0s", "-5", "-5s", "+5", "2 m", "2min", "m", "s", "30s1m", "1e2", "nan", "inf", "two"),
        *("0.5s", "1_0", "٣s", "9" * 400, "2m2m"),
        *(True, False, 0, -1, float("nan"), float("inf"), -float("inf"), [], b"2m", {}),
    ],
)
def test_anything_else_is_refused_with_how_to_write_it(wrong):
    with pytest.raises(LengthRefused, match=r"Write seconds|Ask for at most"):
        length(wrong)


def test_an_absurd_length_is_not_spelled_out():
    with pytest.raises(LengthRefused, match=r"^That is over the ceiling of"):
        length("99999999999h")


@pytest.mark.parametrize(
    ("placer", "ceiling"),
    [(Placer.DIRECT, 900), (Placer.SUPERVISOR, 900), (Placer.KEY, 600), (Placer.RULE, 600)],
)
def test_each_placer_has_a_ceiling(placer, ceiling):
    assert length(ceiling, placer=placer) == ceiling
    with pytest.raises(LengthRefused, match=f"ceiling of {ceiling // 60} min"):
        length(ceiling + 1, placer=placer)


def test_a_supervisors_mute_of_every_call_may_last_half_an_hour():
    assert length("30m", placer=Placer.SUPERVISOR, covers_agent=True) == 1800
    with pytest.raises(LengthRefused):
        length("31m", placer=Placer.SUPERVISOR, covers_agent=True)


def test_a_key_gets_no_longer_by_covering_every_call():
    with pytest.raises(LengthRefused):
        length("11m", placer=Placer.KEY, covers_agent=True)


@given(st.text() | st.integers() | st.floats() | st.booleans() | st.none())
def test_a_length_is_never_outside_its_bounds_and_never_another_error(value):
    try:
        seconds = length(value)
    except LengthRefused:
        return
    assert 1 <= seconds <= 900


@pytest.mark.parametrize(
    ("seconds", "text"), [(120, "2 min"), (90, "1 min 30 s"), (1.5, "1.5 s"), (30, "30 s"), (900, "15 min")]
)
def test_a_length_is_said_as_people_say_it(seconds, text):
    assert spoken(seconds) == text


def test_what_was_open_and_closed_by_us_is_opened():
    opening = may_open(**SAFE)
    assert opening.opens
    assert opening.why == "restored"


@pytest.mark.parametrize(
    ("fact", "why"),
    [
        ({"baseline": Baseline.WAS_MUTED}, "was_muted"),
        ({"baseline": Baseline.UNPROVEN}, "unproven"),
        ({"baseline": Baseline.NONE}, "unproven"),
        ({"closed_by": ClosedBy.NOT_US}, "closed_by_others"),
        ({"closed_by": ClosedBy.NOBODY}, "closed_by_others"),
        ({"policy": OpenPolicy.ASK}, "policy"),
        ({"policy": OpenPolicy.NEVER}, "policy"),
        ({"same_leg": False}, "other_leg"),
        ({"held": True}, "on_hold"),
        ({"seconds_late": 60.1}, "too_late"),
    ],
)
def test_each_doubt_alone_leaves_it_closed_and_says_why(fact, why):
    opening = may_open(**SAFE | fact)
    assert not opening.opens
    assert opening.why == why
    assert opening.says


@pytest.mark.parametrize("fact", [{"closed_by": ClosedBy.PROBABLY_US}, {"seconds_late": 60.0}])
def test_probably_us_and_a_minute_late_still_open(fact):
    assert may_open(**SAFE | fact).opens


def test_it_opens_in_no_other_combination():
    opened = [
        facts
        for facts in product(OpenPolicy, Baseline, ClosedBy, (True, False), (True, False), (0.0, 61.0))
        if may_open(**dict(zip(SAFE, facts, strict=True))).opens
    ]
    assert opened == [
        (OpenPolicy.RESTORE, Baseline.OPEN, closed_by, True, False, 0.0)
        for closed_by in (ClosedBy.US, ClosedBy.PROBABLY_US)
    ]
