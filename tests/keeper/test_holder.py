"""A name proves that its process is gone, or it proves nothing."""

import os
import signal
import subprocess
import sys

import pytest

from micgate.keeper.holder import is_gone, new_holder

NAMED = "from micgate.keeper.holder import new_holder; print(new_holder(), flush=True); input()"


@pytest.fixture
def other():
    """Another process of this machine, and its name."""
    process = subprocess.Popen(
        [sys.executable, "-c", NAMED], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    yield process, process.stdout.readline().strip()
    process.kill()
    process.communicate()


def test_a_process_that_lives_or_stands_still_is_not_gone(other):
    process, holder = other
    assert not is_gone(holder)
    process.send_signal(signal.SIGSTOP)
    assert not is_gone(holder)


def test_a_process_that_was_killed_is_gone(other):
    process, holder = other
    process.kill()
    process.wait()
    assert is_gone(holder)


def test_nothing_is_known_of_processes_elsewhere(other):
    process, holder = other
    process.kill()
    process.wait()
    host, place, number, unique = holder.split("/")
    for elsewhere in (
        f"not-{host}/{place}/{number}/{unique}",
        f"{host}/000000000000/{number}/{unique}",
        f"{host}//{number}/{unique}",
        f"{host}/{place}/x/{unique}",
        f"{host}/{number}/{unique}",
        "somebody",
    ):
        assert not is_gone(elsewhere)


def test_a_process_of_another_account_is_not_gone():
    holder = new_holder().replace(f"/{os.getpid()}/", "/1/")
    assert not is_gone(holder)


def test_two_names_of_one_process_differ():
    assert new_holder() != new_holder()
    assert not is_gone(new_holder())
