"""Both wires against raw sockets: what counts is what arrives."""

import asyncio
import gzip
import os
import signal
import socket
import subprocess
import sys
import textwrap
import threading
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import ExitStack, suppress
from typing import Any

import pytest
from loopback import ACCEPTED, CERTIFICATE, CUT, DRIP, GARBLED, SILENCE, Loopback, answer, serving

from micgate.genesys.errors import Away, NotGenesys, OursToFix, TimedOut, Unreachable
from micgate.genesys.io import Wire, drive
from micgate.genesys.messages import Kind, Request, Response
from micgate.genesys.network import Network
from micgate.genesys.regions import Region, find_region
from micgate.genesys.transport_aiohttp import AiohttpWire
from micgate.genesys.transport_urllib3 import ThreadLock, Urllib3Wire

SECRET = "s3cr3t-access-token"
HEADERS = {"Authorization": f"Bearer {SECRET}", "Content-Type": "application/json"}
PROXY_PASSWORD = "pr0xy-p4ssw0rd"
METHODS = ["PATCH", "PUT", "POST", "DELETE", "GET"]

Run = Callable[[Coroutine[Any, Any, Response]], Awaitable[Response]]


def request(method: str = "PATCH", *, timeout: float = 5.0, **more: Any) -> Request:
    body = None if method in {"GET", "DELETE"} else b'{"muted":true}'
    return Request(
        method=method, path="/api/v2/conversations/calls/c/participants/p", kind=Kind.CHANGE, body=body,
        timeout=timeout, **more,
    )  # fmt: skip


class Sender:
    """One wire of one library, driven as that library is driven."""

    def __init__(self, library: str) -> None:
        self.library = library
        self.wires: list[Wire] = []

    def wire(self, region: Region | str, network: Network | None = None) -> Wire:
        region = find_region(region) if isinstance(region, str) else region
        wire = (AiohttpWire if self.library == "aiohttp" else Urllib3Wire)(region, network)
        self.wires.append(wire)
        return wire

    async def send(self, wire: Wire, asked: Request, headers: dict[str, str] = HEADERS) -> Response:
        work = wire.send(asked, headers)
        return await work if self.library == "aiohttp" else drive(work)

    async def fail(self, wire: Wire, asked: Request) -> Away:
        with pytest.raises(Away) as caught:
            await self.send(wire, asked)
        return caught.value

    async def close(self) -> None:
        for wire in self.wires:
            await wire.close()


@pytest.fixture(params=["aiohttp", "urllib3"])
async def sender(request):
    sender = Sender(request.param)
    yield sender
    await sender.close()


@pytest.fixture
def server():
    """`server(answers...)` starts one."""
    with ExitStack() as stack:
        yield lambda *answers, tls=False, tunnel=False: stack.enter_context(
            serving(Loopback(answers=list(answers) or [ACCEPTED]), tls=tls, tunnel=tunnel)
        )


@pytest.mark.parametrize("method", METHODS)
async def test_request_into_a_cut_keep_alive_is_not_sent_again(sender, server, method):
    there = server(ACCEPTED, CUT, ACCEPTED)
    wire = sender.wire(there.url)
    await sender.send(wire, request(method))

    failure = await sender.fail(wire, request(method))

    assert len(there.seen) == 2
    assert {seen.connection for seen in there.seen} == {1}, "the second went over the kept connection"
    assert isinstance(failure, Unreachable)
    assert (failure.cause, failure.reached) == ("cut", True)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    "torn",
    [
        pytest.param(CUT, id="before the answer"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n{", id="in the body"),
    ],
)
async def test_request_cut_mid_answer_is_not_sent_again(sender, server, method, torn):
    there = server(torn)

    failure = await sender.fail(sender.wire(there.url), request(method))

    assert len(there.seen) == 1
    assert failure.reached


async def test_answer_that_ends_too_early_was_cut(sender, server):
    there = server(b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n{")

    failure = await sender.fail(sender.wire(there.url), request("GET"))

    assert isinstance(failure, Unreachable)
    assert failure.cause == "cut"


async def test_encryption_that_breaks_after_the_request_leaves_the_outcome_open(sender, server):
    there = server(ACCEPTED, GARBLED, tls=True)
    trusting = Network(ca_bundle=str(CERTIFICATE))
    wire = sender.wire(f"https://localhost:{there.port}", trusting)
    await sender.send(wire, request())

    failure = await sender.fail(wire, request())

    assert len(there.seen) == 2
    assert isinstance(failure, Unreachable)
    assert (failure.cause, failure.reached) == ("cut", True)


async def test_preliminary_answer_is_no_success(sender, server):
    """A later request must not take the answer of an earlier one for its own."""
    there = server(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + answer(409), ACCEPTED)
    wire = sender.wire(there.url)

    with suppress(Unreachable):
        assert (await sender.send(wire, request())).status == 409
    response = await sender.send(wire, request())

    assert (response.status, len(there.seen)) == (202, 2)


async def test_answer_with_long_headers_is_read(sender, server):
    there = server(answer(202, Content_Security_Policy="x" * 20_000))

    assert (await sender.send(sender.wire(there.url), request())).status == 202


@pytest.mark.parametrize("method", METHODS)
async def test_request_cut_between_headers_is_not_sent_again(sender, server, method):
    """urllib3 takes what has arrived for an answer, since the status has; aiohttp says that it was cut."""
    there = server(b"HTTP/1.1 202 Accepted\r\nConnection: close\r\nContent-Le")

    with suppress(Unreachable):
        assert (await sender.send(sender.wire(there.url), request(method))).status == 202

    assert len(there.seen) == 1


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    "told",
    [
        answer(301, Location="/elsewhere"), answer(302, Location="/elsewhere"),
        answer(303, Location="/elsewhere"),
        answer(307, Location="/elsewhere"), answer(308, Location="/elsewhere"), answer(401), answer(408),
        answer(413, Retry_After="0"), answer(429, Retry_After="0"), answer(500), answer(503, Retry_After="0"),
        answer(421), answer(425),
    ],
    ids=lambda told: told[9:12].decode(),
)  # fmt: skip
async def test_every_status_is_one_wire_request_and_an_answer(sender, server, method, told):
    there = server(told)

    response = await sender.send(sender.wire(there.url), request(method))

    assert len(there.seen) == 1
    assert response.status == int(told[9:12])


async def test_connection_is_kept_alive_and_replaced_when_the_server_closed_it_idle(sender, server):
    there = server(ACCEPTED, ACCEPTED, answer(202, Connection="close"), ACCEPTED)
    wire = sender.wire(there.url)
    for _ in range(4):
        assert (await sender.send(wire, request())).status == 202

    assert [seen.connection for seen in there.seen] == [1, 1, 1, 2]


async def test_connection_that_was_idle_for_long_is_not_trusted(sender, server):
    there = server()
    wire = sender.wire(there.url, Network(idle_seconds=0.0))
    for _ in range(2):
        await sender.send(wire, request())

    assert [seen.connection for seen in there.seen] == [1, 2]


async def test_request_arrives_as_given(sender, server):
    there = server(answer(200, b"[]", ININ_Correlation_Id="corr-1"))
    asked = Request(method="GET", path="/api/v2/users/a%2Fb", query=(("expand", "a,b c"), ("q", "ü&=")))

    response = await sender.send(sender.wire(there.url), asked)

    assert there.seen[0].target == "/api/v2/users/a%2Fb?expand=a%2Cb%20c&q=%C3%BC%26%3D"
    assert there.seen[0].headers["authorization"] == f"Bearer {SECRET}"
    assert (response.body, response.correlation_id) == (b"[]", "corr-1")
    assert response.elapsed > 0


async def test_request_without_a_body_claims_no_content_type(sender, server):
    """As the official clients do; aiohttp says application/octet-stream, which may be refused with 415."""
    there = server()
    asked = Request(method="POST", path="/api/v2/notifications/channels", kind=Kind.CHANGE)

    await sender.send(sender.wire(there.url), asked, {"Authorization": f"Bearer {SECRET}"})

    assert "content-type" not in there.seen[0].headers
    assert there.seen[0].headers["content-length"] == "0"


async def test_gateway_prefix_stands_before_every_path(sender, server):
    there = server(answer(200, b"{}"))
    wire = sender.wire(f"{there.url}/genesys/")

    await sender.send(wire, request("GET"))
    await sender.send(wire, Request(method="POST", path="/oauth/token", host="login", body=b""))

    assert there.seen[0].target.startswith("/genesys/api/v2/")
    assert there.tokens[0].target == "/genesys/oauth/token"


async def test_gzip_answer_is_unpacked(sender, server):
    there = server(answer(200, gzip.compress(b'{"muted":true}'), Content_Encoding="gzip"))

    response = await sender.send(sender.wire(there.url), request("GET"))

    assert response.body == b'{"muted":true}'


async def test_answer_without_a_body_is_whole(sender, server):
    there = server(b"HTTP/1.1 204 No Content\r\n\r\n")

    assert (await sender.send(sender.wire(there.url), request())).body == b""


async def test_silence_times_out_with_unknown_outcome(sender, server):
    there = server(SILENCE)

    failure = await sender.fail(sender.wire(there.url), request(timeout=1.5))

    assert isinstance(failure, TimedOut)
    assert failure.reached
    assert "did not answer within 1.5 s" in str(failure)
    assert len(there.seen) == 1


@pytest.mark.parametrize("tls", [False, True])
async def test_answer_that_never_ends_times_out_as_silence_does(sender, server, tls):
    there = server(DRIP, tls=tls)
    wire = sender.wire(
        f"https://localhost:{there.port}" if tls else there.url, Network(ca_bundle=str(CERTIFICATE))
    )

    failure = await sender.fail(wire, request(timeout=1.0))

    assert isinstance(failure, TimedOut)
    assert failure.reached


async def test_refused_connection_says_that_nothing_was_sent(sender):
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        failure = await sender.fail(sender.wire(f"http://127.0.0.1:{bound.getsockname()[1]}"), request())

    assert isinstance(failure, Unreachable)
    assert (failure.cause, failure.reached) == ("refused", False)
    assert "connection refused" in str(failure)


async def test_unknown_name_is_told_from_a_refusal(sender, monkeypatch):
    def no_such_name(*_args: object, **_kwargs: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", no_such_name)

    failure = await sender.fail(sender.wire("https://gateway.example"), request())

    assert isinstance(failure, Unreachable)
    assert (failure.cause, failure.reached) == ("name", False)
    assert "gateway.example was not found (DNS)" in str(failure)


async def test_full_accept_queue_times_out_before_anything_is_sent(sender):
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        waiting = [socket.socket() for _ in range(4)]
        for each in waiting:
            each.setblocking(False)
            each.connect_ex(full.getsockname())
        wire = sender.wire(f"http://127.0.0.1:{full.getsockname()[1]}", Network(connect_timeout=0.2))
        failure = await sender.fail(wire, request())
        for each in waiting:
            each.close()

    assert isinstance(failure, TimedOut)
    assert not failure.reached
    assert "No connection" in str(failure)


async def test_untrusted_certificate_names_the_setting(sender, server):
    there = server(tls=True)

    failure = await sender.fail(sender.wire(f"https://localhost:{there.port}"), request())

    assert isinstance(failure, Unreachable)
    assert (failure.cause, failure.reached) == ("tls", False)
    assert "SSL_CERT_FILE" in failure.remedy
    assert "certificate" in failure.what
    assert there.seen == []


async def test_certificate_for_another_host_is_refused(sender, server):
    there = server(tls=True)
    network = Network(ca_bundle=str(CERTIFICATE))

    failure = await sender.fail(sender.wire(f"https://127.0.0.1:{there.port}", network), request())

    assert isinstance(failure, Unreachable)
    assert failure.cause == "tls"
    assert "not valid for" in failure.what
    assert there.seen == []


async def test_ca_bundle_is_trusted(sender, server):
    there = server(tls=True)

    wire = sender.wire(f"https://localhost:{there.port}", Network(ca_bundle=str(CERTIFICATE)))

    assert (await sender.send(wire, request())).status == 202


async def test_plain_http_behind_https_is_told_from_a_bad_certificate(sender, server):
    there = server(answer(400))

    failure = await sender.fail(sender.wire(f"https://localhost:{there.port}"), request())

    assert isinstance(failure, Unreachable)
    assert (failure.cause, failure.reached) == ("tls", False)
    assert "Something other than https" in failure.means


async def test_unreadable_ca_bundle_is_ours_to_fix(sender, tmp_path):
    network = Network(ca_bundle=str(tmp_path / "missing.pem"))

    with pytest.raises(OursToFix, match=r"missing\.pem.*SSL_CERT_FILE"):
        await sender.send(sender.wire("https://localhost:1", network), request())


async def test_something_that_is_no_http_is_not_genesys(sender, server):
    there = server(b"220 mail.example ESMTP\r\n\r\n")

    failure = await sender.fail(sender.wire(there.url), request())

    assert isinstance(failure, NotGenesys)
    assert failure.reached
    assert len(there.seen) == 1


def through_proxy(there: Loopback, **more: Any) -> Network:
    proxy = f"http://ada:{PROXY_PASSWORD}@127.0.0.1:{there.port}"
    return Network(proxy=proxy, ca_bundle=str(CERTIFICATE), **more)


async def test_proxy_opens_a_tunnel_and_alone_sees_its_password(sender, server):
    there = server(b"HTTP/1.1 200 Connection established\r\n\r\n", ACCEPTED, tunnel=True)

    response = await sender.send(sender.wire("https://gateway.example", through_proxy(there)), request())

    connect, inner = there.seen
    assert response.status == 202
    assert (connect.method, connect.target) == ("CONNECT", "gateway.example:443")
    assert connect.headers["proxy-authorization"].startswith("Basic ")
    assert "authorization" not in connect.headers
    assert "proxy-authorization" not in inner.headers


@pytest.mark.parametrize(
    ("status", "text"), [(407, "user name and password"), (403, "refused the way"), (502, "refused the way")]
)
async def test_proxy_that_refuses_is_named(sender, server, status, text):
    there = server(answer(status, Connection="close"))

    failure = await sender.fail(sender.wire("https://gateway.example", through_proxy(there)), request())

    assert isinstance(failure, Unreachable)
    assert (failure.cause, failure.reached, failure.status) == ("proxy", False, status)
    assert text in failure.what
    assert f"127.0.0.1:{there.port}" in failure.what


async def test_proxy_that_is_not_there_is_named(sender):
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port = bound.getsockname()[1]
        network = Network(proxy=f"http://ada:{PROXY_PASSWORD}@127.0.0.1:{port}")
        failure = await sender.fail(sender.wire("https://gateway.example", network), request())

    assert isinstance(failure, Unreachable)
    assert (failure.cause, failure.reached) == ("proxy", False)
    assert f"The proxy 127.0.0.1:{port} cannot be reached: connection refused" in failure.what


async def test_proxy_whose_name_is_unknown_is_told_from_an_unknown_host(sender, monkeypatch):
    def no_such_name(*_args: object, **_kwargs: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", no_such_name)
    network = Network(proxy="http://proxy.example:3128")

    failure = await sender.fail(sender.wire("https://gateway.example", network), request())

    assert "name of the proxy proxy.example:3128 was not found" in failure.what
    assert not failure.reached


async def test_proxy_that_inspects_tls_shows_as_an_untrusted_certificate(sender, server):
    there = server(b"HTTP/1.1 200 Connection established\r\n\r\n", ACCEPTED, tunnel=True)
    network = Network(proxy=f"http://127.0.0.1:{there.port}")

    failure = await sender.fail(sender.wire("https://gateway.example", network), request())

    assert isinstance(failure, Unreachable)
    assert (failure.cause, failure.reached) == ("tls", False)
    assert "inspects TLS" in failure.means


async def test_loopback_is_never_proxied(sender, server):
    there = server(ACCEPTED)
    wire = sender.wire(there.url, Network(proxy="http://127.0.0.1:1"))

    assert (await sender.send(wire, request())).status == 202


@pytest.mark.parametrize("told", [CUT, SILENCE, b"rubbish\r\n\r\n", answer(407, Connection="close")])
async def test_no_failure_carries_a_secret(sender, server, told):
    there = server(told)
    direct = await sender.fail(sender.wire(there.url), request(timeout=0.2)) if told[:4] != b"HTTP" else None
    proxied = await sender.fail(
        sender.wire("https://gateway.example", through_proxy(there)), request(timeout=0.2)
    )

    for failure in filter(None, (direct, proxied)):
        assert (failure.__cause__, failure.__context__) == (None, None)
        for text in (str(failure), repr(failure), repr(failure.args), repr(vars(failure))):
            assert SECRET not in text
            assert PROXY_PASSWORD not in text


def test_network_hides_the_proxys_password():
    network = Network(proxy=f"http://ada:{PROXY_PASSWORD}@proxy.example:8080")

    assert PROXY_PASSWORD not in repr(network)
    assert PROXY_PASSWORD not in repr(network.proxy_for("https://api.mypurecloud.ie"))


@pytest.mark.parametrize(
    ("no_proxy", "proxied"),
    [
        ("", True), ("mypurecloud.ie", False), (".mypurecloud.ie", False), ("*.mypurecloud.ie", False),
        ("*", False), ("cloud.ie", True), ("other.example, API.mypurecloud.ie", False),
        ("api.mypurecloud.ie:443", False), ("api.mypurecloud.ie:8443", True), ("10.0.0.0/8", True),
    ],
)  # fmt: skip
def test_no_proxy_is_read_as_curl_reads_it(no_proxy, proxied):
    network = Network(proxy="proxy.example:8080", no_proxy=no_proxy)

    assert (network.proxy_for("https://api.mypurecloud.ie") is not None) is proxied


def test_no_proxy_takes_networks():
    network = Network(proxy="http://proxy.example", no_proxy="10.0.0.0/8")

    assert network.proxy_for("https://10.1.2.3") is None


@pytest.mark.parametrize("proxy", ["socks5://proxy.example:1080", "http://", "http://proxy.example:port"])
def test_unusable_proxy_is_ours_to_fix(proxy):
    with pytest.raises(OursToFix, match="HTTPS_PROXY"):
        Network(proxy=proxy).proxy_for("https://api.mypurecloud.ie")


async def test_cancelled_request_leaves_the_wire_usable(server):
    there = server(SILENCE, ACCEPTED)
    arrived = threading.Event()
    there.on_request = lambda _seen: arrived.set()
    wire = AiohttpWire(find_region(there.url))
    sending = asyncio.ensure_future(wire.send(request(), HEADERS))
    await asyncio.to_thread(arrived.wait)
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending

    assert (await wire.send(request(), HEADERS)).status == 202
    assert len(there.seen) == 2
    await wire.close()


def test_ctrl_c_in_a_request_leaves_the_wire_usable(server):
    """A release is sent right after KeyboardInterrupt."""
    there = server(SILENCE, ACCEPTED)
    main = threading.main_thread().ident
    there.on_request = lambda _seen: len(there.seen) == 1 and signal.pthread_kill(main, signal.SIGUSR1)
    wire = Urllib3Wire(find_region(there.url), Network(pool_size=1))
    before = signal.signal(signal.SIGUSR1, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            drive(wire.send(request(), HEADERS))
        assert drive(wire.send(request(), HEADERS)).status == 202
    finally:
        signal.signal(signal.SIGUSR1, before)
        drive(wire.close())

    assert [seen.connection for seen in there.seen] == [1, 2]


def test_lock_left_behind_by_ctrl_c_can_be_taken_again_by_its_thread():
    lock = ThreadLock()
    drive(lock.__aenter__())

    drive(lock.__aenter__())


async def test_work_to_be_finished_outlives_a_cancelled_caller(server):
    there = server()
    wire = AiohttpWire(find_region(there.url))
    may_end, ended = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        await may_end.wait()
        ended.set()

    waiting = asyncio.ensure_future(wire.finish(work()))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    may_end.set()
    await wire.close()

    assert ended.is_set()


FORKING = """
    import os, sys, threading
    from micgate.genesys.io import drive
    from micgate.genesys.messages import Kind, Request
    from micgate.genesys.regions import find_region
    from micgate.genesys.transport_urllib3 import Urllib3Wire

    wire = Urllib3Wire(find_region(sys.argv[1]))
    lock = wire.lock()
    asked = Request(method="PATCH", path="/" + str(os.getpid()), kind=Kind.CHANGE, body=b"{}")
    send = lambda path: drive(wire.send(Request(method="PATCH", path=path, kind=Kind.CHANGE), {})).status
    assert send("/parent") == 202
    held = threading.Event()
    def hold():
        drive(lock.__aenter__())
        held.set()
        threading.Event().wait()
    threading.Thread(target=hold, daemon=True).start()
    held.wait()
    child = os.fork()
    if child == 0:
        drive(lock.__aenter__())
        os._exit(0 if send("/child") == 202 else 1)
    _, status = os.waitpid(child, 0)
    assert status == 0, status
    assert send("/parent") == 202
    os._exit(0)
"""


def test_forked_child_has_a_connection_and_a_lock_of_its_own(server):
    there = server()

    code = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(FORKING), there.url], timeout=30, check=False
    ).returncode

    assert code == 0
    assert [(seen.target, seen.connection) for seen in there.seen] == [
        ("/parent", 1), ("/child", 2), ("/parent", 1),
    ]  # fmt: skip


def test_wire_of_the_command_line_loads_no_event_loop():
    code = (
        "import sys, micgate.genesys.session, micgate.genesys.transport_urllib3;"
        "print(sorted({'asyncio', 'aiohttp'} & set(sys.modules)))"
    )

    shown = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ
    )

    assert shown.stdout.strip() == "[]"
