"""Every request fault at every step of find, mute, confirm and release: `fault_table.py`, row by row."""

import pytest
from fault_table import CELLS, FAULTS, FORBIDDEN, REFUSED_FOR_GOOD, STEPS

CLOSINGS = {"accepted", "refused", "not_sent", "unknown"}
LONGEST_SECONDS = 600  # on a machine that is busy with other tests


@pytest.mark.timeout(LONGEST_SECONDS)
def test_every_fault_at_every_step_ends_as_the_table_says(matrix, subtests):
    matrix.begin(CELLS)
    for step, fault in CELLS:
        with subtests.test(step=step.name, fault=fault.name):
            _holds(step, fault, matrix)


def test_a_release_refused_for_good_is_named_by_the_next_command_and_undone_by_unmute(matrix):
    step, fault = REFUSED_FOR_GOOD, FORBIDDEN
    matrix.begin([(step, fault)])
    _holds(step, fault, matrix)
    cell = matrix.cell(step, fault)
    following = cell.again("mute", "--for", "1s")
    assert "may still be muted by a command of" in following.stderr
    assert "micgate unmute" in following.stderr
    assert cell.is_muted()
    assert cell.again("unmute").returncode == 0
    assert not cell.is_muted()


def _holds(step, fault, matrix):
    outcome, run = step.outcome(fault), matrix.run(step, fault)
    assert run.met, "the fault was never met"
    assert (run.exit_code, run.word) == (outcome.exit_code, outcome.word), run.told
    assert outcome.says.format(status=fault.status) in run.told
    assert outcome.remedy in run.remedy
    assert bool(run.remedy) == (run.exit_code != 0)
    assert run.muted is (outcome.microphone == "closed")
    _is_written_down(run)
    _keeps_secrets(run, matrix)


def _is_written_down(run):
    """Every state change on the wire has one intent before it and one outcome after it."""
    commands = run.commands()
    for phases in commands.values():
        assert phases[0] == "intended"
        assert len(phases) == 2
        assert phases[1] in CLOSINGS
    sent = [phases for phases in commands.values() if phases[1] != "not_sent"]
    assert len(sent) == len(run.patches)


def _keeps_secrets(run, matrix):
    shown = f"{run.stdout}{run.stderr}{run.journal}"
    assert "Traceback" not in shown
    assert "Bearer" not in shown
    assert not [secret for secret in matrix.secrets() if secret in shown]


def test_the_table_has_no_hole_and_no_row_twice():
    names = sorted(fault.name for fault in FAULTS)
    for step in STEPS:
        assert sorted(name for outcome in step.outcomes for name in outcome.faults) == names, step.name


def test_every_request_fault_of_the_simulator_is_in_the_table():
    from micgate.twin.faults import REQUEST_KINDS

    assert {fault.kind for fault in FAULTS} == REQUEST_KINDS


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name)
def test_whoever_fails_is_told_in_words_of_their_own(step):
    told = [(outcome.says, outcome.remedy) for outcome in step.outcomes if outcome.exit_code]
    assert len(told) == len(set(told))
    assert all(outcome.remedy for outcome in step.outcomes if outcome.exit_code)
