"""A session on the simulator, and what a flow needs beside it."""

from uuid import uuid4

import pytest

from micgate.genesys.flows import Accepted, set_muted
from micgate.genesys.locate import find_call, find_user
from micgate.genesys.oauth import AccessToken, ClientCredentials
from micgate.genesys.regions import find_region
from micgate.genesys.session import Session
from micgate.genesys.transport_aiohttp import AiohttpWire


class Witness:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.commands = []
        self.outcomes = []

    def intended(self, command) -> None:
        self.commands.append(command)

    def concluded(self, command, outcome) -> None:
        assert command is self.commands[-1]
        self.outcomes.append(outcome.kind)


@pytest.fixture
def witness():
    return Witness()


@pytest.fixture
async def connect(twin):
    """Sessions as the announced client, as another one, or with a token of one's own."""
    opened = []

    def _connect(token=None, *, client=None, **options):
        region = find_region(twin.api_url)
        credentials = (
            AccessToken(token)
            if token
            else ClientCredentials(*(client or (twin.client_id, twin.client_secret)))
        )
        opened.append(Session(AiohttpWire(region), region=region, credentials=credentials, **options))
        return opened[-1]

    yield _connect
    for session in opened:
        await session.close()


@pytest.fixture
async def session(connect):
    return connect()


@pytest.fixture
def move(witness):
    """Mute or un-mute an agent's live call through the flows."""

    async def _move(io, agent, muted=True, *, call=None, accepted=None, **options):
        found = call or await find_call(io, await find_user(io, agent.email))
        return await set_muted(
            io,
            found,
            muted,
            has_user=await io.has_user(),
            accepted=accepted or Accepted(),
            witness=witness,
            new_id=lambda: str(uuid4()),
            **options,
        )

    return _move
