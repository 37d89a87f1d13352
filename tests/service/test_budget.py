"""The budget as the API shows it: counted by the keeper, told to the others."""

import json

import pytest
from front_desk import Scope

from micgate.control.command import Lane
from micgate.keeper.budget import Budget, Ends
from micgate.keeper.outlook import outlook
from micgate.store.leases import Term
from micgate.store.target import Target

NOW = 1_800_000_000.0


def due(count, *, seconds, ends, first=0):
    for number in range(first, first + count):
        ends.put(Target("org", f"call-{number}", "user"), NOW + seconds)


def test_what_ends_in_this_window_is_kept_and_the_rest_is_left():
    budget, ends = Budget(allowed=300), Ends()
    for _ in range(10):
        budget.take(Lane.MUTE, now=NOW, reserved=0)
    due(20, seconds=30, ends=ends)
    due(40, seconds=90, ends=ends, first=20)
    due(7, seconds=600, ends=ends, first=60)
    seen = outlook(budget, ends, waiting=3, now=NOW)
    assert (seen.allowed, seen.used, seen.reserved, seen.left) == (300, 10, 21, 269)
    assert (seen.next_ends, seen.next_reserved, seen.next_left) == (40, 42, 258)
    assert (seen.waiting, seen.closed_until) == (3, None)


def test_a_window_that_is_over_counts_for_nothing():
    budget, ends = Budget(allowed=300), Ends()
    budget.take(Lane.MUTE, now=NOW, reserved=0)
    budget.answered(None, now=NOW)
    assert outlook(budget, ends, waiting=0, now=NOW + 120).used == 0


def test_while_the_platform_asked_for_quiet_nothing_is_left():
    budget, ends = Budget(allowed=300), Ends()
    budget.take(Lane.MUTE, now=NOW, reserved=0)
    budget.answered(None, now=NOW, closed_for=20)
    seen = outlook(budget, ends, waiting=0, now=NOW + 1)
    assert (seen.left, seen.closed_until) == (0, NOW + 20)


async def ask(desk, org=None, **options):
    return await desk.ask("GET", f"/v1/orgs/{org or desk.org}/budget", **options)


@pytest.fixture
def figures():
    return outlook(Budget(allowed=300), Ends(), waiting=0, now=NOW)


async def test_the_replica_that_keeps_the_org_counts_itself(open_service, figures):
    desk = await open_service(outlook=lambda: figures)
    answer = await ask(desk, key=await desk.key(Scope.MUTE))
    assert answer.status == 200, answer.body
    assert (answer.body["source"], answer.body["left"]) == ("keeper", 300)
    assert answer.body["next_minute"] == {"ends": 0, "reserved": 0, "left": 300}


async def test_another_replica_shows_what_the_keeper_told_and_when(desk, figures):
    told = json.dumps({name: getattr(figures, name) for name in figures.__struct_fields__})
    await desk.store.outlooks.put(desk.term, at=desk.clock.now(), body=told)
    answer = await ask(desk)
    assert (answer.status, answer.body["source"]) == (200, "told")
    desk.clock.ahead += 11
    silent = await ask(desk)
    assert (silent.status, silent.word) == (503, "no_keeper")
    assert silent.headers["Retry-After"] == "2"


async def test_a_keeper_that_was_fenced_off_tells_nothing_any_more(desk):
    now = desk.clock.now()
    await desk.store.outlooks.put(Term(desk.org, desk.term.epoch + 1), at=now, body='{"new": 1}')
    await desk.store.outlooks.put(desk.term, at=now + 5, body='{"old": 1}')
    assert "new" in (await desk.store.outlooks.read(desk.org)).body


async def test_nothing_is_told_of_other_organizations(desk):
    assert (await ask(desk, org="another")).status == 404
