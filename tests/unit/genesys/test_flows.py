import asyncio

import pytest
from scripted_io import (
    ADA,
    CALL,
    LEG,
    Notebook,
    ScriptedIo,
    a_call,
    agent_end,
    applied_then,
    customer_end,
    ids,
    in_turn,
    not_applied,
    response,
)

from micgate.genesys.errors import (
    BadRequest,
    Conflict,
    Forbidden,
    MissingPermission,
    MissingScope,
    NotAnAgent,
    NotAParty,
    NotConnected,
    PlatformFailed,
    RateLimited,
    TimedOut,
    TokenRefused,
    Unconfirmed,
    Unreachable,
)
from micgate.genesys.flows import Accepted, Strategy, confirm, set_muted, set_recording_state
from micgate.genesys.io import drive

PLAIN = f"PATCH /api/v2/conversations/calls/{CALL}/participants/{LEG}"
ON_BEHALF = f"{PLAIN}/user/{ADA}"
PATCHES = "^PATCH "
CUT = Unreachable("The connection was cut.")
NEVER_LEFT = Unreachable("Refused.", reached=False)


@pytest.fixture
def notebook():
    return Notebook()


@pytest.fixture
def move(notebook):
    def _move(io, muted=True, *, call=None, has_user=False, accepted=None, **options):
        return set_muted(
            io,
            call or a_call(),
            muted,
            has_user=has_user,
            accepted=accepted or Accepted(),
            witness=notebook,
            new_id=ids(),
            **options,
        )

    return _move


async def test_a_mute_is_one_request_and_confirmed_by_reads(move, notebook):
    io = ScriptedIo()
    result = await move(io)
    assert io.changes() == [f'{ON_BEHALF} {{"muted": true}}']
    assert notebook.lines == [("intended", "mute", "on_behalf"), ("concluded", "accepted", "corr-1")]
    assert (result.muted, result.changed, result.seen_by) == (True, True, "read")
    assert result.http_ms == 20
    assert 150 <= result.confirmed_ms < 400
    assert result.correlation_id == "corr-1"
    assert result.requests == len(io.sent)
    assert io.end()["muted"] is True


async def test_a_watching_channel_confirms_without_a_read(move):
    io = ScriptedIo(channel=True)
    result = await move(io)
    assert io.reads() == []
    assert (result.seen_by, result.requests) == ("event", 1)


async def test_an_event_from_before_the_command_confirms_nothing(move):
    io = ScriptedIo(channel=True, answers={PATCHES: not_applied})
    io.tell(muted=True)
    with pytest.raises(Unconfirmed):
        await move(io)


async def test_a_lost_event_is_made_up_for_by_a_read(move):
    io = ScriptedIo(channel=True)
    io.tell = lambda **_: None
    result = await move(io)
    assert (result.seen_by, len(io.reads())) == ("read", 1)


async def test_nothing_is_sent_when_it_is_as_wanted(move, notebook):
    io = ScriptedIo()
    result = await move(io, muted=False)
    assert (result.changed, io.sent, notebook.lines) == (False, [], [])


async def test_a_call_read_a_while_ago_is_read_again_first(move):
    io = ScriptedIo(ends=[agent_end(muted=True)])
    result = await move(io, call=a_call(read_at=98.0))
    assert result.changed is False
    assert len(io.reads()) == 1


async def test_an_unknown_present_value_is_not_taken_for_open(move):
    io = ScriptedIo(ends=[agent_end(muted=None)])
    await move(io, muted=False, call=a_call(muted=None))
    assert io.changes() == [f'{ON_BEHALF} {{"muted": false}}']


@pytest.mark.parametrize("lost", [CUT, TimedOut("No answer."), PlatformFailed("Failed.", status=503)])
async def test_a_lost_answer_to_an_applied_change_is_not_sent_again(move, notebook, lost):
    io = ScriptedIo()
    io.answers[PATCHES] = applied_then(lost, io)
    result = await move(io)
    assert result.changed is True
    assert notebook.kinds() == ["unknown"]
    assert len(io.changes()) == 1


async def test_a_lost_answer_is_followed_by_one_new_command_only_after_the_old_value_was_seen(move, notebook):
    io = ScriptedIo()
    io.answers[PATCHES] = in_turn(CUT, io.usual)
    result = await move(io)
    assert notebook.kinds() == ["unknown", "accepted"]
    assert result.changed is True
    first, second = (index for index, request in enumerate(io.sent) if request.method == "PATCH")
    assert second - first > 1, "a read stands between the two"


async def test_a_change_whose_answers_are_always_lost_is_sent_twice_at_most(move, notebook):
    io = ScriptedIo(answers={PATCHES: CUT})
    with pytest.raises(Unconfirmed) as caught:
        await move(io)
    assert notebook.kinds() == ["unknown", "unknown"]
    assert (caught.value.cause, caught.value.seen) == ("away", False)
    assert io.clock == pytest.approx(110, abs=1)


async def test_nothing_is_sent_again_while_the_platform_shows_nothing(move, notebook):
    io = ScriptedIo(answers={PATCHES: CUT, "^GET ": PlatformFailed("Failed.", status=503)})
    with pytest.raises(Unconfirmed) as caught:
        await move(io)
    assert notebook.kinds() == ["unknown"]
    assert (caught.value.cause, caught.value.seen) == ("away", None)


async def test_an_unconfirmed_change_says_what_hid_it(move):
    refused = Forbidden("Genesys Cloud answered 403.", remedy="Add the role.", status=403)
    with pytest.raises(Unconfirmed, match="answered 403") as caught:
        await move(ScriptedIo(answers={"^GET ": refused}))
    assert (caught.value.cause, caught.value.remedy) == ("unread", "Add the role.")
    with pytest.raises(Unconfirmed, match="was cut") as caught:
        await move(ScriptedIo(answers={PATCHES: CUT}))
    assert caught.value.cause == "away"


async def test_an_accepted_change_that_never_shows_is_unconfirmed_and_not_repeated(move, notebook):
    io = ScriptedIo(answers={PATCHES: not_applied})
    with pytest.raises(Unconfirmed) as caught:
        await move(io, patience=5)
    assert notebook.kinds() == ["accepted"]
    assert (caught.value.wanted, caught.value.seen, caught.value.cause) == (True, False, "ignored")
    assert caught.value.correlation_id == "corr-1"
    assert io.clock == pytest.approx(105, abs=0.5)


@pytest.mark.parametrize(
    ("end", "cause"),
    [({"held": True}, "held"), ({"state": "alerting"}, "alerting"), ({"muted": None}, "stale")],
)
async def test_an_unconfirmed_change_says_the_likely_cause(move, end, cause):
    io = ScriptedIo(answers={PATCHES: not_applied})
    io.later(0.01, lambda: io.end().update(end))
    with pytest.raises(Unconfirmed) as caught:
        await move(io)
    assert caught.value.cause == cause
    assert "Try again" in str(caught.value)


async def test_an_agent_who_moved_to_another_leg_is_unconfirmed_as_transferring(move):
    io = ScriptedIo(answers={PATCHES: not_applied})

    def rejoin():
        io.end()["state"] = "disconnected"
        io.ends.append(agent_end(id="leg-2", connectedTime="2026-01-15T10:01:00.000Z"))

    io.later(0.01, rejoin)
    with pytest.raises(Unconfirmed) as caught:
        await move(io)
    assert caught.value.cause == "transferring"


async def test_a_call_that_ends_meanwhile_is_not_connected(move):
    io = ScriptedIo(answers={PATCHES: not_applied})
    io.later(0.01, lambda: io.end().update(state="disconnected", endTime="2026-01-15T10:05:00.000Z"))
    with pytest.raises(NotConnected) as caught:
        await move(io)
    assert caught.value.state == "ended"
    assert "ended before the mute was seen. The request was sent" in str(caught.value)
    assert io.clock < 101


async def test_a_call_that_ends_before_a_second_try_does_not_say_that_nothing_was_sent(move, notebook):
    io = ScriptedIo()
    io.answers[PATCHES] = in_turn(CUT, NEVER_LEFT, NEVER_LEFT)
    io.later(2.0, lambda: io.end().update(state="disconnected", endTime="2026-01-15T10:05:00.000Z"))
    with pytest.raises(NotConnected) as caught:
        await move(io)
    assert "ended before the mute was seen. The request was sent" in str(caught.value)
    assert notebook.kinds() == ["unknown", "not_sent", "not_sent"]


async def test_an_ended_call_is_not_sent_to(move, notebook):
    io = ScriptedIo(ends=[agent_end(state="terminated")])
    with pytest.raises(NotConnected):
        await move(io, call=a_call(read_at=0))
    assert notebook.lines == []


async def test_an_expired_token_costs_a_read_and_one_new_command(move, notebook):
    io = ScriptedIo()
    io.answers[PATCHES] = in_turn(TokenRefused("Expired.", status=401), io.usual)
    await move(io)
    assert notebook.kinds() == ["refused", "accepted"]
    assert io.sent[1].method == "GET"


async def test_a_token_refused_twice_is_raised(move, notebook):
    io = ScriptedIo(answers={PATCHES: TokenRefused("Revoked.", status=401)})
    with pytest.raises(TokenRefused):
        await move(io)
    assert notebook.kinds() == ["refused", "refused"]


async def test_a_429_is_waited_for_when_it_fits(move, notebook):
    io = ScriptedIo()
    io.answers[PATCHES] = in_turn(RateLimited("Slow down.", retry_after=4, status=429), io.usual)
    result = await move(io)
    assert notebook.kinds() == ["refused", "accepted"]
    assert result.at >= 1_700_000_104


async def test_a_429_beyond_the_patience_is_said_at_once(move, notebook):
    io = ScriptedIo(answers={PATCHES: RateLimited("Slow down.", retry_after=42, status=429)})
    with pytest.raises(RateLimited, match="42 s") as caught:
        await move(io)
    assert caught.value.retry_after == 42
    assert (notebook.kinds(), io.clock < 101) == (["refused"], True)


async def test_a_refused_plain_patch_is_followed_by_on_behalf_and_never_repeated(move, notebook):
    io = ScriptedIo(answers={f"^{PLAIN}$": NotAParty("No.", status=403)})
    accepted = Accepted()
    await move(io, has_user=True, accepted=accepted)
    assert [line.split()[1] for line in io.changes()] == [PLAIN.split()[1], ON_BEHALF.split()[1]]
    assert notebook.kinds() == ["refused", "accepted"]
    await move(io, muted=False, has_user=True, accepted=accepted, call=a_call(read_at=0))
    assert [line.split()[1] for line in io.changes()][2:] == [ON_BEHALF.split()[1]]


async def test_the_last_refusal_is_raised_with_the_first_as_its_reason(move):
    no_party = NotAParty("No.", status=403)
    io = ScriptedIo(answers={f"^{PLAIN}$": no_party, f"^{ON_BEHALF}$": MissingPermission("No.", status=403)})
    with pytest.raises(MissingPermission) as caught:
        await move(io, has_user=True)
    assert caught.value.__cause__ is no_party


async def test_a_missing_scope_is_not_tried_another_way(move, notebook):
    io = ScriptedIo(answers={PATCHES: MissingScope("No.", status=403)})
    with pytest.raises(MissingScope):
        await move(io, has_user=True)
    assert notebook.kinds() == ["refused"]


async def test_a_service_account_never_sends_the_plain_patch(move):
    io = ScriptedIo(answers={PATCHES: MissingPermission("No.", status=403)})
    with pytest.raises(MissingPermission):
        await move(io)
    assert [line.split()[1] for line in io.changes()] == [ON_BEHALF.split()[1]]


async def test_on_behalf_of_nobody_is_refused_before_anything_is_sent(move, notebook):
    io = ScriptedIo()
    with pytest.raises(NotAnAgent):
        await move(io, call=a_call(user_id=None))
    assert (io.sent, notebook.lines) == ([], [])


async def test_an_explicit_strategy_is_kept(move):
    io = ScriptedIo()
    await move(io, strategy=Strategy.PARTICIPANT)
    assert io.changes() == [f'{PLAIN} {{"muted": true}}']


async def test_a_request_that_never_left_is_sent_again_as_a_new_command(move, notebook):
    io = ScriptedIo()
    io.answers[PATCHES] = in_turn(NEVER_LEFT, io.usual)
    await move(io)
    assert notebook.kinds() == ["not_sent", "accepted"]


async def test_a_platform_that_cannot_be_reached_is_said(move, notebook):
    io = ScriptedIo(answers={PATCHES: Unreachable("No route.", reached=False)})
    with pytest.raises(Unreachable):
        await move(io)
    assert set(notebook.kinds()) == {"not_sent"}


async def test_a_conflict_follows_the_agent_to_a_new_leg(move, notebook):
    io = ScriptedIo(answers={f"participants/{LEG}/": Conflict("Gone.", status=409)})
    io.end()["state"] = "disconnected"
    io.ends.append(agent_end(id="leg-2", connectedTime="2026-01-15T10:01:00.000Z"))
    result = await move(io)
    assert result.participant_id == "leg-2"
    assert notebook.kinds() == ["refused", "accepted"]


async def test_a_conflict_on_the_same_leg_is_raised(move):
    io = ScriptedIo(answers={PATCHES: Conflict("No.", status=409)})
    with pytest.raises(Conflict):
        await move(io)


async def test_a_bad_request_is_raised(move, notebook):
    io = ScriptedIo(answers={PATCHES: BadRequest("No.", status=400)})
    with pytest.raises(BadRequest):
        await move(io)
    assert notebook.kinds() == ["refused"]


async def test_a_refusal_after_a_doubt_is_unconfirmed(move, notebook):
    io = ScriptedIo()
    io.answers[PATCHES] = in_turn(CUT, BadRequest("No.", status=400))
    with pytest.raises(Unconfirmed) as caught:
        await move(io)
    assert isinstance(caught.value.__cause__, BadRequest)
    assert notebook.kinds() == ["unknown", "refused"]


async def test_a_witness_that_cannot_write_keeps_the_request_from_leaving(move, notebook):
    io = ScriptedIo()
    notebook.refuse = OSError("disk full")
    with pytest.raises(OSError, match="disk full"):
        await move(io)
    assert io.changes() == []


async def test_an_interrupt_on_the_way_leaves_an_unknown_outcome(move, notebook):
    class Interrupted(ScriptedIo):
        async def send(self, request):
            self.sent.append(request)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        drive(move(Interrupted()))
    assert notebook.kinds() == ["unknown"]


async def test_a_cancelled_request_leaves_an_unknown_outcome(move, notebook):
    class Slow(ScriptedIo):
        async def send(self, request):
            await asyncio.Event().wait()

    task = asyncio.ensure_future(move(Slow()))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert notebook.kinds() == ["unknown"]


def test_the_same_flow_runs_without_an_event_loop(move):
    assert drive(move(ScriptedIo())).muted is True


async def test_a_token_revoked_between_command_and_read_is_unconfirmed(move):
    io = ScriptedIo(answers={"^GET ": TokenRefused("Revoked.", status=401)})
    with pytest.raises(Unconfirmed) as caught:
        await move(io)
    assert isinstance(caught.value.__cause__, TokenRefused)


async def test_confirm_returns_the_call_as_soon_as_it_is_seen():
    io = ScriptedIo()
    io.later(0.3, lambda: io.set_muted(True))
    call = await confirm(io, a_call(), True, until=110.0)
    assert (call.muted, io.clock < 101) == (True, True)


async def test_reads_grow_rarer():
    io = ScriptedIo()
    with pytest.raises(Unconfirmed):
        await confirm(io, a_call(), True, until=110.0)
    assert len(io.reads()) == 10


@pytest.fixture
def pause(notebook):
    def _pause(io, *, paused=True):
        return set_recording_state(io, CALL, paused=paused, witness=notebook, new_id=ids())

    return _pause


class Recorded(ScriptedIo):
    """A recorded call; `recording` is what the platform shows."""

    recording = "active"

    def usual(self, request):
        if request.method == "PUT":
            wanted = "paused" if b"PAUSED" in request.body else "active"
            self.later(0.2, lambda: setattr(self, "recording", wanted))
            return response("ACTIVE")
        ends = [customer_end(), agent_end()]
        paused = self.recording == "paused"
        return {"id": CALL, "participants": ends, "recordingState": self.recording, "securePause": paused}


async def test_a_recording_is_paused_and_seen_so(pause, notebook):
    io = Recorded()
    assert await pause(io) is True
    assert notebook.lines[0] == ("intended", "pause", None)
    path = f"/api/v2/conversations/calls/{CALL}/recordingstate"
    assert io.changes() == [f'PUT {path} {{"recordingState":"PAUSED"}}']


async def test_a_recording_somebody_else_paused_is_not_ours(pause):
    io = Recorded()
    io.recording = "paused"
    assert await pause(io) is False
    assert io.changes() == []


async def test_a_pause_whose_answer_is_lost_is_looked_for_first(pause, notebook):
    io = Recorded()
    io.answers["^PUT "] = applied_then(CUT, io)
    assert await pause(io) is True
    assert notebook.kinds() == ["unknown"]


async def test_a_refused_pause_is_raised(pause):
    io = Recorded(answers={"^PUT ": MissingPermission("No.", status=403)})
    with pytest.raises(MissingPermission):
        await pause(io)


async def test_a_pause_that_never_shows_is_unconfirmed(pause):
    io = Recorded(answers={"^PUT ": response("ACTIVE")})
    with pytest.raises(Unconfirmed):
        await pause(io)
