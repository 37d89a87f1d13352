"""The library without a service, blocking: what a script or a Celery task does with it."""

import os
import signal
import subprocess
import sys
import threading

import pytest

from micgate import Call, SyncGenesys, Unconfirmed, settings
from micgate.control.errors import LengthRefused, NotABoolean, ReasonRefused
from micgate.direct.wish import PolicyRefused
from micgate.genesys.errors import AmbiguousCall, NotConnected, UnknownAgent


@pytest.fixture
def agent(twin):
    return twin.agents[0]


def test_a_live_call_is_found_by_id_e_mail_and_name(genesys, microphone, agent):
    for ref in (agent.id, agent.email.upper(), agent.name):
        call = genesys.find_call(ref)
        assert (call.conversation_id, call.user_id) == (microphone.conversation["id"], agent.id)
        assert call.live


def test_known_ids_cost_one_read_and_no_look_up(genesys, microphone, twin):
    leg = twin.leg(microphone.conversation)
    genesys.find_call(conversation_id=microphone.conversation["id"], participant_id=leg["id"])
    assert len(twin.requests()) == 1


def test_a_mistyped_agent_is_refused_with_the_nearest(genesys, agent):
    with pytest.raises(UnknownAgent):
        genesys.find_call(agent.email + "x")


def test_setting_is_confirmed_and_returns_what_was_measured(genesys, microphone):
    result = genesys.set_muted(genesys.find_call(microphone.twin.agents[0].id), True)
    assert result.changed
    assert result.muted
    assert result.confirmed_ms > result.http_ms > 0
    assert result.correlation_id
    assert microphone.muted


def test_setting_what_is_so_already_sends_nothing(genesys, microphone, agent):
    result = genesys.set_muted(genesys.find_call(agent.id), False)
    assert not result.changed
    assert microphone.patches() == []


def test_a_call_that_was_found_before_a_change_opens_what_the_change_closed(genesys, microphone, agent):
    call = genesys.find_call(agent.id)
    genesys.set_muted(call, True)
    assert genesys.set_muted(call, False).changed
    assert not microphone.muted


@pytest.mark.parametrize("wrong", ["true", 1, None])
def test_a_wrong_value_opens_nothing(genesys, microphone, agent, wrong):
    microphone.press(muted=True)
    with pytest.raises(NotABoolean):
        genesys.set_muted(genesys.find_call(agent.id), wrong)
    assert microphone.patches() == []


def test_a_change_that_never_takes_effect_says_what_was_seen(twin, environ, tmp_path, microphone, agent):
    twin.fault("accept_then_forget", match={"method": "PATCH"})
    configured = settings.load(environ | {"MICGATE_TIMEOUT": "1"}, tmp_path / ".env")
    with SyncGenesys.from_settings(configured) as impatient, pytest.raises(Unconfirmed) as unconfirmed:
        impatient.set_muted(impatient.find_call(agent.id), True)
    assert unconfirmed.value.seen is False
    assert unconfirmed.value.cause == "ignored"


def test_a_mute_lasts_as_long_as_its_block(genesys, microphone, agent):
    standing = genesys.mute(agent.email, reason="drill")
    assert "not placed: `with`" in repr(standing)
    with standing:
        assert microphone.muted
        assert standing.result.changed
        assert "stands" in repr(standing)
    assert not microphone.muted
    assert standing.ended.word == "released"
    assert "ended: released" in repr(standing)


def test_a_mute_ends_on_time_however_long_the_block_is(genesys, microphone, agent):
    with genesys.mute(agent.id, for_=1) as standing:
        microphone.until(muted=False)
        assert microphone.muted is False
    assert standing.ended.word == "released"


def test_an_exception_in_the_block_gives_back_and_goes_on(genesys, microphone, agent):
    with pytest.raises(ZeroDivisionError), genesys.mute(agent.id):
        raise ZeroDivisionError
    assert not microphone.muted


def test_a_microphone_that_was_closed_before_stays_closed(genesys, microphone, agent):
    microphone.press(muted=True)
    with genesys.mute(agent.id) as standing:
        assert not standing.result.changed
    assert standing.ended.word == "kept"
    assert microphone.muted
    assert microphone.patches() == []


def test_what_changes_is_told_after_the_confirmation_and_after_the_end(genesys, microphone, agent):
    told = []

    def recorder(progress):
        told.append((progress.word, microphone.muted))

    with genesys.mute(agent.id, on_change=recorder):
        assert told == [("confirmed", True)]
    assert told == [("confirmed", True), ("released", False)]


def test_a_recorder_that_fails_moves_no_microphone(genesys, microphone, agent, caplog):
    def recorder(_progress):
        raise OSError("the recorder is away")

    with genesys.mute(agent.id, on_change=recorder):
        assert microphone.muted
    assert not microphone.muted
    assert "on_change failed" in caplog.text


def test_an_unconfirmed_mute_raises_after_it_was_given_back(twin, environ, tmp_path, microphone):
    twin.fault("apply_then_reset", match={"method": "PATCH"}, times=1)
    twin.fault("status", match={"method": "GET", "path": ".*/conversations/calls/.*"}, status=503, times=30)
    configured = settings.load(environ | {"MICGATE_TIMEOUT": "1"}, tmp_path / ".env")
    with (
        SyncGenesys.from_settings(configured) as impatient,
        pytest.raises(Unconfirmed),
        impatient.mute(_read_call(impatient, microphone)),
    ):
        pytest.fail("the block must not be entered")
    assert not microphone.muted


def _read_call(genesys, microphone):
    """As `find_call` returns it, for a test in which no read works."""
    leg = microphone.twin.leg(microphone.conversation)
    return Call(
        conversation_id=microphone.conversation["id"],
        participant_id=leg["id"],
        user_id=leg["userId"],
        read_at=genesys.session.monotonic(),
        muted=False,
        state="connected",
    )


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"for_": "16m"}, LengthRefused),
        ({"for_": -1}, LengthRefused),
        ({"reason": "because"}, ReasonRefused),
        ({"on_override": "reassert"}, PolicyRefused),
        ({"open_policy": "always"}, PolicyRefused),
    ],
)
def test_a_wrong_wish_is_refused_before_anything_is_asked(genesys, twin, agent, wrong, error):
    with pytest.raises(error):
        genesys.mute(agent.id, **wrong)
    assert twin.requests() == []


def test_several_calls_need_a_name_and_the_one_not_on_hold_is_chosen(genesys, twin, agent):
    first, second = twin.place_call(), twin.place_call()
    with pytest.raises(AmbiguousCall) as several:
        genesys.find_call(agent.id)
    assert set(several.value.conversation_ids) == {first["id"], second["id"]}
    twin.control("POST", f"/calls/{first['id']}/hold", {"agent": agent.id})
    assert genesys.find_call(agent.id).conversation_id == second["id"]


def test_a_ringing_call_is_not_muted(genesys, twin, agent):
    twin.place_call(state="alerting")
    with pytest.raises(NotConnected) as ringing, genesys.mute(agent.id):
        pytest.fail("the block must not be entered")
    assert ringing.value.state == "alerting"


def test_everybody_on_a_call_is_listed_with_the_microphone(genesys, twin, microphone):
    twin.place_call(twin.agents[1].id)
    microphone.press(muted=True)
    listed = {each.user_id: each for each in genesys.agents_on_calls()}
    assert set(listed) == {twin.agents[0].id, twin.agents[1].id}
    assert listed[twin.agents[0].id].muted is True
    assert listed[twin.agents[1].id].muted is False
    assert listed[twin.agents[1].id].email == twin.agents[1].email


def test_threads_share_it(genesys, twin):
    for agent in twin.agents[:4]:
        twin.place_call(agent.id)

    def mute(agent):
        with genesys.mute(agent.id):
            pass

    threads = [threading.Thread(target=mute, args=(agent,)) for agent in twin.agents[:4]]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [entry["to"] for entry in twin.ledger(kind="change") if entry["field"] == "muted"].count(
        False
    ) == 4


threaded_fork = pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
"""That a mute's thread is not there in the child is what the tests are about."""


@threaded_fork
def test_a_forked_child_mutes_on_connections_of_its_own(genesys, microphone, agent):
    """As Celery's prefork pool does: the client is made before the fork and used after it, on both sides."""
    genesys.find_call(agent.id)
    child = os.fork()
    if child == 0:
        try:
            with genesys.mute(agent.id):
                pass
            os._exit(0)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert [to for to, _cause in microphone.changes()] == [True, False]
    assert genesys.find_call(agent.id).muted is False


@threaded_fork
def test_a_child_forked_inside_the_block_leaves_the_mute_to_its_parent(genesys, microphone, agent):
    with genesys.mute(agent.id):
        child = os.fork()
        if child == 0:
            pass
        else:
            os.waitpid(child, 0)
            assert microphone.muted
    if child == 0:
        os._exit(0)
    assert not microphone.muted


SCRIPT = """
import os, signal, sys
from micgate import SyncGenesys
with SyncGenesys.from_env() as genesys:
    with genesys.mute(sys.argv[1], on_change=lambda change: print(change.word, flush=True)):
        signal.pause()
"""


@pytest.mark.parametrize("moment", ["while it stands", "while it is placed"])
def test_ctrl_c_gives_back_and_then_interrupts(environ, twin, microphone, agent, moment):
    script = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, agent.id],
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    with script:
        if moment == "while it stands":
            assert script.stdout.readline() == "confirmed\n"
        else:
            twin.wait_until(microphone.patches)
        script.send_signal(signal.SIGINT)
        assert script.wait(20) in (-signal.SIGINT, 1, 130)
    assert not microphone.muted
