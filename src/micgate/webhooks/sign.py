"""Standard Webhooks: what a receiver checks a delivery by (https://www.standardwebhooks.com)."""

import secrets
from base64 import b64encode
from collections.abc import Sequence
from datetime import UTC, datetime

from standardwebhooks import Webhook

_PREFIX = "whsec_"
_BYTES = 32


def new_secret() -> str:
    """256 random bits, spelled as the specification says."""
    return _PREFIX + b64encode(secrets.token_bytes(_BYTES)).decode()


def message_id(webhook_id: str, event_id: str | int) -> str:
    """The same however often one event is delivered to one webhook: what receivers tell repeats by."""
    return f"msg_{webhook_id}_{event_id}"


def headers(message: str, body: bytes, *, at: float, keys: Sequence[str]) -> dict[str, str]:
    """`at` is the time of this try, in seconds since 1970. One signature for each secret that is live."""
    moment, text = datetime.fromtimestamp(int(at), UTC), body.decode()
    return {
        "webhook-id": message,
        "webhook-timestamp": str(int(at)),
        "webhook-signature": " ".join(Webhook(key).sign(message, moment, text) for key in keys),
    }
