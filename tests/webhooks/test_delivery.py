"""What is sealed arrives: signed, in order, at least once, whatever the receiver does."""

import asyncio
import threading

import psycopg
import pytest
from cloudevents.core.bindings.http import HTTPMessage, from_structured
from cloudevents.core.formats.json import JSONFormat
from front_desk import Scope
from psycopg.rows import tuple_row

from micgate.destination import Poster
from micgate.service.duties.cipher import WebhookCipher
from micgate.webhooks.deliver import Sender
from micgate.webhooks.office import ROOM


async def add(desk, receiver, name="crm", **more):
    made = await desk.ask("POST", "/v1/webhooks", {"name": name, "url": receiver.url, **more})
    assert made.status == 201, made.body
    return made.body["secret"]


async def arrived(receiver, count=1, **more):
    return await asyncio.to_thread(receiver.wait, count, **more)


async def deliveries(desk, name="crm", **query):
    told = "&".join(f"{key}={value}" for key, value in query.items())
    return (await desk.ask("GET", f"/v1/webhooks/{name}/deliveries?{told}")).body["deliveries"]


async def settled(desk, state, count=1, name="crm"):
    """The deliveries in that state, once there are so many."""

    async def enough():
        found = await deliveries(desk, name, state=state)
        return found if len(found) >= count else None

    return await desk.until(enough, seconds=40)


async def say(desk, *actions):
    """Entries that tell of nothing, sealed."""
    from micgate.store.entries import NewEntry

    told = [NewEntry(at=desk.clock.now(), actor="micgate", action=one, target="test") for one in actions]
    await desk.store.entries.tell(desk.org, told)
    await desk.entries()


async def test_a_record_arrives_signed_as_a_cloud_event_without_a_name(desk, open_office, receiver):
    await open_office()
    secret = await add(desk, receiver)
    await desk.on_call()
    mute = (await desk.mute(reason="customer", note="whisper")).body
    await desk.entries()
    (post,) = await arrived(receiver)
    assert post.signed_with(secret)
    event = from_structured(HTTPMessage(headers=post.headers, body=post.body), JSONFormat())
    assert event.get_type() == "micgate.mute.placed"
    assert event.get_source() == f"/micgate/orgs/{desk.org}"
    assert event.get_data()["mute_id"] == mute["id"]
    assert event.get_data()["facts"]["reason"] == "customer"
    agent = desk.twin.agents[0]
    for personal in (agent.id, agent.name, agent.email, "whisper"):
        assert personal.encode() not in post.body


async def test_only_what_was_asked_for_arrives_and_only_from_then_on(desk, open_office, receiver):
    await say(desk, "mute.placed")
    await open_office()
    await add(desk, receiver, events=["mute.ended", "brake.*"])
    await say(desk, "mute.placed", "mute.ended", "key.issued", "brake.pulled", "mute.refused", "mute.ended")
    posts = await arrived(receiver, 3)
    assert [post.event["type"] for post in posts] == [
        "micgate.mute.ended",
        "micgate.brake.pulled",
        "micgate.mute.ended",
    ]


async def test_what_is_not_sealed_yet_is_not_sent(desk, open_office, receiver):
    await open_office()
    await add(desk, receiver, events=["mute.*"])
    await desk.on_call()
    await desk.mute()
    assert not await deliveries(desk)
    await desk.entries()
    assert len(await settled(desk, "done")) == 1
    assert len(receiver.posts) == 1


async def test_what_failed_is_sent_again_with_the_same_id_and_the_next_waits_for_it(
    desk, open_office, receiver
):
    await open_office()
    secret = await add(desk, receiver)
    receiver.answer = lambda _post: 204 if receiver.posts else 500
    await say(desk, "mute.placed", "mute.ended")
    first, again, following = await arrived(receiver, 3)
    assert first.id == again.id != following.id
    assert first.seq == again.seq == following.seq - 1
    assert again.signed_with(secret)
    assert [one["tries"] for one in await settled(desk, "done", 2)] == [2, 1]


async def test_what_goes_on_failing_steps_aside(desk, open_office, receiver):
    await open_office()
    await add(desk, receiver)
    receiver.answer = lambda post: 500 if post.event["data"]["action"] == "mute.placed" else 204
    await say(desk, "mute.placed", "mute.ended")
    posts = await asyncio.to_thread(
        receiver.wait_until, lambda posts: posts and posts[-1].event["data"]["action"] == "mute.ended"
    )
    assert len(posts) == 4
    await settled(desk, "done")
    (waiting,) = await deliveries(desk, state="waiting")
    assert (waiting["tries"], waiting["status"]) == (3, 500)


async def test_a_dead_letter_is_seen_everywhere_and_replayed_by_its_number(desk, open_office, receiver):
    await open_office(tries=1)
    await add(desk, receiver)
    receiver.answer = 503
    await say(desk, "mute.placed")
    (dead,) = await settled(desk, "dead")
    assert (dead["status"], dead["tries"]) == (503, 1)
    assert "503" in dead["says"]
    (listed,) = (await desk.ask("GET", "/v1/webhooks")).body["webhooks"]
    assert (listed["dead"], listed["waiting"]) == (1, 0)
    figures = (await desk.ask("GET", "/metrics")).body.decode()
    assert 'micgate_webhook_deliveries{state="dead"} 1.0' in figures
    assert "crm" not in figures
    checks = {one["name"]: one for one in (await desk.ask("GET", "/readyz")).body["checks"]}
    assert not checks["webhooks"]["ok"]
    assert checks["webhooks"]["warns"]

    receiver.answer = 204
    replayed = await desk.ask("POST", "/v1/webhooks/crm/replay", {"seq": dead["seq"]})
    assert (replayed.status, replayed.body) == (202, {"deliveries": 1})
    before, after = await arrived(receiver, 2)
    assert before.id == after.id
    assert await settled(desk, "done")
    assert not await deliveries(desk, state="dead")


async def test_all_dead_letters_or_all_from_a_number_on_are_sent_again(desk, open_office, receiver):
    await open_office(tries=1)
    await add(desk, receiver)
    receiver.answer = 500
    await say(desk, "mute.placed", "mute.ended", "mute.placed")
    seqs = [one["seq"] for one in await settled(desk, "dead", 3)]
    receiver.answer = 204
    assert (await desk.ask("POST", "/v1/webhooks/crm/replay", {"dead": True})).body == {"deliveries": 3}
    await settled(desk, "done", 3)
    await desk.ask("POST", "/v1/webhooks/crm/replay", {"from": seqs[1]})
    await desk.entries()
    posts = await arrived(receiver, 8)
    assert [post.seq for post in posts[3:]] == [*seqs, *seqs[1:]]


async def test_two_replicas_deliver_each_record_once_and_in_order(desk, open_office, receiver):
    await open_office()
    await open_office()
    await add(desk, receiver)
    for _ in range(5):
        await say(desk, "mute.placed", "mute.ended")
    await settled(desk, "done", 10)
    seqs = [post.seq for post in receiver.posts]
    assert seqs == sorted(set(seqs))


async def test_more_than_has_room_at_once_arrives_all_the_same(desk, open_office, receiver):
    await add(desk, receiver)
    await say(desk, *["mute.placed"] * (ROOM + 20))
    await open_office()
    posts = await arrived(receiver, ROOM + 20, seconds=80)
    seqs = [post.seq for post in posts]
    assert seqs == list(range(seqs[0], seqs[0] + ROOM + 20))


async def test_a_receiver_that_is_down_delays_nobody_else(desk, open_office, receiver, other):
    await open_office()
    await add(desk, receiver, "down")
    await add(desk, other, "up")
    receiver.answer = 500
    await say(desk, *["mute.placed"] * 5)
    await arrived(other, 5)
    assert len(receiver.posts) < 5


async def test_a_redirect_is_not_followed(desk, open_office, receiver, other):
    await open_office(tries=1)
    await add(desk, receiver)
    receiver.answer, receiver.headers = 307, {"Location": other.url}
    await say(desk, "mute.placed")
    (dead,) = await settled(desk, "dead")
    assert "redirect" in dead["says"]
    assert not other.posts


async def test_both_secrets_verify_during_a_rotation_and_then_the_new_one_alone(desk, open_office, receiver):
    await open_office()
    old = await add(desk, receiver)
    rotated = await desk.ask("POST", "/v1/webhooks/crm/rotate", {"overlap": "1h"})
    new = rotated.body["secret"]
    assert new != old
    await say(desk, "mute.placed")
    (post,) = await arrived(receiver)
    assert post.signed_with(old)
    assert post.signed_with(new)
    newest = (await desk.ask("POST", "/v1/webhooks/crm/rotate", {"overlap": 0})).body["secret"]
    await say(desk, "mute.placed")
    post = (await arrived(receiver, 2))[-1]
    assert post.signed_with(newest)
    assert not post.signed_with(new)
    assert not post.signed_with(old)


async def test_a_secret_is_in_the_database_only_encrypted(desk, embedded, receiver):
    secret = await add(desk, receiver)
    async with await psycopg.AsyncConnection.connect(
        embedded.conninfo(), row_factory=tuple_row
    ) as connection:
        found = await connection.execute("select w::text, secret_cipher from micgate.webhooks w")
        rows = await found.fetchall()
    assert rows
    for text, cipher in rows:
        assert secret not in text
        assert secret.encode() not in cipher
    entries = await desk.entries()
    assert all(secret not in str(entry) for entry in entries)


async def test_another_key_cannot_sign_and_says_so(desk, receiver):
    await add(desk, receiver)
    webhook = (await desk.store.webhooks.all(desk.org))[0]
    async with Poster(private=True) as poster:
        result = await Sender(poster=poster, cipher=WebhookCipher("another")).send(webhook, 1, b"{}")
    assert not result.ok
    assert "decrypted" in result.says
    assert "rotate" in result.remedy
    assert not receiver.posts


async def test_a_delivery_whose_job_is_lost_is_made_all_the_same(desk, open_office, embedded, receiver):
    await add(desk, receiver)
    await say(desk, "mute.placed")
    webhook = (await desk.store.webhooks.all(desk.org))[0]

    async def no_job(_connection, _webhook, _seqs):
        """As if the queue had been emptied."""

    now = desk.clock.now()
    assert await desk.store.deliveries.write_down(webhook.id, no_job, at=now - 61, room=ROOM) == 1
    await open_office()
    assert len(await arrived(receiver)) == 1


async def test_a_webhook_that_is_removed_gets_nothing_more(desk, open_office, receiver):
    await open_office()
    await add(desk, receiver)
    await add(desk, receiver, "second")
    assert (await desk.ask("DELETE", "/v1/webhooks/crm")).status == 200
    await say(desk, "mute.placed")
    await settled(desk, "done", name="second")
    assert len(receiver.posts) == 1
    assert (await desk.ask("GET", "/v1/webhooks/crm/deliveries")).word == "unknown_webhook"


async def test_who_changes_where_records_go_is_in_the_record(desk, receiver):
    key = await desk.key(Scope.ADMIN)
    await desk.ask("POST", "/v1/webhooks", {"name": "crm", "url": receiver.url}, key=key)
    await desk.ask("POST", "/v1/webhooks/crm/rotate", {}, key=key)
    await desk.ask("POST", "/v1/webhooks/crm/replay", {"from": 1}, key=key)
    await desk.ask("DELETE", "/v1/webhooks/crm", key=key)
    told = await desk.entries("webhook.changed")
    assert [one.target for one in told] == ["crm"] * 4
    assert all(one.actor.startswith("key:") for one in told)
    for what, one in zip(("added", "rotated", "replayed", "removed"), told, strict=True):
        assert f'"{what}"' in one.public
        assert "127.0.0.1" in one.public


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (204, None),
        (301, "a redirect"),
        (401, "401"),
        (404, "it refuses this"),
        (500, "it failed"),
    ],
)
async def test_a_test_says_what_the_receiver_answered(desk, receiver, answer, says):
    secret = await add(desk, receiver)
    receiver.answer = answer
    told = await desk.ask("POST", "/v1/webhooks/crm/test")
    assert told.status == 200
    assert (told.body["delivered"], told.body["status"]) == (says is None, answer)
    assert says is None or says in told.body["says"]
    (post,) = await arrived(receiver)
    assert post.event["type"] == "micgate.webhook.test"
    assert post.signed_with(secret)


async def test_a_record_that_was_deleted_because_of_its_age_is_a_dead_letter(desk, open_office, receiver):
    await add(desk, receiver)
    await say(desk, "mute.placed")
    webhook = (await desk.store.webhooks.all(desk.org))[0]

    async def too_high(connection, _webhook, seqs):
        """As if the record had been cut off between being written down and being delivered."""
        await connection.execute("update deliveries set seq = seq + 1000 where seq = %s", [seqs[0]])

    now = desk.clock.now()
    await desk.store.deliveries.write_down(webhook.id, too_high, at=now - 61, room=ROOM)
    await open_office()
    (dead,) = await settled(desk, "dead")
    assert "age" in dead["says"]
    assert not receiver.posts


async def test_a_job_whose_end_could_not_be_written_down_holds_nobody_up(
    desk, open_office, embedded, receiver
):
    """Its worker lives on, so nobody else would take the job from it, and the next one waits for its lock."""
    await open_office()
    await add(desk, receiver)
    began, go_on = threading.Event(), threading.Event()

    def answer(_post):
        began.set()
        go_on.wait(60)
        return 204

    receiver.answer = answer
    await say(desk, "mute.placed")
    assert await asyncio.to_thread(began.wait, 40)
    async with await psycopg.AsyncConnection.connect(embedded.conninfo()) as holding:
        jobs = "select 1 from micgate.procrastinate_jobs where status = 'doing' for update"
        await holding.execute(jobs)
        assert await _waiters(embedded) == 0
        go_on.set()
        await desk.until(lambda: _waiters(embedded))
        await desk.until(lambda: _nobody_waits(embedded))
    await say(desk, "mute.ended")
    assert len(await arrived(receiver, 2)) == 2


async def _waiters(embedded):
    """How many statements wait for a row that somebody else has locked."""
    connecting = psycopg.AsyncConnection.connect(embedded.conninfo(), row_factory=tuple_row)
    async with await connecting as looking:
        found = await looking.execute("select count(*) from pg_stat_activity where wait_event_type = 'Lock'")
        return (await found.fetchone())[0]


async def _nobody_waits(embedded):
    return await _waiters(embedded) == 0


async def test_what_was_delivered_is_listed_for_a_while_and_dead_letters_longer(desk, open_office, receiver):
    await open_office(tries=1)
    await add(desk, receiver)
    receiver.answer = lambda post: 500 if post.event["data"]["action"] == "mute.refused" else 204
    await say(desk, "mute.placed", "mute.refused")
    await settled(desk, "done")
    await settled(desk, "dead")
    await desk.store.deliveries.sweep(before=desk.clock.now() + 1)
    assert [one["state"] for one in await deliveries(desk)] == ["dead"]
