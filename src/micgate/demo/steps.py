"""The steps of the demo. Each shows one promise on a live call and answers whether it was kept.

Requests are counted by the simulator's ledger, not by the client that sends them.
"""

import asyncio
import re
import time
from collections.abc import Callable, Iterable

import msgspec

from micgate.demo.guide import Guide
from micgate.demo.household import Household, Process
from micgate.demo.simulator import Call, Entry, Person, Simulator
from micgate.direct.client import Genesys, StandingMute
from micgate.direct.find import AgentOnCall

PATIENCE = 15.0
"""Seconds to wait for something that normally takes one."""

_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Proof(msgspec.Struct, frozen=True, kw_only=True):
    """One mute, seen by the platform's own event. Milliseconds from the first request."""

    confirmed_ms: float
    requests_per_mute: int
    released: bool


async def list_agents(guide: Guide, genesys: Genesys) -> None:
    guide.step("agents", "Who is on a call")
    found = await genesys.agents_on_calls()
    for agent in found:
        guide.row(agent.name or agent.user_id, agent.email or "", _microphone(agent))
    guide.fact(f"{len(found)} agents are on calls.")


async def prove(guide: Guide, simulator: Simulator, genesys: Genesys, person: Person, call: Call) -> Proof:
    guide.step("mute", f"Mute {person.name} for 30 seconds, with proof")
    async with genesys.watch([person.id]):
        live = await genesys.find_call(person.id)
        before = simulator.last_entry()
        async with genesys.mute(live, for_="30s", reason="supervisor") as mute:
            requests = [one for one in simulator.ledger(after=before) if one.is_api_request]
            confirmed = mute.result.confirmed_ms if mute.result else None
            silent = simulator.muted(call, person) is True
            guide.check(
                f"The platform reports silence {confirmed or 0:.0f} ms after the request.", holds=silent
            )
            guide.fact(
                f"{len(requests)} API request: {_spoken(requests)}. The 202 alone would prove nothing."
            )
        released = simulator.muted(call, person) is False and _word(mute) == "released"
        guide.check("Given back, and the platform reports that too.", holds=released)
    return Proof(
        confirmed_ms=round(confirmed or 0.0, 1), requests_per_mute=len(requests), released=released and silent
    )


async def yield_to_headset(
    guide: Guide, simulator: Simulator, genesys: Genesys, person: Person, call: Call
) -> bool:
    guide.step("override", f"{person.name} presses the headset's button while muted")
    async with genesys.watch([person.id]), genesys.mute(person.id, for_="30s", reason="customer") as mute:
        before = simulator.last_entry()
        simulator.press_mute(call, person, muted=False)
        pressed = time.monotonic()
        await _until(lambda: mute.ended is not None)
        seconds = time.monotonic() - pressed
    again = _mutes_sent(simulator.ledger(after=before))
    yielded = _word(mute) == "overridden" and simulator.muted(call, person) is False and not again
    guide.check(
        f"Noticed after {seconds:.1f} s: the mute ends, its owner is told, no second mute.", holds=yielded
    )
    guide.fact("`muted` is one flag that the agent can flip back: micgate tells, it cannot lock.")
    return yielded


async def keep_self_mute(
    guide: Guide, simulator: Simulator, genesys: Genesys, person: Person, call: Call
) -> bool:
    guide.step(
        "self_mute", f"{person.name} is muted by their own button; somebody else's mute comes and goes"
    )
    simulator.press_mute(call, person, muted=True)
    before = simulator.last_entry()
    async with genesys.mute(person.id, for_="30s") as mute:
        pass
    sent = _mutes_sent(simulator.ledger(after=before))
    kept = simulator.muted(call, person) is True and _word(mute) == "kept" and not sent
    guide.check("Still muted afterwards: what others closed is never opened. Nothing was sent.", holds=kept)
    return kept


def kill(guide: Guide, household: Household, simulator: Simulator, person: Person, call: Call) -> bool:
    guide.step("kill", f"`micgate mute {person.email}` is killed with kill -9")
    process = household.start(
        *("mute", person.email, "--for", "60s", "--json"),
        environ=simulator.environment() | {"MICGATE_URL": "none"},
        log="commands.log",
    )
    try:
        muted = _confirmed(process)
        guide.check(f"Muted by process {process.pid}, for 60 seconds.", holds=muted)
    finally:
        before = simulator.last_entry()
        killed = time.monotonic()
        household.end(process, kill=True)
    released = asyncio.run(_until(lambda: simulator.muted(call, person) is False))
    seconds = time.monotonic() - killed
    opened = any(
        one.kind == "change" and one.field == "muted" and one.to is False
        for one in simulator.ledger(after=before)
    )
    guide.check(f"Given back {seconds:.2f} s after the kill, by the command's guardian.", holds=released)
    return muted and released and opened


def _confirmed(process: Process) -> bool:
    assert process.stdout is not None  # noqa: S101 -- asked for above
    return any(msgspec.json.decode(line).get("event") == "confirmed" for line in process.stdout)


async def _until(holds: Callable[[], bool]) -> bool:
    """Whether it came true while there was patience."""
    deadline = time.monotonic() + PATIENCE
    while not (held := holds()) and time.monotonic() < deadline:  # noqa: ASYNC110 -- it happens elsewhere
        await asyncio.sleep(0.02)
    return held


def _mutes_sent(entries: Iterable[Entry]) -> list[Entry]:
    return [one for one in entries if one.kind == "request" and one.method == "PATCH"]


def _spoken(requests: Iterable[Entry]) -> str:
    """Methods and paths, the ids left out."""
    return ", ".join(f"{one.method} {_ID.sub('{id}', one.path)}" for one in requests)


def _word(mute: StandingMute) -> str | None:
    return mute.ended.word if mute.ended else None


def _microphone(agent: AgentOnCall) -> str:
    return {True: "muted", False: "open", None: "unknown"}[agent.muted]
