"""What goes wrong on purpose: which requests, events and sockets a fault meets, and how often.

Nothing here acts: the surfaces ask, and do what the answer says.
"""

import random
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from micgate.twin.ledger import Json

RequestKind = Literal[
    "status", "html", "hang", "slow", "reset", "apply_then_reset", "apply_then_status", "accept_then_forget",
    "rate_storm",
]  # fmt: skip
EventKind = Literal["event_lost", "event_late", "event_twice", "events_swapped", "event_stale"]
SocketKind = Literal["socket_cut", "socket_silent", "socket_closing", "channel_evicted"]
FaultKind = RequestKind | EventKind | SocketKind | Literal["token_revoked", "topic_refused"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """Empty members match everything. `agent` is a user id by now; `path` and `topic` match as a whole."""

    method: str | None = None
    path: re.Pattern[str] | None = None
    topic: re.Pattern[str] | None = None
    agent: str | None = None


@dataclass(slots=True, kw_only=True)
class Fault:
    """`left` counts down the uses (None: until deleted). Seconds and milliseconds keep their unset None: the surface knows
    the fitting default for a kind through `wait`.
    """

    id: str
    kind: FaultKind
    match: Match
    left: int | None = None
    probability: float | None = None
    seconds: float | None = None
    status: int | None = None
    vendor_body: bool = True
    delay_ms: float | None = None

    @property
    def wait(self) -> float:
        """How long the kind takes, in seconds: hang, slow, silence, storm, lateness."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One message to send for an event: after `delay` seconds, the state before it when `stale`, behind the next event of
    the same topic (or after `delay`, whichever is first) when `after_next`.
    """

    delay: float = 0.0
    stale: bool = False
    after_next: bool = False


class Faults:
    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._faults: dict[str, Fault] = {}

    def add(
        self,
        *,
        fault_id: str,
        kind: str,
        match: Match,
        times: int | None = None,
        probability: float | None = None,
        seconds: float | None = None,
        status: int | None = None,
        vendor_body: bool = True,
        delay_ms: float | None = None,
    ) -> Fault:
        """Raises Impossible (400) for an unknown kind or figures that make no sense."""
        raise NotImplementedError

    def remove(self, fault_id: str | None = None) -> bool:
        """Delete one, or all. False: there was no such fault."""
        raise NotImplementedError

    def all(self) -> list[Fault]:
        return list(self._faults.values())

    def for_request(self, *, method: str, path: str, agents: Iterable[str] = ()) -> Fault | None:
        """The first request fault (or `token_revoked` that names a method or path) met; its use is counted."""
        raise NotImplementedError

    def for_event(self, *, topics: Iterable[str], agents: Iterable[str] = ()) -> Fault | None:
        """The first event fault met by a change that goes out on `topics` (only those somebody follows). One change is one
        use; the fault bends the topics for which `bends` is true.
        """
        raise NotImplementedError

    def for_socket(self, *, topics: Iterable[str] = (), agents: Iterable[str] = ()) -> Fault | None:
        """The first socket fault met by a socket that follows `topics`; its use is counted."""
        raise NotImplementedError

    def for_topic(self, *, topic: str, agents: Iterable[str] = ()) -> Fault | None:
        """`topic_refused`, met by a subscription; its use is counted."""
        raise NotImplementedError


def match(
    *, method: str | None = None, path: str | None = None, topic: str | None = None, agent: str | None = None
) -> Match:
    """A match from what the control surface was told; `{id}` in a topic stands for any id. Raises Impossible (400)."""
    raise NotImplementedError


def bends(fault: Fault, topic: str) -> bool:
    """Whether an event fault is about this topic."""
    return fault.match.topic is None or fault.match.topic.fullmatch(topic) is not None


def deliveries(fault: Fault | None) -> tuple[Delivery, ...]:
    """What to send for one event under a fault; one plain delivery without."""
    raise NotImplementedError
