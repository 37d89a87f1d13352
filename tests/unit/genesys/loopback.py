"""A server on a raw loopback socket: it counts what is really on the wire and answers as told."""

import os
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

CERTIFICATE = Path(__file__).parents[2] / "data" / "tls" / "loopback.pem"

CUT = b"cut"
"""Read the request, then close without a word."""
GARBLED = b"garbled"
"""Read the request, then break the encryption."""
DRIP = b"drip"
"""Read the request, then answer byte by byte, without end."""
SILENCE = b"silence"
"""Read the request, then say nothing until the server stops."""


@dataclass(frozen=True)
class Seen:
    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    connection: int


def answer(status: int = 200, body: bytes = b"", **headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status} Told", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


TOKEN = answer(body=b'{"access_token":"access-1","expires_in":86400,"token_type":"bearer"}')
ACCEPTED = answer(202)


@dataclass
class Loopback:
    """`answers` are given in order, the last one for ever; requests for tokens are kept apart."""

    answers: list[bytes] = field(default_factory=lambda: [ACCEPTED])
    token: bytes = TOKEN
    seen: list[Seen] = field(default_factory=list)
    tokens: list[Seen] = field(default_factory=list)
    on_request: Callable[[Seen], object] = lambda _seen: None
    on_token: Callable[[Seen], object] = lambda _seen: None
    port: int = 0
    connections: int = 0
    stopped: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def next_answer(self, seen: Seen) -> bytes:
        if seen.target.endswith("/oauth/token"):
            self.tokens.append(seen)
            self.on_token(seen)
            return self.token
        self.seen.append(seen)
        self.on_request(seen)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@contextmanager
def serving(server: Loopback, *, tls: bool = False, tunnel: bool = False) -> Iterator[Loopback]:
    """`tls`: speak it from the start. `tunnel`: answer CONNECT as a proxy does and be the far end too."""
    listener = socket.create_server(("127.0.0.1", 0))
    server.port = listener.getsockname()[1]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    open_sockets: list[socket.socket] = []

    def converse(raw: socket.socket, number: int) -> None:
        with suppress(OSError, ssl.SSLError):
            line = context.wrap_socket(raw, server_side=True) if tls else raw
            open_sockets.append(line)
            while seen := _read(line, number):
                reply = server.next_answer(seen)
                if reply in _MISDEEDS:
                    _MISDEEDS[reply](line, server)
                    break
                line.sendall(reply)
                if seen.method == "CONNECT" and tunnel and b" 200 " in reply[:20]:
                    line = context.wrap_socket(line, server_side=True)
                    open_sockets.append(line)
                elif b"Content-Length: 99999" in reply or b"connection: close" in reply.lower():
                    break
            line.close()

    def accept() -> None:
        with suppress(OSError):
            while True:
                raw, _ = listener.accept()
                open_sockets.append(raw)
                server.connections += 1
                threading.Thread(target=converse, args=(raw, server.connections), daemon=True).start()

    accepting = threading.Thread(target=accept, daemon=True)
    accepting.start()
    try:
        yield server
    finally:
        server.stopped.set()
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for each in open_sockets:
            each.close()
        accepting.join()


_MISDEEDS: dict[bytes, Callable[[socket.socket, Loopback], object]] = {
    CUT: lambda _line, _server: None,
    SILENCE: lambda _line, server: server.stopped.wait(),
    GARBLED: lambda line, _server: os.write(line.fileno(), b"nothing that was encrypted"),
}


def _drip(line: socket.socket, server: Loopback) -> None:
    line.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    while not server.stopped.wait(0.05):
        line.sendall(b"x")


_MISDEEDS[DRIP] = _drip
_TLS_HELLO = b"\x16"


def _read(line: socket.socket, number: int) -> Seen | None:
    data = b""
    while b"\r\n\r\n" not in data:
        more = line.recv(65536)
        if not more:
            return None
        data += more
        if data[:1] == _TLS_HELLO:
            line.sendall(answer(400))
            return None
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (each.partition(":") for each in lines)}
    while len(body) < int(headers.get("content-length", "0")):
        body += line.recv(65536)
    method, target, _ = first.split(" ")
    return Seen(method, target, headers, body, number)
