"""Webhooks by the library, blocking and on asyncio."""

import asyncio

import pytest

import micgate
from micgate.client.errors import Conflicting, Invalid, NotThere


async def test_the_asyncio_client_adds_tests_lists_and_replays(desk, open_office, receiver):
    await open_office(tries=1)
    async with micgate.aio.connect(desk.url, key=await desk.key()) as gate:
        made = await gate.add_webhook("crm", receiver.url, events=["brake.*"])
        assert made.secret.startswith("whsec_")
        assert made.secret not in repr(made)
        assert (await gate.test_webhook("crm")).delivered
        receiver.answer = 503
        await gate.freeze()
        await desk.entries()

        async def dead():
            return (await gate.webhook_deliveries("crm", state="dead")).deliveries

        (letter,) = await desk.until(dead, seconds=40)
        assert (letter.status, letter.tries) == (503, 1)
        receiver.answer = 204
        assert (await gate.replay_webhook("crm", seq=letter.seq)).deliveries == 1
        (listed,) = await gate.webhooks()
        assert (listed.name, listed.events) == ("crm", ("brake.*",))
        rotated = await gate.rotate_webhook("crm", overlap="1h")
        assert rotated.webhook.former_secret_until is not None
        await gate.remove_webhook("crm")
        assert await gate.webhooks() == ()


async def test_the_blocking_client_says_what_is_refused(desk, receiver):
    key = await desk.key()

    def ask():
        with micgate.connect(desk.url, key=key) as gate:
            gate.add_webhook("crm", receiver.url)
            with pytest.raises(Conflicting, match="already"):
                gate.add_webhook("crm", receiver.url)
            with pytest.raises(Invalid, match="in the clear"):
                gate.add_webhook("plain", "http://crm.example/")
            with pytest.raises(NotThere, match="cmr"):
                gate.test_webhook("cmr")
            return gate.webhooks()

    assert [one.name for one in await asyncio.to_thread(ask)] == ["crm"]
