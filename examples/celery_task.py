"""Mute an agent while the CRM's "bank details" panel is open, from a Celery worker.

The worker forks; `SyncGenesys` is safe after that. A task that is killed leaves the agent muted until the
agent presses the button: for more than a few seconds use the service.
"""

import time
from collections.abc import Callable

import micgate


def silence_while(panel_is_open: Callable[[], bool], agent: str) -> str:
    """How the mute ended. Decorate it with `@app.task`."""
    with (
        micgate.SyncGenesys.from_env() as genesys,
        genesys.mute(agent, for_="2m", reason="customer") as mute,
    ):
        while panel_is_open() and mute.ended is None:
            time.sleep(0.2)
    return mute.ended.word if mute.ended else "released"
