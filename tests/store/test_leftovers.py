"""What a test run that was killed leaves behind is cleared by the next one."""

import signal
import subprocess
import sys
from pathlib import Path

from leftovers import clear, held_folder
from micgate.store.account import account
from micgate.store.binaries import binaries
from micgate.store.cluster import Cluster

RUN = """
import sys, time
sys.path[:0] = sys.argv[1:]
from leftovers import held_folder
from micgate.store.embedded import Embedded
with held_folder() as folder:
    Embedded.attach(folder / "database")
    print(folder, flush=True)
    time.sleep(60)
"""


def test_a_killed_run_leaves_nothing_for_long():
    tests = Path(__file__).parents[1]
    run = subprocess.Popen([sys.executable, "-c", RUN, str(tests)], stdout=subprocess.PIPE, text=True)
    with run.stdout as said:
        folder = Path(said.readline().strip())
    run.send_signal(signal.SIGKILL)
    run.wait()
    directory = folder / "database"
    cluster = Cluster(directory, account=account(), binaries=binaries(account(), copies=directory))
    assert cluster.answers()
    assert folder in clear(young=0)
    assert not folder.exists()
    assert not cluster.processes()


def test_what_somebody_holds_is_left_alone():
    with held_folder() as folder:
        assert folder not in clear(young=0)
        assert folder.exists()
