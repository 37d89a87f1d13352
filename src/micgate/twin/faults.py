"""What goes wrong on purpose: which requests, events and sockets a fault meets, and how often.

Nothing here acts: the surfaces ask, and do what the answer says.
"""

import random
import re
from collections.abc import Iterable
from dataclasses import dataclass

from micgate.twin.refusals import Impossible

REQUEST_KINDS = frozenset(
    {
        "status",
        "html",
        "hang",
        "slow",
        "reset",
        "apply_then_reset",
        "apply_then_status",
        "accept_then_forget",
        "rate_storm",
        "token_revoked",
    }
)
EVENT_KINDS = frozenset({"event_lost", "event_late", "event_twice", "events_swapped", "event_stale"})
SOCKET_KINDS = frozenset(
    {"socket_cut", "socket_silent", "socket_closing", "channel_evicted", "token_revoked"}
)
TOPIC_KINDS = frozenset({"topic_refused"})
KINDS = REQUEST_KINDS | EVENT_KINDS | SOCKET_KINDS | TOPIC_KINDS

_WAITS = {"hang": 3600.0, "slow": 3.0, "rate_storm": 30.0, "socket_silent": 3600.0}
"""Seconds of the kinds that last, when nothing was said."""
_DELAYS_MS = {"event_late": 3_000.0, "event_stale": 50.0, "events_swapped": 2_000.0}
_STATUS = {"apply_then_status": 503, "html": 502}
_HAVE_LENGTH = EVENT_KINDS - {"event_lost"} | {"hang", "slow", "socket_silent", "socket_closing"}
"""Of these `seconds` is the length of each use; of the others, how long the fault is there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """Members that are None match everything. `agent` is a user id; `path` matches as a whole, `topic` the
    whole or what it ends with (`conversations.calls`).
    """

    method: str | None = None
    path: re.Pattern[str] | None = None
    topic: re.Pattern[str] | None = None
    agent: str | None = None

    def concerns(self, agents: Iterable[str]) -> bool:
        return self.agent is None or self.agent in agents


@dataclass(slots=True, kw_only=True)
class Fault:
    """`left` counts the uses down (None: until deleted). `probability` is that of each use."""

    id: str
    kind: str
    match: Match
    left: int | None = None
    probability: float | None = None
    seconds: float | None = None
    status: int | None = None
    vendor_body: bool = True
    delay_ms: float | None = None

    @property
    def lifetime(self) -> float | None:
        """Seconds until it goes by itself; None: when it is used up or deleted."""
        return None if self.kind in _HAVE_LENGTH or self.left is not None else self.seconds

    @property
    def wait(self) -> float:
        """How long it lasts, in seconds: a hanging request, a slow one, silence on a socket, a storm."""
        if self.seconds is not None:
            return self.seconds
        if self.delay_ms is not None:
            return self.delay_ms / 1000
        return _WAITS.get(self.kind, 0.0)

    @property
    def answers_after(self) -> float:
        """Seconds from a request to what becomes of it."""
        return self.wait if self.kind in {"hang", "slow"} else (self.delay_ms or 0) / 1000

    @property
    def delay(self) -> float:
        """How late the bent event is, in seconds."""
        if self.delay_ms is None and self.seconds is not None:
            return self.seconds
        return (_DELAYS_MS.get(self.kind, 0.0) if self.delay_ms is None else self.delay_ms) / 1000

    @property
    def answer_status(self) -> int:
        return self.status if self.status is not None else _STATUS.get(self.kind, 500)


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One message to send for an event: after `delay` seconds; the state before it when `stale`.

    `after_next`: behind the next event of the same topic, or after `delay`, whichever is first.
    """

    delay: float = 0.0
    stale: bool = False
    after_next: bool = False


class Faults:
    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._faults: dict[str, Fault] = {}
        self._ids: set[str] = set()

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
        _check(kind, times=times, probability=probability, status=status)
        if min(seconds or 0, delay_ms or 0) < 0:
            raise Impossible("seconds and delay_ms are not negative.", status=400)
        fault = Fault(
            id=fault_id,
            kind=kind,
            match=match,
            left=times,
            probability=probability,
            seconds=seconds,
            status=status,
            vendor_body=vendor_body,
            delay_ms=delay_ms,
        )
        self._faults[fault_id] = fault
        self._ids.add(fault_id)
        return fault

    def remove(self, fault_id: str | None = None) -> bool:
        """Delete one, used up or not, or all. False: there never was such a fault."""
        if fault_id is None:
            self._faults.clear()
            return True
        self._faults.pop(fault_id, None)
        return fault_id in self._ids

    def all(self) -> list[Fault]:
        return list(self._faults.values())

    def for_request(self, *, method: str, path: str, agents: Iterable[str] = ()) -> Fault | None:
        """The first request fault met; its use is counted. `agents` are the users the request is about."""
        for fault in self._of(REQUEST_KINDS):
            match = fault.match
            by_request = match.method is not None or match.path is not None
            if (
                match.topic is None
                and (by_request or fault.kind != "token_revoked")
                and match.method in (None, method.upper())
                and (match.path is None or match.path.fullmatch(path) is not None)
                and match.concerns(agents)
                and self._use(fault)
            ):
                return fault
        return None

    def for_event(self, *, topics: Iterable[str], agents: Iterable[str] = ()) -> Fault | None:
        """The first event fault met by a change that goes out on `topics` (those that somebody follows).

        One change is one use; the fault bends the topics for which `bends` is true.
        """
        return self._for_topics(EVENT_KINDS, topics, agents)

    def for_socket(self, *, topics: Iterable[str] = (), agents: Iterable[str] = ()) -> Fault | None:
        """The first socket fault met by a socket that follows `topics`; its use is counted."""
        return self._for_topics(SOCKET_KINDS, topics, agents)

    def for_topic(self, *, topic: str, agents: Iterable[str] = ()) -> Fault | None:
        """`topic_refused`, met by a subscription; its use is counted."""
        return self._for_topics(TOPIC_KINDS, (topic,), agents)

    def _for_topics(
        self, kinds: frozenset[str], topics: Iterable[str], agents: Iterable[str]
    ) -> Fault | None:
        for fault in self._of(kinds):
            match = fault.match
            if match.method is not None or match.path is not None:
                continue
            followed = match.topic is None or any(bends(fault, topic) for topic in topics)
            if followed and match.concerns(agents) and self._use(fault):
                return fault
        return None

    def _of(self, kinds: frozenset[str]) -> list[Fault]:
        if not self._faults:
            return []
        return [fault for fault in self._faults.values() if fault.kind in kinds]

    def _use(self, fault: Fault) -> bool:
        if fault.probability is not None and self._rng.random() >= fault.probability:
            return False
        if fault.left is not None:
            fault.left -= 1
            if fault.left == 0:
                del self._faults[fault.id]
        return True


def match(
    *, method: str | None = None, path: str | None = None, topic: str | None = None, agent: str | None = None
) -> Match:
    """A match from what the control surface was told; `{id}` in a topic stands for any id.

    Raises Impossible (400).
    """
    try:
        return Match(
            method=None if method is None else method.upper(),
            path=None if path is None else re.compile(path),
            topic=None
            if topic is None
            else re.compile(r"(?:.*\.)?(?:" + topic.replace("{id}", "[^.]+") + ")"),
            agent=agent,
        )
    except re.error as problem:
        raise Impossible(f"Not a regular expression: {problem}", status=400) from None


def bends(fault: Fault, topic: str) -> bool:
    """Whether an event fault is about this topic."""
    return fault.match.topic is None or fault.match.topic.fullmatch(topic) is not None


def deliveries(fault: Fault | None) -> tuple[Delivery, ...]:
    """What to send for one event under a fault; one plain delivery without."""
    if fault is None:
        return (Delivery(),)
    bent: dict[str, tuple[Delivery, ...]] = {
        "event_lost": (),
        "event_late": (Delivery(delay=fault.delay),),
        "event_twice": (Delivery(), Delivery(delay=fault.delay)),
        "events_swapped": (Delivery(delay=fault.delay, after_next=True),),
        "event_stale": (Delivery(), Delivery(delay=fault.delay, stale=True)),
    }
    return bent[fault.kind]


def _check(kind: str, *, times: int | None, probability: float | None, status: int | None) -> None:
    if kind not in KINDS:
        raise Impossible(f"There is no fault {kind}; there are {', '.join(sorted(KINDS))}.", status=400)
    if times is not None and times < 1:
        raise Impossible("times is a number from 1.", status=400)
    if probability is not None and not 0 <= probability <= 1:
        raise Impossible("probability is a number from 0 to 1.", status=400)
    if status is not None and not 100 <= status <= 599:  # noqa: PLR2004 -- HTTP's own range
        raise Impossible("status is an HTTP status.", status=400)
