"""From POST /v1/mutes to the intent's commit and to the PATCH on the wire, at a steady rate."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from benchmarks.house import Calls, House, cpu_seconds, house, in_process, percentile, wait_until
from micgate.keeper.catch_up import LOOK_AGAIN

WARM_UP = 40
LAST = 5.0
"""Seconds for the last mute to leave."""
_CONVERSATION = 5
"""Where its id is in the path of a request about a call."""
_ROUNDING = 1.0


@dataclass(frozen=True, slots=True)
class Pace:
    """Milliseconds from the client's send, and of processor time for each mute.

    `looks`: reads of microphones under a mute that nothing was heard of for long. They are no part of muting.
    """

    answer: tuple[float, ...]
    intent: tuple[float, ...]
    wire: tuple[float, ...]
    refused: int
    requests_per_mute: float
    looks: int
    cpu_ms: float

    def of(self, what: str, share: float) -> float:
        return percentile(getattr(self, what), share)


def measure(*, rate: int, seconds: float, length: float = 10.0) -> Pace:
    mutes = int(rate * seconds)
    with house(agents=mutes + WARM_UP) as made:
        calls = made.on_calls(made.twin.agents)
        agents = list(calls)
        key = made.key()
        place(made, agents[:WARM_UP], calls, rate=20, key=key, length=length)
        return run(made, agents[WARM_UP:], calls, rate=rate, key=key, length=length)


def run(
    made: House, agents: Sequence[str], calls: Calls, *, rate: int, key: str, length: float | Sequence[float]
) -> Pace:
    pid = made.serving.process.pid
    before, seq = cpu_seconds(pid), made.last_seq()
    placed = place(made, agents, calls, rate=rate, key=key, length=length)
    cpu = cpu_seconds(pid) - before
    _let_the_last_leave(made, placed, after=seq)
    return judged(made, agents, calls, placed, after=seq, cpu=cpu)


def place(
    made: House, agents: Sequence[str], calls: Calls, *, rate: int, key: str, length: float | Sequence[float]
) -> list[list[Any]]:
    """`length` is one for all, or one for each."""
    lengths = [length] * len(agents) if isinstance(length, float) else length
    wishes = [
        {"agent": agent, "conversation": calls[agent], "for": seconds}
        for agent, seconds in zip(agents, lengths, strict=True)
    ]
    plan = {"url": made.serving.url, "key": key, "rate": rate, "wishes": wishes}
    found: list[list[Any]] = in_process("benchmarks.placing", plan)
    return found


def judged(
    made: House,
    agents: Sequence[str],
    calls: Calls,
    placed: Sequence[Sequence[Any]],
    *,
    after: int,
    cpu: float,
) -> Pace:
    intents = made.committed("command.intended")
    requests = made.ledger("request", after=after)
    wire = first_mutes(requests)
    good = [
        (sent, answered, intents[mute], wire[calls[agent]])
        for agent, (sent, answered, status, mute) in zip(agents, placed, strict=True)
        if status == 201 and mute in intents and calls[agent] in wire
    ]
    platform = [one for one in requests if "/notifications/" not in one["path"] and not _opens(one)]
    looks = sum(_looks_again(one, wire) for one in platform)
    return Pace(
        answer=tuple((answered - sent) * 1000 for sent, answered, _, _ in good),
        intent=tuple((intent - sent) * 1000 for sent, _, intent, _ in good),
        wire=tuple((at - sent) * 1000 for sent, _, _, at in good),
        refused=len(placed) - len(good),
        requests_per_mute=(len(platform) - looks) / max(1, len(good)),
        looks=looks,
        cpu_ms=cpu * 1000 / max(1, len(good)),
    )


def _let_the_last_leave(made: House, placed: Sequence[Sequence[Any]], *, after: int) -> None:
    """A mute that was answered a moment ago is late, not refused."""
    accepted = sum(status == 201 for _, _, status, _ in placed)
    with suppress(TimeoutError):
        wait_until(lambda: len(first_mutes(made.ledger("request", after=after))) >= accepted, seconds=LAST)


def first_mutes(requests: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """When the first PATCH that mutes arrived for each conversation."""
    found: dict[str, float] = {}
    for one in requests:
        if one["method"] == "PATCH" and (one["body"] or {}).get("muted") is True:
            found.setdefault(one["path"].split("/")[_CONVERSATION], one["at"])
    return found


def _opens(one: Mapping[str, Any]) -> bool:
    return one["method"] == "PATCH" and (one["body"] or {}).get("muted") is False


def _looks_again(one: Mapping[str, Any], muted: Mapping[str, float]) -> bool:
    """Whether it reads a call that was muted long before: an override whose event was lost is found so."""
    parts = one["path"].split("/")
    at = muted.get(parts[_CONVERSATION]) if len(parts) > _CONVERSATION else None
    return one["method"] == "GET" and at is not None and one["at"] - at >= LOOK_AGAIN - _ROUNDING
