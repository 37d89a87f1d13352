"""The budget as the API shows it: counted by the keeper, told to the others."""

import json

import pytest
from front_desk import Scope

from micgate.control.command import Lane
from micgate.keeper.budget import Budget, Ends
from micgate.keeper.outlook import crowd, outlook
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
    assert (answer.body["fits"], answer.body["ends"]) == (285, [0] * 30)


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


def looked_at(*groups, allowed=21, used=0):
    """Groups of a count, and the seconds after which so many end. 20 of them fit into a minute."""
    budget, ends = Budget(allowed=allowed), Ends()
    for _ in range(used):
        budget.take(Lane.MUTE, now=NOW, reserved=0)
    for first, (count, seconds) in enumerate(groups):
        due(count, seconds=seconds, ends=ends, first=1000 * first)
    return outlook(budget, ends, waiting=0, now=NOW)


def test_what_ends_is_told_by_the_minute_as_far_as_any_mute_may_last():
    seen = looked_at((3, 30), (5, 61), (7, 120), (11, 121), (13, 1800), (17, 3600))
    assert (len(seen.ends), seen.ends[:2], seen.ends[28], sum(seen.ends)) == (30, (12, 11), 13, 36)


@pytest.mark.parametrize(
    ("groups", "at", "told"),
    [
        (((19, 90),), 90, None),
        (((20, 90),), 90, (21, 20, 60)),
        (((20, 90),), 119.5, (21, 20, 60)),
        (((20, 90),), 130, None),
        (((40, 90),), 90, (41, 20, 120)),
        (((50, 90),), 130, (31, 20, 60)),
        (((20, 30),), 40, (21, 20, 60)),
        (((50, 30),), 90, (31, 20, 60)),
        (((500, 90),), 5000, None),
    ],
    ids=["fits", "full", "minute", "next", "two", "carried", "now", "late", "beyond"],
)
def test_one_end_too_many_is_told_with_how_late_it_may_be(groups, at, told):
    full = crowd(looked_at(*groups), NOW + at)
    assert (full and (full.ends, full.fits, full.late)) == told


def test_what_was_used_of_this_minute_is_not_there_for_ends():
    full = crowd(looked_at((10, 30), used=11), NOW + 30)
    assert (full.ends, full.fits, full.late) == (11, 9, 60)


def test_an_end_that_moves_within_its_minute_is_not_one_more():
    seen = looked_at((20, 90))
    assert crowd(seen, NOW + 95, before=NOW + 90) is None
    assert crowd(seen, NOW + 95, before=NOW + 30) is not None


def crowded(desk, seconds):
    """21 requests a minute, and 20 ends that many seconds from now."""
    ends = Ends()
    for number in range(20):
        ends.put(Target("org", f"call-{number}", "user"), desk.clock.now() + seconds)
    return outlook(Budget(allowed=21), ends, waiting=0, now=desk.clock.now())


FULL = "With this one 21 mutes end in the same minute, and Genesys Cloud allows to end 20 then"


async def test_whoever_ends_in_a_full_minute_is_told(open_service):
    kept = {}
    desk = await open_service(outlook=lambda: kept.get("seen"))
    kept["seen"] = crowded(desk, 150)
    await desk.on_call()
    told = {}
    for seconds in (90, 150):
        wish = {"for": seconds, "dry_run": True}
        told[seconds] = (await desk.mute(**wish)).body["said"]
    assert told[90] is None
    assert told[150] == f"{FULL}: it may end up to 60 s late."
    placed = await desk.mute(headers={"Prefer": "wait=0"}, **{"for": 150})
    assert (placed.status, placed.body["said"]) == (201, told[150])


async def test_whoever_moves_the_end_into_a_full_minute_is_told_again_when_asked_again(open_service):
    kept = {}
    desk = await open_service(outlook=lambda: kept.get("seen"))
    kept["seen"] = crowded(desk, 150)
    await desk.on_call()
    mute = (await desk.mute(**{"for": 30})).body["id"]
    longer = {"for": 150, "reason": "drill"}
    once = {"Idempotency-Key": "longer"}
    for _ in range(2):
        extended = await desk.ask("PATCH", f"/v1/mutes/{mute}", longer, headers=once)
        assert (extended.status, extended.body["said"]) == (200, f"{FULL}: it may end up to 60 s late.")
    shorter = await desk.ask("PATCH", f"/v1/mutes/{mute}", {"for": 30, "reason": "drill"})
    assert shorter.body.get("said") is None


async def test_another_replica_tells_what_the_keeper_told_and_asks_once_a_second(desk):
    await desk.on_call()

    async def told(figures):
        body = json.dumps({name: getattr(figures, name) for name in figures.__struct_fields__})
        await desk.store.outlooks.put(desk.term, at=desk.clock.now(), body=body)

    async def said():
        return (await desk.mute(**{"for": 150, "dry_run": True})).body["said"]

    assert await said() is None
    desk.clock.ahead += 1
    await told(crowded(desk, 150))
    assert await said() == f"{FULL}: it may end up to 60 s late."
    await told(outlook(Budget(allowed=21), Ends(), waiting=0, now=desk.clock.now()))
    assert await said() is not None
    desk.clock.ahead += 1
    assert await said() is None


async def test_what_a_keeper_told_long_ago_is_not_told_on(desk):
    await desk.on_call()
    figures = crowded(desk, 150)
    body = json.dumps({name: getattr(figures, name) for name in figures.__struct_fields__})
    await desk.store.outlooks.put(desk.term, at=desk.clock.now(), body=body)
    desk.clock.ahead += 11
    assert (await desk.mute(**{"for": 139, "dry_run": True})).body["said"] is None
