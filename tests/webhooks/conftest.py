"""A service with a post office, in this process and as a process, and receivers on real ports."""

import asyncio
import socket
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from front_desk import open_desk
from receiver import receiving

from micgate.destination import Poster, system_resolve
from micgate.log import Log
from micgate.service.duties.cipher import WebhookCipher
from micgate.store.ids import new_id
from micgate.webhooks.deliver import Sender
from micgate.webhooks.office import Office
from micgate.webhooks.patience import Patience
from replica import Serving


@pytest.fixture
def receiver():
    with receiving() as receiver:
        yield receiver


@pytest.fixture
def other():
    with receiving() as receiver:
        yield receiver


async def resolve(host, port):
    """Nobody outside is asked."""
    if host.endswith(".invalid"):
        raise socket.gaierror(socket.EAI_NONAME, "unknown")
    return await system_resolve(host, port)


@pytest.fixture
async def open_here(embedded, twin):
    """Start services in this process; `private`: receivers may be on loopback."""
    async with AsyncExitStack() as stack:

        async def start(*, private=True):
            poster = Poster(private=private, seconds=10.0, resolve=resolve)
            await stack.enter_async_context(poster)
            sender = Sender(poster=poster, cipher=WebhookCipher("outside the database"))
            return await stack.enter_async_context(open_desk(embedded.conninfo(), twin, sender=sender))

        yield start


@pytest.fixture
async def desk(open_here):
    return await open_here()


@pytest.fixture
async def open_office(desk, embedded):
    """Run post offices of the desk's organization; they end with the test."""
    async with AsyncExitStack() as stack:

        async def start(*, tries=150):
            return await stack.enter_async_context(_running(desk, embedded.conninfo(), tries=tries))

        yield start


@asynccontextmanager
async def _running(desk, conninfo, *, tries):
    office = Office(
        org=desk.org,
        conninfo=conninfo,
        sender=desk.parts.sender,
        now=desk.clock.now,
        wait=desk.parts.pulse.wait,
        log=Log(),
        patience=Patience(tries=tries),
    )
    running = asyncio.create_task(office.run())
    try:
        yield running
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


@pytest.fixture
def serving(twin, tmp_path, embedded):
    """`micgate serve` on the database of this test process, with an organization of its own."""
    house = Serving(
        tmp_path,
        twin,
        {
            "MICGATE_DATABASE_URL": embedded.conninfo(),
            "MICGATE_ORG": f"org-{new_id()}",
            "MICGATE_ALLOW_PRIVATE_RECEIVERS": "yes",
            "MICGATE_WEBHOOK_TRIES": "2",
        },
    )
    yield house
    house.end()
