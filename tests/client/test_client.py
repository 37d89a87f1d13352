"""Both clients, as programs use them, on real sockets."""

import asyncio
import math
import os
import traceback

import pytest
from scripted_service import KEY, Reply, mute, problem, stream

import micgate
from micgate.client import errors


async def test_a_mute_carries_only_what_was_asked_for(gate, service):
    service.will(mute(state="confirmed"))
    placed = await gate.mute("ada@example.com", for_="90s", reason="customer", idempotency_key="task-7")
    (asked,) = service.asked
    assert (asked.method, asked.path) == ("POST", "/v1/mutes")
    assert asked.body == {"agent": "ada@example.com", "for": "90s", "reason": "customer"}
    assert asked.headers["idempotency-key"] == "task-7"
    assert asked.headers["prefer"] == "wait=2"
    assert asked.headers["authorization"] == f"Bearer {KEY}"
    assert placed.confirmed
    assert (placed.release_at - placed.placed_at).seconds == 120


async def test_a_mute_that_stays_pending_is_waited_for(gate, service):
    service.will(mute(), mute(), mute(state="confirmed"))
    placed = await gate.mute("ada", wait=5)
    assert placed.confirmed
    assert [one.method for one in service.asked] == ["POST", "GET", "GET"]


async def test_without_waiting_the_answer_is_as_it_is(gate, service):
    service.will(mute())
    placed = await gate.mute("ada", wait=0)
    assert (placed.state, placed.confirmed, placed.undecided) == ("pending", False, True)
    assert "prefer" not in service.asked[0].headers


async def test_an_answer_that_was_lost_is_asked_for_with_the_same_key(gate, service):
    service.will(Reply(cut=True), Reply(cut=True), mute(state="confirmed"))
    await gate.mute("ada")
    keys = {one.headers["idempotency-key"] for one in service.asked}
    assert (len(service.asked), len(keys)) == (3, 1)


async def test_two_mutes_without_a_key_of_their_own_are_two(gate, service):
    service.will(mute(state="confirmed"))
    await gate.mute("ada")
    await gate.mute("ada")
    assert len({one.headers["idempotency-key"] for one in service.asked}) == 2


async def test_too_many_requests_are_waited_out_when_patience_lasts(gate, service):
    service.will(problem(429, "too_fast", **{"Retry-After": "1"}), mute(state="confirmed"))
    assert (await gate.mute("ada")).confirmed


async def test_a_wait_beyond_the_callers_patience_is_an_error_at_once(gate, service):
    service.will(problem(429, "too_fast", **{"Retry-After": "60"}))
    with pytest.raises(errors.TooFast) as raised:
        await gate.mute("ada")
    assert raised.value.retry_after == 60
    assert len(service.asked) == 1


@pytest.mark.parametrize(
    ("status", "word", "kind"),
    [
        (400, "malformed_request", errors.Invalid),
        (401, "unauthenticated", errors.KeyRefused),
        (403, "not_permitted", errors.NotAllowed),
        (404, "unknown_agent", errors.NotThere),
        (409, "no_live_call", errors.Conflicting),
        (412, "conditions_unmet", errors.Conflicting),
        (418, "teapot", errors.Rejected),
        (422, "reason_refused", errors.Invalid),
        (423, "frozen", errors.Frozen),
        (500, "internal_error", errors.Failed),
    ],
)
async def test_a_problem_document_is_an_error_with_its_word_and_remedy(gate, service, status, word, kind):
    service.will(problem(status, word))
    with pytest.raises(kind) as raised:
        await gate.mute("ada")
    error = raised.value
    assert (error.word, error.remedy, error.status) == (word, "Do this.", status)
    assert error.facts() == {"status": status, "rule": "r"}
    assert isinstance(error, micgate.GateError)
    assert len(service.asked) == 1


@pytest.mark.parametrize("body", [b"<html>Sign in</html>", b"", b"[]", b'{"detail": "no word"}'])
@pytest.mark.parametrize("status", [200, 302, 403])
async def test_what_is_not_the_service_is_said_so(gate, service, status, body):
    service.will(Reply(status, body, {"Location": "https://elsewhere.example/"}))
    with pytest.raises(errors.NotTheService):
        await gate.me()
    assert len(service.asked) == 1


async def test_a_service_that_is_not_there_is_named_and_nothing_was_sent(connect):
    gone = connect("http://127.0.0.1:1", patience=0.1)
    with pytest.raises(errors.NotReached) as raised:
        await gone.mutes()
    assert raised.value.sent is False
    assert "127.0.0.1:1" in str(raised.value)
    assert "micgate serve" in raised.value.remedy


async def test_the_key_is_in_no_error_and_no_repr(connect):
    gone = connect("http://127.0.0.1:1", patience=0.1)
    with pytest.raises(errors.GateError) as raised:
        await gone.mutes()
    shown = "".join(traceback.format_exception(raised.value)) + repr(gone.gate.address) + repr(raised.value)
    assert KEY not in shown
    assert raised.value.__context__ is None or KEY not in repr(raised.value.__context__)


async def test_the_pages_of_a_list_are_one(gate, service):
    first = Reply(body={"mutes": [mute().body], "next": "m1"})
    service.will(first, Reply(body={"mutes": [mute(id="m2").body], "next": None}))
    assert [one.id for one in await gate.mutes()] == [mute().body["id"], "m2"]
    assert service.asked[1].path.endswith("after=m1")


async def test_releasing_waits_until_the_microphone_is_given_back(gate, service):
    service.will(mute(state="releasing", end="released"), mute(state="ended", end="released"))
    released = await gate.release("m1")
    assert released.state == "ended"
    assert [(one.method, one.path) for one in service.asked] == [
        ("DELETE", "/v1/mutes/m1"),
        ("GET", f"/v1/mutes/{released.id}"),
    ]


@pytest.mark.parametrize(
    "wish",
    [
        *({"for_": value} for value in (math.nan, math.inf, -math.inf)),
        *({"presence": math.nan}, {"wait": math.nan}, {"note": "\ud800"}),
        *({"idempotency_key": key} for key in ("", "k" * 256, "a\r\nX-Evil: 1", "\xe9")),
    ],
)
async def test_what_cannot_be_sent_as_it_is_meant_is_not_sent_at_all(gate, service, wish):
    with pytest.raises(errors.Invalid) as refused:
        await gate.mute("ada@example.com", **wish)
    assert refused.value.word == "malformed_request"
    assert service.asked == []


async def test_extending_says_why_and_until_when(gate, service):
    service.will(mute())
    await gate.extend("m1", for_="5m", reason="escalation")
    assert service.asked[0].method == "PATCH"
    assert service.asked[0].body == {"reason": "escalation", "for": "5m"}
    assert service.asked[0].headers["idempotency-key"]


async def test_renewing_says_for_how_long(gate, service):
    service.will(mute(renew_by="2026-11-21T10:00:30.000000Z"))
    renewed = await gate.renew("m1", presence=30)
    (asked,) = service.asked
    assert (asked.method, asked.path, asked.body) == ("POST", "/v1/mutes/m1/renewal", {"presence": 30})
    assert renewed.renew_by.isoformat() == "2026-11-21T10:00:30+00:00"


async def test_a_block_renews_its_mute_and_releases_it(gate, service):
    service.will(mute(state="confirmed"))
    async with gate.during("muted", "ada", for_="5m", presence=0.03):
        await until(lambda: len(service.asked) > 3)
    assert service.asked[0].body == {"agent": "ada", "for": "5m", "presence": 0.03}
    assert {one.path for one in service.asked[1:-1]} == {f"/v1/mutes/{mute().body['id']}/renewal"}
    assert any(one.method == "DELETE" for one in service.asked)


async def test_a_block_stops_renewing_a_mute_that_is_over_and_says_why(gate, service):
    service.will(mute(state="confirmed"), problem(409, "mute_ended"))
    with pytest.raises(errors.Conflicting):
        async with gate.during("muted", "ada", presence=0.03) as muted:
            await until(lambda: muted.lost is not None)
            told = len(service.asked)
            await asyncio.sleep(0.1)
            assert len(service.asked) == told
    assert muted.lost.word == "mute_ended"


async def test_a_block_goes_on_renewing_while_the_service_is_away(connect, service):
    impatient = connect(service.url, patience=0.01)
    service.will(mute(state="confirmed"), problem(503, "database_unavailable"), mute(state="confirmed"))
    async with impatient.during("muted", "ada", presence=0.03) as muted:
        await until(lambda: len(service.asked) > 3)
        assert muted.lost is None


async def test_the_error_of_a_block_is_not_hidden_by_a_release_that_fails(gate, service):
    service.will(mute(state="confirmed"), problem(404, "not_found"))
    with pytest.raises(ZeroDivisionError):
        async with gate.during("muted", "ada"):
            raise ZeroDivisionError


async def until(holds):
    async with asyncio.timeout(20):
        while not holds():  # noqa: ASYNC110 -- what is waited for is in another thread
            await asyncio.sleep(0.005)


async def test_a_name_is_one_part_of_the_address_whatever_is_in_it(gate, service):
    service.will(Reply(body={"agent": {"id": "u1"}}))
    await gate.explain("Ada / ?x=1 Löve")
    assert service.asked[0].path == "/v1/agents/Ada%20%2F%20%3Fx%3D1%20L%C3%B6ve"


SNAPSHOT = b'event: snapshot\nid: 7\ndata: {"seq":7,"missed":false,"mutes":[],"microphones":[]}\n\n'
CHANGES = b'event: changes\nid: 8\ndata: {"seq":8,"records":[],"mutes":[],"microphones":[]}\n\n'


async def test_a_cut_stream_goes_on_after_the_last_event(gate, service):
    later = CHANGES.replace(b"8", b"9")
    service.will(stream(SNAPSHOT, CHANGES[:20], CHANGES[20:]), stream(b": beat\n\n", later))
    seen = await gate.take(3)
    assert [(one.kind, one.seq) for one in seen] == [("snapshot", 7), ("changes", 8), ("changes", 9)]
    assert "last-event-id" not in service.asked[0].headers
    assert service.asked[1].headers["last-event-id"] == "8"


async def test_a_stream_begins_behind_what_is_known(gate, service):
    service.will(stream(SNAPSHOT))
    await gate.take(1, after=3)
    assert service.asked[0].headers["last-event-id"] == "3"


async def test_a_stream_ends_when_the_key_is_refused(gate, service):
    service.will(stream(SNAPSHOT, b"event: end\ndata: {}\n\n"), problem(401, "unauthenticated"))
    with pytest.raises(errors.KeyRefused):
        await gate.take(5)


async def test_a_stream_that_stays_away_is_an_error(connect, service):
    impatient = connect(service.url, patience=0.3)
    service.will(problem(503, "database_unavailable"))
    with pytest.raises(errors.Failed):
        await impatient.take(1)


async def test_an_export_comes_piece_by_piece(gate, service):
    service.will(Reply(chunks=(b"one\n", b"two\n"), headers={"Content-Type": "application/jsonl"}))
    assert b"".join(await gate.take(9, "export", form="jsonl")) == b"one\ntwo\n"


async def test_a_refused_export_is_the_problem(gate, service):
    service.will(problem(403, "not_permitted"))
    with pytest.raises(errors.NotAllowed):
        await gate.take(9, "export")


def test_a_forked_child_has_connections_of_its_own(service):
    """As Celery's prefork workers do with what was made before the fork."""
    service.will(Reply(body={"mutes": [], "next": None}))
    with micgate.connect(service.url, key=KEY) as gate:
        gate.mutes()
        child = os.fork()
        if child == 0:
            os._exit(0 if gate.mutes() == () else 1)
        assert os.waitpid(child, 0)[1] == 0
        assert gate.mutes() == ()


@pytest.mark.parametrize(("status", "ready"), [(200, True), (503, False)])
async def test_that_a_service_is_not_ready_is_an_answer_and_no_error(gate, service, status, ready):
    check = {"name": "keeper", "ok": ready, "says": "So it is.", "remedy": "", "warns": False}
    service.will(Reply(status, body={"ready": ready, "checks": [check]}))
    told = await gate.readiness()
    assert (told.ready, told.checks[0].name, told.checks[0].ok) == (ready, "keeper", ready)
    assert len(service.asked) == 1
