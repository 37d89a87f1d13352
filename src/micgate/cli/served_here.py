"""`micgate mute --while-here` with a service: it keeps the mute only while this command runs."""

import time

from micgate.cli import served_mute, show, signals
from micgate.cli.standing import End
from micgate.client.presence_sync import Muted
from micgate.client.requests import Wish
from micgate.client.sync import Gate
from micgate.settings import Settings

PRESENCE = 6.0
"""Seconds. The service waits for its own grace beyond that."""
_LOOK = 1.0


def run(gate: Gate, wish: Wish, settings: Settings, output: show.Output) -> int:
    """Until it ends or the command does; then it is released. A killed command leaves that to the service."""
    signals.heed(also_ignored=True)
    with gate.muted(wish, presence=PRESENCE, wait=0.0) as muted:
        stopped = _stay(gate, muted, settings, output)
    return served_mute.conclude_with(output, muted.mute, _ending(muted, stopped), confirmed_ms=None)


def _stay(gate: Gate, muted: Muted, settings: Settings, output: show.Output) -> signals.Stopped | None:
    """Until the mute ends, or a signal asks this command to."""
    try:
        served_mute.tell_placed(output, muted.mute)
        muted.mute = gate.read(muted.mute, wait=settings.timeout)
        told = ""
        while muted.mute.stands and muted.lost is None:
            if muted.mute.state != told:
                told = served_mute.tell_state(output, muted.mute)
            time.sleep(_LOOK)
            muted.mute = gate.read(muted.mute)
        signals.rest()
    except signals.Stopped as stopped:
        return stopped
    return None


def _ending(muted: Muted, stopped: signals.Stopped | None) -> End:
    who = muted.mute.agent.label
    if stopped is None:
        return served_mute.over(muted.mute)
    return End(outcome="stopped", message=f"The mute of {who} is released.", exit_code=stopped.code)
