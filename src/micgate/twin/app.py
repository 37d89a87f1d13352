"""The simulator as a process: one port for API, login, sockets and control; time runs; signals end it."""

import asyncio
import logging
import math
import os
import secrets
import signal
import socket
import struct
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import unquote

from aiohttp import ClientError, web

from micgate.twin import control, oauth, sign_in, surface
from micgate.twin.answers import Wire
from micgate.twin.channels import Channels
from micgate.twin.events import Events
from micgate.twin.exchange import Answer, Query, encode, refused
from micgate.twin.guard import Guard
from micgate.twin.loopback import is_loopback
from micgate.twin.people import User
from micgate.twin.refusals import Refusal
from micgate.twin.sockets import Sockets
from micgate.twin.surface import Call, Cut
from micgate.twin.world import World

SHUTDOWN_SECONDS = 0.5
SHORTEST_NAP = 0.001

log = logging.getLogger("micgate.twin")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How a world is made."""

    agents: int = 12
    seed: int = 7
    quiet: bool = False
    ledger_limit: int = 100_000


class Twin:
    """One running simulator: a world, who listens to it, and the time that drives it."""

    world: World
    channels: Channels

    def __init__(self, *, plan: Plan, host: str, control_token: str | None) -> None:
        self._plan = plan
        self._token = control_token
        self.sockets = Sockets(self.settle)
        self.guard = Guard(host=host, token=control_token)
        self.base = ""
        self._ahead = 0.0
        self._timer: asyncio.Handle | None = None
        self._wakes_at = math.inf
        self._begin()

    def _begin(self) -> None:
        self._ahead = 0.0
        self._started = time.time(), time.monotonic()
        plan = self._plan
        self.world = World(
            seed=plan.seed,
            agents=plan.agents,
            quiet=plan.quiet,
            now=self._started[0],
            ledger_limit=plan.ledger_limit,
        )
        if not plan.quiet and self.world.agents:
            self._place_a_call_that_lasts(self.world.agents[0])
        self.channels = Channels(self.world)
        self._events = Events(self.world, self.channels)

    def _place_a_call_that_lasts(self, agent: User) -> None:
        """The contact centre's own calls end by themselves: one is there to try things on."""
        self.world.telephony.place(agent=agent.id, customer="Nils Aalto")
        self.world.drain()

    def now(self) -> float:
        """Seconds since 1970, as far as the clock was not moved."""
        started, monotonic = self._started
        return started + time.monotonic() - monotonic + self._ahead

    def settle(self) -> None:
        self.world.advance(self.now())
        for published in self.world.drain():
            self._events.publish(published)
        self._wake_in_time()

    def _wake_in_time(self) -> None:
        due = self.world.next_due()
        if due is None:
            return
        loop = asyncio.get_running_loop()
        when = loop.time() + max(SHORTEST_NAP, due - self.now())
        if when >= self._wakes_at:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._wakes_at = when
        self._timer = loop.call_at(when, self._woken)

    def _woken(self) -> None:
        self._wakes_at = math.inf
        self.settle()

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self.sockets.close_all()

    async def run_ahead(self, seconds: float) -> None:
        """Answers when everything due has happened, and open sockets have been told."""
        self._ahead += seconds
        self.settle()
        await self.sockets.flushed()

    def restart(self, *, seed: int | None, agents: int | None, quiet: bool | None) -> Wire:
        plan = self._plan
        self._plan = Plan(
            agents=plan.agents if agents is None else agents,
            seed=plan.seed if seed is None else seed,
            quiet=plan.quiet if quiet is None else quiet,
            ledger_limit=plan.ledger_limit,
        )
        self.sockets.close_all()
        self._begin()
        return self.announcement()

    def announcement(self) -> Wire:
        """What `--json` prints first."""
        world = self.world
        shape: Wire = {
            "api_url": self.base,
            "login_url": self.base,
            "control_url": f"{self.base}/_twin",
            "client_id": world.client.id,
            "client_secret": world.client.secret,
            "org": {"id": world.org.id, "name": world.org.name},
            "agents": [_person(one) for one in world.agents],
            "supervisor": _person(world.supervisor),
            "public_client_id": world.public_client.id,
        }
        return shape if self._token is None else shape | {"control_token": self._token}

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Every request."""
        raw = request.raw_path
        if not raw.startswith("/"):
            raw = "/" + raw.partition("://")[2].partition("/")[2]
        path, _, query = raw.partition("?")
        if "%" in path:
            path = unquote(path)
        try:
            return await self._served(request, path, Query(query))
        except Cut:
            _cut(request)
            return web.Response()
        except web.HTTPException:
            raise
        except (ConnectionError, ClientError):
            return web.Response()
        except Exception:
            log.exception("%s %s failed", request.method, path)
            return _response(_failure())

    async def _served(self, request: web.BaseRequest, path: str, query: Query) -> web.StreamResponse:
        if path.startswith("/channels/"):
            self.settle()
            return await self.sockets.serve(request, self.channels, path[len("/channels/") :])
        body = await request.read() if request.can_read_body else b""
        self.settle()
        try:
            if path.startswith("/_twin"):
                answer = await self._controlled(request, path, query, body)
            else:
                answer = await self._answered(request, path, query, body)
        finally:
            self.settle()
        return _response(answer)

    async def _controlled(self, request: web.BaseRequest, path: str, query: Query, body: bytes) -> Answer:
        method, headers = request.method, request.headers
        refusal = self.guard.refusal(method=method, path=path, headers=headers, body=body)
        if refusal is not None:
            return refusal
        return await control.answer(self, method=method, path=path, query=query, body=body)

    async def _answered(self, request: web.BaseRequest, path: str, query: Query, body: bytes) -> Answer:
        method = request.method
        if method == "OPTIONS":
            return surface.allow_browsers(request.headers)
        host = request.headers.get("Host") or self.base.removeprefix("http://")
        call = Call(method=method, path=path, query=query, headers=request.headers, body=body, host=host)
        if path.startswith("/api/"):
            return await surface.answer_api(self, call)
        if path == "/oauth/token" and method == "POST":
            return await surface.answer_token(self, call)
        return self._login(call) or surface.answer_unknown(call)

    def _login(self, call: Call) -> Answer | None:
        """The pages of the login host."""
        if call.path == "/oauth/authorize" and call.method == "POST":
            return sign_in.sign_in(self.world, oauth.read_form(call.body, media=call.media))
        if call.path == "/oauth/authorize":
            return sign_in.show_sign_in(self.world, call.query)
        if call.path == "/logout":
            return sign_in.log_out(call.query)
        return None


def _person(user: User) -> Wire:
    return {"id": user.id, "name": user.name, "email": user.email, "password": user.password}


def _response(answer: Answer) -> web.Response:
    return web.Response(
        status=answer.status,
        body=answer.body or None,
        headers=answer.headers if answer.media is None else {**answer.headers, "Content-Type": answer.media},
    )


def _failure() -> Answer:
    refusal = Refusal(500, "internal.server.error", "The simulator failed; its log says where.")
    return refused(refusal, correlation_id="none", headers={"ININ-Correlation-Id": "none"})


def _cut(request: web.BaseRequest) -> None:
    """A reset instead of an orderly end."""
    transport = request.transport
    if transport is None:
        return
    connection: socket.socket | None = transport.get_extra_info("socket")
    if connection is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


def serve(
    *,
    host: str,
    port: int,
    agents: int,
    seed: int,
    quiet: bool,
    json_lines: bool,
    ledger_limit: int = 100_000,
) -> int:
    """Run until SIGINT or SIGTERM, then answer the exit code.

    `port` 0 picks a free one. With `json_lines` the announcement is one JSON object on the first line.
    """
    plan = Plan(agents=agents, seed=seed, quiet=quiet, ledger_limit=ledger_limit)
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        return runner.run(_run(plan=plan, host=host, port=port, json_lines=json_lines))


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """The faster loop, where it is installed."""
    try:
        import uvloop  # noqa: PLC0415 -- optional
    except ImportError:
        return None
    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory


async def _run(*, plan: Plan, host: str, port: int, json_lines: bool) -> int:
    ended = _signalled()
    token = None if is_loopback(host) else secrets.token_urlsafe(24)
    twin = Twin(plan=plan, host=host, control_token=token)
    server = web.Server(twin.handle, access_log=None)
    runner = web.ServerRunner(server, handle_signals=False, shutdown_timeout=SHUTDOWN_SECONDS)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, host, port, backlog=1024).start()
        except OSError as problem:
            sys.stderr.write(
                f"Error: The simulator cannot listen on {host}:{port}: {_reason(problem)}.\n"
                "  If another program uses that port, choose one with --port; 0 picks a free one.\n"
            )
            return 1
        twin.base = _base(host, runner.addresses[0][1])
        twin.settle()
        _announce(twin, quiet=plan.quiet, json_lines=json_lines)
        await ended.wait()
        return 0
    finally:
        twin.stop()
        await runner.cleanup()


def _reason(problem: OSError) -> str:
    """In the system's words: asyncio adds the address once more."""
    number = problem.errno or 0
    return os.strerror(number).lower() if number > 0 else str(problem.strerror)


def _signalled() -> asyncio.Event:
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ended.set)
    return ended


def _base(host: str, port: int) -> str:
    """An address that can be called from here, also when all interfaces are listened on."""
    every = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}  # noqa: S104 -- compared, not listened on
    name = every.get(host, f"[{host}]" if ":" in host else host)
    return f"http://{name}:{port}"


def _announce(twin: Twin, *, quiet: bool, json_lines: bool) -> None:
    told = twin.announcement()
    if json_lines:
        sys.stdout.write(encode(told).decode() + "\n")
    else:
        fragment = f"#token={told['control_token']}" if "control_token" in told else ""
        sys.stdout.write(
            f"The simulator is at {told['api_url']}\n"
            f"See it live:  {told['control_url']}/{fragment}\n"
            f"Use it with:  export GENESYS_REGION={told['api_url']} GENESYS_CLIENT_ID={told['client_id']}"
            f" GENESYS_CLIENT_SECRET={told['client_secret']}\n"
        )
        if twin.world.agents:
            who = twin.world.agents[0].email
            sys.stdout.write(
                f"An agent:     {who}\n" if quiet else f"On a call:    {who}, until you end it\n"
            )
    sys.stdout.flush()
