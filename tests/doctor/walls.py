"""What stands in people's way: captive portals, proxies that refuse, services that only look alike."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Answer = tuple[int, dict[str, str], bytes]


@contextmanager
def wall(answer: Callable[[str, str], Answer]) -> Iterator[int]:
    """A server that gives `answer(method, path)` to everything, CONNECT included; its port."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _reply(self):
            status, headers, body = answer(self.command, self.path)
            self.send_response_only(status)
            for name, value in ({"Content-Length": str(len(body))} | headers).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)
            self.close_connection = True

        do_GET = do_POST = do_PUT = do_PATCH = do_CONNECT = _reply  # noqa: N815 -- names of http.server

        def log_message(self, *_: object):
            """Nothing on stderr."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def page(title: str, status: int = 200) -> Callable[[str, str], Answer]:
    body = f"<!DOCTYPE html><html><head><title>{title}</title></head><body>Sign in</body></html>".encode()
    return lambda _method, _path: (status, {"Content-Type": "text/html"}, body)


def lookalike(*, clock_offset: float = 0.0, now: Callable[[], float]) -> Callable[[str, str], Answer]:
    """Refuses as Genesys Cloud does, with a clock of its own."""
    body = json.dumps({"code": "authentication.required", "status": 401, "contextId": "c-1"}).encode()

    def answer(_method: str, _path: str) -> Answer:
        date = formatdate(now() + clock_offset, usegmt=True)
        return 401, {"Content-Type": "application/json", "Date": date}, body

    return answer
