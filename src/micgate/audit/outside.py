"""Checkpoints off the machine: appended to a file that somebody else keeps, or posted to a webhook."""

import errno
import os
from pathlib import Path
from urllib.parse import urlsplit

from micgate.audit.canonical import canonical
from micgate.audit.checkpoint import Checkpoint
from micgate.audit.errors import CheckpointUndelivered
from micgate.destination import DestinationError, Poster


def append(path: Path, checkpoint: Checkpoint) -> None:
    """Add a line to a file, on the disk when this returns. Raises `CheckpointUndelivered`."""
    try:
        _append(path, canonical(checkpoint) + b"\n")
    except OSError as error:
        raise CheckpointUndelivered(
            f"A checkpoint cannot be appended to {path} ({error.strerror}).",
            remedy="Make room, mount it, or let micgate write there.",
        ) from None


async def post(url: str, checkpoint: Checkpoint, *, poster: Poster) -> None:
    """Post a checkpoint as JSON, to where the poster may; anything but a 2xx answer raises
    `CheckpointUndelivered`. One request: no redirect is followed, nothing is sent again.

    The URL may carry a token, so errors name its host and no more.
    """
    try:
        answer = await poster.post(url, canonical(checkpoint), {"Content-Type": "application/json"})
    except DestinationError as error:
        raise CheckpointUndelivered(error.what, remedy=error.remedy) from None
    if not answer.ok:
        raise CheckpointUndelivered(
            f"{urlsplit(url).hostname} did not take a checkpoint: answer {answer.status}.",
            remedy="It has to answer 200 to 299 to a POST of JSON; micgate tries again.",
        )


def _append(path: Path, line: bytes) -> None:
    file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o640)
    try:
        size = os.fstat(file).st_size
        torn = size > 0 and os.pread(file, 1, size - 1) != b"\n"
        whole = b"\n" + line if torn else line
        if os.write(file, whole) != len(whole):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        os.fsync(file)
    finally:
        os.close(file)
