"""Viewers of the event stream in a process of their own: when each of them got which record.

`python -m benchmarks.viewing` reads a plan from stdin (url, key, viewers, seconds), says "open" on stderr
when all streams are, and prints for each viewer pairs of a frame's number and its time.
"""

import asyncio
import json
import re
import sys
import time
from typing import Any
from urllib.parse import urlsplit

_CHANGES = re.compile(rb"event: changes\nid: (\d+)\n")
_LONGEST = 64


class Viewer(asyncio.Protocol):
    """Looks for the heads of frames only: what is in them costs whoever shows it."""

    def __init__(self, opened: "asyncio.Future[None]") -> None:
        self.frames: list[tuple[int, float]] = []
        self._opened = opened
        self._rest = b""

    def data_received(self, data: bytes) -> None:
        now = time.time()
        text = self._rest + data
        end = 0
        for found in _CHANGES.finditer(text):
            self.frames.append((int(found[1]), now))
            end = found.end()
        self._rest = text[max(end, len(text) - _LONGEST) :]
        if not self._opened.done():
            self._opened.set_result(None)


async def run(plan: dict[str, Any]) -> list[list[tuple[int, float]]]:
    url, loop = urlsplit(plan["url"]), asyncio.get_running_loop()
    request = (
        f"GET /v1/events HTTP/1.1\r\nHost: {url.netloc}\r\nAuthorization: Bearer {plan['key']}\r\n\r\n"
    ).encode()
    viewers = []
    for _ in range(plan["viewers"]):
        opened = loop.create_future()
        transport, viewer = await loop.create_connection(lambda: Viewer(opened), url.hostname, url.port)  # noqa: B023 -- called at once
        transport.write(request)
        await opened
        viewers.append(viewer)
    print("open", file=sys.stderr, flush=True)
    await asyncio.sleep(plan["seconds"])
    return [viewer.frames for viewer in viewers]


if __name__ == "__main__":
    print(json.dumps(asyncio.run(run(json.loads(sys.stdin.readline())))))
