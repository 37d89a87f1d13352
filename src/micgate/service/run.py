"""`micgate serve`: database, keeper and API in one process, until it is told to stop."""

import asyncio
import gc
import logging
import os
import signal
import threading
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from micgate.audit.key_file import KeyFile
from micgate.direct.connect import Connection, from_settings
from micgate.genesys.session import Session
from micgate.genesys.transport_aiohttp import AiohttpWire
from micgate.keeper.supervise import PASSING
from micgate.log import Log
from micgate.service import host
from micgate.service.announcement import Announcement, announce, keep_key, withdraw
from micgate.service.assembly import Running, put_together
from micgate.service.doorman import Doorman
from micgate.service.duties import outside, posting, watchdog
from micgate.service.host import Opened
from micgate.service.http import certificate, listen
from micgate.service.http.listen import Address
from micgate.service.telemetry import traced
from micgate.service.works import works_of
from micgate.settings import Settings
from micgate.store import server
from micgate.store.database import Database
from micgate.store.errors import StoreError

POOL = 16
KEEPERS_POOL = 6
"""Its own: however many place mutes at once, releases do not wait behind them for a connection."""
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


def serve(settings: Settings, *, started: Started) -> int:
    """Blocks until SIGINT or SIGTERM; then what is on its way is finished and the lease handed over."""
    last_resort = threading.Timer(LAST_RESORT, _give_up)
    last_resort.daemon = True
    # It tells of connections that were lost while they were cleared away. Whoever used them is told anyway.
    logging.getLogger("psycopg").setLevel(logging.ERROR)
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
    certificate.check(address)
    if settings.heartbeat_url:
        watchdog.check(settings.heartbeat_url, private=settings.allow_private_receivers)
    outside.check(settings)
    if settings.audit_key:
        KeyFile(settings.audit_key_path, given=settings.audit_key).load()
    connection = await asyncio.to_thread(from_settings, settings)
    log = Log()
    async with AsyncExitStack() as stack:
        stop = _stop_signal(stack)
        tracing = stack.enter_context(traced.opened(settings, log=log))
        listening = listen.bind(address)
        stack.callback(listening.close)
        house = await _unless(stop, _opened(settings, stack, Doorman(listening, address), log))
        if house is None:
            return 0
        keeping = await Database.open(house.cellar.application, size=KEEPERS_POOL)
        stack.push_async_callback(keeping.close)
        session = _session(connection)
        stack.push_async_callback(session.close)
        port = listening.getsockname()[1]
        url = address.url(port)
        running = put_together(
            settings,
            connection,
            house,
            session,
            keeping=keeping,
            log=log,
            url=url,
            near=address.near_url(port),
            address=address,
            tracing=tracing,
            sender=await stack.enter_async_context(posting.sender(settings, connection.network)),
        )
        _announce(stack, settings.announcement_path, running.announcement)
        works = works_of(settings, house, running, log)
        serving = running.server.serve(sockets=[listening])
        _set_aside_what_stays()
        started(running.announcement)
        log.write("service.listening", url=url, org=house.org)
        await _until(stop, works, serving, running, stopping)
        log.write("service.stopped", org=house.org)
    return 0


def _set_aside_what_stays() -> None:
    """Nothing of it becomes garbage before the end, and to look through it for some again and again took 60
    ms each time, in which nobody was answered and nothing was sent (decision 0024).
    """
    gc.collect()
    gc.freeze()


def address_of(settings: Settings) -> Address:
    return Address(
        host=settings.host,
        port=settings.port,
        tls_certificate=settings.tls_cert,
        tls_key=settings.tls_key,
        proxies=settings.trusted_proxy,
    )


async def _until(
    stop: asyncio.Event,
    works: dict[str, Coroutine[Any, Any, None]],
    serving: Coroutine[Any, Any, None],
    running: Running,
    stopping: Callable[[], None],
) -> None:
    """Until told to stop, or until one of the works or the API breaks: that is raised. The API goes first,
    the lease after it, so that nothing that was taken is left without a keeper longer than need be. What
    hangs is not waited for: a container is killed after ten seconds.
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
        served = await asyncio.gather(api, return_exceptions=True)
        giving_up.cancel()
    broken = [one for one in (*ended, *served) if isinstance(one, Exception)]
    if broken:
        raise broken[0]


async def _opened(settings: Settings, stack: AsyncExitStack, doorman: Doorman, log: Log) -> Opened:
    """A server that is away is waited for, and again if it goes just then; so is our own."""

    def away(fault: StoreError) -> None:
        log.failed("database.away", word=fault.word, what=fault.what, remedy=fault.remedy)
        doorman.tell(fault)

    async with doorman:
        while True:
            if settings.database_url:
                await server.wait_for(settings.database_url, away=away)
            try:
                house = await stack.enter_async_context(host.opened(settings, size=POOL))
            except PASSING as fault:
                away(fault)
                await asyncio.sleep(server.AGAIN)
            else:
                log.recovered("database.away")
                return house


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


def _session(connection: Connection) -> Session:
    return connection.session(AiohttpWire(connection.region, connection.network))


def _announce(stack: AsyncExitStack, path: Path | None, told: Announcement) -> None:
    if path is not None and path.parent.is_dir():
        keep_key(path, told.key)
        announce(path, told)
        stack.callback(withdraw, path, told)


def _stop_signal(stack: AsyncExitStack) -> asyncio.Event:
    """From here on signals mean to end well."""
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stop.set)
        stack.callback(loop.remove_signal_handler, number)
    return stop
