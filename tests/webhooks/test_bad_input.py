"""What is refused about webhooks, each with a message of its own."""

import pytest
from front_desk import Limits, Scope

from micgate.webhooks.event import kinds

GOOD = "https://93.184.216.34/hook"


async def add(desk, **wish):
    return await desk.ask("POST", "/v1/webhooks", {"name": "crm", "url": GOOD, **wish})


@pytest.mark.parametrize(
    ("wish", "status", "word", "says"),
    [
        ({"url": "receiver"}, 422, "malformed_url", "no URL"),
        ({"url": "https://sam:secret@receiver.example/"}, 422, "malformed_url", "a name or a password"),
        ({"url": "http://receiver.example/"}, 422, "unencrypted_url", "in the clear"),
        ({"url": "https://10.0.0.5/"}, 422, "forbidden_address", "in a private network"),
        ({"url": "https://localhost/"}, 422, "forbidden_address", "loopback"),
        ({"url": "https://169.254.169.254/"}, 422, "forbidden_address", "a cloud's metadata"),
        ({"url": "https://[::ffff:10.0.0.5]/"}, 422, "forbidden_address", "in a private network"),
        ({"url": "https://receiver.invalid/"}, 422, "unknown_host", "no address"),
        ({"events": ["mute.place"]}, 422, "unknown_event", "Did you mean mute.placed?"),
        ({"events": ["zzz"]}, 422, "unknown_event", "mute.placed"),
        ({"name": "two words"}, 422, "bad_name", "one word"),
        ({"name": ""}, 422, "bad_name", "one word"),
        ({"name": "x" * 65}, 400, "malformed_request", "name"),
        ({"secret": "mine"}, 400, "malformed_request", "secret"),
    ],
)
async def test_a_webhook_that_cannot_be_is_refused_and_says_why(open_here, wish, status, word, says):
    desk = await open_here(private=False)
    answer = await add(desk, **wish)
    assert (answer.status, answer.word) == (status, word), answer.body
    assert says in answer.body["detail"] + answer.body["remedy"]
    assert "sam:secret" not in str(answer.body)
    assert (await desk.ask("GET", "/v1/webhooks")).body == {"webhooks": []}


async def test_a_name_is_given_once(desk):
    assert (await add(desk)).status == 201
    answer = await add(desk)
    assert (answer.status, answer.word) == (409, "name_taken")


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("DELETE", "", None),
        ("POST", "/rotate", {}),
        ("POST", "/test", None),
        ("POST", "/replay", {"dead": True}),
        ("GET", "/deliveries", None),
    ],
)
async def test_an_unknown_webhook_is_named_with_those_that_there_are(desk, method, path, body):
    await add(desk)
    answer = await desk.ask(method, f"/v1/webhooks/cmr{path}", body)
    assert (answer.status, answer.word) == (404, "unknown_webhook")
    assert "crm" in answer.body["remedy"]


@pytest.mark.parametrize(
    "body",
    [{}, {"seq": 1, "dead": True}, {"seq": 0}, {"seq": "1"}, {"seq": 2**62}, {"from": 2**62}, {"since": 1}],
)
async def test_a_replay_says_what(desk, body):
    await add(desk)
    answer = await desk.ask("POST", "/v1/webhooks/crm/replay", body)
    assert (answer.status, answer.word) == (400, "malformed_request")


async def test_a_record_that_was_not_to_be_delivered_is_not_replayed(desk):
    await add(desk)
    answer = await desk.ask("POST", "/v1/webhooks/crm/replay", {"seq": 1})
    assert (answer.status, answer.word) == (404, "no_such_delivery")


@pytest.mark.parametrize("overlap", ["721h", "31d", "-1s", -5, "soon", True])
async def test_an_overlap_is_a_length_of_a_month_at_most(desk, overlap):
    await add(desk)
    answer = await desk.ask("POST", "/v1/webhooks/crm/rotate", {"overlap": overlap})
    assert answer.status in {400, 422}


async def test_without_anything_to_encrypt_with_no_secret_is_made(desk, embedded, twin):
    from front_desk import open_desk

    async with open_desk(embedded.conninfo(), twin) as bare:
        answer = await add(bare)
        assert (answer.status, answer.word) == (409, "no_encryption_key")
        assert "MICGATE_ENCRYPTION_KEY" in answer.body["remedy"]


async def test_a_key_for_certain_agents_makes_no_webhook_and_removes_none(desk):
    key = await desk.key(Scope.ADMIN, limits=Limits(agents=("somebody",)))
    answer = await desk.ask("POST", "/v1/webhooks", {"name": "crm", "url": GOOD}, key=key)
    assert (answer.status, answer.body["facts"]["rule"]) == (403, "agents")
    await add(desk)
    answer = await desk.ask("DELETE", "/v1/webhooks/crm", key=key)
    assert (answer.status, answer.body["facts"]["rule"]) == (403, "agents")


def test_every_action_of_the_record_can_be_asked_for():
    assert {"mute.placed", "microphone.left_closed", "brake.pulled", "mute.*", "*"} <= set(kinds())
