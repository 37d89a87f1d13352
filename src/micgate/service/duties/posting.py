"""Webhooks within the service: what signs and posts, and the office that runs beside the keeper."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from micgate.destination import Poster
from micgate.direct.connect import USER_AGENT
from micgate.genesys.network import Network
from micgate.service.duties.cipher import WebhookCipher
from micgate.service.request.parts import Parts
from micgate.settings import Settings
from micgate.webhooks.deliver import Sender
from micgate.webhooks.office import Office
from micgate.webhooks.patience import Patience


@asynccontextmanager
async def sender(settings: Settings, network: Network) -> AsyncIterator[Sender | None]:
    """None: there is nothing that webhooks' secrets could be encrypted with for good."""
    secret = settings.encryption_key or settings.client_secret
    if not secret:
        yield None
        return
    private, tls = settings.allow_private_receivers, network.ssl_context()
    async with Poster(private=private, tls=tls, user_agent=USER_AGENT) as poster:
        yield Sender(poster=poster, cipher=WebhookCipher(secret))


def office(
    parts: Parts,
    sender: Sender,
    *,
    conninfo: str,
    tries: int,
    told: Callable[[str], None],
    beat: Callable[[], None],
) -> Office:
    return Office(
        org=parts.org,
        conninfo=conninfo,
        sender=sender,
        now=parts.now,
        wait=parts.pulse.wait,
        log=parts.log,
        patience=Patience(tries=tries),
        told=told,
        beat=beat,
    )
