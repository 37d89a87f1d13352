"""What is counted. No label ever names a person, a call or a key."""

import math
import re
from dataclasses import dataclass

import msgspec
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from micgate.audit.canonical import Plain
from micgate.control.microphone import Phase
from micgate.store.entries import Sealed

MEDIA_TYPE = "text/plain; version=0.0.4"
"""The charset is added by Litestar."""
_SILENCE = (0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2, 3, 5, 10, 30)
_LATE = (0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 300)
_WORD = re.compile(r"[a-z_.]{1,40}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """What only the database knows."""

    phases: dict[str, int]
    standing: int
    unsealed: int
    waiting: float
    frozen: bool
    deliveries: dict[str, int]


class Metrics:
    """As this replica sees it: every replica sees the whole record, so take the greatest, not the sum."""

    def __init__(self) -> None:
        self._registry = it = CollectorRegistry()
        self._silence = Histogram(
            "micgate_silence_seconds", "From the wish to observed silence.", buckets=_SILENCE, registry=it
        )
        self._late = Histogram(
            "micgate_release_late_seconds", "From due to opened by micgate.", buckets=_LATE, registry=it
        )
        self._records = Counter("micgate_records", "Records sealed, by action.", ["action"], registry=it)
        self._requests = Counter(
            "micgate_http_requests", "Answers.", ["method", "route", "status"], registry=it
        )
        self._took = Histogram(
            "micgate_http_seconds", "Time to the first byte.", ["method", "route"], registry=it
        )
        self._database = Gauge("micgate_database_up", "1 if it answered just now.", registry=it)
        self._phases = Gauge("micgate_microphones", "Microphones by phase.", ["phase"], registry=it)
        self._standing = Gauge("micgate_mutes_standing", "Mutes that stand.", registry=it)
        self._backlog = Gauge("micgate_records_unsealed", "Records that wait for a seal.", registry=it)
        self._waiting = Gauge("micgate_unsealed_seconds", "Age of the oldest of them.", registry=it)
        self._viewers = Gauge("micgate_streams", "Open event streams.", registry=it)
        self._undelivered = Counter(
            "micgate_checkpoint_failures", "Checkpoints that did not get off the machine.", registry=it
        )
        self._outside = Gauge(
            "micgate_checkpoint_wait_seconds", "Age of the oldest that is not outside yet.", registry=it
        )
        self._frozen = Gauge("micgate_frozen", "1 while the brake is on.", registry=it)
        self._deliveries = Gauge("micgate_webhook_deliveries", "By state.", ["state"], registry=it)
        self._posts = Counter("micgate_webhook_posts", "Tries, by outcome.", ["outcome"], registry=it)
        self._budget = Gauge("micgate_budget_requests", "Requests of this window.", ["what"], registry=it)

    def told(self, sealed: Sealed) -> None:
        """Every sealed record comes by here."""
        entry = sealed.entry
        if _WORD.fullmatch(entry.action):
            self._records.labels(entry.action).inc()
        if entry.action == "microphone.confirmed":
            self._observe(self._silence, entry.public, "ms")
        elif entry.action == "microphone.given_back":
            self._opened(entry.public)

    def posted(self, outcome: str) -> None:
        """One try to deliver to a webhook: `done`, `failed`, or `dead` when it was the last."""
        self._posts.labels(outcome).inc()

    def answered(self, *, method: str, route: str, status: int, seconds: float) -> None:
        self._requests.labels(method, route, str(status)).inc()
        self._took.labels(method, route).observe(seconds)

    def undelivered(self) -> None:
        """A checkpoint could not be brought to one of its places."""
        self._undelivered.inc()

    def waits_outside(self, seconds: float) -> None:
        self._outside.set(seconds)

    def now(self, stored: Stored | None, *, viewers: int, budget: dict[str, float]) -> bytes:
        """Everything, with what is only looked up when somebody asks. `stored` None: it is not known now."""
        self._database.set(stored is not None)
        self._viewers.set(viewers)
        for what, count in budget.items():
            self._budget.labels(what).set(count)
        if stored is None:
            self._forget()
        else:
            self._look_up(stored)
        return generate_latest(self._registry)

    def _look_up(self, stored: Stored) -> None:
        for phase in Phase:
            self._phases.labels(phase).set(stored.phases.get(phase, 0))
        self._standing.set(stored.standing)
        self._backlog.set(stored.unsealed)
        self._waiting.set(stored.waiting)
        self._frozen.set(stored.frozen)
        for state, number in stored.deliveries.items():
            self._deliveries.labels(state).set(number)

    def _forget(self) -> None:
        """What was known a while ago would look as if it were so now."""
        self._phases.clear()
        self._deliveries.clear()
        for gauge in (self._standing, self._backlog, self._waiting, self._frozen):
            gauge.set(math.nan)

    def _opened(self, public: str) -> None:
        """Where somebody else had opened it, the time is how long it took to be sure of that."""
        if _facts(public).get("by_us"):
            self._observe(self._late, public, "late_ms")

    @staticmethod
    def _observe(histogram: Histogram, public: str, name: str) -> None:
        milliseconds = _facts(public).get(name)
        if isinstance(milliseconds, int):
            histogram.observe(milliseconds / 1000)


_facts = msgspec.json.Decoder(dict[str, Plain]).decode
