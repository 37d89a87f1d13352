"""The keeper killed, and the keeper stopped: until the other replica sends."""

import signal
import threading
import time
from contextlib import suppress
from dataclasses import dataclass

from benchmarks.house import Calls, House, Replica, house, wait_until

GIVE_UP = 20.0
EVERY = 0.1


@dataclass(frozen=True, slots=True)
class TakeOver:
    """Seconds until the next state change reached the platform."""

    killed: tuple[float, ...]
    stopped: tuple[float, ...]


def measure(*, kills: int = 2, stops: int = 2) -> TakeOver:
    with house(agents=30, replicas=2) as made:
        calls = made.on_calls(made.twin.agents)
        killed = tuple(_lose(made, calls, signal.SIGKILL) for _ in range(kills))
        stopped = tuple(_lose(made, calls, signal.SIGSTOP) for _ in range(stops))
        return TakeOver(killed=killed, stopped=stopped)


def _lose(made: House, calls: Calls, number: signal.Signals) -> float:
    """The keeper is lost while mutes are placed at the other replica; afterwards there are two again."""
    keeper = _keeper(made)
    other = next(one for one in made.replicas if one is not keeper)
    over = threading.Event()
    placing = threading.Thread(target=_place, args=(other, calls, over))
    placing.start()
    try:
        wait_until(lambda: bool(made.patches()), seconds=GIVE_UP)
        time.sleep(1)
        seq, at = made.last_seq(), time.time()
        keeper.process.send_signal(number)
        if number == signal.SIGKILL:
            keeper.process.wait()
        wait_until(lambda: _next(made, seq, at) is not None, seconds=GIVE_UP)
        sent = _next(made, seq, at)
    finally:
        over.set()
        placing.join()
    made.replace(keeper)
    return (sent or float("inf")) - at


def _next(made: House, seq: int, lost_at: float) -> float | None:
    """What left the lost one may still arrive in the first moment."""
    sent = (one["at"] for one in made.ledger("request", after=seq) if one["method"] == "PATCH")
    return next((at for at in sent if at > lost_at + 0.1), None)


def _keeper(made: House) -> Replica:
    """Whoever has the lease, said by its process id."""

    def found() -> Replica | None:
        rows = made.query("select holder from leases where holder is not null")
        pids = {row[0].split("/")[-2] for row in rows}
        return next((one for one in made.replicas if str(one.process.pid) in pids), None)

    wait_until(lambda: found() is not None, seconds=GIVE_UP)
    keeper = found()
    assert keeper is not None
    return keeper


def _place(replica: Replica, calls: Calls, over: threading.Event) -> None:
    while not over.is_set():
        for agent, call in calls.items():
            if over.wait(EVERY):
                return
            with suppress(OSError):
                replica.ask("POST", "/v1/mutes", {"agent": agent, "conversation": call, "for": 1})
