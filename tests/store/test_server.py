"""A server that somebody else runs: what is waited for."""

import asyncio

import psycopg
from keeping import until

from micgate.store.cluster import SUPERUSER
from micgate.store.server import wait_for

SEVERAL = 4
"""Turned down as often as this, somebody whom it will not have would have been told so."""


async def test_a_server_without_room_is_waited_for(embedded):
    async with await psycopg.AsyncConnection.connect(embedded.conninfo(SUPERUSER), autocommit=True) as owner:
        await owner.execute("create role crowded login connection limit 1")
        conninfo = f"host='{embedded.cluster.socket}' dbname=micgate user=crowded"
        async with await psycopg.AsyncConnection.connect(conninfo):
            told = []
            waiting = asyncio.create_task(wait_for(conninfo, away=told.append))
            await until(lambda: waiting.done() or len(told) >= SEVERAL)
            assert "too many connections for role" in told[-1].what
            assert not waiting.done()
        await waiting


async def test_a_name_that_is_nobodys_is_waited_for_and_what_to_check_is_said():
    told = []
    waiting = asyncio.create_task(wait_for("postgresql://micgate@db.invalid/micgate", away=told.append))
    await until(lambda: waiting.done() or nameless(told), seconds=60)
    assert "MICGATE_DATABASE_URL" in nameless(told)[0].remedy
    assert not waiting.done()
    waiting.cancel()


def nameless(told):
    return [fault for fault in told if "failed to resolve host" in fault.what]
