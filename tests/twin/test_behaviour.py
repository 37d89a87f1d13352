"""The knobs."""

import pytest

from micgate.twin.behaviour import Behaviour, changed, descriptions
from micgate.twin.refusals import Impossible


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ({"refresh_tokens": False}, ("refresh_tokens", "off")),
        ({"correlation_in_events": "on"}, ("correlation_in_events", "on")),
        ({"mute_survives_hold": "off"}, ("mute_survives_hold", False)),
        ({"not_connected": "404"}, ("not_connected", 404)),
        ({"not_connected": "ignore"}, ("not_connected", "ignore")),
        ({"apply_ms": 0}, ("apply_ms", (0, 0))),
        ({"apply_ms": [10, 20]}, ("apply_ms", (10, 20))),
        ({"heartbeat_s": 0.5}, ("heartbeat_s", 0.5)),
    ],
)
def test_a_knob_takes_every_way_of_saying_a_value(said, kept):
    name, value = kept
    assert getattr(changed(Behaviour(), said), name) == value


@pytest.mark.parametrize(
    "wrong",
    [
        {"on_behalf": "maybe"},
        {"on_behalf": True},
        {"not_connected": 418},
        {"apply_ms": [300, 50]},
        {"apply_ms": "soon"},
        {"apply_ms": True},
        {"heartbeat_s": 0},
        {"same_value_event": 1},
        {"volume": 11},
    ],
)
def test_a_value_no_knob_takes_is_refused(wrong):
    with pytest.raises(Impossible) as refusal:
        changed(Behaviour(), wrong)
    assert refusal.value.status == 400


def test_knobs_turn_one_by_one():
    behaviour = changed(changed(Behaviour(), {"on_behalf": "forbid"}), {"acw_s": 1})
    assert (behaviour.on_behalf, behaviour.acw_s) == ("forbid", 1)


def test_every_knob_says_what_it_does():
    told = descriptions()
    assert set(told) == set(Behaviour.__struct_fields__)
    assert all(told.values())


def test_the_defaults_are_those_that_clients_feel():
    behaviour = Behaviour()
    assert behaviour.activity_covers_direct
    assert behaviour.correlation_in_events == "off"
    assert behaviour.apply_ms == (50, 300)
    assert (behaviour.on_behalf, behaviour.not_connected) == ("accept", 409)
