"""The stream: a snapshot, then changes; resumable, filtered, bounded."""

import asyncio
import time
from urllib.parse import urlsplit

import pytest
from front_desk import Limits, Scope

from micgate.service.principals.keyring import KeyRing, host
from micgate.service.principals.sight import Scene, Sight
from micgate.service.request import stream
from micgate.service.request.pulse import Pulse
from micgate.store.database import Hint, every, notify, send
from micgate.store.errors import Unavailable
from slowness import lost


async def reached(desk, seq):
    return desk.stream.seq >= seq


async def empty(desk):
    return not desk.stream.viewers


async def test_a_stream_begins_with_a_snapshot(desk):
    await desk.on_call()
    mute = (await desk.mute()).body["id"]
    async with desk.events() as events:
        snapshot = await events.next()
    assert snapshot["event"] == "snapshot"
    assert [one["id"] for one in snapshot["data"]["mutes"]] == [mute]
    assert snapshot["data"]["microphones"][0]["muted"] is False


async def test_what_happens_is_told_with_the_mute_as_it_is_then(desk):
    await desk.on_call()
    async with desk.events() as events:
        await events.next("snapshot")
        mute = (await desk.mute()).body["id"]
        await desk.seal()
        while not (told := (await events.next("changes"))["data"])["records"]:
            pass
    assert [one["action"] for one in told["records"]] == ["mute.placed"]
    assert mute in {one["id"] for one in told["mutes"]}


async def test_a_microphone_that_changes_without_a_record_is_told_too(desk):
    call = await desk.on_call()
    async with desk.events() as events:
        await events.next("snapshot")
        await desk.see(call, muted=True)
        told = (await events.next("changes"))["data"]
    assert told["microphones"][0]["muted"] is True


async def test_a_change_is_told_late_about_which_the_database_could_not_be_asked_at_once(desk):
    call = await desk.on_call()
    async with desk.events() as events:
        await events.next("snapshot")
        async with desk.parts.database.transaction() as connection:
            await send(connection, b"lock table agents in access exclusive mode", {})
            await desk.see(call, muted=True)
            await desk.until(lambda: _waiting(connection))
            await desk.until(lambda: _none_waiting(connection))
        told = (await events.next("changes"))["data"]
    assert told["microphones"][0]["muted"] is True


async def _waiting(connection):
    return await every(connection, b"select 1 from pg_locks where not granted", {})


async def _none_waiting(connection):
    return not await _waiting(connection)


async def test_a_viewer_who_comes_while_the_database_is_away_takes_nobody_s_place(desk, monkeypatch):
    monkeypatch.setattr(stream, "STREAMS", 1)
    principal = await desk.parts.keys.recognize(f"Bearer {await desk.key(Scope.MUTE)}")
    desk.parts.database.cut()
    for _ in range(2):
        with pytest.raises(Unavailable):
            await desk.stream.join(principal)
    assert desk.stream.viewers == 0


async def test_a_stream_resumes_behind_the_last_record_that_was_seen(desk):
    await desk.on_call()
    for _ in range(3):
        await desk.ask("DELETE", f"/v1/mutes/{(await desk.mute()).body['id']}")
    head = len(await desk.entries())
    await desk.until(lambda: reached(desk, head))
    async with desk.events(headers={"Last-Event-ID": "2"}) as events:
        replay = await events.next()
        assert (await events.next())["event"] == "snapshot"
    assert replay["event"] == "replay"
    assert [one["seq"] for one in replay["data"]["records"]] == list(range(3, head + 1))
    assert replay["id"] == str(head)


async def test_a_viewer_who_comes_from_a_replica_that_was_ahead_is_told_what_is_new_once(
    open_service, monkeypatch
):
    """While nobody watches, a replica looks at the record now and then only."""
    monkeypatch.setattr(stream, "QUIET", 60.0)
    desk = await open_service()
    await desk.on_call()
    await desk.mute()
    head = len(await desk.entries())
    await desk.ask("POST", "/v1/freeze")
    newest = len(await desk.entries())
    async with desk.events(headers={"Last-Event-ID": str(head)}) as events:
        replay, snapshot = await events.next(), await events.next()
    assert [one["seq"] for one in replay["data"]["records"]] == list(range(head + 1, newest + 1))
    assert (snapshot["data"]["missed"], snapshot["data"]["seq"]) == (False, newest)


async def test_what_is_read_while_a_viewer_joins_is_not_told_again_after_its_replay(desk):
    await desk.on_call()
    viewer = await desk.stream.join(await desk.parts.keys.recognize(f"Bearer {await desk.key(Scope.AUDIT)}"))
    before = len(await desk.entries())
    await desk.until(lambda: reached(desk, before))
    viewer.take()
    await desk.mute()
    head = len(await desk.entries())
    await desk.until(lambda: reached(desk, head))
    ticks = [tick for tick in viewer.take() if tick.sealed]
    desk.stream.leave(viewer)
    assert ticks
    assert all(tick.follows(before) for tick in ticks)
    assert not any(tick.follows(head) for tick in ticks)


async def test_a_number_from_the_future_gets_a_snapshot_that_says_so(desk):
    async with desk.events(after=10_000) as events:
        assert (await events.next())["data"]["missed"] is True


async def test_a_viewer_sees_only_its_agents_and_no_audit_records(desk):
    mine = desk.twin.agents[0]
    for agent in (0, 1):
        await desk.on_call(agent)
    key = await desk.key(Scope.MUTE, limits=Limits(agents=(mine.id,), queue_share=None))
    async with desk.events(key=key) as events:
        snapshot = (await events.next("snapshot"))["data"]
        assert {one["agent"]["id"] for one in snapshot["microphones"]} == {mine.id}
        await desk.mute(1)
        await desk.mute(0)
        await desk.entries()
        seen = []
        while not seen:
            told = (await events.next("changes"))["data"]
            seen = told["records"]
            assert {one["agent"]["id"] for one in told["mutes"] + told["microphones"]} <= {mine.id}
    assert [one["action"] for one in seen] == ["mute.placed"]
    async with desk.events(key=key, after=0) as events:
        replay = (await events.next("replay"))["data"]
    assert {one["target"] for one in replay["records"]} == {seen[0]["target"]}


async def test_a_stream_is_cut_when_its_key_is_revoked(desk):
    made = (await desk.ask("POST", "/v1/keys", {"name": "wall", "scopes": ["mute"]})).body
    async with desk.events(key=made["secret"]) as events:
        await events.next("snapshot")
        await desk.ask("DELETE", f"/v1/keys/{made['key']['id']}")
        assert (await events.next("end"))["event"] == "end"
        assert await events.next() is None


async def test_a_stream_is_cut_within_five_seconds_when_another_replica_revoked_its_key(desk):
    secret = await desk.key(Scope.MUTE)
    async with desk.events(key=secret) as events:
        await events.next("snapshot")
        (key,) = await desk.parts.keys.all()
        elsewhere = KeyRing(desk.store, desk.org, now=desk.clock.now, monotonic=desk.clock.monotonic)
        with lost() as waiting:
            await elsewhere.revoke(key.id, by=host("another").actor)
            began = time.monotonic()
            assert (await events.next("end"))["event"] == "end"
            assert time.monotonic() - began < 5 + waiting.seconds


async def test_a_stream_that_is_never_idle_is_cut_all_the_same(desk):
    secret = await desk.key(Scope.MUTE)
    async with desk.events(key=secret) as events:
        await events.next("snapshot")
        (viewer,) = desk.stream._viewers
        telling = asyncio.create_task(tell_on(viewer, tick(desk, b"x")))
        await desk.parts.keys.revoke((await desk.parts.keys.all())[0].id, by=host("test").actor)
        assert (await events.next("end"))["event"] == "end"
        telling.cancel()


async def test_a_stream_of_which_nothing_is_to_be_told_shows_that_it_is_alive(desk, monkeypatch):
    monkeypatch.setattr("micgate.service.resources.events.RECHECK", 0.05)
    reader, writer = await asyncio.open_connection(*address(desk))
    writer.write(asking(desk))
    async with asyncio.timeout(30):
        await reader.readuntil(b": beat\n\n")
        await reader.readuntil(b": beat\n\n")
    writer.close()


async def test_what_is_sealed_elsewhere_is_told_at_once(desk, monkeypatch):
    monkeypatch.setattr(stream, "IDLE", 60.0)
    await desk.on_call()
    async with desk.events() as events:
        await events.next("snapshot")
        await desk.mute()
        await desk.seal()
        await told(desk.parts.database, desk.org)
        while not (await events.next("changes"))["data"]["records"]:
            pass


async def test_a_hint_that_is_no_news_wakes_nobody(desk):
    heard, pulse = asyncio.Event(), Pulse()
    beat = pulse.next
    listening = asyncio.create_task(
        pulse.listen(desk.parts.database, desk.parts.log, heard=heard.set, is_news=lambda org: org == "news")
    )
    await desk.until(lambda: hinted(desk, heard))
    assert not beat.is_set()
    await told(desk.parts.database, "news")
    async with asyncio.timeout(30):
        await beat.wait()
    listening.cancel()


async def hinted(desk, heard):
    await told(desk.parts.database, desk.org)
    return heard.is_set()


async def told(database, org):
    """As by a keeper elsewhere."""
    async with database.reading() as connection:
        await notify(connection, org, of=Hint.SEALED)


async def test_a_stream_is_cut_when_its_key_expires(desk):
    async with desk.events(key=await desk.key(Scope.MUTE, seconds=60)) as events:
        await events.next("snapshot")
        desk.clock.ahead += 61
        assert (await events.next("end"))["event"] == "end"


async def test_a_stream_that_is_cut_is_not_opened_again_with_that_key(desk):
    key = await desk.key(Scope.MUTE, seconds=60)
    desk.clock.ahead += 61
    answer = await desk.ask("GET", "/v1/events", key=key, headers={"Last-Event-ID": "1"})
    assert (answer.status, answer.word) == (401, "unauthenticated")


async def test_a_viewer_who_does_not_read_is_given_a_snapshot_and_no_backlog(desk, monkeypatch):
    """Its socket is full; what happens meanwhile is dropped and said to have been."""
    monkeypatch.setattr(stream, "FRAMES", 3)
    await desk.on_call()
    reader, writer = await asyncio.open_connection(*address(desk), limit=1024)
    writer.write(asking(desk))
    await desk.until(lambda: watched(desk))
    (viewer,) = desk.stream._viewers
    async with asyncio.timeout(60):
        while not viewer.lost:
            for _ in range(50):
                viewer.offer(tick(desk, b"x" * 100_000))
            await asyncio.sleep(0)
    assert len(viewer._ticks) <= 3
    async with asyncio.timeout(60):
        seen = b""
        while b'"missed":true' not in seen:
            seen = seen[-20:] + await reader.read(1_000_000)
    writer.close()


def address(desk):
    where = urlsplit(desk.url)
    return where.hostname, where.port


def asking(desk):
    return f"GET /v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {desk.host_key}\r\n\r\n".encode()


async def tell_on(viewer, news):
    while True:
        viewer.offer(news)
        await asyncio.sleep(0.01)


def tick(desk, size):
    made = stream.Tick(after=0, seq=desk.stream.seq, sealed=(), scene=Scene(), mutes=[], microphones=[])
    made.made[Sight(audits=True)] = b": " + size + b"\n\n"
    return made


async def watched(desk):
    return desk.stream.viewers


async def test_streams_of_a_key_are_bounded_and_a_closed_one_makes_room(desk, monkeypatch):
    monkeypatch.setattr(stream, "STREAMS", 1)
    key = await desk.key(Scope.MUTE)
    async with desk.events(key=key) as events:
        await events.next("snapshot")
        refused = await desk.ask("GET", "/v1/events", key=key)
        assert (refused.status, refused.word) == (429, "too_many_streams")
    await desk.until(lambda: empty(desk))
    async with desk.events(key=key) as events:
        assert (await events.next())["event"] == "snapshot"


async def test_a_viewer_that_falls_behind_gets_a_snapshot(desk):
    principal = await desk.parts.keys.recognize(f"Bearer {await desk.key(Scope.MUTE)}")
    viewer = await desk.stream.join(principal)
    tick = stream.Tick(after=0, seq=1, sealed=(), scene=Scene(), mutes=[], microphones=[])
    for _ in range(stream.FRAMES + 5):
        viewer.offer(tick)
    assert viewer.lost
    assert len(viewer.take()) < stream.FRAMES


async def test_a_stop_ends_every_stream(desk):
    async with desk.events() as events:
        await events.next("snapshot")
        desk.stream.close()
        assert (await events.next("end"))["event"] == "end"


async def test_a_bad_number_to_resume_from_is_malformed(desk):
    answer = await desk.ask("GET", "/v1/events", headers={"Last-Event-ID": "abc"})
    assert (answer.status, answer.word) == (400, "malformed_request")
