from micgate.control.command import Lane
from micgate.control.microphone import Memory
from micgate.keeper.budget import PER_END, Budget, Ends
from micgate.keeper.waiting import Waiting, WaitingLine
from micgate.platform.port import Allowance
from micgate.store.target import Target
from micgate.store.verbs import Due

NOW = 1000.0


def spend(budget, requests, lane=Lane.MUTE, *, now=NOW, reserved=0.0):
    """How many of them found room."""
    return sum(budget.take(lane, now=now, reserved=reserved) for _ in range(requests))


def said(count, reset_in, allowed=300):
    return Allowance(allowed=allowed, count=count, reset_in=reset_in)


def target(number):
    return Target("org", f"call-{number}", f"user-{number}")


def waiting(number, *, lane=Lane.MUTE, principal="sam"):
    due = Due(target=target(number), version=1, memory=Memory(), mutes=())
    return Waiting(due=due, lane=lane, principal=principal, since=NOW)


def test_a_window_holds_as_many_requests_as_the_platform_allows():
    assert spend(Budget(), 400) == 300


def test_what_is_reserved_is_left_to_releases():
    budget = Budget()
    assert spend(budget, 400, reserved=100.0) == 200
    assert spend(budget, 400, Lane.RELEASE, reserved=100.0) == 100


def test_a_new_window_begins_when_the_platform_said():
    budget = Budget()
    spend(budget, 300)
    for _ in range(300):
        budget.answered(said(300, 20.0), now=NOW)
    assert budget.opens_at(Lane.MUTE, now=NOW, reserved=0.0) == NOW + 20
    assert spend(budget, 1, now=NOW + 19.9) == 0
    assert spend(budget, 1, now=NOW + 20.1) == 1


def test_the_end_of_a_window_is_known_better_with_every_answer():
    budget = Budget()
    budget.take(Lane.MUTE, now=NOW, reserved=0.0)
    for passed, reset_in in ((0.0, 61.0), (0.3, 60.0), (0.9, 60.0)):
        budget.told(said(1, reset_in), now=NOW + passed)
    assert budget.resets_at == NOW + 60.3


def test_what_others_used_is_counted():
    budget = Budget()
    budget.told(said(290, 30.0), now=NOW)
    assert spend(budget, 300) == 10


def test_a_late_answer_about_the_window_before_changes_nothing():
    budget = Budget()
    budget.told(said(5, 59.0), now=NOW)
    budget.told(said(300, 1.0), now=NOW)
    assert (budget.used, budget.resets_at) == (5, NOW + 59)


def test_an_answer_of_a_new_window_clears_what_was_counted():
    budget = Budget()
    spend(budget, 300)
    for _ in range(300):
        budget.answered(said(300, 10.0), now=NOW)
    budget.told(said(1, 61.0), now=NOW + 9.5)
    assert spend(budget, 400, now=NOW + 9.5) == 299


def test_requests_on_their_way_count_for_the_next_window():
    budget = Budget()
    spend(budget, 10)
    budget.told(said(10, 1.0), now=NOW)
    assert spend(budget, 400, now=NOW + 1.5) == 290


def test_nothing_is_sent_while_the_platform_takes_nothing():
    budget = Budget()
    budget.take(Lane.RELEASE, now=NOW, reserved=0.0)
    budget.answered(None, now=NOW, closed_for=7.0)
    assert spend(budget, 1, Lane.RELEASE, now=NOW + 6.9) == 0
    assert budget.opens_at(Lane.RELEASE, now=NOW, reserved=0.0) == NOW + 7
    assert spend(budget, 1, Lane.RELEASE, now=NOW + 7.1) == 1


def test_room_that_was_not_used_is_given_back():
    budget = Budget()
    spend(budget, 300)
    budget.give_back()
    assert spend(budget, 2) == 1


def test_ends_are_reserved_from_when_they_fall_into_the_window():
    ends = Ends()
    for number in range(20):
        ends.put(target(number), NOW + number)
    assert ends.reserve(until=NOW + 9) == 10 * PER_END


def test_an_end_that_moved_or_is_over_is_reserved_once_or_not_at_all():
    ends = Ends()
    ends.put(target(1), NOW)
    ends.put(target(1), NOW + 50)
    assert ends.reserve(until=NOW + 10) == 0
    ends.put(target(1), None)
    assert (ends.reserve(until=NOW + 60), len(ends)) == (0, 0)


def test_the_line_serves_by_importance_and_then_in_turns():
    line = WaitingLine()
    for number in range(3):
        line.join(waiting(number, principal="flood"))
    line.join(waiting(3, principal="sam"))
    line.join(waiting(4, lane=Lane.RELEASE, principal="kim"))
    assert served(line) == [4, 0, 3, 1, 2]


def test_whoever_joins_again_keeps_the_place_unless_it_is_for_something_else():
    line = WaitingLine()
    for number in range(3):
        line.join(waiting(number))
    line.join(waiting(0))
    line.join(waiting(2, lane=Lane.REASSERT))
    assert served(line) == [2, 0, 1]


def served(line):
    order = []
    while first := line.first():
        line.serve(first)
        order.append(int(first.target.user_id.removeprefix("user-")))
    return order
