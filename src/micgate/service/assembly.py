"""What serves an organization, put together: nothing of it runs yet."""

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from micgate.audit.key_file import KeyFile
from micgate.control.pace import Pace
from micgate.direct.connect import Connection
from micgate.genesys.session import Session
from micgate.keeper.run import Keeper
from micgate.keeper.wiring import genesys_keeper
from micgate.log import Log
from micgate.service import app
from micgate.service.announcement import Announcement, kept_key
from micgate.service.duties import notary, outside
from micgate.service.duties.cipher import ChannelCipher
from micgate.service.duties.frequency import Frequent
from micgate.service.duties.kept import Kept
from micgate.service.duties.notary import Notary
from micgate.service.host import Opened
from micgate.service.http import listen
from micgate.service.http.listen import Address
from micgate.service.people.directory import Directory
from micgate.service.people.lookup import GenesysLookUp
from micgate.service.people.thrift import Thrifty
from micgate.service.request.crowding import Forecast
from micgate.service.request.parts import Parts
from micgate.service.request.pulse import Pulse
from micgate.service.request.stream import Stream
from micgate.service.resources.budget import Accountant
from micgate.service.resources.health import Health
from micgate.service.telemetry.metrics import Metrics
from micgate.service.telemetry.tasks import Beats
from micgate.service.telemetry.traced import Tracing
from micgate.settings import Settings
from micgate.store.database import Database
from micgate.store.entries import Sealed
from micgate.webhooks.deliver import Sender


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


def put_together(
    settings: Settings,
    connection: Connection,
    house: Opened,
    session: Session,
    *,
    keeping: Database,
    log: Log,
    url: str,
    near: str,
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
        forecast=Forecast(
            house.store.outlooks,
            house.org,
            own=lambda: accountant.now(),  # noqa: PLW0108 -- as above
            now=house.now,
            monotonic=time.monotonic,
        ),
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
        store=house.store, org=house.org, keeps=lambda: kept.term() is not None, now=house.now, log=log
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
        started=lambda: log.write("service.started", url=url, org=house.org),
    )
    house.store.nudge = lambda _, due: kept.nudge(due)
    beats = Beats(time.monotonic)
    accountant = Accountant(lambda: kept.keeper, house.store, log=log)
    witness = Notary(_desk(settings, connection, parts, kept, metrics))
    health = Health(
        parts=parts,
        stream=stream,
        metrics=metrics,
        probes=[kept.check, kept.line, kept.crowd, witness.check],
        works=[beats.tasks, kept.tasks],
        budget=kept.budget,
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
        announcement=_announcement(settings, connection, parts, near),
    )


def _announcement(settings: Settings, connection: Connection, parts: Parts, url: str) -> Announcement:
    path = settings.announcement_path
    return Announcement(
        url=url,
        key=parts.keys.host_key(kept=kept_key(path) if path else None),
        region=connection.region.api_url,
        client_id=settings.client_id or "",
        pid=os.getpid(),
    )


def _keepers(
    settings: Settings, connection: Connection, parts: Parts, tracing: Tracing, *, database: Database
) -> Callable[[tuple[str, ...]], Keeper]:
    def published(sealed: Sequence[Sealed]) -> None:
        parts.pulse.beat()
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
