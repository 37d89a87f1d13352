"""`micgate demo`: a guided run on the simulator, which shows each promise being kept."""

import asyncio
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from micgate.demo import steps
from micgate.demo.guide import Guide
from micgate.demo.simulator import Simulator
from micgate.direct.client import Genesys


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """The last line of `--json`. `requests_per_mute` leaves out token and look-up."""

    confirmed_ms: float
    requests_per_mute: int
    released: bool
    override_yielded: bool
    self_mute_kept: bool
    released_after_kill: bool

    @property
    def all_kept(self) -> bool:
        return self.released and self.override_yielded and self.self_mute_kept and self.released_after_kill


def run(*, once: bool, json_lines: bool, port: int) -> int:
    """Run it; 0 when every promise was kept. Without `once` the simulator goes on until a signal."""
    guide = Guide(as_json=json_lines)
    with Simulator.started(port=port) as simulator:
        guide.open(page=simulator.page)
        figures = _walk(guide, simulator)
        guide.result(figures)
        if not once:
            guide.close(f"The simulator stays up: {simulator.page}  Ctrl-C ends it.")
            _wait_for_signal()
    return 0 if figures.all_kept else 1


def _walk(guide: Guide, simulator: Simulator) -> Figures:
    ada = simulator.hire("Ada Okafor", "ada.okafor@demo.example")
    ben = simulator.hire("Ben Lindqvist", "ben.lindqvist@demo.example")
    ada_call = simulator.call(ada, customer="Rosa Marchetti")
    ben_call = simulator.call(ben, customer="Tom Achterberg")

    async def asked() -> tuple[steps.Proof, bool, bool]:
        async with Genesys(simulator.connection) as genesys:
            await steps.list_agents(guide, genesys)
            proof = await steps.prove(guide, simulator, genesys, ada, ada_call)
            yielded = await steps.yield_to_headset(guide, simulator, genesys, ada, ada_call)
            kept = await steps.keep_self_mute(guide, simulator, genesys, ben, ben_call)
        return proof, yielded, kept

    proof, yielded, kept = asyncio.run(asked())
    with TemporaryDirectory(prefix="micgate-demo-") as state_home:
        released = steps.kill(guide, simulator, ada, ada_call, state_home=Path(state_home))
    return Figures(
        confirmed_ms=proof.confirmed_ms,
        requests_per_mute=proof.requests_per_mute,
        released=proof.released,
        override_yielded=yielded,
        self_mute_kept=kept,
        released_after_kill=released,
    )


def _wait_for_signal() -> None:
    while True:
        time.sleep(3600)
