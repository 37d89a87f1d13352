"""Checkpoints off the machine: appended to a file that somebody else keeps, or posted to a webhook."""

import errno
import os
from pathlib import Path
from urllib.parse import urlsplit

import urllib3
from urllib3.exceptions import HTTPError

from micgate.audit.canonical import canonical
from micgate.audit.checkpoint import Checkpoint
from micgate.audit.errors import CheckpointUndelivered
from micgate.genesys.network import Network
from micgate.genesys.regions import is_loopback

SECONDS = 10.0
"""For one delivery."""


def append(path: Path, checkpoint: Checkpoint) -> None:
    """Add a line to a file, on the disk when this returns. Raises `CheckpointUndelivered`."""
    try:
        _append(path, canonical(checkpoint) + b"\n")
    except OSError as error:
        raise CheckpointUndelivered(
            f"A checkpoint cannot be appended to {path} ({error.strerror}).",
            remedy="Make room, mount it, or let micgate write there.",
        ) from None


def post(url: str, checkpoint: Checkpoint, *, network: Network | None = None) -> None:
    """Post a checkpoint as JSON; anything but a 2xx answer raises `CheckpointUndelivered`. Blocks.

    One request: no redirect is followed, nothing is sent again. Plain http goes to loopback only. The URL may
    carry a token, so errors name its host and no more.
    """
    where = urlsplit(url)
    if where.scheme != "https" and not (where.scheme == "http" and is_loopback(where.hostname or "")):
        raise CheckpointUndelivered("Checkpoints are posted over https.", remedy="Correct the webhook's URL.")
    try:
        status = _posted(url, canonical(checkpoint), network or Network())
    except (HTTPError, OSError) as error:
        failure = f"no answer ({type(error).__name__})"
    else:
        if status in range(200, 300):
            return
        failure = f"answer {status}"
    # Outside the handler: the library's exceptions hold the whole URL.
    raise CheckpointUndelivered(
        f"{where.hostname} did not take a checkpoint: {failure}.",
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


def _posted(url: str, body: bytes, network: Network) -> int:
    proxy = network.proxy_for(url)
    context = network.ssl_context() if url.startswith("https:") else None
    pool: urllib3.PoolManager = (
        urllib3.ProxyManager(
            proxy.url, proxy_headers=proxy.headers, proxy_ssl_context=context, ssl_context=context
        )
        if proxy
        else urllib3.PoolManager(ssl_context=context)
    )
    with pool:
        answer = pool.request(
            "POST",
            url,
            body=body,
            headers={"Content-Type": "application/json", "User-Agent": "micgate"},
            retries=False,
            redirect=False,
            timeout=urllib3.Timeout(total=SECONDS),
            preload_content=False,
        )
        answer.close()
        return answer.status
