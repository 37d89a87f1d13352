"""What becomes of the microphone when the command is killed, told by the simulator's ledger."""

import os
import random
import signal
import time

import pytest

from slowness import lost

RELEASED_WITHIN = 2.0


def released_after(microphone, killed_at):
    """Seconds from kill -9 until the un-mute was on the wire."""
    sent = [at for muted, _status, at in microphone.patches() if not muted]
    return sent[0] - killed_at


def test_a_killed_command_gives_back_within_two_seconds(mute, microphone, journal):
    command = mute()
    command.said("confirmed")
    with lost() as waiting:
        killed_at = command.kill()
        microphone.until(muted=False)
    assert released_after(microphone, killed_at) < RELEASED_WITHIN + waiting.seconds
    microphone.until_nobodys()
    assert journal.standing() == ()
    assert journal.entries()[-1].phase == "released"


def test_a_command_killed_after_the_202_gives_back_what_takes_effect_later(mute, microphone, twin):
    twin.turn(apply_ms=[1500, 1500])
    command = mute()
    command.said("placed")
    command.kill()
    twin.turn(apply_ms=[0, 0])
    microphone.until_nobodys()
    assert not microphone.muted
    assert microphone.changes()[-1] == (False, "request")


def test_a_command_killed_before_the_202_gives_back(mute, microphone, twin, journal):
    twin.fault("slow", match={"method": "PATCH"}, delay_ms=1000, times=1)
    command = mute()
    twin.wait_until(journal.entries)
    command.kill()
    microphone.until_nobodys()
    assert not microphone.muted
    assert journal.standing() == ()


def test_a_command_killed_while_it_gives_back_has_it_finished(mute, microphone, twin):
    command = mute()
    command.said("confirmed")
    twin.fault("status", match={"method": "PATCH"}, status=503, times=3)
    command.send(signal.SIGINT)
    command.said("insisting")
    command.kill()
    microphone.until_nobodys()
    assert not microphone.muted


def test_a_command_killed_before_it_sent_anything_leaves_no_trace(mute, microphone, twin):
    microphone.press(muted=True)
    command = mute()
    command.said("kept")
    command.kill()
    microphone.until_nobodys()
    assert microphone.muted
    assert microphone.patches() == []


def test_what_the_agent_opened_and_closed_again_before_the_kill_stays_closed(mute, microphone):
    command = mute(on_override="notify")
    command.said("confirmed")
    microphone.press(muted=False)
    command.said("overridden")
    microphone.press(muted=True)
    command.kill()
    microphone.until_nobodys()
    assert microphone.muted
    assert len(microphone.patches()) == 1


def test_a_call_on_hold_is_left_closed_by_the_guardian_too(mute, microphone, twin, journal):
    command = mute()
    command.said("confirmed")
    twin.control("POST", f"/calls/{microphone.conversation['id']}/hold", {"agent": twin.agents[0].id})
    command.kill()
    microphone.until_nobodys()
    assert journal.entries()[-1].phase == "left_closed"
    assert len(microphone.patches()) == 1


def test_a_closed_terminal_and_every_polite_signal_leave_the_guardian_alive(mute, microphone):
    command = mute()
    command.said("confirmed")
    guardian = command.guardian()
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM, signal.SIGQUIT):
        os.kill(guardian, number)
    assert os.getsid(guardian) != os.getsid(command.process.pid)
    command.kill()
    microphone.until(muted=False)
    microphone.until_nobodys()


def test_a_stopped_command_is_relieved_after_its_time(mute, microphone):
    command = mute("1s")
    command.said("confirmed")
    command.send(signal.SIGSTOP)
    microphone.until(muted=False, seconds=40)
    command.send(signal.SIGCONT)
    command.wait()
    assert [to for to, _cause in microphone.changes()] == [True, False]


def test_the_next_command_waits_for_the_guardian(mute, microphone):
    command = mute()
    command.said("confirmed")
    command.kill()
    second = mute("1s")
    assert second.wait() == 0
    assert second.lines[-1] == {"ended": "released"}
    assert [to for to, _cause in microphone.changes()] == [True, False, True, False]


def test_a_killed_guardian_does_not_harm_a_running_command(mute, microphone):
    command = mute()
    command.said("confirmed")
    os.kill(command.guardian(), signal.SIGKILL)
    command.send(signal.SIGINT)
    assert command.wait() == 130
    assert not microphone.muted


def test_when_both_are_killed_the_journal_names_the_microphone(mute, microphone, journal, twin):
    command = mute()
    command.said("confirmed")
    os.kill(command.guardian(), signal.SIGKILL)
    command.kill()
    assert microphone.muted
    microphone.until_nobodys()
    (standing,) = journal.standing()
    assert standing.conversation_id == microphone.conversation["id"]
    assert standing.agent == twin.agents[0].name
    assert not standing.deliberate


def test_a_platform_that_fails_for_a_while_is_insisted_on_after_a_kill(mute, microphone, twin):
    command = mute()
    command.said("confirmed")
    twin.fault("status", match={"method": "PATCH"}, status=500, times=3)
    command.kill()
    microphone.until(muted=False, seconds=60)
    microphone.until_nobodys()


def test_a_revoked_token_is_renewed_by_the_guardian(mute, microphone, twin):
    command = mute()
    command.said("confirmed")
    twin.fault("token_revoked", match={"path": ".*/conversations/calls/.*"}, times=1)
    command.kill()
    microphone.until(muted=False)
    microphone.until_nobodys()


@pytest.mark.parametrize("seed", range(6))
def test_killed_at_any_moment_nobody_stays_muted(mute, microphone, twin, journal, seed):
    moment = random.Random(seed).uniform(0.1, 1.6)
    command = mute("1s")
    time.sleep(moment)  # the moment is what the test is about
    command.kill()
    microphone.until_nobodys()
    assert not microphone.muted
    assert not [each for each in journal.standing() if not each.deliberate]
