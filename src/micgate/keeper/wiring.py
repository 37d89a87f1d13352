"""A keeper on PostgreSQL and Genesys Cloud, put together."""

from collections.abc import Sequence
from dataclasses import replace

from micgate.audit import chain
from micgate.control.pace import PACE, Pace
from micgate.direct.connect import Connection
from micgate.genesys.transport_aiohttp import AiohttpWire
from micgate.keeper.books import Cipher, PostgresBooks, PostgresShelf, Pseudonyms
from micgate.keeper.clock import SystemBoot
from micgate.keeper.record import Recorder
from micgate.keeper.reign import Ports
from micgate.keeper.run import Keeper
from micgate.keeper.seal import Published
from micgate.keeper.send import MOST_AT_ONCE
from micgate.log import Log
from micgate.platform.genesys import GenesysPlatform
from micgate.store.agents import Agents
from micgate.store.database import Database
from micgate.store.ids import new_id
from micgate.store.postgres import PostgresStore
from micgate.store.verbs import Rules

_OTHERS = 20
"""Connections for requests that are no commands: no command waits for one of them."""


def genesys_keeper(
    *,
    org: str,
    database: Database,
    connection: Connection,
    users: Sequence[str],
    cipher: Cipher,
    log: Log,
    pace: Pace = PACE,
    published: Published = lambda _: None,
) -> Keeper:
    """Not running yet. `connection` is the way to the platform, as it is for the direct commands; `users` are
    the agents to watch at first, `cipher` hides the addresses of channels.
    """
    network = replace(connection.network, pool_size=MOST_AT_ONCE + _OTHERS)
    names = Pseudonyms(Agents(database), org)
    recorder = Recorder(names)
    store = PostgresStore(database, Rules(link=chain.link, record=recorder.observed))
    guarded = AiohttpWire(
        connection.region,
        network,
        guard=lambda: keeper.may_send(),  # noqa: PLW0108 -- made below
    )
    session = connection.session(guarded)
    keeper = Keeper(
        Ports(
            org=org,
            verbs=store,
            lessor=store.leases,
            books=PostgresBooks(store, database, org),
            shelf=lambda term: PostgresShelf(store, term, cipher),
            names=names,
            recorder=recorder,
            platform=GenesysPlatform(session, strategy=connection.strategy, network=network),
            boot=SystemBoot(),
            new_id=new_id,
            users=users,
            log=log,
            pace=pace,
            published=published,
            hints=database.hints,
            close=session.close,
        )
    )
    return keeper
