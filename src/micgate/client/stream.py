"""A stream of server-sent events: bytes in, events out, and how to go on after a cut. No I/O.

The format is that of the HTML standard, section 9.2.6.
"""

import codecs
import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from micgate.client import problems
from micgate.client.errors import GateError, NotReached, NotTheService
from micgate.client.messages import Answer, Request
from micgate.client.retry import retry_after

log = logging.getLogger("micgate.client")

SILENT_SECONDS = 15.0
"""The service says something every 2 s; a connection that is silent for so long is a dead one."""
_LONGEST_EVENT = 64_000_000
"""Characters. A snapshot of 16,000 calls is 8 million."""


@dataclass(frozen=True, slots=True)
class Sent:
    """One event as it was sent. `id` is where to resume from, empty when the service gave none."""

    id: str
    kind: str
    data: str


class Following:
    """A stream that goes on after the last event that was taken, whatever happens to the connection.

    `patience`: seconds for which it may stay away before its error is raised; each connection made starts
    them anew. Not for ever, so that a caller learns that nothing is watched any more.
    """

    def __init__(self, request: Request, *, patience: float) -> None:
        self._request = request
        self._patience = patience
        self._lines = _Lines()
        self._last_id = ""
        self._wait = 0.0
        self._attempt = 0
        self._away_since: float | None = None

    def request(self) -> Request:
        """What to open the stream with, now."""
        self._lines = _Lines()
        resumed = {"Last-Event-ID": self._last_id} if self._last_id else {}
        return replace(self._request, headers={**self._request.headers, **resumed})

    def opened(self, answer: Answer) -> None:
        """Look at the answer's head. `body` is only filled when the status is not 200."""
        if answer.status != 200:  # noqa: PLR2004 -- any other is no stream (HTML standard, section 9.2.3)
            raise problems.error_of(answer)
        if not answer.headers.get("content-type", "").startswith("text/event-stream"):
            raise problems.stranger(answer)
        self._away_since = None

    def take(self, chunk: bytes) -> Iterator[Sent]:
        """The events that are complete with this chunk."""
        for block in self._lines.take(chunk):
            if sent := self._event(block):
                self._attempt = 0
                yield sent

    def lost(self, error: GateError | None, *, now: float, jitter: float) -> float:
        """Seconds to wait before the stream is opened again. Raises `error` when that is no use.

        None: the service ended it, as it does before it stops.
        """
        error = error or NotReached("The service ended the stream.", remedy="Open it again.", sent=True)
        began = self._away_since = now if self._away_since is None else self._away_since
        wait = retry_after(error, self._attempt, elapsed=now - began, patience=self._patience, jitter=jitter)
        if wait is None:
            raise error
        self._attempt += 1
        log.info("%s Trying again.", error.what)
        return max(wait, self._wait)

    def _event(self, block: list[str]) -> Sent | None:
        kind, data = "message", []
        for line in block:
            name, _, value = line.partition(":")
            value = value.removeprefix(" ")
            if name == "event":
                kind = value
            elif name == "data":
                data.append(value)
            elif name == "id" and "\0" not in value:
                self._last_id = value
            elif name == "retry" and value.isascii() and value.isdigit():
                self._wait = int(value) / 1000
        return Sent(self._last_id, kind, "\n".join(data)) if data else None


class _Lines:
    """Blocks of lines, each ended by an empty one. A line ends with LF, CR or CRLF."""

    def __init__(self) -> None:
        self._rest = ""
        self._block: list[str] = []
        self._held = 0
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode

    def take(self, chunk: bytes) -> Iterator[list[str]]:
        for line in self._whole(chunk):
            if line:
                self._block.append(line)
                self._held += len(line)
            elif self._block:
                block, self._block, self._held = self._block, [], 0
                yield block
        if len(self._rest) + self._held > _LONGEST_EVENT:
            raise NotTheService("An event of the stream does not end.", remedy="Check what answers there.")

    def _whole(self, chunk: bytes) -> Iterator[str]:
        """A snapshot of many agents is one line of megabytes: what was searched is not searched again."""
        text = self._rest + self._decode(chunk)
        start, searched = 0, max(0, len(self._rest) - 1)
        for end in _END.finditer(text, searched):
            if end[0] == "\r" and end.end() == len(text):
                break
            yield text[start : end.start()]
            start = end.end()
        self._rest = text[start:]


_END = re.compile(r"[\n\r](?:(?<=\r)\n)?")
"""A CR at the very end may be the half of a CRLF: it waits for what follows."""
