"""Problem documents for what never reaches a resource."""

from http import HTTPStatus

import msgspec
from litestar.types import Send

from micgate.service.http import problems
from micgate.service.http.errors import ServiceError
from micgate.store.ids import new_id


def raw(error: ServiceError) -> bytes:
    """A whole answer, after which the connection is closed."""
    status, headers, body = _told(error)
    lines = [
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}",
        *(f"{name.lower()}: {value}" for name, value in headers.items()),
        f"content-length: {len(body)}",
        "connection: close",
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


async def answer(error: ServiceError, send: Send) -> None:
    status, told, body = _told(error)
    headers = [(name.lower().encode(), value.encode()) for name, value in told.items()]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})


def _told(error: ServiceError) -> tuple[int, dict[str, str], bytes]:
    problem = msgspec.structs.replace(problems.of(error), instance=f"urn:uuid:{new_id()}")
    headers = {"Content-Type": problems.MEDIA_TYPE, **problems.headers(error)}
    return problem.status, headers, msgspec.json.encode(problem)
