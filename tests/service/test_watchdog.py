"""The heartbeat of a real service, as whoever watches it receives it."""

import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import psutil
import pytest

from replica import START_SECONDS

TOKEN = "t0ken-of-the-watchdog"


class Watcher:
    """Notes every request, whole. `status` is what it answers."""

    def __init__(self):
        self.heard = []
        self.status = 204
        watcher = self

        class Ear(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                watcher.heard.append((time.monotonic(), self.path, str(self.headers), body))
                self.send_response(watcher.status)
                self.send_header("Location", "/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Ear)
        self.url = f"http://127.0.0.1:{self._server.server_port}/ping/{TOKEN}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def since(self, moment):
        return [at for at, *_ in self.heard if at > moment]

    def close(self):
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def watcher():
    watcher = Watcher()
    yield watcher
    watcher.close()


@pytest.fixture
def watched(alone, watcher):
    alone.environ |= beating(watcher)
    alone.start()
    return alone


def beating(watcher):
    return {
        "MICGATE_HEARTBEAT_URL": watcher.url,
        "MICGATE_HEARTBEAT_SECONDS": "0.2",
        "MICGATE_ALLOW_PRIVATE_RECEIVERS": "yes",
    }


def test_a_heartbeat_arrives_while_mutes_are_kept_and_tells_nothing(watched, watcher, twin):
    twin.wait_until(lambda: len(watcher.heard) > 2, seconds=START_SECONDS)
    _, path, headers, body = watcher.heard[0]
    assert path == f"/ping/{TOKEN}"
    assert body == b""
    assert "Authorization" not in headers
    assert {"heartbeat", "keeper.wake", "stream"} <= {
        one["name"] for one in watched.ask("GET", "/readyz")["tasks"]
    }
    watcher.status = 302
    twin.wait_until(lambda: "heartbeat.unheard status=302" in watched.log)
    assert all(path == f"/ping/{TOKEN}" for _, path, *_ in watcher.heard)
    watcher.status = 204
    twin.wait_until(lambda: "heartbeat.unheard.recovered" in watched.log)
    assert TOKEN not in watched.log


def test_the_heartbeat_stops_while_nothing_is_kept_and_comes_back(watched, watcher, twin):
    twin.wait_until(lambda: watcher.heard, seconds=START_SECONDS)
    database = postgres_of(watched)
    for process in database:
        process.suspend()
    try:
        quiet(watcher, twin)
    finally:
        for process in database:
            if process.is_running():
                process.resume()
    again = time.monotonic()
    twin.wait_until(lambda: watcher.since(again), seconds=START_SECONDS)


def test_the_heartbeat_stops_while_the_platform_is_not_heard(alone, watcher, start_twin):
    own = start_twin("--quiet")
    alone.environ |= beating(watcher) | {
        "GENESYS_REGION": own.api_url,
        "GENESYS_CLIENT_ID": own.client_id,
        "GENESYS_CLIENT_SECRET": own.client_secret,
    }
    alone.start()
    own.wait_until(lambda: watcher.heard, seconds=START_SECONDS)
    own.stop()
    quiet(watcher, own)
    (line,) = [one for one in alone.ask("GET", "/readyz")["checks"] if one["name"] == "notifications"]
    assert not line["ok"]


def quiet(watcher, twin, *, seconds=60):
    """No beat for two seconds, ten times the pace."""
    twin.wait_until(lambda: not watcher.since(time.monotonic() - 2), seconds=seconds)


def postgres_of(house):
    place = house.environ["MICGATE_DATABASE_DIR"]
    parents = [
        one for one in psutil.process_iter(["cmdline"]) if f"{place}/data" in (one.info["cmdline"] or [])
    ]
    return [one for parent in parents for one in (parent, *parent.children(recursive=True))]


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("http://watchdog.example/ping/{}", "in the clear"),
        ("https://169.254.169.254/{}", "a cloud's metadata"),
        ("https://127.0.0.1/{}", "is loopback"),
        ("https://name:{}@watchdog.example/", "a name or a password"),
    ],
)
@pytest.mark.parametrize("variable", ["MICGATE_HEARTBEAT_URL", "MICGATE_CHECKPOINT_URL"])
def test_an_address_that_nothing_is_posted_to_is_refused_at_the_start(serving, variable, url, told):
    serving.environ[variable] = url.format(TOKEN)
    answer = serving.command("serve")
    assert answer.returncode == 2
    assert told in answer.stderr
    assert variable in answer.stderr
    assert TOKEN not in answer.stderr
