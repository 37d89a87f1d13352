"""A foreground mute, from its first request to the microphone given back."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from muting import SCRIPT, about_process

from micgate.direct.foreground import mute_in_foreground
from micgate.direct.lock import lock_microphone
from micgate.direct.wish import Wish


def test_a_mute_is_confirmed_stands_and_is_given_back_on_time(mute, microphone, journal):
    command = mute("2s")
    assert command.said("confirmed")["muted"]
    assert command.wait() == 0
    assert not microphone.muted
    assert command.lines[-1] == {"ended": "released"}
    assert microphone.changes() == [(True, "request"), (False, "request")]
    assert journal.standing() == ()
    assert microphone.is_nobodys()


def test_one_mute_is_one_change_each_way(mute, microphone):
    mute("1s").wait()
    assert [muted for muted, _status, _at in microphone.patches()] == [True, False]


def test_its_guardian_leaves_with_it(mute, microphone):
    command = mute()
    command.said("confirmed")
    guardian = command.guardian()
    command.send(signal.SIGINT)
    command.wait()
    microphone.twin.wait_until(lambda: not Path(f"/proc/{guardian}").exists())


def test_a_microphone_that_was_closed_before_is_left_alone(mute, microphone, journal):
    microphone.press(muted=True)
    command = mute("1s")
    assert command.said("kept")["muted"]
    assert command.wait() == 0
    assert command.lines[-1] == {"ended": "kept"}
    assert microphone.muted
    assert microphone.patches() == []
    assert journal.entries() == [] or journal.standing() == ()


def test_what_another_command_closed_after_the_first_read_is_left_alone(genesys, microphone, state, twin):
    ada = twin.agents[0].id

    def close_it(call):
        lock = lock_microphone(state, conversation_id=call.conversation_id, user_id=ada)
        microphone.press(muted=True)
        lock.release()

    ended = mute_in_foreground(
        genesys,
        lambda: genesys.find_call(ada),
        Wish.checked(for_="1s"),
        state_dir=state,
        tell=lambda _progress: None,
        found=close_it,
    )
    assert ended.word == "kept"
    assert microphone.muted
    assert microphone.patches() == []


def test_an_agent_who_opens_it_ends_the_mute(mute, microphone, journal):
    command = mute()
    command.said("confirmed")
    microphone.press(muted=False)
    command.said("overridden")
    assert command.wait() == 0
    assert len(microphone.patches()) == 1
    assert journal.standing() == ()


def test_what_was_opened_and_closed_again_by_somebody_else_is_not_opened(mute, microphone):
    command = mute(on_override="notify")
    command.said("confirmed")
    microphone.press(muted=False)
    command.said("overridden")
    microphone.press(muted=True)
    command.said("look")
    command.send(signal.SIGINT)
    assert command.wait() == 130
    assert microphone.muted
    assert len(microphone.patches()) == 1


def test_a_call_that_ends_ends_the_mute(mute, microphone, twin, journal):
    command = mute()
    command.said("confirmed")
    twin.control("POST", f"/calls/{microphone.conversation['id']}/disconnect", {})
    command.said("call_ended")
    assert command.wait() == 0
    assert journal.standing() == ()


def test_a_call_on_hold_is_left_closed_and_said(mute, microphone, twin, journal):
    command = mute()
    command.said("confirmed")
    twin.control("POST", f"/calls/{microphone.conversation['id']}/hold", {"agent": twin.agents[0].id})
    command.send(signal.SIGINT)
    assert command.said("left_closed")["opening"] == "on_hold"
    assert command.wait() == 130
    (standing,) = journal.standing()
    assert standing.deliberate


def test_the_open_policy_never_leaves_it_closed(mute, microphone):
    command = mute("1s", open_policy="never")
    assert command.said("left_closed")["opening"] == "policy"
    command.wait()
    assert microphone.muted


def test_a_signal_ends_the_mute_and_gives_back_first(mute, microphone, ending):
    number, code = ending
    command = mute()
    command.said("confirmed")
    command.send(number)
    assert command.wait() == code
    assert not microphone.muted
    assert command.words()[-1] == "released"
    assert microphone.is_nobodys()


def test_a_second_signal_does_not_abandon_the_release(mute, microphone, twin):
    command = mute()
    command.said("confirmed")
    twin.fault("status", match={"method": "PATCH"}, status=503, times=2)
    command.send(signal.SIGINT)
    command.said("insisting")
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        command.send(number)
    assert command.wait() == 130
    assert not microphone.muted


def test_a_signal_inside_the_patch_still_gives_back(mute, microphone, twin):
    twin.fault("slow", match={"method": "PATCH"}, delay_ms=1500, times=1)
    command = mute()
    twin.wait_until((command.state / "direct.jsonl").exists)
    command.send(signal.SIGINT)
    assert command.wait() == 130
    microphone.until_nobodys()
    assert not microphone.muted


def test_a_mute_that_takes_effect_late_is_undone(mute, microphone, twin, environ):
    twin.turn(apply_ms=[4000, 4000])
    command = mute(environ=environ | {"MICGATE_TIMEOUT": "1"})
    command.said("placed")
    assert command.wait() == 1
    assert command.lines[-1]["raised"] == "Unconfirmed"
    twin.turn(apply_ms=[0, 0])
    microphone.until_nobodys()
    assert not microphone.muted
    assert microphone.changes()[-1] == (False, "request")


def test_a_mute_that_is_forgotten_is_not_confirmed_and_leaves_nothing_behind(mute, microphone, twin, environ):
    twin.fault("accept_then_forget", match={"method": "PATCH"}, times=1)
    command = mute(environ=environ | {"MICGATE_TIMEOUT": "1"})
    assert command.wait() == 1
    assert command.lines[-1]["raised"] == "Unconfirmed"
    microphone.until_nobodys()
    assert not microphone.muted


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "status", "status": 503, "times": 2},
        {"kind": "reset", "times": 2},
        {"kind": "html", "times": 2},
        {"kind": "hang", "times": 1},
        {"kind": "apply_then_reset", "times": 2},
        {"kind": "apply_then_status", "status": 504, "times": 2},
    ],
    ids=lambda fault: fault["kind"],
)
def test_a_release_that_fails_is_insisted_on(mute, microphone, twin, fault):
    command = mute()
    command.said("confirmed")
    twin.fault(**fault, match={"method": "PATCH"})
    command.send(signal.SIGINT)
    assert command.wait() == 130
    assert command.words()[-1] == "released"
    assert not microphone.muted


def test_a_rate_limit_on_the_release_is_waited_out(mute, microphone, twin):
    command = mute()
    command.said("confirmed")
    twin.fault("rate_storm", match={"method": "PATCH"}, seconds=3, times=2)
    command.send(signal.SIGINT)
    assert command.wait(seconds=80) == 130
    assert not microphone.muted


def test_reads_that_fail_do_not_keep_the_agent_muted(mute, microphone, twin, environ):
    command = mute(environ=environ | {"MICGATE_TIMEOUT": "1"})
    command.said("confirmed")
    fault = twin.fault("status", match={"method": "GET", "path": ".*/conversations/.*"}, status=503)
    command.send(signal.SIGINT)
    command.said("insisting")
    microphone.until(muted=False)
    twin.control("DELETE", f"/faults/{fault}")
    assert command.wait() == 130


def test_a_journal_that_cannot_be_written_refuses_the_mute(mute, microphone, state):
    (state / "direct.jsonl").mkdir(parents=True)
    command = mute()
    assert command.wait() == 1
    assert command.lines[-1]["raised"] == "JournalUnwritable"
    assert microphone.patches() == []


def test_a_journal_that_breaks_in_mid_mute_does_not_stop_the_release(mute, microphone, state):
    command = mute()
    command.said("confirmed")
    (state / "direct.jsonl").unlink()
    (state / "direct.jsonl").mkdir()
    command.send(signal.SIGINT)
    assert command.wait() == 130
    assert not microphone.muted


def test_a_second_command_waits_for_the_first(mute, microphone):
    first = mute("2s")
    first.said("confirmed")
    second = mute("1s")
    assert second.wait() == 0
    assert second.lines[-1] == {"ended": "released"}
    assert [to for to, _cause in microphone.changes()] == [True, False, True, False]


def test_nothing_secret_is_in_the_guardians_arguments_or_environment(mute, microphone, twin):
    command = mute()
    command.said("confirmed")
    guardian = command.guardian()
    for name in ("cmdline", "environ"):
        assert twin.client_secret not in about_process(guardian, name)
    command.send(signal.SIGINT)
    command.wait()


def test_a_closed_terminal_gives_back(environ, twin, microphone, state):
    """The terminal's end takes its output away too: what the command says then fails."""
    ours, its = os.openpty()
    argv = ["setsid", "--ctty", sys.executable, SCRIPT, twin.agents[0].id, "60s", state, "{}"]
    command = subprocess.Popen(argv, env=environ, stdin=its, stdout=its, stderr=its)
    os.close(its)
    microphone.until(muted=True)
    os.close(ours)
    command.wait(20)
    microphone.until_nobodys()
    assert not microphone.muted


def test_an_unknown_agent_leaves_no_guardian_behind(mute, microphone):
    command = mute(agent="nobody@example.com")
    assert command.said("raised")["raised"] == "UnknownAgent"
    command.wait()
    assert not [pid for pid in Path("/proc").glob("[0-9]*") if is_guardian_of(pid, command.process.pid)]


def is_guardian_of(pid, parent):
    try:
        return f"PPid:\t{parent}\n" in (pid / "status").read_text()
    except OSError:
        return False


def transfer(twin, conversation, giver, taker):
    twin.control(
        "POST",
        f"/calls/{conversation['id']}/transfer",
        {"agent": giver.id, "to": taker.id, "blind": True, "connected": True},
    )


def test_a_call_transferred_away_ends_the_mute(mute, microphone, twin):
    command = mute()
    command.said("confirmed")
    transfer(twin, microphone.conversation, twin.agents[0], twin.agents[1])
    command.said("call_ended")
    command.wait()
    assert twin.leg(microphone.conversation, twin.agents[1].id)["muted"] in (False, None)


def test_an_agent_who_comes_back_on_another_leg_is_muted_there_and_given_back(mute, microphone, twin):
    command = mute()
    command.said("look")  # the next is two seconds later: it sees both transfers or none
    transfer(twin, microphone.conversation, twin.agents[0], twin.agents[1])
    transfer(twin, microphone.conversation, twin.agents[1], twin.agents[0])
    command.said("moved")
    command.said("confirmed")
    assert microphone.muted
    command.send(signal.SIGINT)
    command.wait()
    assert not microphone.muted


def test_a_given_token_serves_the_command_and_its_guardian(mute, microphone, twin, environ, genesys):
    genesys.find_user(twin.agents[0].id)
    given = {name: value for name, value in environ.items() if "CLIENT" not in name}
    command = mute(environ=given | {"GENESYS_ACCESS_TOKEN": genesys.session.token.value})
    command.said("confirmed")
    command.kill()
    microphone.until(muted=False)
    microphone.until_nobodys()


def test_what_the_command_cannot_give_back_its_guardian_goes_on_trying(mute, microphone, twin, journal):
    """403 is no passing trouble: the command says `stuck` after four tries; its guardian tries for longer."""
    command = mute()
    command.said("confirmed")
    fault = twin.fault("status", match={"method": "PATCH"}, status=403)
    command.send(signal.SIGINT)
    assert command.said("stuck")["error"]
    command.wait()
    sent = len(microphone.patches())
    twin.wait_until(lambda: len(microphone.patches()) > sent)
    assert microphone.muted
    twin.control("DELETE", f"/faults/{fault}")
    microphone.until(muted=False, seconds=40)
    microphone.until_nobodys()
    assert journal.standing() == ()
