"""A person's sign-in that several commands share, on a login that takes a refresh token once."""

import asyncio
import fcntl
import time
from urllib.parse import parse_qs

import msgspec
import pytest

from micgate.direct import signed_in
from micgate.direct.connect import Connection
from micgate.direct.signed_in import Kept, SignedIn
from micgate.genesys.errors import BadCredentials, TimedOut
from micgate.genesys.messages import Headers, Kind, Request, Response
from micgate.genesys.oauth import UserSession
from micgate.genesys.regions import find_region

REGION = find_region("mypurecloud.ie")
READ = Request(method="GET", path="/api/v2/conversations/c")


class Platform:
    """Takes each refresh token once; a new access token ends the old one."""

    def __init__(self):
        self.good = "access-0"
        self.refresh = "refresh-0"
        self.renewals = 0

    def answer(self, request, headers):
        if request.kind is Kind.TOKEN:
            return self._renewed(parse_qs(request.body.decode())["refresh_token"][0])
        status = 200 if headers["Authorization"] == f"Bearer {self.good}" else 401
        return _response(status, {})

    def _renewed(self, refresh):
        if refresh != self.refresh:
            return _response(400, {"error": "invalid_grant"})
        self.renewals += 1
        self.good, self.refresh = f"access-{self.renewals}", f"refresh-{self.renewals}"
        return _response(200, {"access_token": self.good, "expires_in": 86400, "refresh_token": self.refresh})


def _response(status, body):
    return Response(status=status, headers=Headers({}), body=msgspec.json.encode(body), elapsed=0.1)


class Wire:
    def __init__(self, platform):
        self._platform = platform
        self.sleep = asyncio.sleep
        self.lock = asyncio.Lock

    async def send(self, request, headers):
        await asyncio.sleep(0.02)
        return self._platform.answer(request, headers)

    async def finish(self, work):
        return await work


@pytest.fixture
def platform():
    return Platform()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "micgate" / "login.json"


@pytest.fixture
def sign_in(path):
    def make(*, person="Ada", number=0, life=86400.0):
        session = UserSession(
            client_id="client-1",
            access_token=f"access-{number}",
            refresh_token=f"refresh-{number}",
            expires_at=time.time() + life,
        )
        made = SignedIn(api_url=REGION.api_url, login_url=REGION.login_url, person=person, session=session)
        signed_in.store(path, made)
        return made

    return make


@pytest.fixture
def process(path, platform):
    """A session as a command makes it that began with this sign-in."""

    def make(began_with):
        kept = Kept(path, began_with)
        connection = Connection(region=REGION, credentials=kept.session, kept=kept)
        return connection.session(Wire(platform))

    return make


async def test_a_refresh_token_is_spent_once_by_commands_that_renew_at_the_same_time(
    sign_in, process, platform, path
):
    ended = sign_in(life=-1.0)
    one, other = process(ended), process(ended)
    await asyncio.gather(one.send(READ), other.send(READ))
    assert platform.renewals == 1
    assert signed_in.load(path).session.refresh_token == "refresh-1"


async def test_a_long_watch_goes_on_with_what_another_command_renewed(sign_in, process, platform):
    began = sign_in()
    watch = process(began)
    await watch.send(READ)
    await process(sign_in(life=-1.0)).send(READ)
    await watch.send(READ)
    assert platform.renewals == 1


async def test_what_another_command_left_is_renewed_when_it_has_ended_too(sign_in, process, platform):
    began = sign_in(life=-1.0)
    platform.refresh = "refresh-7"
    sign_in(number=7, life=-1.0)
    await process(began).send(READ)
    assert platform.renewals == 1


async def test_somebody_elses_sign_in_is_neither_used_nor_replaced(sign_in, process, platform, path):
    began = sign_in(life=-1.0)
    grace = sign_in(person="Grace", number=9)
    await process(began).send(READ)
    assert platform.renewals == 1
    assert signed_in.load(path) == grace


async def test_a_renewal_does_not_bring_back_a_sign_in_that_was_deleted(sign_in, process, path):
    began = sign_in(life=-1.0)
    signed_in.delete(path)
    await process(began).send(READ)
    assert signed_in.load(path) is None


async def test_a_renewal_that_hangs_elsewhere_is_waited_for_only_so_long(
    sign_in, process, path, platform, monkeypatch
):
    monkeypatch.setattr(signed_in, "_PATIENCE", 0.1)
    began = sign_in(life=-1.0)
    with path.with_suffix(".lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(TimedOut, match="does not finish"):
            await process(began).send(READ)
    assert platform.renewals == 0


async def test_a_spent_refresh_token_is_an_ended_sign_in(sign_in, process, platform):
    began = sign_in(life=-1.0)
    platform.refresh = "spent-elsewhere"
    with pytest.raises(BadCredentials):
        await process(began).send(READ)


def test_a_state_folder_that_cannot_be_one_has_no_sign_in(tmp_path):
    (tmp_path / "file").touch()
    assert signed_in.load(tmp_path / "file" / "login.json") is None
