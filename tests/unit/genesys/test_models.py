import json
from pathlib import Path

import msgspec
import pytest

from micgate.genesys.models import Channel, ConversationSummary, User
from micgate.genesys.shapes import CallShape, WholeShape, from_call, from_whole

EVENTS = Path(__file__).parents[2] / "data" / "events"
AGENT = "3f1c2a52-0c5b-4a1e-9d3e-6f0b7f3a9a11"


def call(body):
    return from_call(msgspec.json.decode(json.dumps(body), type=CallShape))


def whole(body):
    return from_whole(msgspec.json.decode(json.dumps(body), type=WholeShape))


def agent_in(name):
    body = json.loads((EVENTS / name).read_text())["eventBody"]
    return call(body).ends_of(AGENT)[0]


def test_the_vendors_events_are_read():
    muted = agent_in("call_muted_true.json")
    assert (muted.muted, muted.held, muted.live, muted.is_agent) == (True, False, True, True)
    assert agent_in("call_muted_false.json").muted is False
    assert agent_in("call_held.json").held is True
    assert agent_in("call_alerting.json").live is False
    assert agent_in("call_secure_pause.json").secure_pause is True
    ended = agent_in("call_disconnected.json")
    assert (ended.ended, ended.live, ended.in_wrapup) == (True, False, True)


def test_both_shapes_of_a_call_give_the_same_end():
    in_call = call(
        {
            "id": "c",
            "participants": [
                {
                    "id": "p",
                    "purpose": "AGENT",
                    "state": "connected",
                    "muted": True,
                    "user": {"id": "u", "name": "Ada"},
                    "queue": {"id": "q"},
                    "connectedTime": "t",
                }
            ],
            "recordingState": "active",
        }
    )
    in_whole = whole(
        {
            "id": "c",
            "participants": [
                {
                    "id": "p",
                    "name": "Ada",
                    "purpose": "agent",
                    "userUri": "/api/v2/users/u",
                    "queueId": "q",
                    "calls": [{"state": "connected", "muted": True, "connectedTime": "t"}],
                }
            ],
            "recordingState": "ACTIVE",
        }
    )
    assert in_call == in_whole


def test_an_absent_mute_is_unknown_not_false():
    assert call({"id": "c", "participants": [{"id": "p"}]}).participants[0].muted is None
    assert call({"id": "c", "participants": [{"id": "p", "muted": None}]}).participants[0].muted is None


def test_unknown_members_and_states_survive():
    body = {"id": "c", "new": 1, "participants": [{"id": "p", "state": "levitating", "purpose": "robot"}]}
    end = call(body).participants[0]
    assert (end.state, end.live, end.ended, end.is_agent) == ("levitating", False, False, False)


def test_an_end_without_an_id_is_left_out():
    assert call({"id": "c", "participants": [{"state": "connected"}]}).participants == ()


def test_the_connected_communication_counts_among_several():
    calls = [{"state": "connected", "muted": True}, {"state": "disconnected", "muted": False}]
    assert whole({"id": "c", "participants": [{"id": "p", "calls": calls}]}).participants[0].muted is True


def test_other_media_are_named():
    ends = [{"id": "p", "chats": [{"state": "connected"}], "internalMessages": [{}]}]
    assert whole({"id": "c", "participants": ends}).media == ("chat", "internal message")


def test_the_newest_end_comes_first_and_voicemail_is_none():
    ends = [
        {
            "id": "old",
            "user": {"id": "u"},
            "state": "terminated",
            "connectedTime": "2026-01-15T10:00:00.000Z",
        },
        {"id": "new", "user": {"id": "u"}, "state": "connected", "connectedTime": "2026-01-15T10:05:00.000Z"},
        {
            "id": "vm",
            "user": {"id": "u"},
            "purpose": "voicemail",
            "connectedTime": "2026-01-15T10:09:00.000Z",
        },
    ]
    assert [end.id for end in call({"id": "c", "participants": ends}).ends_of("u")] == ["new", "old"]


@pytest.mark.parametrize(
    ("members", "paused"),
    [
        ({"recordingState": "paused", "securePause": False}, False),
        ({"recordingState": "paused", "securePause": True}, True),
        ({"recordingState": "PAUSED"}, True),
        ({"recordingState": "active"}, False),
        ({}, None),
    ],
)
def test_a_pause_by_hold_is_no_secure_pause(members, paused):
    assert call({"id": "c", **members}).securely_paused is paused


def test_the_events_spelling_of_disconnect_types_is_made_that_of_rest():
    end = call({"id": "c", "participants": [{"id": "p", "disconnectType": "transfer.dnd"}]}).participants[0]
    assert end.disconnect_type == "transfer.donotdisturb"


def test_a_summary_counts_queue_and_direct_calls():
    body = {
        "call": {"contactCenter": {"active": 1}, "enterprise": {"active": 2, "acw": 1}},
        "chat": {"enterprise": {"active": 1}},
    }
    summary = msgspec.json.decode(json.dumps(body), type=ConversationSummary)
    assert (summary.active_calls, summary.calls_in_wrapup, summary.other_media) == (3, 1, ("chat",))


def test_a_person_is_labelled_as_people_do():
    assert User(id="u", name="Ada", email="a@example.com").label == "Ada <a@example.com>"
    assert User(id="u").label == "u"


def test_a_channels_address_is_not_shown():
    assert "secret" not in repr(Channel(id="secret", connect_uri="wss://x/channels/secret"))
