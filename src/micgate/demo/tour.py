"""The run: the direct steps, then those with the service, then what stays up."""

import asyncio
import time

import msgspec

from micgate.client.errors import GateError
from micgate.demo import record, served_steps, stay, steps
from micgate.demo.cast import Cast
from micgate.demo.errors import NoService
from micgate.demo.guide import Guide
from micgate.demo.household import Household
from micgate.demo.served_steps import LATE_MS, Stage
from micgate.demo.service import Service
from micgate.demo.simulator import Simulator
from micgate.demo.stay import Opened
from micgate.direct.client import Genesys

NOT_INSTALLED = "not_installed"


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """The last line of `--json`. `requests_per_mute` leaves out token and look-up.

    `released_late_ms`: from the end that the service gave a mute until the platform's microphone was open.
    None: the service was not shown, and the other figures are of the direct steps alone.
    """

    confirmed_ms: float
    requests_per_mute: int
    released: bool
    override_yielded: bool
    self_mute_kept: bool
    released_after_kill: bool
    two_owners_ok: bool | None = None
    killed_and_recovered: bool | None = None
    released_late_ms: float | None = None
    audit_ok: bool | None = None

    @property
    def all_kept(self) -> bool:
        """Every promise that was shown."""
        direct = (self.released, self.override_yielded, self.self_mute_kept, self.released_after_kill)
        served = (self.two_owners_ok, self.killed_and_recovered, self.audit_ok)
        late = self.released_late_ms or 0.0
        return all(direct) and False not in served and 0 <= late <= LATE_MS


def run(*, once: bool, json_lines: bool, port: int) -> int:
    """Run it; 0 when every promise was kept. Without `once` all of it goes on until a signal.

    Without the service's libraries the rest is shown, and that counts.
    """
    guide = Guide(as_json=json_lines)
    try:
        with Household.opened() as household:
            guide.progress("starting the simulator")
            simulator = Simulator.started(household, port=port)
            guide.open(page=simulator.page)
            code = _toured(guide, household, simulator, once=once)
    except SystemExit as stopped:  # a signal
        if json_lines:
            raise
        code = int(str(stopped.code))
    finally:
        guide.clear()
    if not once or code > 1:
        guide.close("All that the demo started has ended.")
    return code


def _toured(guide: Guide, household: Household, simulator: Simulator, *, once: bool) -> int:
    cast = Cast.hired(simulator)
    figures, service, broken = _directly(guide, household, simulator, cast), None, False
    try:
        service, seconds = _started(guide, household, simulator)
        figures = _durably(
            figures,
            guide=guide,
            household=household,
            simulator=simulator,
            service=service,
            cast=cast,
            started_in=seconds,
        )
    except (NoService, GateError) as failed:
        lacking = service.lost(failed.what) if service and isinstance(failed, GateError) else failed
        service, broken = None, lacking.word != NOT_INSTALLED
        guide.check(f"The service cannot be shown: {lacking.what}", holds=False)
        guide.fact(lacking.remedy)
    opened = None if once else Opened.of(simulator, service)
    if opened:
        guide.invite(opened)
    guide.result(figures)
    if opened:
        return stay.until_signal(guide, simulator, opened)
    return 0 if figures.all_kept and not broken else 1


def _directly(guide: Guide, household: Household, simulator: Simulator, cast: Cast) -> Figures:
    async def asked() -> tuple[steps.Proof, bool, bool]:
        async with Genesys(simulator.connection) as genesys:
            await steps.list_agents(guide, genesys)
            proof = await steps.prove(guide, simulator, genesys, cast.ada, cast.ada_call)
            yielded = await steps.yield_to_headset(guide, simulator, genesys, cast.ada, cast.ada_call)
            kept = await steps.keep_self_mute(guide, simulator, genesys, cast.ben, cast.ben_call)
        return proof, yielded, kept

    proof, yielded, kept = asyncio.run(asked())
    return Figures(
        confirmed_ms=proof.confirmed_ms,
        requests_per_mute=proof.requests_per_mute,
        released=proof.released,
        override_yielded=yielded,
        self_mute_kept=kept,
        released_after_kill=steps.kill(guide, household, simulator, cast.ada, cast.ada_call),
    )


def _started(guide: Guide, household: Household, simulator: Simulator) -> tuple[Service, float]:
    """The service, and how many seconds it took."""
    guide.step("service", "`micgate serve`: mutes of several people and programs, kept in a database")
    guide.progress("starting the service and its database")
    began = time.monotonic()
    service = Service(household, simulator)
    seconds = time.monotonic() - began
    guide.check(f"Ready after {seconds:.1f} s, with a PostgreSQL of its own: {service.url}", holds=True)
    return service, seconds


def _durably(
    direct: Figures,
    *,
    guide: Guide,
    household: Household,
    simulator: Simulator,
    service: Service,
    cast: Cast,
    started_in: float,
) -> Figures:
    cleo_call = simulator.call(cast.cleo, customer="Nils Aalto")
    dan_call = simulator.call(cast.dan, customer="Imani Reyes")
    service.wait_for(dan_call)
    with (
        service.door(service.key("supervisors' desk", "mute")) as desk,
        service.door(service.key("card rule", "mute")) as rule,
    ):
        stage = Stage(
            guide=guide, household=household, simulator=simulator, service=service, desk=desk, rule=rule
        )
        counted = served_steps.count_owners(stage, cast.cleo, cleo_call)
        yielded = served_steps.yield_to_agent(stage, cast.cleo, cleo_call)
        recovery = served_steps.survive(stage, cast.dan, dan_call, started_in=started_in)
        kept = served_steps.keep_self_mute(stage, cast.ben, cast.ben_call)
        audited = record.verify(stage)
    return msgspec.structs.replace(
        direct,
        override_yielded=direct.override_yielded and yielded,
        self_mute_kept=direct.self_mute_kept and kept,
        two_owners_ok=counted,
        killed_and_recovered=recovery.recovered,
        released_late_ms=recovery.late_ms,
        audit_ok=audited,
    )
