"""When a delivery is tried again: a pure function."""

import pytest

from micgate.webhooks.patience import LONGEST, TRIES, Patience, asked


def test_it_waits_longer_each_time_up_to_ten_minutes():
    waits = [Patience().wait(tries, asked=None, chance=0.5) for tries in range(1, 9)]
    assert waits == [1, 5, 15, 60, 300, 600, 600, 600]


def test_it_goes_on_for_about_a_day():
    whole = sum(Patience().wait(tries, asked=None, chance=0.5) for tries in range(1, TRIES))
    assert 23 * 3600 < whole < 26 * 3600
    assert Patience().wait(TRIES, asked=None, chance=0.5) is None


def test_many_that_failed_together_are_not_tried_together():
    assert Patience().wait(6, asked=None, chance=0.0) == 480
    assert Patience().wait(6, asked=None, chance=1.0) == 720


def test_a_receiver_may_ask_for_more_time_but_not_for_ever():
    assert Patience().wait(1, asked=30.0, chance=0.5) == 30
    assert Patience().wait(1, asked=10**9, chance=0.5) == LONGEST
    assert Patience().wait(6, asked=1.0, chance=0.5) == 600


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("30", 30.0),
        ("Wed, 21 Oct 2015 07:28:30 GMT", 30.0),
        ("Wed, 21 Oct 2015 07:27:00 GMT", 0.0),
        ("soon", None),
        ("-1", None),
        ("٣", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(header, seconds):
    assert asked(header, now=1445412480.0) == seconds


def test_two_failures_are_waited_for_by_those_behind():
    assert [Patience().aside(tries) for tries in range(5)] == [False, False, False, True, True]
