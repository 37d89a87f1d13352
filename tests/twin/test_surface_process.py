"""The simulator as a process: how it starts and ends."""

import asyncio
import signal
import socket
import subprocess
import sys
import threading
import time
from urllib.parse import urlsplit

import pytest

from twin.platform_client import Platform, listening


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_it_ends_well_with_sockets_and_requests_open(start_twin, number):
    twin = start_twin("--quiet")
    client = Platform.as_client(twin)
    twin.fault("hang", match={"path": "/api/v2/tokens/me"})
    hanging = socket.create_connection(("127.0.0.1", urlsplit(twin.api_url).port))
    hanging.sendall(
        f"GET /api/v2/tokens/me HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {client.token}\r\n\r\n".encode()
    )
    idle = socket.create_connection(("127.0.0.1", urlsplit(twin.api_url).port))
    async with listening(client.open_channel([])):
        twin.wait_until(lambda: twin.requests("GET"))
        began = time.monotonic()
        assert await asyncio.to_thread(twin.stop, number) == 0
        assert time.monotonic() - began < 10
    hanging.close()
    idle.close()


def test_a_port_in_use_is_said_with_what_to_do(twin):
    port = str(urlsplit(twin.api_url).port)
    ended = subprocess.run(
        [sys.executable, "-m", "micgate.twin", "--port", port],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert ended.returncode == 1
    what, remedy = ended.stderr.splitlines()
    assert what == f"Error: The simulator cannot listen on 127.0.0.1:{port}: address already in use."
    assert "--port" in remedy


@pytest.mark.parametrize("wrong", [("--port", "99999"), ("--agents", "-1"), ("--agents", "20001")])
def test_options_out_of_range_are_refused(wrong):
    ended = subprocess.run(
        [sys.executable, "-m", "micgate.twin", "--port", "0", *wrong],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert ended.returncode == 2
    assert wrong[0] in ended.stderr


def test_small_answers_are_not_delayed_by_the_network_stack(twin):
    client = Platform.as_client(twin)
    with socket.create_connection(("127.0.0.1", urlsplit(twin.api_url).port)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        request = f"GET /api/v2/tokens/me HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {client.token}\r\n\r\n"

        def took():
            began = time.perf_counter()
            connection.sendall(request.encode())
            connection.recv(65_536)
            return time.perf_counter() - began

        # Each would be 40 ms late; a busy machine is late for a while only.
        assert any(sorted(took() for _ in range(20))[10] < 0.03 for _ in range(10))


def test_traffic_comes_by_itself_unless_it_is_quiet(start_twin):
    busy = start_twin("--agents", "20", "--seed", "3")
    assert busy.control("GET", "/state")["conversations"]
    before = busy.ledger(kind="change")[-1]["seq"]
    busy.advance(120)
    fields = {entry["field"] for entry in busy.ledger(before, kind="change")}
    assert "state" in fields
    again = start_twin("--agents", "20", "--seed", "3")
    assert again.told["agents"] == busy.told["agents"]


def test_the_first_agents_call_does_not_end_by_itself(start_twin):
    twin = start_twin()
    first = twin.agents[0].id
    twin.advance(900)
    legs = [leg for call in twin.control("GET", "/state")["conversations"] for leg in call["participants"]]
    assert "connected" in {leg["state"] for leg in legs if leg.get("userId") == first}


def test_many_connections_at_once_are_served(twin):
    client = Platform.as_client(twin, rate_per_minute=100_000)
    statuses = []

    def ask():
        for _ in range(20):
            statuses.append(client.send("GET", "/api/v2/tokens/me").status)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [200] * 160


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"GET http://elsewhere/api/v2/tokens/me HTTP/1.1\r\nHost: x\r\n\r\n", b"401"),
        (b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", b"200"),
        (b"GET /api/v2/users/%00%ff?x=%ff HTTP/1.1\r\nHost: x\r\n\r\n", b"401"),
        (b"GET //api/v2 HTTP/1.1\r\nHost: x\r\n\r\n", b"404"),
        (b"PATCH /api/v2/x HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n\xff\xfe", b"404"),
        (b"GET /channels/x HTTP/1.1\r\nHost: x\r\n\r\n", b"401"),
        (b"POST /api/v2/users/search HTTP/1.1\r\nHost: x\r\nContent-Length: 3000000\r\n\r\n", b"413"),
    ],
)
def test_odd_requests_are_answered(twin, raw, status):
    with socket.create_connection(("127.0.0.1", urlsplit(twin.api_url).port)) as connection:
        connection.sendall(raw + b"x" * (3_000_000 if status == b"413" else 0))
        assert connection.recv(4096).split(b" ")[1] == status
    assert twin.control("GET", "/state")["now"]


def test_a_client_that_goes_away_disturbs_nobody(twin):
    with socket.create_connection(("127.0.0.1", urlsplit(twin.api_url).port)) as connection:
        connection.sendall(
            b"POST /api/v2/users/search HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nabc"
        )
    assert twin.control("GET", "/state")["now"]
