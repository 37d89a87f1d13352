"""The command, pointed at the simulator."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from shell import Shell

from simulator import Simulator


@pytest.fixture
def shell(twin: Simulator, tmp_path: Path) -> Shell:
    """Without delays of the platform unless a test turns them on."""
    twin.turn(apply_ms=[0, 0])
    return Shell(
        {
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path),
            "XDG_STATE_HOME": str(tmp_path),
            "GENESYS_REGION": twin.api_url,
            "GENESYS_CLIENT_ID": twin.client_id,
            "GENESYS_CLIENT_SECRET": twin.client_secret,
            "COLUMNS": "80",
        },
        tmp_path,
    )


@pytest.fixture
def until() -> Callable[[Callable[[], object]], None]:
    """Look again and again until it is so."""

    def wait(holds: Callable[[], object], seconds: float = 30) -> None:
        limit = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < limit, f"not so within {seconds} s"
            time.sleep(0.02)

    return wait
