"""A service that answers what a test tells it to, over a real socket, and remembers what it was asked."""

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

KEY = "mg_abcdef0123_Zm9yLXRlc3RzLW9ubHktbm90LWEtcmVhbC1rZXk"
MUTE = {
    "id": "0192f0c0-0000-7000-8000-000000000001",
    "agent": {"id": "u1", "name": "Ada Lovelace", "email": "ada@example.com"},
    "conversation_id": "c1",
    "covers": "call",
    "owner": {"kind": "key", "id": "abcdef0123"},
    "reason": "supervisor",
    "state": "pending",
    "placed_at": "2026-11-21T10:00:00.000000Z",
    "release_at": "2026-11-21T10:02:00.000000Z",
    "on_override": "yield",
    "open_policy": "restore",
    "ended_at": None,
    "end": None,
    "something_new": 1,
}


@dataclass
class Asked:
    method: str
    path: str
    headers: dict[str, str]
    body: Any


@dataclass
class Reply:
    """`cut`: the connection is closed without an answer."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    cut: bool = False
    chunks: tuple[bytes, ...] | None = None


def mute(**changed) -> Reply:
    return Reply(body=MUTE | changed)


def problem(status: int, word: str, **headers: str) -> Reply:
    body = {"type": f"urn:micgate:problem:{word}", "title": "No", "status": status}
    body |= {"detail": "It is so.", "word": word, "remedy": "Do this.", "facts": {"rule": "r"}}
    return Reply(status, body, {"Content-Type": "application/problem+json", **headers})


def stream(*chunks: bytes) -> Reply:
    return Reply(headers={"Content-Type": "text/event-stream; charset=utf-8"}, chunks=chunks)


class ScriptedService:
    """Replies in their order; the last one again and again."""

    def __init__(self) -> None:
        self.replies: list[Reply] = [Reply(body={})]
        self.asked: list[Asked] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def will(self, *replies: Reply) -> None:
        self.replies = list(replies)

    def next(self, asked: Asked) -> Reply:
        self.asked.append(asked)
        return self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _handler(service: ScriptedService) -> Callable[..., BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            headers = {name.lower(): value for name, value in self.headers.items()}
            reply = service.next(Asked(self.command, self.path, headers, body))
            if reply.cut:
                self.close_connection = True
                return
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            if reply.chunks is None:
                self._whole(reply.body)
            else:
                self._stream(reply.chunks)

        def _whole(self, body: Any) -> None:
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def _stream(self, chunks: tuple[bytes, ...]) -> None:
            self.send_header("Connection", "close")
            self.end_headers()
            for chunk in chunks:
                self.wfile.write(chunk)
                self.wfile.flush()
            self.close_connection = True

        do_GET = do_POST = do_PATCH = do_DELETE = _answer  # noqa: N815 -- http.server's names

        def log_message(self, *_args: object) -> None:
            """Quiet."""

    return Handler
