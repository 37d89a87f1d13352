"""`micgate serve` as a process: what is killed in the middle of a delivery makes it again."""

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
    first, again, following = receiver.wait(3, seconds=30)
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
