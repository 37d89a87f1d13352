"""Two replicas: who keeps the org, who sends, and what a mute costs."""

import gc

import pytest

from micgate.control.command import Kind
from micgate.control.microphone import State
from micgate.control.policy import OnOverride
from micgate.keeper.catch_up import BLIND, LOOK_AGAIN
from micgate.store.verbs import Place
from simulation.names import ORG
from simulation.stage import Stage
from simulation.weather import Trouble

TAKE_OVER = 5.0


def keeper(stage):
    return next(one for one in stage.simulation.processes if one.awake and one.epoch is not None)


def stop(stage, process, how):
    process.kill_at(None) if how == "killed" else process.pause_at(None, lambda: None)


@pytest.mark.parametrize("how", ["killed", "stopped"])
def test_the_next_keeper_sends_within_five_seconds(how):
    with Stage() as stage:
        call = stage.call()
        stop(stage, keeper(stage), how)
        mute = stage.place(call, seconds=20)
        stage.run(TAKE_OVER - 3)
        assert stage.muted(call) is True
        stage.run(mute.release_at - stage.now + 1)
        assert stage.muted(call) is False


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_keeper_that_wakes_up_with_an_intent_in_its_hands_sends_nothing(moment):
    """Stopped just before or after the commit of the intent, for longer than a lease lasts."""
    with Stage() as stage:
        call = stage.call()
        old = keeper(stage)
        stage.trouble(40)
        old.pause_at(("command", moment), lambda: None)
        mute = stage.place(call, seconds=600)
        stage.run(40)
        assert keeper(stage) is not old
        assert stage.muted(call) is True
        sent = len(stage.sent())
        old.go_on()
        stage.run(20)
        assert len(stage.sent()) == sent
        assert stage.end_of(mute) is None
        outcomes = [one.outcome.kind for one in stage.simulation.store.contents.commands.values()]
        assert Kind.UNKNOWN in outcomes  # the commit had left in both cases, and nobody can know more


def test_a_keeper_that_is_killed_with_a_release_due_is_no_reason_to_be_late():
    with Stage() as stage:
        call = stage.call()
        mute = stage.place(call, seconds=12)
        stage.run(mute.release_at - stage.now - 0.2)
        stop(stage, keeper(stage), "killed")
        stage.run(TAKE_OVER + 0.2)
        assert stage.muted(call) is False


@pytest.mark.parametrize("step", [3600.0, -3600.0, 86_400.0])
def test_a_step_of_the_databases_clock_just_before_a_take_over_moves_no_deadline(step):
    with Stage() as stage:
        call = stage.call()
        mute = stage.place(call, seconds=60)
        stage.simulation.clock_offset += step
        stop(stage, keeper(stage), "killed")
        stage.run(mute.release_at - stage.now - 1)
        assert stage.muted(call) is True
        assert "clock.stepped" in stage.said()
        stage.run(2)
        assert stage.muted(call) is False


def test_a_keeper_that_is_fenced_off_and_finds_no_store_leaves_nothing_behind():
    """With an outcome in its hands that it can write down nowhere."""
    with Stage() as stage:
        call = stage.call()
        old = keeper(stage)
        stage.trouble(60)
        stage.simulation.weather.begin(Trouble.HANGS, seconds=2)
        stage.place(call)
        old.pause_at(None, lambda: None)
        stage.run(10)
        # by this chance the outcome is turned down, and the late entry about it cannot be written
        stage.simulation.weather.begin(Trouble.STORE_CUT, seconds=20, share=0.6, victim=old.number)
        old.go_on()
        stage.run(30)
        gc.collect()
        old.look_at_failures()
        assert keeper(stage) is not old
        assert stage.muted(call) is True


def test_a_new_keeper_reads_no_calls_that_are_over():
    """Neither those that ended muted by us, nor those of an agent all of whose calls are covered."""
    with Stage() as stage:
        everywhere = stage.place(None, 1, seconds=600)
        for agent in (0, 1, 0, 1):
            call = stage.call(agent)
            if agent == 0:
                stage.place(call)
            assert stage.muted(call, agent) is True
            stage.telephony.hang_up(call)
            stage.run()
        made = len(stage.simulation.invariants.sent)
        stop(stage, keeper(stage), "killed")
        stage.run(30)
        assert len(stage.simulation.invariants.sent) == made
        assert stage.end_of(everywhere) is None
        assert stage.muted(stage.call(1), 1) is True


@pytest.mark.parametrize("on_override", list(OnOverride))
def test_somebody_who_opens_a_microphone_while_an_event_is_lost_is_noticed(on_override):
    with Stage() as stage:
        call = stage.call()
        stage.trouble(200)
        mute = stage.place(call, seconds=600, on_override=on_override)
        stage.simulation.weather.begin(Trouble.EVENT_LOST, seconds=2)
        stage.do("press_mute", call, muted=False)
        assert stage.says(call) is State.CONFIRMED
        stage.run(LOOK_AGAIN + 2 * BLIND)
        assert stage.said().count("microphone.overridden") == 1
        assert stage.muted(call) is (on_override is OnOverride.REASSERT)
        assert stage.end_of(mute) == ("overridden" if on_override is OnOverride.YIELD else None)


def test_a_quiet_mute_costs_a_read_every_two_minutes():
    with Stage() as stage:
        call = stage.call()
        stage.place(call, seconds=600)
        before = requests(stage, "/calls/")
        stage.run(110)
        assert requests(stage, "/calls/") == before
        stage.run(400)
        assert 3 <= requests(stage, "/calls/") - before <= 4


def test_a_mute_takes_one_request_and_its_release_one():
    with Stage() as stage:
        calls = [stage.call(agent) for agent in range(3)]
        before = requests(stage)
        mutes = [stage.place(call, agent) for agent, call in enumerate(calls)]
        for mute in mutes:
            stage.release(mute)
        stage.run(30)
        assert requests(stage) - before == 6


def test_releases_have_room_whatever_is_asked_for():
    """More mutes than a minute's budget allows: those that were set end on time, and nothing is refused."""
    with Stage() as stage:
        stage.trouble(45)
        calls = [(stage.telephony.place(agent=stage.people[at % 5]).id, at % 5) for at in range(260)]
        stage.run()
        release_at = stage.now + 45
        for call, agent in calls:
            stage.ask(Place(org=ORG, mutes=(stage.mute(call, agent, release_at=release_at),)))
        stage.run(40)
        silent = [call for call, agent in calls if stage.muted(call, agent)]
        assert len(silent) > 100
        stage.run(release_at - stage.now + TAKE_OVER)
        assert [call for call, agent in calls if stage.muted(call, agent)] == []
        assert 429 not in statuses(stage)


def requests(stage, path="/conversations/"):
    paths = [entry.path for entry in stage.world.ledger.after(0) if hasattr(entry, "path")]
    return sum(path in (each or "") for each in paths)


def statuses(stage):
    return {entry.status for entry in stage.world.ledger.after(0) if hasattr(entry, "status")}
