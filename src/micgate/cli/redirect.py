"""The loopback end of a browser sign-in: waits for one redirect with the right `state`."""

import hmac
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import NamedTuple, Self
from urllib.parse import parse_qs, urlsplit

PATH = "/signed-in"


class Answer(NamedTuple):
    """What the browser brought back: a code, or why there is none."""

    code: str | None
    error: str | None


class Redirect:
    """Listens on 127.0.0.1 while used as a context manager. Port 0 picks a free one."""

    def __init__(self, *, port: int, state: str) -> None:
        self._answers: SimpleQueue[Answer] = SimpleQueue()
        # Browsers open connections ahead of need: one at a time would wait for one that never asks.
        self._server = ThreadingHTTPServer(("127.0.0.1", port), _handler(state, self._answers))
        self._server.daemon_threads = True
        self.uri = f"http://127.0.0.1:{self._server.server_port}{PATH}"

    def __enter__(self) -> Self:
        threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True
        ).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def wait(self, seconds: float) -> Answer | None:
        """The browser's answer; None when nobody came in time."""
        try:
            return self._answers.get(timeout=seconds)
        except Empty:
            return None


def _handler(state: str, answers: SimpleQueue[Answer]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = 10

        def do_GET(self) -> None:
            url = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(url.query).items()}
            if url.path != PATH:
                self._page(404, "Nothing is here.")
            elif not hmac.compare_digest(query.get("state", "").encode(), state.encode()):
                self._page(400, "This is not the sign-in that micgate started. Open its link again.")
            else:
                self._finish(query)

        def _finish(self, query: dict[str, str]) -> None:
            if code := query.get("code"):
                self._page(200, "micgate has what it needs. You can close this tab.")
                answers.put(Answer(code, None))
            else:
                self._page(200, "Genesys Cloud did not sign you in. The terminal says why.")
                answers.put(Answer(None, query.get("error_description") or query.get("error") or "no code"))

        def _page(self, status: int, text: str) -> None:
            body = _PAGE.format(text=text).encode()
            self.send_response(status)
            for name, value in (*_PAGE_HEADERS, ("Content-Length", str(len(body)))):
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """The request line carries the code: it is not logged."""

    return Handler


_PAGE_HEADERS = (
    ("Content-Type", "text/html; charset=utf-8"),
    ("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"),
    ("Cache-Control", "no-store"),
    ("Referrer-Policy", "no-referrer"),
    ("Connection", "close"),
)
_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>micgate</title>
<body style="font:1.1rem system-ui;margin:4rem auto;max-width:32rem">
<h1>micgate</h1><p>{text}</p></body></html>
"""
