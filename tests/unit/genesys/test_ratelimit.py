import pytest

from micgate.genesys.messages import Headers
from micgate.genesys.ratelimit import RateLimit, read_rate, seconds_to_wait


def told(**headers):
    return Headers({name.replace("_", "-"): value for name, value in headers.items()})


def test_headers_say_what_is_left():
    said = told(inin_ratelimit_count="41", inin_ratelimit_allowed="180", inin_ratelimit_reset="17")
    rate = read_rate(said, now=100.0)

    assert rate.headroom(100.0) == 139
    assert rate.describe(100.0) == "41 of 180 requests used, full again in 17 s"


def test_window_that_is_over_is_full_again():
    rate = RateLimit(count=300, allowed=300, reset_at=110.0)

    assert (rate.headroom(109.0), rate.headroom(110.0)) == (0, 300)
    assert rate.describe(120.0) == "0 of 300 requests used"


def test_silence_is_unknown_and_not_zero():
    rate = read_rate(Headers({}), now=1.0)

    assert rate == RateLimit()
    assert rate.headroom(1.0) is None
    assert rate.describe(1.0) == "no rate limit reported yet"


@pytest.mark.parametrize("odd", ["", "many", "-1", "1.5", "٣"])
def test_odd_values_count_as_unknown(odd):
    assert read_rate(told(inin_ratelimit_allowed=odd), now=0.0).allowed is None


def test_retry_after_comes_before_the_window():
    assert seconds_to_wait(told(retry_after="42", inin_ratelimit_reset="61")) == 42.0
    assert seconds_to_wait(told(inin_ratelimit_reset="61")) == 61.0


def test_retry_after_may_name_a_time_on_the_clock_of_whoever_answered():
    answered, named = "Wed, 21 Oct 2026 07:28:00 GMT", "Wed, 21 Oct 2026 07:28:30 GMT"

    assert seconds_to_wait(told(retry_after=named, date=answered)) == 30.0
    assert seconds_to_wait(told(retry_after=answered, date=named)) == 0.0
    assert seconds_to_wait(told(retry_after=named, inin_ratelimit_reset="61")) == 61.0


@pytest.mark.parametrize("odd", ["soon", "9" * 5000, "1.5", "-3", "Wed, 99 Oct 2026 07:28:00 GMT"])
def test_retry_after_that_says_nothing_counts_as_absent(odd):
    assert seconds_to_wait(told(retry_after=odd, date="Wed, 21 Oct 2026 07:28:00 GMT")) is None
