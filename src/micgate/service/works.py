"""What runs beside the API until the service ends, each under its name."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from micgate.log import Log
from micgate.service import host
from micgate.service.assembly import Running
from micgate.service.duties import posting, watchdog
from micgate.service.duties.nightly import Nightly
from micgate.service.duties.retention import Janitor, retention
from micgate.service.host import Cellar, Opened
from micgate.service.request.parts import Parts
from micgate.service.resources.health import Check
from micgate.settings import Settings
from micgate.store import idempotency, paces
from micgate.store.errors import StoreError

CHORES = 60.0
DELIVERED_KEPT = 3 * 86_400.0
"""Seconds for which a webhook's deliveries that were made are listed."""


def works_of(
    settings: Settings, house: Opened, running: Running, log: Log
) -> dict[str, Coroutine[Any, Any, None]]:
    parts, beat = running.parts, running.beats.of
    works: dict[str, Coroutine[Any, Any, None]] = {
        "keeper": running.kept.run(),
        "hints": parts.pulse.listen(
            parts.database, log, heard=beat("hints"), is_news=lambda org: _is_news(org, running)
        ),
        "stream": running.stream.run(looked=beat("stream")),
        "chores": _chores(parts, done=beat("chores")),
        "budget": running.accountant.run(looked=beat("budget")),
        "frequency": running.frequent.run(looked=beat("frequency")),
        "notary": running.notary.run(looked=beat("notary")),
    }
    janitor = _janitor(settings, house, running)
    running.health.probes.append(janitor.check)
    works["retention"] = janitor.run(looked=beat("retention"))
    if house.cellar.embedded:
        running.health.probes.append(lambda: _started(house.cellar))
        works["database"] = house.cellar.embedded.watch(
            lambda: log.write("database.restarted"), looked=beat("database")
        )
        if settings.backup_keep:
            nightly = _nightly(settings, house.cellar, log)
            running.health.probes.append(nightly.check)
            works["backup"] = nightly.run(done=beat("backup"))
    if parts.sender:
        works["webhooks"] = posting.office(
            parts,
            parts.sender,
            conninfo=house.cellar.application,
            tries=settings.webhook_tries,
            told=running.health.metrics.posted,
            beat=beat("webhooks"),
        ).run()
    if settings.heartbeat_url:
        works["heartbeat"] = watchdog.beat(
            settings.heartbeat_url,
            well=_well(running),
            private=settings.allow_private_receivers,
            log=log,
            beaten=beat("heartbeat"),
            every=settings.heartbeat_seconds,
        )
    return works


def _janitor(settings: Settings, house: Opened, running: Running) -> Janitor:
    parts, kept = running.parts, running.kept
    return Janitor(
        store=parts.store,
        org=parts.org,
        owner=house.cellar.owner,
        keep=retention(settings),
        keeps=lambda: kept.term() is not None,
        roster=kept.roster,
        now=parts.now,
        log=parts.log,
    )


def _is_news(org: str, running: Running) -> bool:
    """Who seals knows it first, and needs no echo."""
    return org == running.parts.org and running.kept.term() is None


def _started(cellar: Cellar) -> Check | None:
    """Why the embedded database cannot be started, if it cannot."""
    fault = cellar.embedded.fault if cellar.embedded else None
    return None if fault is None else Check(name="embedded", ok=False, says=fault.what, remedy=fault.remedy)


def _nightly(settings: Settings, cellar: Cellar, log: Log) -> Nightly:
    return Nightly(
        owner=cellar.owner,
        tools=cellar.tools,
        folder=host.backups(settings),
        keep=settings.backup_keep,
        log=log,
    )


async def _chores(parts: Parts, *, done: Callable[[], None]) -> None:
    while True:
        await asyncio.sleep(CHORES)
        try:
            await parts.keys.flush()
            async with parts.database.reading() as connection:
                await idempotency.sweep(connection, now=parts.now())
            await paces.sweep(parts.database, now=parts.now())
            await parts.store.deliveries.sweep(before=parts.now() - DELIVERED_KEPT)
            done()
        except StoreError as error:
            parts.log.failed("chores.undone", word=error.word)


def _well(running: Running) -> Callable[[], Awaitable[bool]]:
    """Mutes are kept, and the platform is heard."""

    async def well() -> bool:
        return (await running.health.ready()).ready and running.kept.line() is None

    return well
