"""The steps with the service. What holds is read from the simulator's ledger and from the service."""

import signal
import time
from collections.abc import Callable
from dataclasses import dataclass

from micgate.client.models import Mute
from micgate.client.sync import Gate
from micgate.demo.guide import Guide
from micgate.demo.household import Household
from micgate.demo.service import Service
from micgate.demo.simulator import Call, Entry, Person, Simulator

PATIENCE = 15.0
LATE_MS = 1000.0
"""Later than this a release was not on time. The simulator itself takes 0.1 to 0.4 s for a change."""
_SHORTEST = 8.0
_POLL = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Who takes part. `desk` and `rule` are the service's doors for two owners."""

    guide: Guide
    household: Household
    simulator: Simulator
    service: Service
    desk: Gate
    rule: Gate


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovery:
    recovered: bool
    late_ms: float | None


def count_owners(stage: Stage, person: Person, call: Call) -> bool:
    guide, simulator = stage.guide, stage.simulator
    guide.step("two_owners", f"Two owners mute {person.name}; one of them releases")
    before = simulator.last_entry()
    first = stage.desk.mute(person.email, for_="60s", reason="supervisor")
    second = stage.rule.mute(person.email, for_="60s", reason="customer")
    placed = first.confirmed and second.confirmed and simulator.muted(call, person) is True
    guide.check("Two mutes stand on one microphone: the supervisor's desk, and a rule.", holds=placed)
    released = stage.desk.release(first)
    why = stage.desk.explain(person.email)
    standing = [mute.id for mute in why.mutes if mute.stands]
    still = released.end == "released" and standing == [second.id] and simulator.muted(call, person) is True
    guide.check("The desk releases its own: still muted, for the rule's mute stands.", holds=still)
    guide.fact(f"why: {why.says}")
    stage.rule.release(second)
    opened = _until(lambda: simulator.muted(call, person) is False)
    turns = [one.to for one in simulator.ledger(after=before) if one.turns(call, person)]
    guide.check("The rule releases too: open. Closed once, opened once.", holds=opened)
    return placed and still and opened and turns == [True, False]


def yield_to_agent(stage: Stage, person: Person, call: Call) -> bool:
    guide, simulator = stage.guide, stage.simulator
    guide.step("served_override", f"{person.name} presses the headset's button under the service's mute")
    mute = stage.rule.mute(person.email, for_="60s", reason="customer", on_override="yield")
    before = simulator.last_entry()
    simulator.press_mute(call, person, muted=False)
    pressed = time.monotonic()
    ended = _until(lambda: not stage.rule.read(mute).stands)
    seconds = time.monotonic() - pressed
    after = stage.rule.read(mute)
    sent = [one for one in simulator.ledger(after=before) if one.asks(call)]
    yielded = ended and after.end == "overridden" and simulator.muted(call, person) is False and not sent
    guide.check(
        f"Noticed after {seconds:.1f} s: the mute has ended, and nothing more was sent.", holds=yielded
    )
    return mute.confirmed and yielded


def survive(stage: Stage, person: Person, call: Call, *, started_in: float) -> Recovery:
    """`started_in`: how long this machine took to start the service. The mute has to outlast that."""
    guide, simulator, service = stage.guide, stage.simulator, stage.service
    guide.step("service_kill", "The service is killed with kill -9 in the middle of a mute")
    seconds = max(_SHORTEST, 4 + 1.5 * started_in)
    before = simulator.last_entry()
    mute = stage.rule.mute(person.email, for_=round(seconds), reason="customer")
    pid, code = service.process.pid, service.kill()
    guide.check(f"{person.name} is muted for {seconds:.0f} s; process {pid} is dead.", holds=mute.confirmed)
    guide.progress("the service comes back")
    began = time.monotonic()
    service.start()
    back = time.monotonic() - began
    again = stage.rule.read(mute)
    silent = simulator.muted(call, person) is True
    same = again.stands and again.release_at == mute.release_at
    guide.check(
        f"Back after {back:.1f} s as process {service.process.pid}: the same mute, the same end.", holds=same
    )
    killed = code == -signal.SIGKILL and service.process.pid != pid
    late = _released(stage, mute, person, call, after=before)
    return Recovery(
        recovered=mute.confirmed and killed and same and silent and late is not None, late_ms=late
    )


def keep_self_mute(stage: Stage, person: Person, call: Call) -> bool:
    """The agent's own button is pressed already."""
    guide, simulator = stage.guide, stage.simulator
    guide.step("served_self_mute", f"{person.name}, muted by their own button, under the service's mute")
    before, muted = simulator.last_entry(), simulator.muted(call, person)
    mute = stage.rule.mute(person.email, for_="30s", reason="customer")
    ended = stage.rule.release(mute, wait=5)
    turns = [one for one in simulator.ledger(after=before) if one.turns(call, person)]
    kept = muted is True and simulator.muted(call, person) is True and not ended.stands and not turns
    guide.check("The mute came and went; the agent's own one was never opened.", holds=kept)
    return mute.confirmed and kept


def _released(stage: Stage, mute: Mute, person: Person, call: Call, *, after: int) -> float | None:
    """How long after its end the microphone opened, by the ledger; None when it did not. In milliseconds."""
    guide, simulator = stage.guide, stage.simulator
    guide.progress("the mute comes to its end")
    end = mute.release_at.timestamp()

    def turns() -> list[Entry]:
        return [one for one in simulator.ledger(after=after) if one.turns(call, person)]

    _until(lambda: any(one.to is False for one in turns()), seconds=max(0.0, end - time.time()) + PATIENCE)
    found = turns()
    if [one.to for one in found] != [True, False]:
        guide.check("Closed once, and opened at its end.", holds=False)
        return None
    asked = [one.at for one in simulator.ledger(after=after) if one.asks(call)][-1]
    late = (found[-1].at - end) * 1000
    guide.check(
        f"Opened {late:.0f} ms after its end; asked for {(asked - end) * 1000:.0f} ms after it.",
        holds=0 <= late <= LATE_MS,
    )
    return round(late, 1)


def _until(holds: Callable[[], bool], *, seconds: float = PATIENCE) -> bool:
    deadline = time.monotonic() + seconds
    while not (held := holds()) and time.monotonic() < deadline:
        time.sleep(_POLL)
    return held
