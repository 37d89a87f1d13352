"""Who may steer the simulator: this machine's programs, and the pages it serves itself."""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from micgate.twin.exchange import JSON, Answer, json_answer
from micgate.twin.loopback import is_loopback


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """Keeps web pages of others out: they can reach a loopback port (DNS rebinding, cross-site posts).

    Off loopback every request but the one for the page carries `token`.
    """

    host: str
    token: str | None

    def refusal(self, *, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer | None:
        host = headers.get("Host", "")
        origin = headers.get("Origin")
        if self.token is None and not self._is_ours(_host_name(host)):
            return _forbidden(f"The host {host} is not this simulator's.")
        if origin is not None and urlsplit(origin).netloc != host:
            return _forbidden(f"Pages of {origin} may not steer the simulator.")
        if headers.get("Sec-Fetch-Site") in {"cross-site", "same-site"} and method != "GET":
            return _forbidden("Pages of others may not steer the simulator.")
        if body and headers.get("Content-Type", "").partition(";")[0].strip().lower() != JSON:
            return json_answer({"message": f"The control surface takes {JSON} only."}, status=415)
        if self.token is not None and path.rstrip("/") != "/_twin" and not self._shows_token(headers):
            return json_answer({"message": "Send the control_token as a Bearer token."}, status=401)
        return None

    def _is_ours(self, name: str) -> bool:
        return name == self.host or is_loopback(name)

    def _shows_token(self, headers: Mapping[str, str]) -> bool:
        scheme, _, given = headers.get("Authorization", "").partition(" ")
        shown = scheme.lower() == "bearer" and self.token is not None
        return shown and hmac.compare_digest(given.strip().encode(), (self.token or "").encode())


def _host_name(host: str) -> str:
    try:
        return urlsplit("//" + host).hostname or ""
    except ValueError:
        return ""


def _forbidden(message: str) -> Answer:
    return json_answer({"message": message}, status=403)
