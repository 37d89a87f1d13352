"""What `why` concludes from what was read."""

import pytest

from micgate.cli.explanation import Ours, explain, lines, ours
from micgate.direct.journal import Standing
from micgate.genesys.errors import NoLiveCall
from micgate.genesys.models import Presence, PresenceDefinition, RoutingStatus, User
from micgate.genesys.reading import Call

ADA = User(
    id="u1",
    name="Ada",
    email="ada@example.com",
    presence=Presence(presence_definition=PresenceDefinition(system_presence="Busy")),
    routing_status=RoutingStatus(status="INTERACTING"),
)


def call(**facts):
    return Call(
        conversation_id="c1", participant_id="p1", read_at=0.0, user_id="u1", state="connected", **facts
    )


def closed(participant="p1", **facts):
    return Standing(
        conversation_id="c1",
        participant_id=participant,
        user_id="u1",
        agent="Ada",
        since="2026-11-20T10:14:07.000Z",
        reason="customer",
        api=None,
        **{"deliberate": False} | facts,
    )


def why(found, ours=None, no_call=None):
    return explain(ADA, found, ours, why_no_call=no_call)


def test_an_open_microphone_is_nobodys():
    assert why(call(muted=False)).whose == "nobody"


def test_a_microphone_closed_from_here_says_since_when_and_why():
    known = ours((closed(),), call(muted=True), running=True)
    explained = why(call(muted=True), known)
    assert explained.whose == "micgate"
    assert "since 2026-11-20T10:14:07.000Z, reason customer" in explained.says


def test_a_mute_that_its_command_left_behind_says_how_to_open_it():
    known = ours((closed(),), call(muted=True), running=False)
    assert "micgate unmute" in why(call(muted=True), known).says


def test_a_mute_of_somebody_else_is_not_claimed_and_nobody_is_blamed():
    explained = why(call(muted=True))
    assert explained.whose == "not_micgate"
    assert "the agent, a device or another app; Genesys does not say" in explained.says


def test_another_leg_in_the_journal_does_not_count():
    assert ours((closed("p0"),), call(muted=True), running=False) is None


def test_an_unknown_value_is_not_guessed():
    explained = why(call(muted=None), Ours(since="x", reason=None, running=False, deliberate=True))
    assert (explained.whose, explained.muted) == ("unknown", None)


def test_without_a_call_the_reason_is_repeated():
    explained = why(None, no_call=NoLiveCall("Ada is on a chat only.", media=("chat",)))
    assert (explained.says, explained.no_call, explained.call) == (
        "Ada is on a chat only.",
        "no_live_call",
        None,
    )


@pytest.mark.parametrize(
    ("state", "secure_pause", "says"),
    [
        ("active", None, "runs"),
        ("none", None, "none"),
        (None, None, "unknown"),
        ("paused", True, "a secure pause"),
        ("paused", False, "during hold"),
        ("brand-new", None, "unknown"),
    ],
)
def test_the_recording_is_named_as_what_it_is(state, secure_pause, says):
    explained = why(call(muted=False, recording_state=state, secure_pause=secure_pause))
    assert says in explained.recording.says


def test_people_read_presence_call_microphone_recording_and_the_conclusion():
    rows = lines(why(call(muted=True, held=True, direction="inbound", recording_state="active")))
    assert rows[0] == "Ada <ada@example.com>"
    assert [row.split()[0] for row in rows[1:-1]] == ["presence", "call", "microphone", "recording"]
    assert "Busy, INTERACTING" in rows[1]
    assert "on Genesys hold" in rows[3]
