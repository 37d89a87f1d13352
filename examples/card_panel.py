"""Mute an agent while the CRM's "bank details" panel is open, through the service: two Celery tasks.

The service keeps the end: if the panel is never closed, the agent is heard again after two minutes. Celery
may run a task twice: with the panel's id as the key it is one mute. Decorate both with `@app.task`, or call
them from Django views. `MICGATE_URL` and `MICGATE_KEY` are as for the `micgate` command.
"""

import os
from functools import cache

import micgate


def panel_opened(agent: str, panel: str) -> str:
    """The mute's id, for `panel_closed`. Raises a `micgate.GateError` that says what to do."""
    mute = gate().mute(agent, for_="2m", reason="customer", idempotency_key=f"panel-{panel}")
    if not mute.confirmed:
        raise RuntimeError(f"{mute.agent.label} may still be heard: the mute is {mute.state}.")
    return mute.id


def panel_closed(mute_id: str) -> None:
    """Again is the same. The agent stays muted if somebody else wants that, or pressed the button before."""
    gate().release(mute_id)


@cache
def gate() -> micgate.Gate:
    """One for each process; also a worker that was forked after it was made may use it."""
    return micgate.connect(os.environ["MICGATE_URL"], key=os.environ["MICGATE_KEY"])
