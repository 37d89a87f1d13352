"""What the service concludes from a read that does not show a call."""

import asyncio

import pytest

from micgate.platform.genesys import GenesysPlatform
from twin.platform_client import Platform as Client

NOBODYS = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
def platform(session):
    return GenesysPlatform(session)


async def looked(platform, conversation_id):
    """The answers until one does not ask for another look."""
    answers = [await platform.look(conversation_id)]
    while answers[-1].again_in == 0.0:
        answers.append(await platform.look(conversation_id))
    return answers


@pytest.mark.parametrize("refusal", ["forbid", 404])
async def test_a_call_that_is_not_shown_as_a_call_is_read_as_a_conversation(twin, platform, refusal):
    twin.turn(calls_read_without_user=refusal)
    placed = twin.place_call()

    first, second = await looked(platform, placed["id"])
    (third,) = await looked(platform, placed["id"])

    assert first.call is None, "nothing is known yet, least of all that the call is over"
    assert second.call.microphones == third.call.microphones != ()


async def test_reads_under_way_together_do_not_take_a_call_for_over(twin, platform):
    twin.turn(calls_read_without_user=404)
    placed = twin.place_call()

    answers = await asyncio.gather(*(platform.look(placed["id"]) for _ in range(3)))

    assert {answer.call for answer in answers} == {None}


async def test_a_call_that_is_over_costs_one_read_once_another_call_was_shown(twin, platform):
    placed = twin.place_call()
    assert len(await looked(platform, NOBODYS)) == 2
    assert len(await looked(platform, placed["id"])) == 1

    (answer,) = await looked(platform, NOBODYS)

    assert answer.call.microphones == ()


async def test_a_call_is_over_when_neither_operation_shows_it(twin, connect):
    client = Client.as_client(twin, permissions=["conversation:agentlessCall:add"])
    platform = GenesysPlatform(connect(client.token))

    *_, answer = await looked(platform, NOBODYS)

    assert answer.call.microphones == ()
    assert (await looked(platform, twin.place_call()["id"]))[-1].call.microphones != ()


async def test_a_token_of_an_hour_is_long_enough_to_watch_with(twin, connect):
    made = twin.control("POST", "/clients", {"token_seconds": 3600})
    platform = GenesysPlatform(connect(client=(made["id"], made["secret"])))
    await platform.prepare()
    reported = asyncio.Queue()

    async def toll():
        pass

    line = platform.line(
        [twin.agents[0].id], kept=None, heard=lambda _: None, changed=reported.put_nowait, toll=toll
    )
    watching = asyncio.create_task(line.run())
    try:
        async with asyncio.timeout(20):
            assert await reported.get() is None, "the line is up"
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
