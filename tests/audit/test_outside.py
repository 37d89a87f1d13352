"""Checkpoints leave the machine: to a file, and to a webhook on a real socket."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from books import books

from micgate.audit import checkpoint, outside
from micgate.audit.canonical import canonical
from micgate.audit.errors import CheckpointUndelivered
from micgate.destination import Poster

FIRST, SECOND, THIRD = books().checkpoints
PATH = "/hook/token-4711"


def lines(path) -> list[bytes]:
    return path.read_bytes().splitlines(keepends=True)


def test_checkpoints_are_added_line_by_line(tmp_path):
    path = tmp_path / "checkpoints.jsonl"
    outside.append(path, FIRST)
    outside.append(path, SECOND)

    assert checkpoint.read(lines(path)) == checkpoint.Found(checkpoints=(FIRST, SECOND), unreadable=())


def test_a_line_cut_short_by_a_crash_is_named_and_spoils_no_other(tmp_path):
    path = tmp_path / "checkpoints.jsonl"
    outside.append(path, FIRST)
    path.write_bytes(path.read_bytes() + canonical(SECOND)[:50])
    outside.append(path, THIRD)

    assert checkpoint.read(lines(path)) == checkpoint.Found(checkpoints=(FIRST, THIRD), unreadable=(2,))


@pytest.mark.parametrize("place", ["no/such/folder/file", ".", "/dev/full"])
def test_a_file_that_cannot_be_written_is_undelivered(tmp_path, place):
    with pytest.raises(CheckpointUndelivered, match="cannot be appended"):
        outside.append(tmp_path / place, FIRST)


class Receiver(ThreadingHTTPServer):
    """Answers every POST with `status` and keeps what came."""

    def __init__(self) -> None:
        self.status = 200
        self.came: list[tuple[str, bytes]] = []
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}{PATH}"


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.came.append((self.headers["Content-Type"], body))
        self.send_response(self.server.status)
        self.send_header("Location", self.server.url)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_arguments: object) -> None: ...


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


async def post(url: str, *, private: bool = True) -> None:
    async with Poster(private=private) as poster:
        await outside.post(url, FIRST, poster=poster)


@pytest.mark.parametrize("status", [200, 202, 204])
async def test_a_checkpoint_is_posted_as_it_is_signed(receiver, status):
    receiver.status = status
    await post(receiver.url)

    assert receiver.came == [("application/json", canonical(FIRST))]
    assert checkpoint.read([receiver.came[0][1]]).checkpoints == (FIRST,)


@pytest.mark.parametrize("status", [302, 307, 401, 413, 429, 500, 503])
async def test_any_other_answer_is_undelivered_after_one_request(receiver, status):
    receiver.status = status
    with pytest.raises(CheckpointUndelivered, match=f"answer {status}") as undelivered:
        await post(receiver.url)

    assert len(receiver.came) == 1
    assert "4711" not in str(undelivered.value)


async def test_a_receiver_that_is_away_is_named_without_the_token_in_its_url(receiver):
    receiver.shutdown()
    receiver.server_close()
    with pytest.raises(CheckpointUndelivered, match=r"127\.0\.0\.1 cannot be reached") as undelivered:
        await post(receiver.url)

    assert "4711" not in repr(undelivered.value) + repr(undelivered.value.__context__)


async def test_a_receiver_on_this_machine_needs_to_be_allowed(receiver):
    with pytest.raises(CheckpointUndelivered, match="MICGATE_ALLOW_PRIVATE_RECEIVERS"):
        await post(receiver.url, private=False)
    with pytest.raises(CheckpointUndelivered, match="loopback"):
        await post(receiver.url.replace("http:", "https:"), private=False)

    assert receiver.came == []


@pytest.mark.parametrize("url", ["http://siem.example/x", "ftp://127.0.0.1/x", "siem.example", "http:///x"])
async def test_plain_http_goes_to_loopback_only(url):
    with pytest.raises(CheckpointUndelivered, match="https"):
        await post(url)
