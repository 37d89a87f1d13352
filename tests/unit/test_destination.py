"""Where micgate may post to: judged by name and by address, connected to what was judged."""

import socket
import ssl
import struct
import threading

import pytest
from loopback import CERTIFICATE, CUT, SILENCE, Loopback, answer, serving

from micgate.destination import (
    Cut,
    ForbiddenAddress,
    MalformedUrl,
    NotReached,
    Poster,
    TimedOut,
    Unencrypted,
    Unresolved,
    Untrusted,
    parse,
)

BODY = b'{"id":"1"}'
HEADERS = {"Content-Type": "application/json"}
HOST = "receiver.example"


def names(**addresses):
    """A name service of our own: host → its addresses."""

    async def resolve(host, port):
        if host not in addresses:
            raise socket.gaierror(socket.EAI_NONAME, "unknown")
        return tuple(addresses[host].split())

    return resolve


def trusting():
    return ssl.create_default_context(cafile=CERTIFICATE)


async def post(url, *, body=BODY, **options):
    async with Poster(**options) as poster:
        return await poster.post(url, body, HEADERS)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "receiver.example/hook",
        "ftp://receiver.example/",
        "https://",
        "https://receiver.example:99999/",
        "https://receiver.example:0/",
        "https://receiver.example/a b",
        "https://receiver.example/\r\nHost: other",
        "https://sam:secret@receiver.example/",
        "https://[::1/",
        "https://receiver.example/" + "a" * 2000,
        "javascript:alert(1)",
    ],
)
def test_what_is_no_url_to_post_to_is_refused_without_repeating_it(url):
    with pytest.raises(MalformedUrl) as refused:
        parse(url)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("private", [False, True])
@pytest.mark.parametrize("url", ["http://receiver.example/", "http://10.0.0.5/", "http://93.184.216.34/"])
def test_plain_http_is_refused_beyond_loopback(url, private):
    with pytest.raises(Unencrypted, match="in the clear"):
        parse(url, private=private)


def test_plain_http_to_loopback_needs_the_setting():
    with pytest.raises(Unencrypted):
        parse("http://127.0.0.1:9000/")
    assert parse("http://127.0.0.1:9000/hook", private=True).port == 9000


OWN = [
    "127.0.0.1",
    "127.8.9.1",
    "::1",
    "10.1.2.3",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "100.64.0.1",
    "fc00::1",
    "fd12:3456::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "64:ff9b::a00:1",
    "64:ff9b::127.0.0.1",
]
NEVER = [
    "169.254.169.254",
    "169.254.0.1",
    "100.100.100.200",
    "168.63.129.16",
    "fd00:ec2::254",
    "::ffff:169.254.169.254",
    "64:ff9b::169.254.169.254",
    "fe80::1",
    "224.0.0.1",
    "ff02::1",
    "0.0.0.0",
    "::",
    "255.255.255.255",
    "240.0.0.1",
    "192.0.0.192",
    "192.0.2.1",
    "198.18.0.1",
    "203.0.113.9",
    "2001:db8::1",
    "2002:7f00:1::1",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "64:ff9b:1::1",
    "::127.0.0.1",
    "fec0::1",
]


def url_of(address):
    return f"https://[{address}]/" if ":" in address else f"https://{address}/"


@pytest.mark.parametrize("address", OWN + NEVER)
def test_an_address_that_is_not_public_is_refused_in_the_url(address):
    with pytest.raises(ForbiddenAddress):
        parse(url_of(address))


@pytest.mark.parametrize("address", OWN + NEVER)
async def test_a_name_with_an_address_that_is_not_public_is_refused(address):
    for found in (address, f"93.184.216.34 {address}"):
        with pytest.raises(ForbiddenAddress, match=HOST):
            await post(f"https://{HOST}/", resolve=names(**{HOST: found}))


@pytest.mark.parametrize("address", OWN)
def test_ones_own_network_is_allowed_when_set(address):
    assert parse(url_of(address), private=True)


@pytest.mark.parametrize("address", NEVER)
async def test_metadata_and_what_is_no_receiver_stay_refused_when_set(address):
    with pytest.raises(ForbiddenAddress):
        parse(url_of(address), private=True)
    with pytest.raises(ForbiddenAddress):
        await post(f"https://{HOST}/", private=True, resolve=names(**{HOST: address}))


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:2800:220:1::1", "64:ff9b::93.184.216.34"])
async def test_public_addresses_are_allowed(address):
    async with Poster(resolve=names(**{HOST: address})) as poster:
        await poster.check(f"https://{HOST}/hook")


@pytest.mark.parametrize("spelled", ["2130706433", "127.1", "0x7f000001", "0177.0.0.1", "localhost"])
async def test_loopback_in_other_spellings_is_refused(spelled):
    with pytest.raises(ForbiddenAddress):
        await post(f"https://{spelled}/")


async def test_what_was_checked_is_what_is_connected_to():
    """The name answers otherwise at every look; only the first one counts."""
    looks = []

    async def rebinding(host, port):
        looks.append(host)
        return ("127.0.0.1",) if len(looks) == 1 else ("169.254.169.254",)

    with serving(Loopback([answer(204)])) as receiver:
        told = await post(f"http://localhost:{receiver.port}/hook?a=b", private=True, resolve=rebinding)
    assert told.status == 204
    assert looks == ["localhost"]
    assert receiver.seen[0].target == "/hook?a=b"
    assert receiver.seen[0].headers["host"] == f"localhost:{receiver.port}"


async def test_the_certificate_is_checked_against_the_name_and_not_the_address():
    with serving(Loopback([answer(200)]), tls=True) as receiver:
        where = names(**{"gateway.example": "127.0.0.1", "other.example": "127.0.0.1"})
        options = {"private": True, "resolve": where}
        good = f"https://gateway.example:{receiver.port}/hook"
        assert (await post(good, tls=trusting(), **options)).ok
        assert receiver.seen[0].headers["host"] == f"gateway.example:{receiver.port}"
        with pytest.raises(Untrusted, match=r"other\.example"):
            await post(f"https://other.example:{receiver.port}/", tls=trusting(), **options)
        with pytest.raises(Untrusted, match="self-signed"):
            await post(good, **options)


async def test_the_next_address_is_tried_when_one_cannot_be_connected_to():
    with serving(Loopback([answer(200)])) as receiver:
        told = await post(
            f"http://localhost:{receiver.port}/",
            private=True,
            resolve=names(localhost="::1 127.0.0.2 127.0.0.1"),
        )
    assert told.ok
    assert len(receiver.seen) == 1


async def test_http_to_a_name_is_for_loopback_only_after_resolution_too():
    with pytest.raises(Unencrypted):
        await post("http://localhost/", private=True, resolve=names(localhost="10.0.0.1"))


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_a_redirect_is_an_answer_and_is_not_followed(status):
    with serving(Loopback([answer(200)])) as elsewhere, serving(Loopback()) as receiver:
        receiver.answers = [answer(status, Location=f"{elsewhere.url}/")]
        told = await post(f"{receiver.url}/", private=True)
    assert told.status == status
    assert not told.ok
    assert not elsewhere.seen


async def test_a_refusal_is_an_answer_with_what_it_says_about_later():
    with serving(Loopback([answer(503, b"later", Retry_After="30")])) as receiver:
        told = await post(f"{receiver.url}/", private=True)
    assert (told.status, told.retry_after, told.whole) == (503, "30", True)


async def test_a_huge_answer_is_not_read():
    with serving(Loopback([answer(200, b"x" * 5_000_000)])) as receiver:
        told = await post(f"{receiver.url}/", private=True)
    assert told.ok
    assert not told.whole


async def test_a_receiver_that_says_nothing_is_given_up():
    with serving(Loopback([SILENCE])) as receiver, pytest.raises(TimedOut, match=r"within 0\.2 s"):
        await post(f"{receiver.url}/", private=True, seconds=0.2)


async def test_a_receiver_that_drips_is_given_up_after_the_whole_time():
    """Each byte in time, the head never whole."""
    listener = socket.create_server(("127.0.0.1", 0))
    stopped = threading.Event()

    def drip():
        line, _ = listener.accept()
        with line:
            line.sendall(b"HTTP/1.1 200 OK\r\nX: ")
            while not stopped.wait(0.05):
                try:
                    line.sendall(b"x")
                except OSError:
                    return

    thread = threading.Thread(target=drip)
    thread.start()
    try:
        with pytest.raises(TimedOut):
            await post(f"http://127.0.0.1:{listener.getsockname()[1]}/", private=True, seconds=0.4)
    finally:
        stopped.set()
        thread.join()
        listener.close()


async def test_a_post_is_sent_once_even_when_the_line_is_cut():
    with serving(Loopback([CUT])) as receiver, pytest.raises(Cut, match="without an answer"):
        await post(f"{receiver.url}/", private=True)
    assert len(receiver.seen) == 1


async def test_what_is_not_http_is_said():
    with serving(Loopback([b"SSH-2.0-OpenSSH_9.6\r\n\r\n"])) as receiver:  # noqa: SIM117 -- the URL
        with pytest.raises(Cut, match="not HTTP"):
            await post(f"{receiver.url}/", private=True)


async def test_a_closed_port_and_an_unknown_name_are_told_apart():
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # nobody else's, and nobody listens
        with pytest.raises(NotReached, match="cannot be reached"):
            await post(f"http://127.0.0.1:{closed.getsockname()[1]}/", private=True)
    with pytest.raises(Unresolved, match="no address"):
        await post(f"https://{HOST}/", resolve=names())


async def test_no_error_holds_more_of_the_url_than_the_host():
    with serving(Loopback([CUT])) as receiver, pytest.raises(Cut) as failed:
        await post(f"{receiver.url}/hook/s3cr3t?token=s3cr3t", private=True)
    error = failed.value
    while error:
        assert "s3cr3t" not in str(error)
        error = error.__context__ or error.__cause__


async def test_a_reset_connection_is_an_error_of_ours():
    listener = socket.create_server(("127.0.0.1", 0))

    def reset():
        line, _ = listener.accept()
        line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        line.close()

    thread = threading.Thread(target=reset)
    thread.start()
    try:
        with pytest.raises(NotReached):
            await post(f"http://127.0.0.1:{listener.getsockname()[1]}/", private=True)
    finally:
        thread.join()
        listener.close()
