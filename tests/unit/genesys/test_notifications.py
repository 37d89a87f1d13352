import json
from pathlib import Path

import msgspec
import pytest

from micgate.genesys.mirror import Mirror
from micgate.genesys.models import Conversation, Participant
from micgate.genesys.notifications import Advice, Line, Observation, calls_topic, subject_of

EVENTS = Path(__file__).parents[2] / "data" / "events"


def received(name, *, now=0.0):
    return Line(now=0.0).received((EVENTS / name).read_bytes(), now)


def system(topic, **body):
    return Line(now=0.0).received(json.dumps({"topicName": topic, "eventBody": body}), 0.0)


def test_a_call_event_becomes_an_observation():
    observation = received("call_muted_true.json", now=7.0)
    assert (observation.kind, observation.source, observation.at) == ("call", "event", 7.0)
    assert observation.user_id == "3f1c2a52-0c5b-4a1e-9d3e-6f0b7f3a9a11"
    assert observation.correlation_id == "11111111-0000-4000-8000-000000000003"
    assert observation.conversation.ends_of(observation.user_id)[0].muted is True


def test_presence_is_read():
    assert received("presence.json").presence.word == "AVAILABLE"


@pytest.mark.parametrize(
    ("message", "advice"),
    [
        ("heartbeat.json", None),
        ("pong.json", None),
        ("socket_closing.json", Advice.REPLACE_SOCKET),
        ("no_longer_subscribed.json", Advice.TAKEN_OVER),
    ],
)
def test_messages_about_the_channel_become_advice(message, advice):
    assert received(message) is advice


def test_each_way_to_lose_a_channel_has_its_advice():
    topic = "v2.system.no_longer_subscribed.x"
    assert system(topic, reason="user_tokens_revoked") is Advice.NEW_TOKEN
    assert system(topic, reason="something_new") is Advice.NEW_CHANNEL
    assert system(topic) is Advice.NEW_CHANNEL
    assert system("v2.system.token_revoked.x") is Advice.NEW_TOKEN
    assert Line(now=0.0).received('{"result": "404"}', 0.0) is Advice.NEW_CHANNEL
    assert Line(now=0.0).received('{"result": "200", "status": "subscribed"}', 0.0) is None


@pytest.mark.parametrize("garbage", ["", "nonsense", "[]", '{"topicName": 3}', '{"eventBody": "x"}'])
def test_garbage_does_no_harm(garbage):
    assert Line(now=0.0).received(garbage, 0.0) is None


def test_a_malformed_event_is_counted():
    line = Line(now=0.0)
    line.received(json.dumps({"topicName": calls_topic("u"), "eventBody": {"participants": 3}}), 0.0)
    assert line.garbled == 1


def test_a_silent_socket_is_asked_and_then_given_up():
    line = Line(now=100.0)
    assert line.due == 145.0
    assert line.tick(144.9) is None
    assert line.tick(145.0) is Advice.PING
    assert line.tick(146.0) is None
    assert line.due == 160.0
    assert line.tick(160.0) is Advice.RECONNECT


def test_any_message_is_a_sign_of_life():
    line = Line(now=100.0)
    line.tick(145.0)
    line.received((EVENTS / "pong.json").read_bytes(), 150.0)
    assert line.due == 195.0


def test_topics_tell_whose_calls():
    assert subject_of(calls_topic("u")) == ("u", None)
    assert subject_of("v2.users.u.conversations") == ("u", None)
    assert subject_of("v2.routing.queues.q.conversations.calls") == (None, "q")
    assert subject_of("v2.users.u.presence") == (None, None)


def end(leg="p", **members):
    return Participant(
        id=leg, **{"user_id": "u", "purpose": "agent", "state": "connected", "muted": False, **members}
    )


def told(*ends, at=0.0, source="event"):
    return Observation(
        kind="call", at=at, source=source, conversation=Conversation(id="c", participants=ends)
    )


@pytest.fixture
def mirror():
    known = Mirror()
    known.apply(told(end()))
    return known


def test_a_change_is_told_and_a_repetition_is_not(mirror):
    assert mirror.apply(told(end(muted=True), at=1)).conversation.participants[0].muted is True
    assert mirror.apply(told(end(muted=True), at=2)) is None


@pytest.mark.parametrize("source", ["event", "read"])
def test_nobody_rises_from_the_dead(mirror, source):
    mirror.apply(told(end(state="disconnected"), at=1))
    mirror.apply(told(end(), at=2, source=source))
    assert mirror.get("c").participants[0].ended


def test_an_ended_end_stays_when_later_answers_leave_it_out(mirror):
    mirror.apply(told(end(state="disconnected"), end("q"), at=1))
    mirror.apply(told(end("q"), at=2, source="read"))
    mirror.apply(told(end(), end("q"), at=3))
    assert mirror.get("c").participant("p").ended


@pytest.mark.parametrize("older", [[end(state="alerting")], [], [end("other")]])
def test_an_event_from_before_is_not_believed_but_checked(mirror, older):
    assert mirror.apply(told(*older, at=1)) is None
    assert mirror.get("c").participants[0].live
    assert mirror.wanted == {"c"}


def test_a_change_taken_back_within_moments_is_doubtful(mirror):
    assert not mirror.apply(told(end(muted=True), at=1)).doubtful
    assert mirror.apply(told(end(), at=2)).doubtful
    assert mirror.wanted == {"c"}
    mirror.apply(told(end(muted=True), at=3, source="read"))
    assert mirror.wanted == frozenset()
    assert not mirror.apply(told(end(), at=60)).doubtful


def test_a_read_that_an_event_overtook_is_not_believed(mirror):
    mirror.apply(told(end(muted=True), at=5))
    assert mirror.apply(told(end(), at=4, source="read")) is None
    assert mirror.get("c").participants[0].muted is True


def test_late_events_of_a_call_that_was_let_go_are_ignored(mirror):
    mirror.apply(told(end(state="terminated"), at=1))
    assert mirror.forget(1000.0) == ["c"]
    assert mirror.apply(told(end(), at=1001)) is None
    assert mirror.get("c") is None


def test_a_live_call_is_never_let_go(mirror):
    assert mirror.forget(10_000.0) == []


def test_the_call_least_heard_of_is_named(mirror):
    assert mirror.oldest(before=-1.0) is None
    assert mirror.oldest(before=1.0) == "c"


def test_the_bytes_of_an_event_are_not_copied_into_errors():
    line = Line(now=0.0)
    body = msgspec.json.encode({"topicName": calls_topic("u"), "eventBody": {"id": 5}})
    assert line.received(body, 0.0) is None
