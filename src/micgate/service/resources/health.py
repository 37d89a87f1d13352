"""`/healthz`: this process answers. `/readyz`: what works and what does not, by name. `/metrics`."""

from collections.abc import Callable, Iterable

import msgspec
from litestar import Response, get
from litestar.di import NamedDependency

from micgate.service.request.access import open_here, open_to_all
from micgate.service.request.parts import Parts
from micgate.service.request.stream import Stream
from micgate.service.telemetry import metrics
from micgate.service.telemetry.metrics import Metrics, Stored
from micgate.service.telemetry.question import ANSWER_SECONDS, Question
from micgate.service.telemetry.tasks import Task
from micgate.store.errors import StoreError
from micgate.store.leases import Lease

STILL_SECONDS = 5.0
"""A lease that did not beat for so long has no keeper."""
UNSEALED_SECONDS = 10.0


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that has to work. `warns`: it should, but nothing depends on it now."""

    name: str
    ok: bool
    says: str
    remedy: str = ""
    warns: bool = False


class Readiness(msgspec.Struct, frozen=True, kw_only=True):
    """`ready` false: mutes are not served as they should be; the first check that is not ok says why."""

    ready: bool
    checks: list[Check]
    tasks: list[Task] = []


class Alive(msgspec.Struct, frozen=True, kw_only=True):
    alive: bool = True
    tasks: list[Task] = []


class Health:
    """`probes` are what the rest of the process has to say, the keeper for one; so with `works`."""

    def __init__(
        self,
        *,
        parts: Parts,
        stream: Stream,
        metrics: Metrics,
        probes: Iterable[Callable[[], Check | None]] = (),
        works: Iterable[Callable[[], list[Task]]] = (),
        budget: Callable[[], dict[str, float]] = dict,
    ) -> None:
        self.parts = parts
        self.stream = stream
        self.metrics = metrics
        self.probes = list(probes)
        self._works = list(works)
        self._budget = budget
        self._lease: Lease | None = None
        self._since = 0.0
        self._checks = Question(self._stored_checks, name="readiness")
        self._figures = Question(self._stored_figures, name="figures")

    async def ready(self) -> Readiness:
        try:
            checks = await self._checks.answer() or [_SILENT]
        except StoreError as error:
            checks = [Check(name="database", ok=False, says=error.what, remedy=error.remedy)]
        checks += [check for probe in self.probes if (check := probe())]
        return Readiness(
            ready=all(check.ok or check.warns for check in checks), checks=checks, tasks=self.tasks()
        )

    def tasks(self) -> list[Task]:
        return [task for work in self._works for task in work()]

    async def exposed(self) -> bytes:
        """Without the database it says what this process knows."""
        try:
            stored = await self._figures.answer()
        except StoreError:
            stored = None
        return self.metrics.now(stored, viewers=self.stream.viewers, budget=self._budget())

    async def _stored_figures(self) -> Stored:
        parts = self.parts
        unsealed, since = await parts.store.entries.waiting(parts.org)
        return Stored(
            phases=await parts.store.microphones.phases(parts.org),
            standing=len(await parts.store.mutes.standing(parts.org)),
            unsealed=unsealed,
            waiting=0.0 if since is None else max(0.0, parts.now() - since),
            frozen=await parts.store.orgs.brake(parts.org) is not None,
            deliveries=await self._deliveries(),
        )

    async def _deliveries(self) -> dict[str, int]:
        """Of all webhooks. `behind`: records that one of them has not been looked through for yet."""
        found = (await self.parts.store.deliveries.figures(self.parts.org)).values()
        return {
            "waiting": sum(one.waiting for one in found),
            "dead": sum(one.dead for one in found),
            "behind": max((one.behind for one in found), default=0),
        }

    async def _stored_checks(self) -> list[Check]:
        parts = self.parts
        brake = await parts.store.orgs.brake(parts.org)
        _, since = await parts.store.entries.waiting(parts.org)
        return [
            Check(name="database", ok=True, says="It answers."),
            self._kept(await parts.store.leases.read(parts.org)),
            _sealed(0.0 if since is None else parts.now() - since),
            _delivered(await self._deliveries()),
            Check(
                name="brake",
                ok=brake is None,
                warns=True,
                says=f"{brake.by} has stopped all muting." if brake else "It is off.",
                remedy="micgate unfreeze" if brake else "",
            ),
        ]

    def _kept(self, lease: Lease | None) -> Check:
        now = self.parts.monotonic()
        if lease is None or lease.holder is None:
            return Check(name="keeper", ok=False, says="No replica keeps this organization.", remedy=_KEEPER)
        if self._lease is None or lease.beat != self._lease.beat or lease.epoch != self._lease.epoch:
            self._lease, self._since = lease, now
        if now - self._since > STILL_SECONDS:
            says = f"The keeper has been silent for {now - self._since:.0f} s."
            return Check(name="keeper", ok=False, says=says, remedy=_KEEPER)
        return Check(name="keeper", ok=True, says="A replica keeps this organization.")


_SILENT = Check(
    name="database",
    ok=False,
    says=f"It has not answered for {ANSWER_SECONDS:g} s.",
    remedy="See that it runs and is not overloaded; micgate goes on by itself.",
)
_KEEPER = "Nobody sends mutes and releases now: see the log of micgate serve, start another one."


def _sealed(age: float) -> Check:
    if age > UNSEALED_SECONDS:
        says = f"Records have waited {age:.0f} s for their seal."
        return Check(name="record", ok=False, says=says, remedy="See the keeper's log.")
    return Check(name="record", ok=True, says="It is sealed as it is written.")


def _delivered(deliveries: dict[str, int]) -> Check:
    dead = deliveries["dead"]
    says = f"{dead} deliveries were given up." if dead else "No delivery was given up."
    remedy = "micgate webhooks list, then: micgate webhooks replay NAME --dead" if dead else ""
    return Check(name="webhooks", ok=not dead, warns=True, says=says, remedy=remedy)


@get("/healthz", opt=open_to_all())
async def show_alive(*, health: NamedDependency[Health]) -> Alive:
    """This process answers. What runs in it, and when each task last did its work."""
    return Alive(tasks=health.tasks())


@get("/readyz", opt=open_to_all())
async def show_ready(*, health: NamedDependency[Health]) -> Response[Readiness]:
    """Whether mutes are served, and what speaks against it. 503 when not."""
    readiness = await health.ready()
    return Response(readiness, status_code=200 if readiness.ready else 503)


@get("/metrics", opt=open_here())
async def show_metrics(*, health: NamedDependency[Health]) -> Response[bytes]:
    """For Prometheus."""
    return Response(await health.exposed(), media_type=metrics.MEDIA_TYPE)
