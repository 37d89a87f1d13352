"""Placing, looking at, extending and releasing mutes over HTTP."""

import asyncio
import time

import pytest
from front_desk import Limits, Scope

from micgate.control.microphone import LegState


async def test_a_mute_of_a_call_that_is_known_is_pending_and_costs_the_platform_nothing(desk):
    call = await desk.on_call()
    await desk.parts.directory.agent(desk.twin.agents[0].id)
    before = len(desk.twin.requests())
    answer = await desk.mute(reason="customer", **{"for": "90s"})
    assert answer.status == 201, answer.body
    assert answer.body["state"] == "pending"
    assert answer.body["conversation_id"] == call
    assert answer.body["agent"]["email"] == desk.twin.agents[0].email
    assert answer.headers["Location"] == f"/v1/mutes/{answer.body['id']}"
    assert len(desk.twin.requests()) == before
    listed = await desk.ask("GET", "/v1/mutes")
    assert [one["id"] for one in listed.body["mutes"]] == [answer.body["id"]]


async def test_a_mute_is_committed_with_its_end_its_wake_and_its_entry(desk):
    call = await desk.on_call()
    placed = await desk.mute(note="whisper", **{"for": "2m"})
    (mute,) = await desk.store.mutes.standing(desk.org)
    assert mute.release_at - mute.placed_at == pytest.approx(120)
    (row,) = await desk.store.microphones.of_agent(desk.org, mute.user_id)
    assert row.target.conversation_id == call
    assert row.wake_at is not None
    (entry,) = await desk.entries("mute.placed")
    assert entry.mute_id == placed.body["id"]
    assert entry.actor == "host:local"
    assert "whisper" not in entry.public
    assert desk.twin.agents[0].id not in entry.public + entry.target


async def test_a_call_the_keeper_has_not_seen_is_looked_up(desk):
    call = desk.live_call()
    answer = await desk.mute(desk.twin.agents[0].email)
    assert answer.status == 201, answer.body
    assert answer.body["conversation_id"] == call


async def test_an_agent_is_found_by_name(desk):
    await desk.on_call()
    assert (await desk.mute(desk.twin.agents[0].name)).status == 201


async def test_an_unknown_agent_is_a_problem_that_names_what_to_do(desk):
    answer = await desk.mute("nobody@example.com")
    assert (answer.status, answer.word) == (404, "unknown_agent")
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.body["remedy"]
    assert answer.body["type"].endswith("unknown_agent")


async def test_an_agent_on_no_call_is_not_muted(desk):
    answer = await desk.mute()
    assert (answer.status, answer.word) == (409, "no_live_call")
    assert await desk.store.mutes.standing(desk.org) == ()


async def test_several_live_calls_without_a_name_are_listed(desk):
    calls = {await desk.on_call(), await desk.on_call()}
    answer = await desk.mute()
    assert (answer.status, answer.word) == (409, "call_not_chosen")
    assert set(answer.body["facts"]["choices"]) == calls


async def test_the_call_that_is_not_on_hold_is_chosen_and_said(desk):
    await desk.on_call(held=True)
    talking = await desk.on_call()
    answer = await desk.mute()
    assert answer.body["conversation_id"] == talking
    assert "on hold" in answer.body["said"]


async def test_all_calls_of_an_agent_are_covered_without_one(desk):
    answer = await desk.mute(covers="agent", **{"for": "10m"})
    assert answer.status == 201, answer.body
    assert answer.body["conversation_id"] is None
    assert answer.body["covers"] == "agent"


@pytest.mark.parametrize(
    ("wish", "status", "word"),
    [
        ({"for": "16m"}, 422, "length_refused"),
        ({"for": -1}, 422, "length_refused"),
        ({"for": "soon"}, 422, "length_refused"),
        ({"for": "2m", "until": "2030-01-01T00:00:00Z"}, 400, "malformed_request"),
        ({"until": "2020-01-01T00:00:00Z"}, 422, "length_refused"),
        ({"until": "tomorrow"}, 400, "malformed_request"),
        ({"until": "2030-01-01T00:00:00"}, 400, "malformed_request"),
        ({"reason": "because"}, 422, "reason_refused"),
        ({"note": "4111 1111 1111 1111"}, 422, "note_refused"),
        ({"note": "x" * 201}, 422, "note_refused"),
        ({"covers": "agent", "conversation": "c"}, 400, "malformed_request"),
        ({"covers": "everything"}, 400, "malformed_request"),
        ({"pause_recording": True}, 400, "malformed_request"),
        ({"for": True}, 400, "malformed_request"),
        ({"dry_run": "yes"}, 400, "malformed_request"),
        ({"only_if": {"moon": "full"}}, 400, "malformed_request"),
        ({"agent": 7}, 400, "malformed_request"),
        ({"agent": ""}, 400, "malformed_request"),
        ({"agent": "a\0b"}, 400, "malformed_request"),
        ({"agent": "x" * 321}, 400, "malformed_request"),
        ({"conversation": "c\0"}, 400, "malformed_request"),
        ({"reason": "a\nb"}, 400, "malformed_request"),
        ({"reason": ["drill"]}, 400, "malformed_request"),
        ({"note": "x" * 2001}, 400, "malformed_request"),
        ({"note": "card 4111111111111111, 12/29"}, 422, "note_refused"),
        ({"note": "4111-1111-1111-1111"}, 422, "note_refused"),
        ({"for": 0}, 422, "length_refused"),
        ({"for": 0.5}, 422, "length_refused"),
        ({"for": 1e300}, 422, "length_refused"),
        ({"for": "1e3"}, 422, "length_refused"),
        ({"for": "NaN"}, 422, "length_refused"),
        ({"for": "inf"}, 422, "length_refused"),
        ({"for": "9" * 5000}, 422, "length_refused"),
        ({"for": [120]}, 400, "malformed_request"),
        ({"for": {"seconds": 5}}, 400, "malformed_request"),
        ({"until": 1795000000}, 400, "malformed_request"),
        ({"until": "9999-12-31T23:59:59Z"}, 422, "length_refused"),
        ({"until": "0001-01-01T00:00:00+23:59"}, 422, "length_refused"),
        ({"on_override": "fight"}, 400, "malformed_request"),
        ({"open_policy": True}, 400, "malformed_request"),
        ({"only_if": {"connected": "yes"}}, 400, "malformed_request"),
        ({"only_if": {"queue": "Sales"}}, 400, "malformed_request"),
        ({"only_if": None}, 400, "malformed_request"),
        ({"covers": "agent", "for": "11m", "conversation": ""}, 400, "malformed_request"),
        ({"conversation": "no-such-call"}, 409, None),
    ],
)
async def test_what_cannot_be_is_a_problem_and_nothing_is_placed(desk, wish, status, word):
    await desk.on_call()
    answer = await desk.ask("POST", "/v1/mutes", {"agent": desk.twin.agents[0].id} | wish)
    assert answer.status == status, answer.body
    assert word in (None, answer.word)
    assert answer.body["remedy"]
    assert await desk.store.mutes.standing(desk.org) == ()


@pytest.mark.parametrize(
    "raw",
    [
        *(b"", b"{", b"[]", b"null", b'"x"', b"\xff\xfe", b"[" * 60_000, b'{"agent":' * 5000),
        *(b'{"agent": "\xff"}', b'{"agent": "\xed\xa0\x80"}', b'{"agent": "a", "for": NaN}'),
        *(b'{"agent": "a", "for": 1e999}', b'{"agent": "a", "for": -Infinity}', b'{"agent": "a"} trailing'),
        b'{"agent": "a", "for": ' + b"9" * 5000 + b"}",
    ],
)
async def test_a_body_that_is_no_wish_is_malformed(desk, raw):
    answer = await desk.ask("POST", "/v1/mutes", raw=raw)
    assert (answer.status, answer.word) == (400, "malformed_request"), answer.body


@pytest.mark.parametrize(
    "wish",
    [
        *({"dry_run": "0"}, {"dry_run": "true"}, {"dry_run": 1}, {"presence": "30"}, {"presence": "null"}),
        *({"only_if": {"connected": "1"}}, {"only_if": {"not_held": 1}}),
    ],
)
async def test_a_value_in_quotes_is_a_text_and_nothing_else(desk, wish):
    await desk.on_call()
    answer = await desk.mute(**wish)
    assert (answer.status, answer.word) == (400, "malformed_request"), answer.body
    assert answer.body["errors"][0]["at"] in {"dry_run", "presence", "only_if.connected", "only_if.not_held"}
    assert await desk.store.mutes.standing(desk.org) == ()


async def test_a_member_that_stands_there_twice_is_refused(desk):
    await desk.on_call()
    agent = desk.twin.agents[0].id
    for raw in (
        f'{{"agent": "{agent}", "for": "1m", "for": "9m"}}',
        f'{{"agent": "nobody", "agent": "{agent}"}}',
        f'{{"agent": "{agent}", "only_if": {{"connected": true, "connected": false}}}}',
    ):
        answer = await desk.ask("POST", "/v1/mutes", raw=raw.encode())
        assert (answer.status, answer.word) == (400, "malformed_request"), answer.body
        assert "twice" in answer.body["detail"]
    assert await desk.store.mutes.standing(desk.org) == ()


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (b"", "The body is missing."),
        (b"{}", "Object missing required field `agent`."),
        (b'{"agent": "a\\u0000b"}', "agent: It has characters that are not taken here."),
    ],
)
async def test_what_is_wrong_with_a_body_is_said_in_words(desk, raw, says):
    assert (await desk.ask("POST", "/v1/mutes", raw=raw)).body["detail"] == says


async def test_what_is_wrong_with_a_header_is_said_by_its_name(desk):
    answer = await desk.mute(headers={"Idempotency-Key": "k" * 256})
    assert (answer.status, answer.body["errors"][0]["at"]) == (400, "Idempotency-Key")


async def test_a_body_of_another_type_is_told_which_one_is_taken(desk):
    await desk.on_call()
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"):
        answer = await desk.mute(headers={"Content-Type": kind})
        assert (answer.status, answer.word) == (415, "wrong_content_type"), answer.body
        assert "application/json" in answer.body["remedy"]
    assert await desk.store.mutes.standing(desk.org) == ()
    packed = await desk.mute(headers={"Content-Encoding": "gzip"})
    assert (packed.status, packed.word) == (415, "wrong_content_type"), packed.body
    spelled = await desk.mute(headers={"Content-Type": "application/json; charset=utf-8"})
    assert spelled.status == 201


async def test_a_huge_body_is_refused_before_it_is_read(desk):
    answer = await desk.ask("POST", "/v1/mutes", raw=b'{"note":"' + b"x" * 1_000_000)
    assert (answer.status, answer.word) == (413, "too_large")
    assert answer.headers["Connection"] == "close"


async def test_a_dry_run_says_what_would_be_and_places_nothing(desk):
    call = await desk.on_call()
    answer = await desk.mute(dry_run=True)
    assert answer.status == 200
    assert answer.body["places"] is True
    assert answer.body["conversation_id"] == call
    assert await desk.store.mutes.standing(desk.org) == ()


async def test_a_dry_run_is_refused_by_all_that_would_refuse_the_mute(desk):
    await desk.on_call()
    key = await desk.key(limits=Limits(standing=1, queue_share=None))
    await desk.mute(key=key)
    full = await desk.mute(key=key, dry_run=True)
    assert (full.status, full.word) == (409, "too_many_standing")
    await desk.ask("POST", "/v1/freeze")
    frozen = await desk.mute(dry_run=True)
    assert (frozen.status, frozen.word) == (423, "frozen")


async def test_conditions_that_do_not_hold_refuse_and_say_which(desk):
    call = desk.live_call()
    await desk.see(call, held=True)
    answer = await desk.mute(only_if={"not_held": True, "presence": ["Mars"]})
    assert (answer.status, answer.word) == (412, "conditions_unmet")
    assert {one["condition"] for one in answer.body["facts"]["unmet"]} == {"not_held", "presence"}


async def test_conditions_that_hold_let_it_be_placed(desk):
    desk.live_call()
    answer = await desk.mute(only_if={"connected": True, "not_held": True})
    assert answer.status == 201, answer.body


async def test_every_condition_is_looked_at_and_unknown_meets_none(desk):
    agent, queue = desk.twin.agents[0], desk.twin.control("GET", "/state")["queues"][0]
    desk.twin.control("POST", f"/users/{agent.id}/presence", {"presence": "BREAK"})
    desk.live_call(queue=queue["name"])
    met = await desk.mute(dry_run=True, only_if={"queue": ["other", queue["id"]], "presence": ["break"]})
    assert met.status == 200, met.body
    wrong = {"queue": ["other"], "presence": ["Available"], "routing_status": ["ON_MARS"]}
    unmet = await desk.mute(only_if=wrong)
    assert (unmet.status, unmet.word) == (412, "conditions_unmet")
    found = {one["condition"]: one["found"] for one in unmet.body["facts"]["unmet"]}
    assert (found["queue"], found["presence"]) == (queue["id"], "BREAK")
    assert set(found) == {"queue", "presence", "routing_status"}
    everywhere = await desk.mute(covers="agent", only_if={"connected": True, "queue": [queue["id"]]})
    assert {one["found"] for one in everywhere.body["facts"]["unmet"]} == {None}


@pytest.mark.parametrize("policy", ["yield", "notify"])
async def test_what_happens_on_an_override_is_kept_with_the_mute(desk, policy):
    await desk.on_call()
    answer = await desk.mute(key=await desk.key(Scope.MUTE), on_override=policy, open_policy="ask")
    assert (answer.body["on_override"], answer.body["open_policy"]) == (policy, "ask")
    (entry,) = await desk.entries("mute.placed")
    assert f'"{policy}"' in entry.public


@pytest.mark.parametrize("prefer", ["wait=x", "wait", "wait=-1", "respond-async", "wait=1.5", ""])
async def test_a_preference_that_cannot_be_read_is_none(desk, prefer):
    await desk.on_call()
    answer = await desk.mute(headers={"Prefer": prefer})
    assert (answer.status, answer.body["state"]) == (201, "pending")
    assert "Preference-Applied" not in answer.headers


async def test_the_same_idempotency_key_places_once_and_answers_alike(desk):
    await desk.on_call()
    once = {"Idempotency-Key": "k-1"}
    first, second = await desk.mute(headers=once), await desk.mute(headers=once)
    assert (first.status, second.status) == (201, 201)
    assert first.body == second.body
    assert second.headers["Idempotency-Replayed"] == "true"
    assert len(await desk.store.mutes.standing(desk.org)) == 1


async def test_the_same_key_at_the_same_time_places_once(desk):
    await desk.on_call()
    answers = await asyncio.gather(*(desk.mute(headers={"Idempotency-Key": "k"}) for _ in range(8)))
    assert {answer.status for answer in answers} == {201}
    assert len({answer.body["id"] for answer in answers}) == 1
    assert len(await desk.store.mutes.standing(desk.org)) == 1


async def test_a_replay_with_a_preference_shows_the_mute_as_it_is_now(desk):
    await desk.on_call()
    once = {"Idempotency-Key": "k"}
    first = await desk.mute(headers=once, note="rude words")
    await desk.ask("DELETE", f"/v1/mutes/{first.body['id']}")
    again = await desk.mute(headers=once | {"Prefer": "wait=2"}, note="rude words")
    assert (first.body["state"], again.body["state"], again.body["end"]) == ("pending", "ended", "released")
    assert (again.status, again.body["id"], again.body["note"]) == (201, first.body["id"], "rude words")
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.headers["Preference-Applied"] == "wait=2"
    assert (await desk.mute(headers=once, note="rude words")).body == first.body


async def test_a_replay_with_a_preference_waits_for_the_outcome(desk):
    await desk.on_call()
    once = {"Idempotency-Key": "k"}
    first = await desk.mute(headers=once)
    waiting = asyncio.create_task(desk.mute(headers=once | {"Prefer": "wait=5"}))
    await desk.ask("DELETE", f"/v1/mutes/{first.body['id']}")
    assert (await waiting).body["state"] == "ended"
    assert len(await desk.entries("mute.placed")) == 1


async def test_a_replay_is_answered_even_when_the_call_is_over(desk):
    call = await desk.on_call()
    first = await desk.mute(headers={"Idempotency-Key": "k"})
    await desk.see(call, state=LegState.OVER)
    assert (await desk.mute(headers={"Idempotency-Key": "k"})).body == first.body


async def test_a_key_used_with_another_body_is_refused(desk):
    await desk.on_call()
    await desk.mute(headers={"Idempotency-Key": "k"})
    answer = await desk.mute(headers={"Idempotency-Key": "k"}, reason="drill")
    assert (answer.status, answer.word) == (422, "idempotency_key_reused")


@pytest.mark.parametrize("key", ["", "x" * 256, "schlüssel", "a\tb"])
async def test_an_idempotency_key_that_cannot_be_one_is_refused(desk, key):
    await desk.on_call()
    answer = await desk.mute(headers={"Idempotency-Key": key})
    assert (answer.status, answer.word) == (400, "malformed_request"), answer.body
    assert await desk.store.mutes.standing(desk.org) == ()


async def test_a_key_used_for_one_mute_is_not_taken_for_an_extension(desk):
    await desk.on_call()
    once = {"Idempotency-Key": "k"}
    placed = await desk.mute(headers=once)
    wish = {"for": "5m", "reason": "drill"}
    answer = await desk.ask("PATCH", f"/v1/mutes/{placed.body['id']}", wish, headers=once)
    assert (answer.status, answer.word) == (422, "idempotency_key_reused")


async def test_keys_of_different_callers_do_not_meet(desk):
    await desk.on_call()
    key = await desk.key()
    first = await desk.mute(headers={"Idempotency-Key": "k"})
    second = await desk.mute(headers={"Idempotency-Key": "k"}, key=key)
    assert first.body["id"] != second.body["id"]


async def test_a_preference_waits_until_there_is_something_to_say(desk):
    call = await desk.on_call()
    waiting = asyncio.create_task(desk.mute(headers={"Prefer": "wait=5"}))
    standing = await desk.until(lambda: desk.store.mutes.standing(desk.org))
    await desk.ask("DELETE", f"/v1/mutes/{standing[0].id}")
    answer = await waiting
    assert answer.body["state"] == "ended"
    assert answer.body["conversation_id"] == call
    assert answer.headers["Preference-Applied"] == "wait=5"


async def test_a_wait_ends_with_its_time(desk):
    await desk.on_call()
    started = time.monotonic()
    answer = await desk.mute(headers={"Prefer": "wait=1"})
    assert answer.body["state"] == "pending"
    assert 0.9 < time.monotonic() - started < 10


async def test_an_owner_releases_and_again_is_the_same(desk):
    await desk.on_call()
    mute = (await desk.mute()).body["id"]
    first = await desk.ask("DELETE", f"/v1/mutes/{mute}")
    second = await desk.ask("DELETE", f"/v1/mutes/{mute}")
    assert (first.status, first.body["end"]) == (200, "released")
    assert second.body == first.body
    assert len(await desk.entries("mute.ended")) == 1


async def test_somebody_elses_mute_needs_a_scope_and_is_cancelled(desk):
    await desk.on_call()
    mute = (await desk.mute()).body["id"]
    plain, strong = await desk.key(Scope.MUTE), await desk.key(Scope.RELEASE_ANY)
    refused = await desk.ask("DELETE", f"/v1/mutes/{mute}", key=plain)
    assert (refused.status, refused.word) == (403, "not_permitted")
    assert (await desk.ask("DELETE", f"/v1/mutes/{mute}", key=strong)).body["end"] == "cancelled"


async def test_an_extension_needs_a_reason_and_moves_the_end(desk):
    await desk.on_call()
    placed = (await desk.mute()).body
    address = f"/v1/mutes/{placed['id']}"
    assert (await desk.ask("PATCH", address, {"for": "5m"})).status == 400
    endless = await desk.ask("PATCH", address, {"reason": "still typing"})
    assert (endless.status, endless.body["detail"]) == (400, "The new end is not said.")
    assert await desk.entries("mute.extended") == []
    answer = await desk.ask("PATCH", address, {"for": "5m", "reason": "still typing"})
    assert answer.status == 200, answer.body
    assert answer.body["release_at"] > placed["release_at"]
    (entry,) = await desk.entries("mute.extended")
    assert "typing" not in entry.public


async def test_nobody_extends_the_mute_of_another_or_one_that_ended(desk):
    await desk.on_call()
    address = f"/v1/mutes/{(await desk.mute()).body['id']}"
    wish = {"for": "5m", "reason": "customer"}
    other = await desk.ask("PATCH", address, wish, key=await desk.key())
    assert (other.status, other.body["facts"]["rule"]) == (403, "owner")
    await desk.ask("DELETE", address)
    assert (await desk.ask("PATCH", address, wish)).word == "mute_ended"


async def test_a_key_does_not_reach_beyond_its_longest_mute_by_extending(desk):
    await desk.on_call()
    key = await desk.key(limits=Limits(longest=60, queue_share=None))
    address = f"/v1/mutes/{(await desk.mute(key=key, **{'for': '60s'})).body['id']}"
    longer = await desk.ask("PATCH", address, {"for": "61s", "reason": "drill"}, key=key)
    assert (longer.status, longer.body["facts"]) == (403, {"rule": "longest"})
    assert (await desk.ask("PATCH", address, {"for": "60s", "reason": "drill"}, key=key)).status == 200
    desk.clock.ahead += 59
    again = await desk.ask("PATCH", address, {"for": "60s", "reason": "drill"}, key=key)
    assert again.status == 200, again.body
    desk.clock.ahead += 50
    assert (await desk.ask("PATCH", address, {"for": "60s", "reason": "drill"}, key=key)).status == 422


async def test_a_mute_of_an_agent_who_was_marked_meanwhile_is_not_extended(desk):
    await desk.on_call()
    address = f"/v1/mutes/{(await desk.mute()).body['id']}"
    await desk.ask("PUT", f"/v1/protections/agent/{desk.twin.agents[0].id}")
    answer = await desk.ask("PATCH", address, {"for": "5m", "reason": "drill"})
    assert answer.body["facts"] == {"rule": "protected"}


async def test_the_host_mutes_all_calls_of_an_agent_for_half_an_hour(desk):
    await desk.on_call()
    assert (await desk.mute(covers="agent", **{"for": "30m"})).status == 201
    assert (await desk.mute(covers="agent", **{"for": "31m"})).word == "length_refused"


async def test_mutes_of_one_owner_do_not_make_a_chain(desk):
    await desk.on_call()
    for _ in range(2):
        placed = await desk.mute(**{"for": "14m"})
        desk.clock.ahead += 840
        await desk.ask("DELETE", f"/v1/mutes/{placed.body['id']}")
        await desk.see(placed.body["conversation_id"])
    assert (await desk.mute(**{"for": "5m"})).word == "length_refused"


async def test_pages_of_the_list_follow_each_other(desk):
    for agent in range(3):
        await desk.on_call(agent)
        await desk.mute(agent)
    first = await desk.ask("GET", "/v1/mutes?limit=2")
    rest = await desk.ask("GET", f"/v1/mutes?limit=2&after={first.body['next']}")
    assert [len(first.body["mutes"]), len(rest.body["mutes"])] == [2, 1]
    assert rest.body["next"] is None


async def test_ended_mutes_are_listed_by_agent(desk):
    await desk.on_call()
    mute = (await desk.mute()).body["id"]
    await desk.ask("DELETE", f"/v1/mutes/{mute}")
    agent = desk.twin.agents[0].email
    assert (await desk.ask("GET", f"/v1/mutes?agent={agent}")).body["mutes"] == []
    found = await desk.ask("GET", f"/v1/mutes?agent={agent}&standing=false")
    assert [one["id"] for one in found.body["mutes"]] == [mute]
    assert (await desk.ask("GET", "/v1/mutes?standing=false")).status == 400


async def test_a_mute_that_does_not_exist_is_not_there(desk):
    unknown = await desk.ask("GET", "/v1/mutes/01930000-0000-7000-8000-000000000000")
    assert (unknown.status, unknown.word) == (404, "not_found")
    assert (await desk.ask("GET", "/v1/mutes/abc")).status == 404


async def test_a_note_is_shown_to_its_owner_and_to_auditors_only(desk):
    await desk.on_call()
    mute = (await desk.mute(note="whisper")).body["id"]
    seen = [
        (await desk.ask("GET", f"/v1/mutes/{mute}", key=key)).body["note"]
        for key in (None, await desk.key(Scope.MUTE), await desk.key(Scope.AUDIT))
    ]
    assert seen == ["whisper", None, "whisper"]


async def test_standing_mutes_of_a_key_are_bounded_in_the_transaction(desk):
    key = await desk.key(limits=Limits(standing=2, queue_share=None))
    for agent in range(4):
        await desk.on_call(agent)
    answers = await asyncio.gather(*(desk.mute(agent, key=key) for agent in range(4)))
    assert sorted(answer.status for answer in answers) == [201, 201, 409, 409]
    assert len(await desk.store.mutes.standing(desk.org)) == 2


async def test_an_owner_is_shown_by_the_name_its_key_was_given(desk):
    await desk.on_call()
    key = await desk.key(Scope.MUTE, name="Leeds desk")
    placed = await desk.mute(key=key)
    assert placed.body["owner"]["name"] == "Leeds desk"
    (listed,) = (await desk.ask("GET", "/v1/mutes")).body["mutes"]
    assert listed["owner"] == placed.body["owner"]
    why = (await desk.ask("GET", f"/v1/agents/{desk.twin.agents[0].email}")).body
    assert f"by Leeds desk (key {listed['owner']['id']})" in why["says"]
