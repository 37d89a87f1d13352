"""What every answer has in common, and what clients that misbehave get."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import aiohttp
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID
from front_desk import Scope

from micgate.log import Log
from micgate.service.http import certificate, listen
from micgate.service.http.errors import UnsafeListening
from micgate.service.http.listen import Address
from micgate.service.http.proxy import OnlyThrough
from micgate.service.request import gate
from micgate.service.resources import health
from micgate.settings import SettingError
from micgate.store.errors import Full, Unavailable


class Kept(Log):
    """Nothing is printed."""

    def __init__(self):
        super().__init__()
        self.lines = []

    def write(self, event, **fields):
        self.lines.append((event, fields))


async def connected(desk):
    where = urlsplit(desk.url)
    return await asyncio.open_connection(where.hostname, where.port)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nothing", 404),
        ("GET", "/v1/batches/1", 404),
        ("POST", "/v1/mutes/bulk", 405),
        ("POST", "/v1/hooks/crm", 404),
        ("PUT", "/v1/mutes", 405),
        ("GET", "/v1/mutes?limit=0", 400),
        ("GET", "/v1/mutes?limit=x", 400),
        ("GET", "/v1/mutes?standing=perhaps", 400),
        ("GET", "/v1/mutes?after=x", 400),
        ("GET", "/v1/mutes?agnet=ada", 400),
        ("GET", "/v1/mutes?agent=ada&agent=bob", 400),
        ("GET", "/v1/agents/nobody?conversation=c", 400),
        ("GET", "/v1/audit?after=-1", 400),
        ("GET", "/v1/audit?limit=100000", 400),
        ("GET", "/v1/audit/export?format=pdf", 400),
        ("PUT", "/v1/protections/planet/mars", 400),
        ("GET", "/v1/agents/%00", 404),
        ("GET", "/v1/agents/a%00b", 404),
        ("GET", "/v1/me?agent=a%00b", 404),
        ("GET", "/v1/me?conversation=a%00b", 404),
        ("GET", "/v1/mutes?agent=a%00b", 404),
        ("GET", "/v1/orgs/a%00b/budget", 404),
        ("DELETE", "/v1/keys/a%00b", 404),
        ("PUT", "/v1/protections/queue/a%00b", 404),
        ("GET", "/v1/agents/%F0%9F%92%A9", 404),
        ("GET", "/v1/agents/..%2F..%2Fetc", 404),
    ],
)
async def test_every_refusal_is_a_problem_document(desk, method, path, status):
    answer = await desk.ask(method, path, {} if method != "GET" else None)
    assert answer.status == status, answer.body
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert {"type", "title", "status", "detail", "word", "remedy", "instance"} <= set(answer.body)
    assert answer.body["status"] == status


@pytest.mark.parametrize("method", ["PUT", "OPTIONS", "TRACE", "HEAD"])
async def test_a_method_that_is_not_taken_is_told_which_are(desk, method):
    path = "/v1/unfreeze" if method == "HEAD" else "/v1/freeze"
    answer = await desk.ask(method, path, headers={"Authorization": ""})
    assert answer.status == 405
    assert answer.headers["Allow"] == ("POST" if method == "HEAD" else "GET, HEAD, POST")
    assert method == "HEAD" or answer.word == "method_not_allowed"


@pytest.mark.parametrize(
    "path", ["/v1/me", "/v1/mutes", "/v1/audit", "/v1/audit/export", "/nothing", "/healthz"]
)
async def test_no_answer_is_kept_on_the_way_or_taken_for_a_page(desk, path):
    answer = await desk.ask("GET", path)
    assert answer.headers.getall("Cache-Control") == ["no-store"]
    assert answer.headers.getall("X-Content-Type-Options") == ["nosniff"]


async def test_a_name_that_is_a_page_long_is_nobody_s_and_is_not_asked_for(desk):
    before = len(desk.twin.requests("GET"))
    answer = await desk.ask("GET", "/v1/agents/" + "x" * 5000)
    assert (answer.status, answer.word) == (404, "unknown_agent")
    assert "xxx" not in answer.body["detail"]
    assert len(desk.twin.requests("GET")) == before


async def test_what_can_be_got_has_a_head(desk):
    got, head = await desk.ask("GET", "/v1/me"), await desk.ask("HEAD", "/v1/me")
    assert (head.status, head.headers["Content-Type"], head.body) == (200, "application/json", b"")
    assert int(head.headers["Content-Length"]) == len(json.dumps(got.body, separators=(",", ":")))
    assert (await desk.ask("HEAD", "/healthz", headers={"Authorization": ""})).status == 200
    assert (await desk.ask("HEAD", "/v1/events")).status == 405


async def test_the_description_is_openapi_3_1_and_says_who_may(desk):
    answer = await desk.ask("GET", "/openapi.json")
    assert answer.status == 200
    described = answer.body if isinstance(answer.body, dict) else json.loads(answer.body)
    assert described["openapi"].startswith("3.1")
    assert {"/v1/mutes", "/v1/events", "/v1/freeze", "/readyz"} <= set(described["paths"])
    assert described["components"]["securitySchemes"]["key"]["scheme"] == "bearer"
    assert "http://" not in json.dumps(described).replace("http://127.0.0.1", "")


async def test_nothing_is_served_that_loads_from_elsewhere(desk):
    for path in ("/schema", "/docs", "/swagger", "/redoc"):
        assert (await desk.ask("GET", path)).status == 404


async def test_beyond_this_machine_figures_and_descriptions_need_a_key(open_service):
    desk = await open_service(address=Address(port=0, proxies=("127.0.0.1",)))
    for path in ("/metrics", "/openapi.json"):
        assert (await desk.ask("GET", path, headers={"Authorization": ""})).status == 401
        assert (await desk.ask("GET", path, key=await desk.key(Scope.MUTE))).status == 200
    assert (await desk.ask("GET", "/healthz", headers={"Authorization": ""})).status == 200


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "Via"])
async def test_behind_a_proxy_that_nobody_stated_figures_need_a_key_too(desk, header):
    passed_on = {header: "203.0.113.9", "Authorization": ""}
    assert (await desk.ask("GET", "/metrics", headers=passed_on)).status == 401
    assert (await desk.ask("GET", "/metrics", headers={"Authorization": ""})).status == 200


@pytest.mark.parametrize(
    ("proxies", "client", "scheme"),
    [
        ((), "127.0.0.1", "http"),
        (("127.0.0.1",), "203.0.113.9", "https"),
        (("10.9.9.9",), "127.0.0.1", "http"),
    ],
)
async def test_what_a_proxy_says_of_a_client_counts_only_if_it_was_stated(proxies, client, scheme):
    seen = {}

    async def app(scope, _receive, send):
        seen.update(client=scope["client"][0], scheme=scope["scheme"])
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    address = Address(port=0, proxies=proxies)
    socket = listen.bind(address)
    server = listen.server(app, address)
    serving = asyncio.create_task(server.serve(sockets=[socket]))
    headers = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https"}
    url = address.url(socket.getsockname()[1])
    async with aiohttp.ClientSession() as http, http.get(url, headers=headers) as answer:
        assert answer.status == 204
    server.should_exit = True
    await serving
    socket.close()
    assert seen == {"client": client, "scheme": scheme}


@pytest.mark.parametrize(
    ("peer", "served"),
    [
        ("10.0.0.5", True),
        ("10.1.2.3", True),
        ("::ffff:10.0.0.5", True),
        ("127.0.0.1", True),
        ("10.0.0.6", False),
        ("2001:db8::1", False),
        ("", False),
    ],
)
async def test_in_the_clear_only_the_stated_proxy_is_served(peer, served):
    reached, said = [], []

    async def app(scope, _receive, _send):
        reached.append(scope["path"])

    async def send(message):
        said.append(message)

    door = OnlyThrough(app, ("10.0.0.5", "10.1.0.0/16"))
    for path in ("/v1/me", "/healthz", "/readyz"):
        await door({"type": "http", "path": path, "client": (peer, 5), "headers": []}, None, send)
    assert reached == [*(["/v1/me"] if served else []), "/healthz", "/readyz"]
    if not served:
        assert said[0]["status"] == 403
        problem = json.loads(said[1]["body"])
        assert problem["word"] == "not_through_the_proxy"
        assert "MICGATE_TRUSTED_PROXY" in problem["remedy"]


@pytest.mark.parametrize(
    ("address", "guarded"),
    [
        (Address(host="0.0.0.0", proxies=("10.0.0.5",)), True),
        (Address(host="0.0.0.0", proxies=("10.0.0.5",), tls_certificate="c", tls_key="k"), False),
        (Address(host="127.0.0.1", proxies=("10.0.0.5",)), False),
    ],
)
def test_peers_are_looked_at_where_keys_would_be_in_the_clear(address, guarded):
    async def app(_scope, _receive, _send): ...

    assert isinstance(listen.behind(app, address), OnlyThrough) == guarded


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "micgate.example"])
def test_plain_http_beyond_loopback_is_refused(host):
    with pytest.raises(UnsafeListening):
        Address(host=host).check()
    Address(host=host, proxies=("192.0.2.9",)).check()
    Address(host=host, tls_certificate="c", tls_key="k").check()


@pytest.fixture
def papers(tmp_path):
    """A certificate with its key, another key, the key with a password, and something else."""
    key, other = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "micgate.example")])
    now = datetime.now(UTC)
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    dated = made.serial_number(1).not_valid_before(now).not_valid_after(now + timedelta(days=1))
    (tmp_path / "cert.pem").write_bytes(dated.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM))
    locked = BestAvailableEncryption(b"hunter2")
    for file, one, hidden in (
        ("key", key, NoEncryption()),
        ("other", other, NoEncryption()),
        ("locked", key, locked),
    ):
        (tmp_path / f"{file}.pem").write_bytes(one.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, hidden))
    (tmp_path / "junk.pem").write_text("junk")
    return tmp_path


@pytest.mark.parametrize(
    ("cert", "key", "says"),
    [
        ("cert.pem", "other.pem", "is not the one of the certificate"),
        ("cert.pem", "locked.pem", "no certificate and key that TLS can be spoken with"),
        ("junk.pem", "key.pem", "no certificate and key that TLS can be spoken with"),
        ("cert.pem", "none.pem", "MICGATE_TLS_KEY names .* which cannot be read"),
        ("none.pem", "key.pem", "MICGATE_TLS_CERT names .* which cannot be read"),
    ],
)
def test_what_tls_cannot_be_spoken_with_is_refused_before_it_listens(papers, cert, key, says):
    certificate.check(Address(tls_certificate=str(papers / "cert.pem"), tls_key=str(papers / "key.pem")))
    with pytest.raises(SettingError, match=says):
        certificate.check(Address(tls_certificate=str(papers / cert), tls_key=str(papers / key)))


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("0.0.0.0", "http://127.0.0.1:8700"),
        ("::", "http://[::1]:8700"),
        ("10.0.0.5", "http://10.0.0.5:8700"),
    ],
)
def test_commands_on_this_machine_are_told_an_address_that_can_be_connected_to(host, url):
    assert Address(host=host).near_url(8700) == url


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_loopback_needs_no_tls(host):
    Address(host=host).check()


async def test_a_request_whose_head_does_not_arrive_is_cut_off(desk, monkeypatch):
    monkeypatch.setattr(listen, "HEADERS_WITHIN", 0.2)
    reader, writer = await connected(desk)
    writer.write(b"GET /healthz HT")
    assert await asyncio.wait_for(reader.read(), 30) == b""
    writer.close()


HEAD = b"GET /healthz HTTP/1.1\r\nHost: x\r\n"


@pytest.mark.parametrize(
    ("sent", "status", "word"),
    [
        (HEAD + b"X-Long: " + b"a" * 40_000, 431, "head_too_large"),
        (HEAD + b"X-Long: " + b"a" * 40_000 + b"\r\n\r\n", 431, "head_too_large"),
        (HEAD + b"X-Many: b\r\n" * 5_000 + b"\r\n", 431, "head_too_large"),
        (HEAD + b"X: a\x00b\r\n\r\n", 400, "malformed_request"),
        (b"FOO /v1/mutes HTTP/1.1\r\nHost: x\r\n\r\n", 400, "malformed_request"),
        (b"\x16\x03\x01\x02\x00\x01", 400, "malformed_request"),
    ],
    ids=["no end", "long", "many", "NUL", "method", "TLS"],
)
async def test_a_head_without_end_and_what_is_no_http_get_a_problem_document(desk, sent, status, word):
    reader, writer = await connected(desk)
    writer.write(sent)
    answer = await asyncio.wait_for(reader.read(), 30)
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"application/problem+json" in head
    assert b"connection: close" in head
    assert (json.loads(body)["status"], json.loads(body)["word"]) == (status, word)
    writer.close()


async def test_headers_behind_a_body_in_parts_have_an_end(desk):
    reader, writer = await connected(desk)
    head = HEAD.replace(b"GET", b"POST") + b"Transfer-Encoding: chunked\r\n\r\n"
    writer.write(head + b"0\r\n" + b"X-Late: b\r\n" * 5_000)
    assert b"head_too_large" in await asyncio.wait_for(reader.read(), 30)
    writer.close()


async def test_a_request_whose_body_does_not_arrive_is_cut_off(desk, monkeypatch):
    monkeypatch.setattr(gate, "ARRIVES_WITHIN", 0.2)
    reader, writer = await connected(desk)
    head = (
        f"POST /v1/mutes HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {desk.host_key}\r\n"
        "Content-Type: application/json\r\nContent-Length: 50\r\n\r\n"
    )
    writer.write(head.encode() + b'{"agent"')
    answer = await asyncio.wait_for(reader.read(), 30)
    assert b" 408 " in answer.splitlines()[0]
    writer.close()
    assert await desk.store.mutes.standing(desk.org) == ()


@pytest.mark.parametrize(
    ("size", "sent"),
    [
        ("Content-Length: 50", b'{"agent"'),
        ("Content-Length: 50", b""),
        ("Transfer-Encoding: chunked", b'8\r\n{"agent"\r\n'),
    ],
)
async def test_half_a_body_and_gone_is_the_clients_and_places_nothing(open_service, size, sent):
    log = Kept()
    desk = await open_service(log=log)
    reader, writer = await connected(desk)
    head = (
        f"POST /v1/mutes HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {desk.host_key}\r\n"
        f"Content-Type: application/json\r\n{size}\r\n\r\n"
    )
    writer.write(head.encode() + sent)
    await writer.drain()
    writer.close()
    await desk.until(lambda: refusals(desk))
    assert 'status="400"' in (await refusals(desk))[0]
    assert log.lines == []
    assert await desk.store.mutes.standing(desk.org) == ()
    del reader


async def refusals(desk):
    """What the figures say about answers to requests for mutes."""
    figures = (await desk.ask("GET", "/metrics")).body.decode()
    counted = [line for line in figures.splitlines() if line.startswith("micgate_http_requests_total")]
    return [line for line in counted if 'route="/v1/mutes"' in line]


async def test_a_mistake_of_ours_tells_nothing(open_service, monkeypatch):
    log = Kept()
    desk = await open_service(log=log)
    monkeypatch.setattr(health.Health, "ready", broken)
    answer = await desk.ask("GET", "/readyz")
    assert (answer.status, answer.word) == (500, "internal_error")
    assert "secret" not in str(answer.body) + str(log.lines)
    assert log.lines[-1][0] == "http.failed"
    assert log.lines[-1][1]["instance"] == answer.body["instance"]


async def broken(_self):
    raise ZeroDivisionError("secret")


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (Unavailable("The database cannot be reached.", remedy="See that it runs."), 503),
        (Full("The database has no room.", remedy="Make room."), 507),
    ],
)
async def test_a_database_in_trouble_is_said_and_nothing_is_promised(desk, monkeypatch, error, status):
    await desk.on_call()

    async def away(*_arguments, **_options):
        raise error

    monkeypatch.setattr(desk.store, "place", away)
    answer = await desk.mute()
    assert answer.status == status
    assert answer.word == error.word
    assert int(answer.headers["Retry-After"]) > 0


async def test_a_commit_that_may_be_lost_is_repeated_with_the_same_ids(desk, monkeypatch):
    await desk.on_call()
    place, asked = desk.store.place, []

    async def lost_once(change, *, now):
        asked.append(change.mutes[0].id)
        placed = await place(change, now=now)
        if len(asked) == 1:
            raise Unavailable("The database went away.", remedy="", perhaps_done=True)
        return placed

    monkeypatch.setattr(desk.store, "place", lost_once)
    answer = await desk.mute()
    assert answer.status == 201
    assert asked == [answer.body["id"]] * 2
    assert len(await desk.entries("mute.placed")) == 1


async def test_readiness_names_what_is_missing(desk):
    await desk.store.leases.resign(desk.term)
    answer = await desk.ask("GET", "/readyz", headers={"Authorization": ""})
    assert answer.status == 503
    (bad,) = [check for check in answer.body["checks"] if not check["ok"]]
    assert bad["name"] == "keeper"
    assert bad["remedy"]


async def test_readiness_notices_a_keeper_that_has_fallen_silent(desk):
    assert (await desk.ask("GET", "/readyz")).status == 200
    desk.clock.ahead += health.STILL_SECONDS + 1
    assert (await desk.ask("GET", "/readyz")).status == 503
    await desk.store.leases.beat(desk.term)
    assert (await desk.ask("GET", "/readyz")).status == 200


async def test_readiness_says_that_the_database_is_away(desk):
    await desk.parts.database.close()
    answer = await desk.ask("GET", "/readyz")
    assert answer.status == 503
    assert answer.body["checks"][0]["name"] == "database"
    assert (await desk.ask("GET", "/healthz")).status == 200


async def test_figures_name_no_person(desk):
    await desk.on_call()
    mute = (await desk.mute()).body
    await desk.entries()
    await desk.ask("GET", f"/v1/agents/{desk.twin.agents[0].email}")
    figures = (await desk.ask("GET", "/metrics")).body.decode()
    assert "micgate_mutes_standing 1.0" in figures
    assert 'micgate_microphones{phase="idle"} 1.0' in figures
    assert 'route="/v1/agents/{ref}"' in figures
    agent = desk.twin.agents[0]
    for personal in (agent.id, agent.email, agent.name, mute["id"], mute["conversation_id"]):
        assert personal not in figures
