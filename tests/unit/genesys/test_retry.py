import pytest

from micgate.genesys.errors import (
    BadCredentials,
    Forbidden,
    NotGenesys,
    PlatformFailed,
    RateLimited,
    TimedOut,
    Unreachable,
)  # fmt: skip
from micgate.genesys.retry import beyond_patience, retry_after


def wait(error, attempt=1, *, elapsed=0.0, patience=10.0, jitter=0.0):
    return retry_after(error, attempt, elapsed=elapsed, patience=patience, jitter=jitter)


def test_rate_limit_waits_as_long_as_it_is_told():
    assert wait(RateLimited("", retry_after=4.0)) == 4.0
    assert 4.0 < wait(RateLimited("", retry_after=4.0), jitter=0.9) < 5.0


def test_rate_limit_beyond_patience_stops_at_once():
    assert wait(RateLimited("", retry_after=42.0)) is None
    assert wait(RateLimited("", retry_after=4.0), elapsed=7.0) is None


def test_rate_limit_without_a_figure_waits_3_9_27():
    error = RateLimited("")
    waits = [wait(error, attempt, patience=60.0) for attempt in (1, 2, 3, 4)]

    assert waits == [3.0, 9.0, 27.0, None]


@pytest.mark.parametrize(
    "error",
    [PlatformFailed(""), TimedOut(""), Unreachable("", cause="cut"), NotGenesys("", status=503)],
    ids=lambda error: error.word,
)
def test_what_may_pass_is_asked_again_with_growing_pauses(error):
    waits = [wait(error, attempt, jitter=0.5) for attempt in range(1, 7)]

    assert waits == sorted(waits)
    assert waits[0] <= 0.5
    assert waits[-1] <= 3.0


def test_pauses_differ_between_clients():
    assert wait(TimedOut(""), jitter=0.0) < wait(TimedOut(""), jitter=0.9)


def test_platform_that_names_a_time_is_given_it():
    assert wait(PlatformFailed("", retry_after=2.0)) == 2.0
    assert wait(PlatformFailed("", retry_after=30.0)) is None


@pytest.mark.parametrize(
    "error",
    [
        Forbidden(""), BadCredentials(""), NotGenesys("", status=200), NotGenesys("", status=302),
        Unreachable("", cause="tls"), Unreachable("", cause="proxy"),
    ],
)  # fmt: skip
def test_what_will_not_pass_is_not_asked_again(error):
    assert wait(error) is None


@pytest.mark.parametrize("cause", ["name", "refused"])
def test_what_is_not_there_is_tried_three_times(cause):
    waits = [wait(Unreachable("", cause=cause), attempt) for attempt in (1, 2, 3)]

    assert [each is None for each in waits] == [False, False, True]


def test_patience_is_never_exceeded():
    elapsed, attempt = 0.0, 0
    while True:
        attempt += 1
        pause = wait(PlatformFailed(""), attempt, elapsed=elapsed, jitter=0.99)
        if pause is None:
            break
        elapsed += pause

    assert 7.0 < elapsed <= 10.0


def test_refusal_beyond_patience_says_so():
    error = RateLimited("Genesys Cloud answered 429.", retry_after=42.0, status=429, correlation_id="corr-1")

    shown = beyond_patience(error, patience=10.0)

    assert "42 s" in str(shown)
    assert "10 s" in str(shown)
    assert (shown.retry_after, shown.status, shown.correlation_id) == (42.0, 429, "corr-1")
