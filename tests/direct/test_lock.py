"""The lock on one microphone, between real processes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from micgate.direct.errors import JournalUnwritable, MicrophoneBusy
from micgate.direct.lock import is_free, last_turn, lock_microphone

MICROPHONE = {"conversation_id": "c-1", "user_id": "u-1"}


@pytest.fixture
def elsewhere(tmp_path):
    """Another process that holds the lock until its stdin closes; optionally only by an inherited file."""
    program = (
        "import sys; from pathlib import Path; from micgate.direct.lock import lock_microphone\n"
        "lock = lock_microphone(Path(sys.argv[1]), conversation_id='c-1', user_id='u-1')\n"
        "print('locked', flush=True); sys.stdin.read()\n"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", program, os.fspath(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    holder.stdout.readline()
    yield holder
    holder.kill()
    holder.communicate()


def test_a_free_microphone_is_had_at_once_and_its_file_goes_with_it(tmp_path):
    lock = lock_microphone(tmp_path, **MICROPHONE)
    assert not is_free(tmp_path, **MICROPHONE)
    lock.release()
    assert is_free(tmp_path, **MICROPHONE)
    assert not list((tmp_path / "locks").iterdir())


def test_other_microphones_are_not_concerned(tmp_path):
    with_lock = lock_microphone(tmp_path, **MICROPHONE)
    lock_microphone(tmp_path, conversation_id="c-1", user_id="u-2", patience=0).release()
    with_lock.release()


def test_the_second_command_waits_and_then_names_the_first(tmp_path, elsewhere):
    with pytest.raises(MicrophoneBusy, match=str(elsewhere.pid)) as busy:
        lock_microphone(tmp_path, **MICROPHONE, patience=0.1)
    assert busy.value.pid == elsewhere.pid


def test_the_waiting_command_gets_it_when_the_first_is_killed(tmp_path, elsewhere):
    def killing(_seconds):
        elsewhere.kill()
        elsewhere.wait()

    lock = lock_microphone(tmp_path, **MICROPHONE, sleep=killing)
    assert lock.changed_hands
    lock.release()


def test_who_had_its_turn_at_once_knows_that_nobody_came_between(tmp_path):
    for _ in range(2):
        lock = lock_microphone(tmp_path, **MICROPHONE, since=last_turn(tmp_path))
        assert not lock.changed_hands
        lock.release()


def test_who_had_its_turn_at_once_knows_that_another_came_between(tmp_path):
    before_any = last_turn(tmp_path)
    lock_microphone(tmp_path, **MICROPHONE).release()
    lock = lock_microphone(tmp_path, **MICROPHONE, since=before_any)
    assert lock.changed_hands
    lock.release()


def test_what_was_read_while_another_had_it_is_old(tmp_path, elsewhere):
    while_held = last_turn(tmp_path)
    elsewhere.communicate()
    lock = lock_microphone(tmp_path, **MICROPHONE, since=while_held)
    assert lock.changed_hands
    lock.release()


def test_whoever_was_given_the_file_keeps_the_lock(tmp_path):
    lock = lock_microphone(tmp_path, **MICROPHONE)
    copy = os.dup(lock.fd)
    lock.leave()
    assert not is_free(tmp_path, **MICROPHONE)
    os.close(copy)
    assert is_free(tmp_path, **MICROPHONE)


def test_a_full_disk_does_not_stop_the_guardian_that_signs(tmp_path):
    program = (
        "import resource, sys; from pathlib import Path; from micgate.direct.lock import lock_microphone\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))\n"
        "lock = lock_microphone(Path(sys.argv[1]), conversation_id='c-1', user_id='u-1')\n"
        "lock.sign(guardian=True); lock.release(); print('went on')\n"
    )
    command = [sys.executable, "-c", program, os.fspath(tmp_path)]
    ran = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    assert ran.stdout == "went on\n"


def test_a_folder_that_takes_no_lock_is_a_journal_that_cannot_be_kept():
    with pytest.raises(JournalUnwritable, match="nothing was muted"):
        lock_microphone(Path("/dev/null"), **MICROPHONE)
