"""Who may mute whom, as far as nothing has to be looked up: what is unknown is refused."""

import pytest

from micgate.audit.entry import ActorKind
from micgate.control.policy import OnOverride
from micgate.service.http.errors import NotPermitted
from micgate.service.principals.permission import EVERYBODY, Asked, Queue, check
from micgate.service.principals.principal import Limits, Principal, Scope


def key(*scopes, **limits):
    scopes = frozenset(scopes or (Scope.MUTE,))
    return Principal(kind=ActorKind.KEY, id="k", name="k", scopes=scopes, limits=Limits(**limits))


def asked(**changed):
    usual = {"user_id": "ada", "covers_agent": False, "on_override": OnOverride.YIELD, "seconds": 60.0}
    return Asked(**{**usual, "queue": Queue(id="q", members=40), "queue_known": True, **changed})


@pytest.mark.parametrize(
    ("limits", "wanted", "rule"),
    [
        ({}, {"queue": None, "queue_known": False}, "queues"),
        ({"queues": ("q",), "queue_share": None}, {"queue": None, "queue_known": False}, "queues"),
        ({"queues": ("q",)}, {"queue": None}, "queues"),
        ({"queues": ("q",)}, {"queue": Queue(id="other", members=40)}, "queues"),
        ({"queues": ("q",)}, {"covers_agent": True}, "queues"),
        ({}, {"queue": Queue(id="q", members=None)}, "queue_share"),
        ({}, {"queue": Queue(id="q", members=40, muted=4)}, "queue_share"),
        ({}, {"queue": Queue(id="q", members=5, muted=1)}, "queue_share"),
        ({}, {"covers_agent": True, "queue": Queue(id=EVERYBODY, members=40, muted=4)}, "queue_share"),
        ({}, {"covers_agent": True, "queue": None}, "queue_share"),
        ({"agents": ("bob",)}, {}, "agents"),
        ({"longest": 59.0}, {}, "longest"),
        ({}, {"protected": True}, "protected"),
        ({}, {"on_override": OnOverride.REASSERT}, "scope:mute:reassert"),
    ],
)
def test_each_limit_refuses_and_names_itself(limits, wanted, rule):
    with pytest.raises(NotPermitted) as raised:
        check(key(**limits), asked(**wanted))
    assert raised.value.rule == rule
    assert raised.value.remedy


@pytest.mark.parametrize(
    ("limits", "wanted"),
    [
        ({}, {}),
        ({}, {"queue": None}),
        ({}, {"queue": Queue(id="q", members=40, muted=3)}),
        ({}, {"queue": Queue(id="q", members=5, muted=0)}),
        ({"queues": ("q",)}, {}),
        ({"queue_share": None}, {"queue": None, "queue_known": False}),
        ({"agents": ("ada",), "longest": 60.0}, {}),
        ({}, {"covers_agent": True, "queue": Queue(id=EVERYBODY, members=40, muted=3)}),
        ({"queue_share": None}, {"covers_agent": True, "queue": None, "queue_known": False}),
    ],
)
def test_what_is_within_every_limit_is_let_through(limits, wanted):
    check(key(**limits), asked(**wanted))


def test_protection_holds_for_whoever_has_every_scope():
    with pytest.raises(NotPermitted):
        check(key(*Scope, queue_share=None), asked(protected=True))
