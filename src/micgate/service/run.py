"""`micgate serve`: database, keeper and API in one process, until it is told to stop."""

import asyncio
import os
import signal
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from micgate.audit.key_file import KeyFile
from micgate.control.pace import Pace
from micgate.direct.connect import Connection, from_settings
from micgate.genesys.session import Session
from micgate.genesys.transport_aiohttp import AiohttpWire
from micgate.keeper.run import Keeper
from micgate.keeper.wiring import genesys_keeper
from micgate.log import Log
from micgate.service import app, host, listen, notary, outside, posting, traced, watchdog
from micgate.service.announcement import Announcement, announce, withdraw
from micgate.service.budget import Accountant
from micgate.service.cipher import ChannelCipher
from micgate.service.directory import Directory
from micgate.service.frequency import Frequent
from micgate.service.health import Check, Health
from micgate.service.host import Cellar, Opened
from micgate.service.kept import Kept
from micgate.service.listen import Address
from micgate.service.lookup import GenesysLookUp
from micgate.service.metrics import Metrics
from micgate.service.nightly import Nightly
from micgate.service.notary import Notary
from micgate.service.parts import Parts
from micgate.service.pulse import Pulse
from micgate.service.retention import Janitor, retention
from micgate.service.stream import Stream
from micgate.service.tasks import Beats
from micgate.service.thrift import Thrifty
from micgate.service.traced import Tracing
from micgate.settings import Settings
from micgate.store import idempotency
from micgate.store.database import Database, Hint
from micgate.store.entries import Sealed
from micgate.store.errors import StoreError
from micgate.webhooks.deliver import Sender

CHORES = 60.0
POOL = 16
KEEPERS_POOL = 6
"""Its own: however many place mutes at once, releases do not wait behind them for a connection."""
DELIVERED_KEPT = 3 * 86_400.0
"""Seconds for which a webhook's deliveries that were made are listed."""
API_FIRST = 1.0
"""Seconds until the lease is handed over, even if somebody is still being answered."""
DATABASE_WITHIN = 0.5
NOTICE = 0.1
"""For everybody to notice that the database is gone: a query that is cancelled instead takes psycopg 5 s."""
BOOKS_WITHIN = 5.0
"""Seconds for what is on its way and for writing it down; nothing is waited for any longer."""
LAST_RESORT = 9.5
"""Seconds after which nothing is waited for at all."""

Started = Callable[[Announcement], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """Everything that runs, put together."""

    parts: Parts
    stream: Stream
    health: Health
    kept: Kept
    beats: Beats
    accountant: Accountant
    frequent: Frequent
    notary: Notary
    server: listen.Server
    announcement: Announcement


def serve(settings: Settings, *, started: Started) -> int:
    """Blocks until SIGINT or SIGTERM; then what is on its way is finished and the lease handed over."""
    last_resort = threading.Timer(LAST_RESORT, _give_up)
    last_resort.daemon = True
    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            return runner.run(_serve(settings, started, stopping=last_resort.start))
    finally:
        last_resort.cancel()


def _give_up() -> None:
    """What is not written, the next keeper answers for."""
    Log().write("service.stop_forced", after_seconds=LAST_RESORT)
    os._exit(1)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Where there is uvloop, it takes a third less processor time."""
    try:
        import uvloop  # noqa: PLC0415 -- not on every system
    except ModuleNotFoundError:
        return None
    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory


async def _serve(settings: Settings, started: Started, *, stopping: Callable[[], None]) -> int:
    address = address_of(settings)
    address.check()
    if settings.heartbeat_url:
        watchdog.check(settings.heartbeat_url, private=settings.allow_private_receivers)
    connection = await asyncio.to_thread(from_settings, settings)
    log = Log()
    async with AsyncExitStack() as stack:
        stop = _stop_signal(stack)
        tracing = stack.enter_context(traced.opened(settings, log=log))
        listening = listen.bind(address)
        stack.callback(listening.close)
        house = await _unless(stop, stack.enter_async_context(host.opened(settings, size=POOL)))
        if house is None:
            return 0
        keeping = await Database.open(house.cellar.application, size=KEEPERS_POOL)
        stack.push_async_callback(keeping.close)
        session = _session(connection)
        stack.push_async_callback(session.close)
        url = address.url(listening.getsockname()[1])
        running = _put_together(
            settings,
            connection,
            house,
            session,
            keeping=keeping,
            log=log,
            url=url,
            address=address,
            tracing=tracing,
            sender=await stack.enter_async_context(posting.sender(settings, connection.network)),
        )
        _announce(stack, settings.announcement_path, running.announcement)
        works = _works(settings, house, running, log)
        serving = running.server.serve(sockets=[listening])
        started(running.announcement)
        log.write("service.started", url=url, org=house.org)
        await _until(stop, works, serving, running, stopping)
        log.write("service.stopped", org=house.org)
    return 0


def address_of(settings: Settings) -> Address:
    return Address(
        host=settings.host,
        port=settings.port,
        tls_certificate=settings.tls_cert,
        tls_key=settings.tls_key,
        proxies=settings.trusted_proxy,
    )


def _put_together(
    settings: Settings,
    connection: Connection,
    house: Opened,
    session: Session,
    *,
    keeping: Database,
    log: Log,
    url: str,
    address: Address,
    tracing: Tracing,
    sender: Sender | None,
) -> Running:
    thrifty = Thrifty(session, has_room=lambda: accountant.has_room())  # noqa: PLW0108 -- made below
    directory = Directory(house.store, house.org, GenesysLookUp(thrifty), monotonic=time.monotonic)
    parts = Parts(
        org=house.org,
        database=house.database,
        store=house.store,
        directory=directory,
        keys=house.keys(),
        pulse=Pulse(),
        now=house.now,
        monotonic=time.monotonic,
        log=log,
        reasons=settings.reasons,
        transaction=tracing.transaction,
        sender=sender,
        outlook=lambda: accountant.now(),  # noqa: PLW0108 -- as above
    )
    metrics = Metrics()
    frequent = Frequent(
        store=house.store,
        org=house.org,
        keeps=lambda: kept.term() is not None,
        now=house.now,
        log=log,
    )

    def told(sealed: Sealed) -> None:
        metrics.told(sealed)
        frequent.heard(sealed)

    stream = Stream(parts, told=told, log=log)
    kept = Kept(
        _keepers(settings, connection, parts, tracing, database=keeping),
        session,
        house.store,
        house.org,
        log=log,
    )
    house.store.nudge = lambda _: kept.nudge()
    beats = Beats(time.monotonic)
    accountant = Accountant(lambda: kept.keeper, house.store, log=log)
    witness = Notary(_desk(settings, connection, parts, kept, metrics))
    health = Health(
        parts=parts,
        stream=stream,
        metrics=metrics,
        probes=[kept.check, kept.line, witness.check],
        works=[beats.tasks, kept.tasks],
        budget=kept.budget,
    )
    announcement = Announcement(
        url=url,
        key=parts.keys.host_key(),
        region=connection.region.api_url,
        client_id=settings.client_id or "",
        pid=os.getpid(),
    )
    application = app.make(parts, stream=stream, health=health, local=address.local, traced=tracing.request)
    return Running(
        parts=parts,
        stream=stream,
        health=health,
        kept=kept,
        beats=beats,
        accountant=accountant,
        frequent=frequent,
        notary=witness,
        server=listen.server(application, address),
        announcement=announcement,
    )


def _keepers(
    settings: Settings, connection: Connection, parts: Parts, tracing: Tracing, *, database: Database
) -> Callable[[tuple[str, ...]], Keeper]:
    def published(sealed: Sequence[Sealed]) -> None:
        _published(parts)
        tracing.published(sealed)

    def make(users: tuple[str, ...]) -> Keeper:
        return genesys_keeper(
            org=parts.org,
            database=database,
            connection=connection,
            users=users,
            cipher=ChannelCipher(settings.client_secret),
            log=parts.log,
            pace=Pace(owner_grace=settings.owner_grace, slow_mute=settings.slow_mute),
            published=published,
        )

    return make


def _published(parts: Parts) -> None:
    """The record has grown, which other replicas hear of too."""
    parts.pulse.beat()
    parts.database.hint(parts.org, of=Hint.SEALED)


def _desk(
    settings: Settings, connection: Connection, parts: Parts, kept: Kept, metrics: Metrics
) -> notary.Desk:
    return notary.Desk(
        store=parts.store,
        org=parts.org,
        keys=KeyFile(settings.audit_key_path, given=settings.audit_key),
        places=outside.places(settings, network=connection.network),
        term=kept.term,
        now=parts.now,
        monotonic=parts.monotonic,
        every=settings.checkpoint_seconds,
        log=parts.log,
        metrics=metrics,
    )


def _works(
    settings: Settings, house: Opened, running: Running, log: Log
) -> dict[str, Coroutine[Any, Any, None]]:
    parts, beat = running.parts, running.beats.of
    works: dict[str, Coroutine[Any, Any, None]] = {
        "keeper": running.kept.run(),
        "hints": parts.pulse.listen(parts.database, log, heard=beat("hints")),
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


async def _until(
    stop: asyncio.Event,
    works: dict[str, Coroutine[Any, Any, None]],
    serving: Coroutine[Any, Any, None],
    running: Running,
    stopping: Callable[[], None],
) -> None:
    """Until told to stop, or until one of the works breaks: that is raised. The API goes first, the lease
    after it, so that nothing that was taken is left without a keeper longer than need be. What hangs is not
    waited for: a container is killed after ten seconds.
    """
    database = running.parts.database
    api = asyncio.create_task(serving, name="api")
    tasks = {asyncio.create_task(work, name=name) for name, work in works.items()}
    told = asyncio.create_task(stop.wait(), name="stop")
    try:
        await asyncio.wait({api, told, *tasks}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopping()
        running.stream.close()
        running.parts.pulse.stop()
        running.server.should_exit = True
        await asyncio.wait({api}, timeout=API_FIRST)
        if not await database.answers_within(DATABASE_WITHIN):
            database.cut()
            await asyncio.sleep(NOTICE)
        for task in {told, *tasks}:
            task.cancel()
        giving_up = asyncio.get_running_loop().call_later(BOOKS_WITHIN, database.cut)
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.gather(api, return_exceptions=True)
        giving_up.cancel()
    broken = [one for one in ended if isinstance(one, Exception)]
    if broken:
        raise broken[0]


async def _unless(stop: asyncio.Event, opening: Coroutine[Any, Any, Opened]) -> Opened | None:
    """None when told to stop before it was open."""
    told = asyncio.create_task(stop.wait())
    wanted = asyncio.create_task(opening)
    await asyncio.wait({told, wanted}, return_when=asyncio.FIRST_COMPLETED)
    told.cancel()
    if not wanted.done():
        wanted.cancel()
        await asyncio.gather(wanted, return_exceptions=True)
        return None
    return wanted.result()


async def _chores(parts: Parts, *, done: Callable[[], None]) -> None:
    while True:
        await asyncio.sleep(CHORES)
        try:
            await parts.keys.flush()
            async with parts.database.reading() as connection:
                await idempotency.sweep(connection, now=parts.now())
            await parts.store.deliveries.sweep(before=parts.now() - DELIVERED_KEPT)
            done()
        except StoreError as error:
            parts.log.failed("chores.undone", word=error.word)


def _well(running: Running) -> Callable[[], Awaitable[bool]]:
    """Mutes are kept, and the platform is heard."""

    async def well() -> bool:
        return (await running.health.ready()).ready and running.kept.line() is None

    return well


def _session(connection: Connection) -> Session:
    return connection.session(AiohttpWire(connection.region, connection.network))


def _announce(stack: AsyncExitStack, path: Path | None, told: Announcement) -> None:
    if path is not None and path.parent.is_dir():
        announce(path, told)
        stack.callback(withdraw, path, told)


def _stop_signal(stack: AsyncExitStack) -> asyncio.Event:
    """From here on signals mean to end well."""
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stop.set)
        stack.callback(loop.remove_signal_handler, number)
    return stop
