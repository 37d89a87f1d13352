"""What urllib3's own connections leave open: an end to slow answers, and which error of TLS came when."""

import io
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPResponse
from typing import TYPE_CHECKING, Any

import urllib3
from urllib3 import exceptions
from urllib3.connection import HTTPConnection, HTTPSConnection

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


class _Bounded(io.RawIOBase):
    """What a socket says until its timeout is over in all. By itself a socket waits so long for every piece,
    and whoever sends a byte now and then is waited for without end.
    """

    def __init__(self, sock: socket.socket, pieces: io.RawIOBase) -> None:
        seconds = sock.gettimeout()
        self._sock = sock
        self._pieces = pieces
        self._ends_at = None if seconds is None else time.monotonic() + seconds

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer", /) -> int | None:
        if self._ends_at is not None:
            left = self._ends_at - time.monotonic()
            if left <= 0:
                raise TimeoutError("timed out")
            self._sock.settimeout(left)
        return self._pieces.readinto(buffer)

    def close(self) -> None:
        self._pieces.close()
        super().close()


class _Answer(HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **more: Any) -> None:
        super().__init__(sock, *args, **more)
        pieces = self.fp.detach()
        self.fp = io.BufferedReader(_Bounded(sock, pieces))


class Plain(HTTPConnection):
    response_class = _Answer


class Encrypted(HTTPSConnection):
    """urllib3 has one error for a handshake that failed and for encryption that broke later. Only after the
    first is it certain that nothing was sent.
    """

    response_class = _Answer

    def request(self, *args: Any, **more: Any) -> None:
        with _after_the_handshake():
            super().request(*args, **more)

    def getresponse(self) -> urllib3.HTTPResponse:  # type: ignore[override]  # as urllib3 itself does
        with _after_the_handshake():
            return super().getresponse()


@contextmanager
def _after_the_handshake() -> Iterator[None]:
    try:
        yield
    except (ssl.SSLError, exceptions.SSLError):
        raise ConnectionResetError("The encryption broke.") from None
