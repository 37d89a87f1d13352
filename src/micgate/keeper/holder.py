"""By what name a process keeps an org, and when that name proves that the process is gone.

A keeper that was killed needs no three seconds of silence if whoever comes next runs beside it: there is no
such process any more, so there is nobody who could still send.
"""

import os
import socket
from hashlib import sha256
from pathlib import Path
from uuid import uuid4

_PARTS = 4


def new_holder() -> str:
    """Of this process."""
    return "/".join((socket.gethostname(), _place(), str(os.getpid()), str(uuid4())))


def is_gone(holder: str) -> bool:
    """Whether it was a process of this very machine and container that is no more. When in doubt, no."""
    parts = holder.split("/")
    if len(parts) != _PARTS or not parts[2].isdigit():
        return False
    host, place, process, _ = parts
    if not place or (host, place) != (socket.gethostname(), _place()):
        return False
    try:
        # Not /proc, which may hide the processes of other accounts.
        os.kill(int(process), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False  # it lives, or another one has its number by now


def _place() -> str:
    """Where a process number means the same: this start of this kernel, this namespace. Empty: unknown."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii")
        namespace = Path("/proc/self/ns/pid").stat().st_ino
    except OSError:
        return ""
    return sha256(f"{boot}{namespace}".encode()).hexdigest()[:12]
