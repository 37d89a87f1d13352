"""Idempotency keys: the same request twice is done once and answered alike.

As in the IETF draft `draft-ietf-httpapi-idempotency-key-header`; kept for a day.
"""

from dataclasses import dataclass
from hashlib import sha256

from micgate.service.http.errors import Malformed
from micgate.service.principals.principal import Principal
from micgate.service.request.parts import Parts
from micgate.store import idempotency
from micgate.store.idempotency import Answer, Claim

KEPT_SECONDS = 86_400.0
_LONGEST = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class IdempotencyKey:
    """`principal` keeps the keys of different callers apart, `digest` is of address and body."""

    principal: str
    key: str
    digest: bytes

    def claim(self, answer: Answer, *, now: float) -> Claim:
        return Claim(
            principal=self.principal,
            key=self.key,
            body_digest=self.digest,
            status=answer.status,
            response=answer.response,
            expires_at=now + KEPT_SECONDS,
        )


def key_of(
    parts: Parts, principal: Principal, text: str | None, *, address: str, body: bytes
) -> IdempotencyKey | None:
    if text is None:
        return None
    if not 0 < len(text) <= _LONGEST or not text.isprintable():
        raise Malformed("The Idempotency-Key cannot be used.", remedy="Send 1 to 255 printable characters.")
    whose = f"{parts.org}/{principal.actor.spelled}"
    return IdempotencyKey(principal=whose, key=text, digest=sha256(address.encode() + b"\0" + body).digest())


async def answered(parts: Parts, key: IdempotencyKey | None) -> Answer | None:
    """What was answered before. Raises `KeyReused` when it came with another body."""
    if key is None:
        return None
    return await idempotency.answered(
        parts.database, key.principal, key.key, body_digest=key.digest, now=parts.now()
    )
