"""A receiver of webhooks on a real port: it answers as told, and keeps and verifies what came."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from standardwebhooks import Webhook, WebhookVerificationError


@dataclass(frozen=True)
class Post:
    """One request as it came."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def event(self) -> Any:
        return json.loads(self.body)

    @property
    def seq(self) -> int:
        return self.event["data"]["seq"]

    def signed_with(self, secret: str) -> bool:
        """As the library that receivers use sees it."""
        try:
            Webhook(secret).verify(self.body, self.headers)
        except WebhookVerificationError:
            return False
        return True


@dataclass
class Receiver:
    """`answer` is a status, or asked for one at each post; `posts` are all that came."""

    url: str
    posts: list[Post] = field(default_factory=list)
    answer: int | Callable[[Post], int] = 204
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    came: threading.Condition = field(default_factory=threading.Condition)

    def status(self, post: Post) -> int:
        return self.answer(post) if callable(self.answer) else self.answer

    def wait(self, count: int = 1, *, seconds: float = 40.0) -> list[Post]:
        """The posts, once there are so many."""
        return self.wait_until(lambda posts: len(posts) >= count, seconds=seconds)

    def wait_until(self, holds: Callable[[list[Post]], bool], *, seconds: float = 40.0) -> list[Post]:
        with self.came:
            assert self.came.wait_for(lambda: holds(self.posts), seconds), f"{len(self.posts)} came"
            return list(self.posts)


@contextmanager
def receiving() -> Iterator[Receiver]:
    """For as long as the block lasts."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            post = Post(self.path, {name.lower(): value for name, value in self.headers.items()}, body)
            status = receiver.status(post)
            with receiver.came:
                receiver.posts.append(post)
                receiver.came.notify_all()
            with suppress(OSError):
                self._answer(status)

        def _answer(self, status: int) -> None:
            self.send_response(status)
            for name, value in receiver.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(receiver.body)))
            self.end_headers()
            self.wfile.write(receiver.body)

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.block_on_close = False
    receiver = Receiver(f"http://127.0.0.1:{server.server_port}/hook")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
