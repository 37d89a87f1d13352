"""What is done from the host itself, with or without a running service: whoever can read its files may."""

import asyncio
import os
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from micgate.audit.chain import link
from micgate.keeper.clock import ServiceClock, SystemBoot, anchored
from micgate.service.principals.keyring import KeyRing
from micgate.settings import Settings
from micgate.store import migrate
from micgate.store.database import Database
from micgate.store.embedded import APPLICATION, OWNER, Embedded, default_directory
from micgate.store.errors import EmbeddedFailed
from micgate.store.postgres import PostgresStore
from micgate.store.verbs import Rules


@dataclass(frozen=True, slots=True, kw_only=True)
class Cellar:
    """The database, reached. `owner` may change the schema; `embedded` is None when it is a server's."""

    owner: str
    application: str
    embedded: Embedded | None

    @property
    def tools(self) -> Path | None:
        """Where its own pg_dump is: one of another version refuses."""
        return self.embedded.cluster.binaries.folder if self.embedded else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """The store of one org, with service time."""

    org: str
    cellar: Cellar
    database: Database
    store: PostgresStore
    now: Callable[[], float]

    def keys(self) -> KeyRing:
        return KeyRing(self.store, self.org, now=self.now, monotonic=time.monotonic, host_id=host_id())


def host_id() -> str:
    """Who acts from the host, as far as the record says: an account, by its number."""
    return f"uid-{os.geteuid()}"


@asynccontextmanager
async def reached(settings: Settings) -> AsyncIterator[Cellar]:
    """The database, embedded unless a server is named. Its schema is left as it is."""
    if settings.database_url:
        yield Cellar(owner=settings.database_url, application=settings.database_url, embedded=None)
        return
    embedded = await _attached(settings)
    try:
        yield Cellar(
            owner=embedded.conninfo(OWNER), application=embedded.conninfo(APPLICATION), embedded=embedded
        )
    finally:
        await asyncio.to_thread(embedded.detach)


async def _attached(settings: Settings) -> Embedded:
    """Whoever does not want it any more waits only for what was begun to be undone."""
    leaving = threading.Event()
    attaching = asyncio.ensure_future(
        asyncio.to_thread(Embedded.attach, directory(settings), user=settings.database_user, leaving=leaving)
    )
    try:
        return await asyncio.shield(attaching)
    except asyncio.CancelledError:
        leaving.set()
        with suppress(EmbeddedFailed):
            await asyncio.to_thread((await attaching).detach)
        raise


@asynccontextmanager
async def opened(settings: Settings, *, size: int = 8) -> AsyncIterator[Opened]:
    """The store. The embedded one is brought up to date; of a server's only the schema is checked."""
    async with reached(settings) as cellar:
        if cellar.embedded:
            await asyncio.to_thread(migrate.upgrade, cellar.owner)
        else:
            await asyncio.to_thread(migrate.check, cellar.application)
        database = await Database.open(cellar.application, size=size)
        try:
            yield await _opened(settings, cellar, database)
        finally:
            await database.close()


def directory(settings: Settings) -> Path:
    if settings.database_dir:
        return Path(settings.database_dir).expanduser()
    return default_directory(settings.state_dir)


def backups(settings: Settings) -> Path:
    """Where the nightly dumps go: beside the database, not in it."""
    if settings.backup_dir:
        return Path(settings.backup_dir).expanduser()
    return directory(settings).absolute().parent / "backups"


async def _opened(settings: Settings, cellar: Cellar, database: Database) -> Opened:
    store = PostgresStore(database, Rules(link=link))
    await store.orgs.ensure(settings.org, region=settings.region)
    clock = await service_clock(database, store, settings.org)
    return Opened(org=settings.org, cellar=cellar, database=database, store=store, now=clock.now)


async def service_clock(database: Database, store: PostgresStore, org: str) -> ServiceClock:
    """The keeper's time: the database's clock, less any step that the keeper did not follow."""
    lease = await store.leases.read(org)
    offset = lease.clock_offset if lease else 0.0
    return anchored(SystemBoot(), database=await database.clock(), offset=offset)
