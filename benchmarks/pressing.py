"""A client in a process of its own that makes the simulator tell of changes, as many a second as asked for.

`python -m benchmarks.pressing` reads a plan from stdin (control_url, per_second, rounds, calls: agent and
conversation each). Requests are sent without waiting for answers: a client that parses them would need more
of the machine than what is measured.
"""

import asyncio
import json
import sys
import time
from typing import Any
from urllib.parse import urlsplit

TICK = 0.01


class Counting(asyncio.Protocol):
    """Counts answers by their status lines."""

    def __init__(self) -> None:
        self.answers = 0
        self.good = 0

    def data_received(self, data: bytes) -> None:
        self.answers += data.count(b"HTTP/1.1 ")
        self.good += data.count(b"HTTP/1.1 200")


async def run(plan: dict[str, Any]) -> dict[str, float]:
    url = urlsplit(plan["control_url"])
    loop = asyncio.get_running_loop()
    transport, counting = await loop.create_connection(Counting, url.hostname, url.port)
    requests = [
        _request(url.path, url.netloc, agent, call, muted=number % 2 == 0)
        for number in range(plan["rounds"])
        for agent, call in plan["calls"]
    ]
    began, sent = time.monotonic(), 0
    while sent < len(requests):
        due = min(len(requests), int((time.monotonic() - began) * plan["per_second"]) + 1)
        transport.write(b"".join(requests[sent:due]))
        sent = due
        await asyncio.sleep(TICK)
    took = time.monotonic() - began
    deadline = time.monotonic() + 30
    while counting.answers < sent and time.monotonic() < deadline:  # noqa: ASYNC110 -- counted elsewhere
        await asyncio.sleep(TICK)
    whole = time.monotonic() - began
    transport.close()
    return {"sent": sent, "seconds": took, "answered_seconds": whole, "good": counting.good}


def _request(path: str, host: str, agent: str, call: str, *, muted: bool) -> bytes:
    body = json.dumps({"agent": agent, "muted": muted}).encode()
    head = (
        f"POST {path}/calls/{call}/press-mute HTTP/1.1\r\nHost: {host}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


if __name__ == "__main__":
    print(json.dumps(asyncio.run(run(json.load(sys.stdin)))))
