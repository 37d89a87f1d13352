"""One delivery: signed, posted once, and what it came to."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from micgate.destination import Answer, DestinationError, Poster
from micgate.store.webhooks import StoredWebhook
from micgate.webhooks import event, sign


class Cipher(Protocol):
    """Hides the secrets of webhooks in the database; its key is elsewhere."""

    def encrypt(self, plain: bytes) -> bytes: ...

    def decrypt(self, secret: bytes) -> bytes:
        """Raises ValueError for what was encrypted with another key."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """`says` is what went wrong, for people; None when it was taken. `status` None: there was no answer."""

    status: int | None
    says: str | None = None
    remedy: str = ""
    retry_after: str | None = None
    ms: int = 0

    @property
    def ok(self) -> bool:
        return self.says is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """`now` is the wall clock, in seconds since 1970: receivers compare what is signed with theirs."""

    poster: Poster
    cipher: Cipher
    now: Callable[[], float] = time.time

    async def send(self, webhook: StoredWebhook, event_id: str | int, body: bytes) -> Result:
        """Post once. Every failure is a result."""
        now = self.now()
        try:
            keys = self._keys(webhook, now)
        except ValueError:
            return Result(status=None, says="Its secret cannot be decrypted with this key.", remedy=_ROTATE)
        message = sign.message_id(webhook.id, event_id)
        headers = {"Content-Type": event.CONTENT_TYPE} | sign.headers(message, body, at=now, keys=keys)
        began = time.monotonic()
        try:
            answer = await self.poster.post(webhook.url, body, headers)
        except DestinationError as error:
            return Result(status=None, says=error.what, remedy=error.remedy, ms=_since(began))
        says, remedy = _judged(answer)
        return Result(
            status=answer.status,
            says=says,
            remedy=remedy,
            retry_after=answer.retry_after,
            ms=_since(began),
        )

    def _keys(self, webhook: StoredWebhook, now: float) -> list[str]:
        """The live ones, the newest first."""
        ciphers = [webhook.secret_cipher]
        if webhook.former_secret_cipher and webhook.former_until and now < webhook.former_until:
            ciphers.append(webhook.former_secret_cipher)
        return [self.cipher.decrypt(one).decode() for one in ciphers]


def _judged(answer: Answer) -> tuple[str | None, str]:
    status = answer.status
    if answer.ok:
        return None, ""
    if status in range(300, 400):
        return f"It answered {status}, a redirect.", "micgate follows none: give the URL that it leads to."
    if status in {401, 403}:
        return f"It answered {status}.", "It has to accept the signature alone; see its log."
    if status in range(400, 500):
        return f"It answered {status}: it refuses this.", "See its log, and the URL."
    return f"It answered {status}: it failed.", "See its log."


def _since(began: float) -> int:
    return round((time.monotonic() - began) * 1000)


_ROTATE = "Set MICGATE_ENCRYPTION_KEY as before, or make a new secret: micgate webhooks rotate NAME."
