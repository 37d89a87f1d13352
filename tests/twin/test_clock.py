"""Time that somebody else moves."""

from micgate.twin.clock import Clock


def test_due_actions_happen_in_order_each_at_its_own_moment():
    clock, seen = Clock(100.0), []
    for seconds in (3, 1, 2, 1):
        clock.later(seconds, lambda: seen.append(clock.now))
    clock.advance(102.5)
    assert (seen, clock.now, clock.next_due()) == ([101.0, 101.0, 102.0], 102.5, 103.0)


def test_what_due_actions_make_due_happens_in_the_same_advance():
    clock, seen = Clock(0.0), []

    def again():
        seen.append(clock.now)
        if len(seen) < 5:
            clock.later(1, again)

    clock.later(1, again)
    clock.advance(4)
    assert seen == [1, 2, 3, 4]


def test_equal_moments_keep_their_order():
    clock, seen = Clock(0.0), []
    for number in range(50):
        clock.at(1.0, lambda number=number: seen.append(number))
    clock.advance(1)
    assert seen == list(range(50))


def test_a_cancelled_timer_never_happens_and_is_not_due():
    clock, seen = Clock(0.0), []
    timer = clock.later(1, lambda: seen.append(1))
    timer.cancel()
    assert clock.next_due() is None
    clock.advance(2)
    assert seen == []


def test_time_never_goes_back():
    clock = Clock(10.0)
    clock.advance(5.0)
    assert clock.now == 10.0
