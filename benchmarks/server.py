"""The cheapest server that answers as Genesys Cloud does: what is measured is the client.

`python -m benchmarks.server [--delay-ms N]` prints its address and serves until its stdin ends.
"""

import argparse
import asyncio
import json
import sys

TOKEN = json.dumps({"access_token": "bench", "token_type": "bearer", "expires_in": 86_400}).encode()
RATE = (
    b"ININ-Correlation-Id: 11111111-0000-4000-8000-000000000001\r\n"
    b"inin-ratelimit-count: 1\r\ninin-ratelimit-allowed: 300\r\ninin-ratelimit-reset: 61\r\n"
)
ACCEPTED = b"HTTP/1.1 202 Accepted\r\n" + RATE + b"Content-Length: 0\r\n\r\n"
GRANTED = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (
    len(TOKEN),
    TOKEN,
)


class Answering(asyncio.Protocol):
    """Reads head and body by Content-Length, answers tokens and 202s."""

    def __init__(self, delay: float) -> None:
        self.delay = delay
        self.buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while (end := self.buffer.find(b"\r\n\r\n")) >= 0:
            head = self.buffer[:end].lower()
            at = head.find(b"content-length:")
            length = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
            if len(self.buffer) < end + 4 + length:
                return
            self.buffer = self.buffer[end + 4 + length :]
            self.answer(GRANTED if head.startswith(b"post /oauth/token") else ACCEPTED)

    def answer(self, content: bytes) -> None:
        if self.delay:
            asyncio.get_running_loop().call_later(self.delay, self.transport.write, content)
        else:
            self.transport.write(content)


async def serve(delay: float) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Answering(delay), "127.0.0.1", 0)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--delay-ms", type=float, default=0.0)
    asyncio.run(serve(parser.parse_args().delay_ms / 1000))
