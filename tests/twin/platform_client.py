"""A client of the vendor's surface that holds every answer against the contract."""

import base64
import contextlib
import http.client
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import aiohttp
import msgspec

from simulator import Person, Simulator
from twin import contract

REDIRECT = "http://localhost:8085/callback"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def send(
    simulator: Simulator,
    method: str,
    path: str,
    *,
    body: str | None = None,
    headers: dict[str, str] | None = None,
) -> Reply:
    """One request as it is, no redirect followed, nothing checked."""
    connection = http.client.HTTPConnection("127.0.0.1", urlsplit(simulator.api_url).port, timeout=20)
    try:
        connection.request(method, path, body=body, headers=headers or {})
        answer = connection.getresponse()
        named = {name.lower(): value for name, value in answer.getheaders()}
        return Reply(status=answer.status, headers=named, body=answer.read())
    finally:
        connection.close()


def basic(client_id: str, secret: str) -> str:
    return "Basic " + base64.b64encode(f"{client_id}:{secret}".encode()).decode()


def ask_token(simulator: Simulator, form: dict[str, str], *, client: tuple[str, str] | None = None) -> Reply:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    if client is not None:
        headers["Authorization"] = basic(*client)
    reply = send(simulator, "POST", "/oauth/token", body=urlencode(form), headers=headers)
    contract.check_answer(
        method="POST", path="/oauth/token", status=reply.status, headers=reply.headers, body=reply.body
    )
    return reply


def sign_in(
    simulator: Simulator, person: Person, wanted: dict[str, str], *, password: str | None = None
) -> Reply:
    """What a browser does without JavaScript: the page, then its form with an e-mail and a password."""
    page = send(simulator, "GET", "/oauth/authorize?" + urlencode(wanted))
    assert page.status == 200
    form = wanted | {"email": person.email, "password": password or person.password}
    return send(
        simulator,
        "POST",
        "/oauth/authorize",
        body=urlencode(form),
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )


def returned(reply: Reply) -> dict[str, str]:
    """The parameters of a redirect back to the application."""
    assert reply.status in {302, 303}
    assert reply.headers["location"].startswith(REDIRECT)
    return {name: values[0] for name, values in parse_qs(urlsplit(reply.headers["location"]).query).items()}


class Platform:
    """Requests with one token."""

    def __init__(self, simulator: Simulator, token: str) -> None:
        self.simulator = simulator
        self.token = token

    @classmethod
    def as_client(cls, simulator: Simulator, **wanted: Any) -> "Platform":
        """A client-credentials token: of the announced client, or of one made for the test."""
        if wanted:
            made = simulator.control("POST", "/clients", {"grant": "client_credentials"} | wanted)
            client = made["id"], made["secret"]
        else:
            client = simulator.client_id, simulator.client_secret
        token = ask_token(simulator, {"grant_type": "client_credentials"}, client=client).json
        return cls(simulator, token["access_token"])

    @classmethod
    def as_person(cls, simulator: Simulator, person: Person, **wanted: Any) -> "Platform":
        made = simulator.control("POST", "/clients", {"grant": "code"} | wanted)
        asked = {"client_id": made["id"], "response_type": "code", "redirect_uri": REDIRECT}
        code = returned(sign_in(simulator, person, asked))["code"]
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT}
        token = ask_token(simulator, form, client=(made["id"], made["secret"])).json
        return cls(simulator, token["access_token"])

    def send(
        self, method: str, path: str, body: object = msgspec.UNSET, *, headers: dict[str, str] | None = None
    ) -> Reply:
        sent = None if body is msgspec.UNSET else json.dumps(body)
        told = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"} | (headers or {})
        reply = send(self.simulator, method, path, body=sent, headers=told)
        contract.check_answer(
            method=method,
            path=urlsplit(path).path,
            status=reply.status,
            headers=reply.headers,
            body=reply.body,
        )
        if reply.status == 401:
            assert not any(name.startswith("inin-ratelimit") for name in reply.headers)
        else:
            contract.check_rate_headers(reply.headers)
        return reply

    def get(self, path: str) -> Any:
        """The JSON of an answer that must be a 200."""
        return self.expect(200, "GET", path).json

    def expect(self, status: int, method: str, path: str, body: object = msgspec.UNSET) -> Reply:
        reply = self.send(method, path, body)
        assert reply.status == status, f"{method} {path}: {reply.status} {reply.body!r}"
        return reply

    def mute_path(self, conversation: dict[str, Any], *, agent: str | None = None) -> str:
        leg = self.simulator.leg(conversation, agent)
        return f"/api/v2/conversations/calls/{conversation['id']}/participants/{leg['id']}"

    def on_behalf_path(self, conversation: dict[str, Any], *, agent: str | None = None) -> str:
        wanted = agent or self.simulator.agents[0].id
        return f"{self.mute_path(conversation, agent=agent)}/user/{wanted}"

    def open_channel(self, topics: list[str]) -> dict[str, Any]:
        channel: dict[str, Any] = self.expect(200, "POST", "/api/v2/notifications/channels").json
        listed = self.expect(
            200, "PUT", self.subscriptions(channel), [{"id": topic} for topic in topics]
        ).json
        assert {entry["state"] for entry in listed["entities"]} <= {"Permitted"}
        return channel

    @staticmethod
    def subscriptions(channel: dict[str, Any]) -> str:
        return f"/api/v2/notifications/channels/{channel['id']}/subscriptions?ignoreErrors=true"


class Listener:
    """The socket of a channel; every message it takes is held against the contract."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket

    async def next(self, *, seconds: float = 20) -> dict[str, Any]:
        message: dict[str, Any] = await self.socket.receive_json(timeout=seconds)
        if "topicName" in message:
            contract.check_event(message)
        return message

    async def until(self, holds: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
        while True:
            message = await self.next()
            if holds(message):
                return message

    async def closed(self, *, seconds: float = 20) -> bool:
        """Reads what is left; whether the other side closed."""
        while True:
            message = await self.socket.receive(timeout=seconds)
            if message.type is not aiohttp.WSMsgType.TEXT:
                return True


@contextlib.asynccontextmanager
async def listening(channel: dict[str, Any]) -> AsyncIterator[Listener]:
    async with aiohttp.ClientSession() as session, session.ws_connect(channel["connectUri"]) as socket:
        yield Listener(socket)
