"""Hear of every mute as it begins and ends: a receiver of micgate's webhooks that checks each signature.

    pip install standardwebhooks
    WEBHOOK_SECRET=$(micgate webhooks add crm https://crm.example/micgate) python webhook_receiver.py 8080

A delivery is repeated until it is answered with 2xx, so one may come twice: `webhook-id` is the same then. On
this machine, for a try, the service needs MICGATE_ALLOW_PRIVATE_RECEIVERS=yes. Behind a real web server only
`heard` is needed.
"""

import json
import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from standardwebhooks import Webhook, WebhookVerificationError

LARGEST = 1_000_000
known: set[str] = set()
"""In earnest: a table with a unique column, written in the transaction that does the work."""


def heard(body: bytes, headers: Mapping[str, str], *, secret: str) -> HTTPStatus:
    """Verify the bytes as they came, before anything reads them; then answer at once and work later."""
    try:
        event = Webhook(secret).verify(body, dict(headers))
    except WebhookVerificationError:
        return HTTPStatus.UNAUTHORIZED
    if headers["webhook-id"] not in known:
        known.add(headers["webhook-id"])
        print(event["time"], event["type"], event["subject"], json.dumps(event["data"]["facts"]), flush=True)
    return HTTPStatus.NO_CONTENT


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length", "0"))
        if length > LARGEST:
            self.send_error(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.send_response(heard(self.rfile.read(length), headers, secret=os.environ["WEBHOOK_SECRET"]))
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Only what was heard is printed."""


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Receiver)
    print(f"Listening on http://127.0.0.1:{server.server_port}/", flush=True)
    with suppress(KeyboardInterrupt):
        server.serve_forever()
