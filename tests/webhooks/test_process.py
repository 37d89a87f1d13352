"""`micgate serve` as a process: what is killed in the middle of a delivery makes it again."""

import json
import threading

import pytest

START_SECONDS = 40


@pytest.fixture
def served(serving, twin):
    serving.start()
    twin.wait_until(lambda: serving.ready, seconds=START_SECONDS)
    return serving


def test_what_was_sent_and_not_marked_before_a_kill_is_sent_again_with_its_id(served, twin, receiver):
    began, go_on = threading.Event(), threading.Event()

    def answer(_post):
        began.set()
        go_on.wait(START_SECONDS)
        return 204

    receiver.answer = answer
    made = served.ask("POST", "/v1/webhooks", {"name": "crm", "url": receiver.url, "events": ["brake.*"]})
    served.ask("POST", "/v1/freeze")
    assert began.wait(20)
    served.replicas[-1].kill()
    go_on.set()
    served.start()
    served.ask("POST", "/v1/unfreeze")
    first, again, following = receiver.wait(3, seconds=60)
    assert first.id == again.id != following.id
    assert again.signed_with(made["secret"])
    assert [post.event["data"]["facts"]["frozen"] for post in (first, again, following)] == [
        True,
        True,
        False,
    ]


def test_a_stop_in_the_middle_of_a_delivery_is_a_clean_one(served, twin, receiver):
    began, go_on = threading.Event(), threading.Event()

    def answer(_post):
        began.set()
        go_on.wait(START_SECONDS)
        return 204

    receiver.answer = answer
    served.ask("POST", "/v1/webhooks", {"name": "crm", "url": receiver.url, "events": ["*"]})
    try:
        assert began.wait(20)
        assert served.stop() == 0
    finally:
        go_on.set()
    assert "webhooks.mistake" not in served.log


def test_the_commands_add_test_list_rotate_replay_and_remove(served, receiver):
    def run(*arguments):
        done = served.command("webhooks", *arguments, "--json")
        return json.loads(done.stdout), done.returncode

    made, code = run("add", "crm", receiver.url, "--event", "brake.*")
    assert (code, made["name"]) == (0, "crm")
    tested, code = run("test", "crm")
    assert (code, tested["delivered"], tested["status"]) == (0, True, 204)
    assert receiver.wait()[0].signed_with(made["secret"])

    receiver.answer = 500
    tested, code = run("test", "crm")
    assert (code, tested["delivered"], tested["status"]) == (1, False, 500)
    served.command("freeze")
    receiver.wait_until(lambda posts: len(posts) >= 4)
    waiting = served.command("webhooks", "deliveries", "crm")
    assert "it failed" in waiting.stdout
    listed, _ = run("list")
    assert listed["webhooks"][0]["dead"] == 1

    receiver.answer = 204
    replayed, code = run("replay", "crm", "--dead")
    assert (code, replayed["deliveries"]) == (0, 1)
    assert len({post.id for post in receiver.wait(5)[2:]}) == 1
    rotated, code = run("rotate", "crm", "--overlap", "1h")
    assert rotated["secret"] != made["secret"]
    assert run("remove", "crm")[1] == 0
    assert "There is no webhook" in served.command("webhooks", "list").stdout


def test_the_commands_say_what_is_wrong(served, receiver):
    served.command("webhooks", "add", "crm", receiver.url)
    for arguments, says in {
        ("add", "crm", receiver.url): "already",
        ("add", "other", "http://crm.example/"): "in the clear",
        ("add", "other", "https://169.254.169.254/"): "metadata",
        ("add", "other", receiver.url, "--event", "mute.place"): "mute.placed",
        ("test", "cmr"): "crm",
        ("replay", "crm"): "--dead",
    }.items():
        done = served.command("webhooks", *arguments)
        assert done.returncode in {1, 2}
        assert says in done.stderr, arguments
        assert len(done.stderr.strip().splitlines()) == 2
