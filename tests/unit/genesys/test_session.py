import asyncio
import signal
import threading
from contextlib import ExitStack
from random import Random

import msgspec
import pytest
from loopback import SILENCE, Loopback, answer, serving

from micgate.genesys.errors import (
    BadCredentials,
    Forbidden,
    GenesysError,
    NotGenesys,
    PlatformFailed,
    RateLimited,
    TimedOut,
    TokenRefused,
    Unreachable,
    UnsafeConfiguration,
)  # fmt: skip
from micgate.genesys.io import drive
from micgate.genesys.messages import Headers, Kind, Request, Response
from micgate.genesys.models import Participant
from micgate.genesys.oauth import AccessToken, ClientCredentials, UserSession
from micgate.genesys.ratelimit import RateLimit
from micgate.genesys.regions import find_region
from micgate.genesys.session import Session
from micgate.genesys.transport_aiohttp import AiohttpWire
from micgate.genesys.transport_urllib3 import Urllib3Wire

SECRET = "cl13nt-s3cr3t"
CLIENT = ClientCredentials("client-1", SECRET)
CHANGE = Request(
    method="PATCH", path="/api/v2/conversations/calls/c/participants/p", kind=Kind.CHANGE, body=b"{}"
)
READ = Request(method="GET", path="/api/v2/conversations/c")


def answered(status=200, body=None, **headers):
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(
        status=status,
        headers=Headers(named),
        body=b"" if body is None else msgspec.json.encode(body),
        elapsed=0.1,
    )


class Clock:
    def __init__(self):
        self.at = 1000.0

    def monotonic(self):
        return self.at

    def now(self):
        return self.at + 1_800_000_000


class ScriptedWire:
    """Answers in order, the last one for ever; an exception in the script is raised. Sleeping moves the
    clock.
    """

    def __init__(self, clock, *script, tokens=None, life=86400):
        self.clock = clock
        self.script = list(script) or [answered()]
        self.tokens = tokens or []
        self.life = life
        self.issued = 0
        self.sent: list[tuple[Request, dict[str, str]]] = []
        self.slept: list[float] = []
        self.before_token = lambda: None

    async def send(self, request, headers):
        if request.kind is Kind.TOKEN:
            return await self._token()
        self.sent.append((request, headers))
        return self._next(self.script)

    async def _token(self):
        self.issued += 1
        number = self.issued
        result = self.before_token()
        if asyncio.iscoroutine(result):
            await result
        if self.tokens:
            return self._next(self.tokens)
        body = {
            "access_token": f"access-{number}",
            "expires_in": self.life,
            "refresh_token": f"refresh-{number}",
        }
        return answered(200, body)

    def _next(self, script):
        told = script.pop(0) if len(script) > 1 else script[0]
        if isinstance(told, GenesysError):
            raise told
        return told

    async def sleep(self, seconds):
        self.slept.append(seconds)
        self.clock.at += seconds

    def lock(self):
        return asyncio.Lock()

    async def finish(self, work):
        return await asyncio.shield(asyncio.ensure_future(work))

    async def close(self):
        pass

    @property
    def bearers(self):
        return [headers["Authorization"] for _, headers in self.sent]


@pytest.fixture
def given():
    """`given(answers..., credentials=..., ...)` makes (session, wire, clock)."""

    def make(*script, credentials=CLIENT, tokens=None, life=86400, **more):
        clock = Clock()
        wire = ScriptedWire(clock, *script, tokens=tokens, life=life)
        region = find_region("mypurecloud.ie")
        session = Session(wire, region=region, credentials=credentials, clock=clock, random=Random(1), **more)
        return session, wire, clock

    return make


def signed_in(clock_now, *, life=3600.0, refresh_token="refresh-0"):
    return UserSession(
        client_id="browser", access_token="access-0", refresh_token=refresh_token, expires_at=clock_now + life
    )


async def test_token_is_fetched_once_and_sent_with_every_request(given):
    session, wire, _ = given(answered(202))
    for _ in range(3):
        await session.send(CHANGE)

    assert wire.issued == 1
    assert wire.bearers == ["Bearer access-1"] * 3
    assert session.requests_sent == 3
    assert wire.sent[0][1]["Content-Type"] == "application/json"


@pytest.mark.parametrize(
    ("told", "kind"),
    [
        (answered(401), TokenRefused), (answered(403), Forbidden),
        (answered(429, retry_after="0"), RateLimited),
        (answered(503, retry_after="0"), PlatformFailed), (answered(307, location="/x"), NotGenesys),
        (Unreachable("cut"), Unreachable), (TimedOut("late"), TimedOut),
    ],
    ids=lambda value: getattr(value, "status", getattr(value, "word", "")),
)  # fmt: skip
async def test_state_change_is_one_wire_request_whatever_comes_back(given, told, kind):
    session, wire, _ = given(told)

    with pytest.raises(kind):
        await session.send(CHANGE)

    assert len(wire.sent) == 1
    assert wire.slept == []


async def test_state_change_after_a_401_gets_a_new_token(given):
    session, wire, _ = given(answered(401), answered(202))
    with pytest.raises(TokenRefused):
        await session.send(CHANGE)

    await session.send(CHANGE)

    assert wire.bearers == ["Bearer access-1", "Bearer access-2"]


async def test_read_is_replayed_once_after_a_401(given):
    session, wire, _ = given(answered(401), answered(200, {}))
    await session.send(READ)

    assert wire.bearers == ["Bearer access-1", "Bearer access-2"]


async def test_read_refused_with_a_new_token_too_is_not_tried_a_third_time(given):
    session, wire, _ = given(answered(401))
    with pytest.raises(TokenRefused):
        await session.send(READ)

    assert len(wire.sent) == 2


async def test_given_token_is_not_replayed_since_it_cannot_be_renewed(given):
    session, wire, _ = given(answered(401), credentials=AccessToken("given"))
    with pytest.raises(TokenRefused, match="GENESYS_ACCESS_TOKEN"):
        await session.send(READ)

    assert wire.bearers == ["Bearer given"]
    assert wire.issued == 0


async def test_read_is_retried_until_it_works(given):
    session, wire, _ = given(answered(503), TimedOut("late"), Unreachable("cut"), answered(200, {}))
    await session.send(READ)

    assert len(wire.sent) == 4
    assert len(wire.slept) == 3


async def test_read_waits_as_long_as_the_rate_limit_asks(given):
    session, wire, _ = given(answered(429, retry_after="4"), answered(200, {}))
    await session.send(READ)

    assert 4.0 <= wire.slept[0] < 5.0


async def test_rate_limit_beyond_patience_is_an_error_that_says_so(given):
    session, wire, _ = given(answered(429, retry_after="42"), patience=10.0)
    with pytest.raises(RateLimited, match=r"wait of 42 s .* longer than the 10 s"):
        await session.send(READ)

    assert wire.slept == []


async def test_no_read_is_waited_for_longer_than_its_sender_has_patience(given):
    session, wire, _ = given(answered(200, {}), patience=2.0)
    await session.send(READ)

    assert {request.timeout for request, _headers in wire.sent} == {2.0}


async def test_read_gives_up_when_patience_is_over(given):
    session, wire, clock = given(answered(503), patience=10.0)
    started = clock.at
    with pytest.raises(PlatformFailed):
        await session.send(READ)

    assert clock.at - started <= 10.0
    assert len(wire.sent) > 3


async def test_web_page_with_status_200_is_not_genesys(given):
    page = Response(status=200, headers=Headers({}), body=b"<html>sign in</html>", elapsed=0.1)
    session, _, _ = given(page)
    for request in (READ, CHANGE):
        with pytest.raises(NotGenesys):
            await session.send(request)


async def test_fifty_requests_at_once_fetch_one_token(given):
    session, wire, _ = given(answered(202))
    wire.before_token = lambda: asyncio.sleep(0)

    await asyncio.gather(*(session.send(CHANGE) for _ in range(50)))

    assert wire.issued == 1
    assert len(wire.sent) == 50


async def test_fifty_401s_at_once_fetch_one_new_token(given):
    session, wire, _ = given(*[answered(401)] * 50, answered(200, {}))
    await asyncio.gather(*(session.send(READ) for _ in range(50)))

    assert wire.issued == 2


async def test_those_who_wait_for_a_token_share_the_failure(given):
    session, wire, _ = given(tokens=[answered(401, {"error": "invalid_client"})])
    wire.before_token = lambda: asyncio.sleep(0)

    results = await asyncio.gather(*(session.send(CHANGE) for _ in range(50)), return_exceptions=True)

    assert {type(result) for result in results} == {BadCredentials}
    assert wire.issued == 1
    with pytest.raises(BadCredentials):
        await session.send(CHANGE)
    assert wire.issued == 2, "a later request tries again"


@pytest.mark.parametrize(("life", "due"), [(86400, 86400 - 300), (900, 900 - 90)])
async def test_token_is_renewed_early(given, life, due):
    session, wire, clock = given(answered(202), life=life)
    await session.send(CHANGE)
    clock.at += due - 1
    await session.send(CHANGE)
    assert wire.issued == 1

    clock.at += 1
    await session.send(CHANGE)

    assert wire.issued == 2


async def test_early_renewal_that_fails_leaves_the_token_that_still_works(given):
    token = answered(200, {"access_token": "access-1", "expires_in": 900})
    session, wire, clock = given(answered(202), tokens=[token, answered(503)])
    await session.send(CHANGE)
    clock.at += 850

    await session.send(CHANGE)
    await session.send(CHANGE)

    assert wire.issued == 2, "not asked again for every request"
    assert wire.bearers == ["Bearer access-1"] * 3
    assert wire.slept == [], "nobody waits for what is not needed yet"


async def test_client_without_a_token_waits_for_a_login_that_recovers(given):
    token = answered(200, {"access_token": "a", "expires_in": 900})
    session, wire, _ = given(answered(202), tokens=[answered(503), Unreachable("cut"), token])

    await session.send(CHANGE)

    assert (wire.issued, len(wire.sent)) == (3, 1)


async def test_login_that_is_away_means_that_the_request_was_not_sent(given):
    session, wire, _ = given(tokens=[TimedOut("late")])

    with pytest.raises(TimedOut) as caught:
        await session.send(CHANGE)

    assert not caught.value.reached
    assert wire.sent == []
    assert session.requests_sent == 0


async def test_renewed_sign_in_is_stored_before_it_is_used(given):
    order = []
    session, wire, clock = given(
        answered(202), credentials=signed_in(Clock().now(), life=-1),
        on_renewed=lambda new: order.append((new.access_token, new.refresh_token, len(wire.sent))),
    )  # fmt: skip

    await session.send(CHANGE)

    assert order == [("access-1", "refresh-1", 0)]
    assert wire.bearers == ["Bearer access-1"]
    clock.at += 86400
    await session.send(CHANGE)
    assert order[1][:2] == ("access-2", "refresh-2")


async def test_renewed_sign_in_that_could_not_be_stored_is_stored_before_anything_else(given):
    stored = []

    async def store(renewed):
        stored.append(renewed.refresh_token)
        if len(stored) == 1:
            raise OSError("disk full")

    session, wire, _ = given(answered(202), credentials=signed_in(Clock().now(), life=-1), on_renewed=store)
    with pytest.raises(OSError, match="disk full"):
        await session.send(CHANGE)
    assert wire.sent == []

    await session.send(CHANGE)

    assert stored == ["refresh-1", "refresh-1"]
    assert wire.issued == 1, "the refresh token works once"


async def test_cancelled_request_does_not_lose_the_new_refresh_token(given):
    stored = []
    asked, may_answer = asyncio.Event(), asyncio.Event()

    async def slow():
        asked.set()
        await may_answer.wait()

    session, wire, _ = given(
        answered(202),
        credentials=signed_in(Clock().now(), life=-1),
        on_renewed=stored.append,
    )
    wire.before_token = slow
    sending = asyncio.ensure_future(session.send(CHANGE))
    await asked.wait()
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    may_answer.set()

    await session.send(CHANGE)

    assert [each.refresh_token for each in stored] == ["refresh-1"]
    assert wire.issued == 1


async def test_refresh_is_never_repeated_by_itself(given):
    session, wire, _ = given(tokens=[Unreachable("cut")], credentials=signed_in(Clock().now(), life=-1))
    with pytest.raises(Unreachable):
        await session.send(CHANGE)

    assert wire.issued == 1


async def test_sign_in_without_the_means_to_renew_just_ends(given):
    credentials = signed_in(Clock().now(), life=100, refresh_token=None)
    session, wire, clock = given(answered(202), credentials=credentials)
    await session.send(CHANGE)
    clock.at += 101

    with pytest.raises(BadCredentials, match="micgate login"):
        await session.send(CHANGE)

    assert len(wire.sent) == 1


@pytest.mark.parametrize(
    ("told", "has_user"),
    [(answered(200, {"id": "u"}), True), (answered(400), False), (answered(403), False),
     (answered(404), False),
     (answered(403, {"code": "missing.scopes"}), True)],
)  # fmt: skip
async def test_given_token_is_asked_once_whether_it_is_a_persons(given, told, has_user):
    session, wire, _ = given(told, credentials=AccessToken("given"))

    assert [await session.has_user() for _ in range(2)] == [has_user] * 2
    assert [request.path for request, _ in wire.sent] == ["/api/v2/users/me"]


async def test_client_is_nobody_and_a_sign_in_somebody_without_asking(given):
    client, wire, _ = given()
    person, _, _ = given(credentials=signed_in(Clock().now()))

    assert (await client.has_user(), await person.has_user()) == (False, True)
    assert wire.sent == []


async def test_rate_is_that_of_the_latest_answer_that_told(given):
    told = answered(202, inin_ratelimit_count="7", inin_ratelimit_allowed="300", inin_ratelimit_reset="60")
    session, _, clock = given(told, answered(202))
    assert session.rate == RateLimit()
    await session.send(CHANGE)
    await session.send(CHANGE)

    assert session.rate == RateLimit(count=7, allowed=300, reset_at=clock.at + 60)


async def test_extra_headers_go_everywhere_but_never_an_authorization(given):
    session, wire, _ = given(answered(202), extra_headers={"X-Gateway": "key"}, user_agent="micgate/9")
    await session.send(CHANGE)

    assert wire.sent[0][1]["X-Gateway"] == "key"
    assert wire.sent[0][1]["User-Agent"] == "micgate/9"
    for odd in ({"authorization": "Bearer x"}, {"X-A": "a\r\nX-B: b"}, {"X-A\n": "a"}, {"X-A": "ü"}):
        with pytest.raises(UnsafeConfiguration) as caught:
            given(extra_headers=odd)
        assert "Bearer x" not in str(caught.value)


async def test_nothing_shown_of_a_session_is_a_secret(given):
    session, _, _ = given(answered(401))
    with pytest.raises(TokenRefused) as caught:
        await session.send(CHANGE)

    for shown in (repr(session), str(caught.value), repr(caught.value), repr(caught.value.facts())):
        assert SECRET not in shown
        assert "access-1" not in shown


async def test_session_sees_through_its_channel(given):
    class Channel:
        async def observed(self, *, conversation_id, participant_id, seconds):
            return Participant(id=participant_id, muted=True)

    session, _, _ = given()
    assert await session.observed(conversation_id="c", participant_id="p", seconds=1.0) is None
    session.sight = Channel()

    assert (await session.observed(conversation_id="c", participant_id="p", seconds=1.0)).muted


@pytest.fixture
def server():
    with ExitStack() as stack:
        yield stack.enter_context(serving(Loopback(answers=[answer(202)])))


def test_threads_share_one_token(server):
    region = find_region(server.url)
    session = Session(Urllib3Wire(region), region=region, credentials=CLIENT)
    ready = threading.Barrier(20)
    statuses = []

    def work():
        ready.wait()
        statuses.append(drive(session.send(CHANGE)).status)

    threads = [threading.Thread(target=work) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    drive(session.close())

    assert statuses == [202] * 20
    assert len(server.tokens) == 1
    assert len(server.seen) == 20


def test_ctrl_c_while_a_token_is_fetched_leaves_the_way_free_for_a_release(server):
    server.token, token = SILENCE, server.token
    main = threading.main_thread().ident
    server.on_token = lambda _seen: len(server.tokens) == 1 and signal.pthread_kill(main, signal.SIGUSR1)
    region = find_region(server.url)
    session = Session(Urllib3Wire(region), region=region, credentials=CLIENT)
    before = signal.signal(signal.SIGUSR1, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            drive(session.send(CHANGE))
        server.token = token
        assert drive(session.send(CHANGE)).status == 202
    finally:
        signal.signal(signal.SIGUSR1, before)
        drive(session.close())


async def test_tasks_share_one_token_on_a_real_wire(server):
    region = find_region(server.url)
    session = Session(AiohttpWire(region), region=region, credentials=CLIENT)
    await asyncio.gather(*(session.send(CHANGE) for _ in range(20)))
    await session.close()

    assert len(server.tokens) == 1
    assert {seen.headers["authorization"] for seen in server.seen} == {"Bearer access-1"}


def test_state_change_on_a_real_wire_is_one_request_and_one_error(server):
    server.answers = [
        answer(401),
        answer(503, Retry_After="0"),
        answer(429, Retry_After="0"),
        answer(307, Location="/"),
    ]
    region = find_region(server.url)
    session = Session(Urllib3Wire(region), region=region, credentials=CLIENT)
    for kind in (TokenRefused, PlatformFailed, RateLimited, NotGenesys):
        with pytest.raises(kind):
            drive(session.send(CHANGE))
    drive(session.close())

    assert len(server.seen) == 4
