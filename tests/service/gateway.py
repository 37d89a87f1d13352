"""A company's way out: a proxy that opens tunnels, and behind it a gateway over TLS that wants a header."""

import asyncio
import ssl
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import aiohttp
from aiohttp import web
from loopback import CERTIFICATE

NAME = "gateway.example"
HEADER, VALUE = "X-Gateway-Key", "let-me-in"
_OWN = {"host", "transfer-encoding", "content-length", "content-encoding", "connection"}


@dataclass(slots=True)
class WayOut:
    """`passed` are the requests that came with the header, `turned_away` those without."""

    twin_url: str
    http: aiohttp.ClientSession
    port: int = 0
    gateway_port: int = 0
    passed: list[str] = field(default_factory=list)
    turned_away: list[str] = field(default_factory=list)
    tunnels: list[str] = field(default_factory=list)

    @property
    def environ(self):
        return {
            "GENESYS_REGION": f"https://{NAME}",
            "HTTPS_PROXY": f"http://127.0.0.1:{self.port}",
            "SSL_CERT_FILE": str(CERTIFICATE),
            "MICGATE_EXTRA_HEADERS": f"{HEADER}: {VALUE}",
        }

    async def answer(self, request):
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return await self._socket(request)
        if request.headers.get(HEADER) != VALUE:
            self.turned_away.append(f"{request.method} {request.path}")
            return web.Response(status=403, text="<html>No key</html>", content_type="text/html")
        self.passed.append(f"{request.method} {request.path}")
        sent = {name: value for name, value in request.headers.items() if name.lower() not in _OWN}
        async with self.http.request(
            request.method,
            self.twin_url + request.raw_path,
            headers=sent | {"Host": NAME},
            data=await request.read(),
        ) as answer:
            body = (await answer.read()).replace(b'"ws://', b'"wss://')
            kept = {name: value for name, value in answer.headers.items() if name.lower() not in _OWN}
            return web.Response(status=answer.status, headers=kept, body=body)

    async def _socket(self, request):
        self.passed.append("SOCKET")
        ours = web.WebSocketResponse()
        await ours.prepare(request)
        async with self.http.ws_connect(self.twin_url + request.raw_path) as theirs:
            await asyncio.gather(_relay(theirs, ours), _relay(ours, theirs))
        return ours

    async def tunnel(self, reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        self.tunnels.append(head.split(b" ")[1].decode())
        inner_reader, inner = await asyncio.open_connection("127.0.0.1", self.gateway_port)
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        await asyncio.gather(_pipe(reader, inner), _pipe(inner_reader, writer))


@asynccontextmanager
async def way_out(twin):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    async with aiohttp.ClientSession(auto_decompress=True) as http:
        way = WayOut(twin.api_url, http)
        runner = web.ServerRunner(web.Server(way.answer), shutdown_timeout=0.5)
        await runner.setup()
        gateway = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
        await gateway.start()
        way.gateway_port = runner.addresses[0][1]
        proxy = await asyncio.start_server(way.tunnel, "127.0.0.1", 0)
        way.port = proxy.sockets[0].getsockname()[1]
        yield way
        proxy.close()
        await runner.cleanup()


async def _relay(source, sink):
    async for message in source:
        with suppress(ConnectionError):
            await (sink.send_str(message.data) if isinstance(message.data, str) else sink.close())
    await sink.close()


async def _pipe(reader, writer):
    with suppress(ConnectionError):
        while block := await reader.read(65_536):
            writer.write(block)
            await writer.drain()
    writer.close()
