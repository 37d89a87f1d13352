"""Faults: whom they meet and how often."""

import random

import pytest

from micgate.twin.faults import Delivery, Faults, bends, deliveries, match
from micgate.twin.refusals import Impossible

PATCH = {"method": "PATCH", "path": "/api/v2/conversations/calls/c/participants/p"}
CALLS, USERS = "v2.users.u1.conversations.calls", "v2.users.u1.presence"


def faults_with(kind, *, times=None, probability=None, delay_ms=None, seconds=None, status=None, **matching):
    faults = Faults(random.Random(7))
    fault = faults.add(
        fault_id="f1",
        kind=kind,
        match=match(**matching),
        times=times,
        probability=probability,
        delay_ms=delay_ms,
        seconds=seconds,
        status=status,
    )
    return faults, fault


def test_a_fault_is_used_as_often_as_said_and_then_gone():
    faults, fault = faults_with("reset", times=2)
    assert [faults.for_request(**PATCH) for _ in range(3)] == [fault, fault, None]
    assert faults.all() == []


def test_a_fault_without_times_stays_until_it_is_deleted():
    faults, fault = faults_with("reset")
    assert [faults.for_request(**PATCH) for _ in range(3)] == [fault] * 3
    assert faults.remove(fault.id)
    assert faults.for_request(**PATCH) is None


def test_a_fault_that_is_used_up_can_be_deleted_and_one_that_never_was_cannot():
    faults, fault = faults_with("reset", times=1)
    assert faults.for_request(**PATCH) is fault
    assert (faults.remove(fault.id), faults.remove("never")) == (True, False)


@pytest.mark.parametrize(
    ("kind", "times", "lifetime"),
    [("status", None, 5), ("rate_storm", None, 5), ("rate_storm", 2, None), ("hang", None, None)],
)
def test_seconds_are_the_life_of_a_fault_that_has_no_length_of_its_own(kind, times, lifetime):
    _, fault = faults_with(kind, seconds=5, times=times)
    assert fault.lifetime == lifetime


def test_a_fault_with_a_probability_happens_about_that_often():
    faults, _ = faults_with("reset", probability=0.3)
    met = sum(faults.for_request(**PATCH) is not None for _ in range(1000))
    assert 250 < met < 350


@pytest.mark.parametrize(
    ("matching", "met"),
    [
        ({"method": "patch"}, True),
        ({"method": "GET"}, False),
        ({"path": "/api/v2/conversations/calls/.*"}, True),
        ({"path": "/api/v2/conversations/calls"}, False),
        ({"agent": "u1"}, True),
        ({"agent": "u2"}, False),
        ({"topic": CALLS}, False),
    ],
)
def test_every_member_of_the_match_must_fit_the_whole(matching, met):
    faults, _ = faults_with("status", **matching)
    assert (faults.for_request(**PATCH, agents=["u1"]) is not None) is met


def test_request_faults_do_not_meet_events_and_the_other_way_round():
    faults, _ = faults_with("event_lost")
    assert faults.for_request(**PATCH) is None
    faults, _ = faults_with("status")
    assert faults.for_event(topics=[CALLS]) is None


def test_one_change_is_one_use_whatever_the_number_of_topics():
    faults, fault = faults_with("event_lost", times=1)
    assert faults.for_event(topics=[CALLS, USERS]) is fault
    assert faults.for_event(topics=[CALLS]) is None


def test_a_topic_template_stands_for_any_id():
    faults, fault = faults_with("event_late", topic="v2.users.{id}.conversations.calls")
    assert faults.for_event(topics=[USERS]) is None
    assert faults.for_event(topics=[USERS, CALLS]) is fault
    assert (bends(fault, CALLS), bends(fault, USERS)) == (True, False)


@pytest.mark.parametrize(
    ("topic", "met"),
    [("conversations.calls", True), ("calls", True), ("conversations", False), ("alls", False)],
)
def test_a_topic_may_be_named_by_its_end(topic, met):
    faults, fault = faults_with("event_lost", topic=topic)
    assert bends(fault, CALLS) is met
    assert (faults.for_event(topics=[CALLS]) is fault) is met


def test_an_event_fault_without_followers_is_not_used_up():
    faults, fault = faults_with("event_lost", times=1, topic=CALLS)
    assert faults.for_event(topics=[]) is None
    assert faults.for_event(topics=[CALLS]) is fault


def test_refused_topics_and_socket_faults_are_asked_for_apart():
    faults, fault = faults_with("topic_refused", topic=CALLS)
    assert (faults.for_topic(topic=CALLS), faults.for_socket(topics=[CALLS])) == (fault, None)
    faults, fault = faults_with("socket_cut", agent="u1")
    assert faults.for_socket(topics=[CALLS], agents=["u1"]) is fault
    assert faults.for_socket(topics=[CALLS], agents=["u2"]) is None


def test_token_revoked_waits_for_a_request_only_when_one_is_named():
    faults, fault = faults_with("token_revoked", method="PATCH", times=1)
    assert faults.for_socket() is None
    assert faults.for_request(**PATCH) is fault
    faults, fault = faults_with("token_revoked", times=1)
    assert faults.for_request(**PATCH) is None
    assert faults.for_socket() is fault


@pytest.mark.parametrize(
    ("kind", "sent"),
    [
        ("event_lost", ()),
        ("event_late", (Delivery(delay=2),)),
        ("event_twice", (Delivery(), Delivery(delay=2))),
        ("events_swapped", (Delivery(delay=2, after_next=True),)),
        ("event_stale", (Delivery(), Delivery(delay=2, stale=True))),
    ],
)
def test_an_event_is_delivered_as_its_fault_says(kind, sent):
    _, fault = faults_with(kind, delay_ms=2000)
    assert deliveries(fault) == sent


def test_an_event_without_a_fault_is_delivered_once_and_at_once():
    assert deliveries(None) == (Delivery(),)


def test_a_duration_is_what_was_said_in_seconds_or_milliseconds():
    assert faults_with("slow", seconds=4)[1].wait == 4
    assert faults_with("slow", delay_ms=400)[1].wait == 0.4
    assert faults_with("event_late", seconds=4)[1].delay == 4


@pytest.mark.parametrize(
    "wrong",
    [{"kind": "explode"}, {"times": 0}, {"probability": 2}, {"status": 42}, {"path": "("}],
)
def test_nonsense_is_refused(wrong):
    with pytest.raises(Impossible) as refusal:
        faults_with(**({"kind": "status"} | wrong))
    assert refusal.value.status == 400
