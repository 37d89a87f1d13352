"""The webhooks of an org: added, removed, given new secrets, tested, delivered again. Changes are told."""

import re
import secrets
from collections.abc import Callable
from typing import Literal
from urllib.parse import urlsplit

import msgspec

from micgate.audit.entry import Actor, write
from micgate.audit.facts import WebhookChanged
from micgate.store.deliveries import Delivery, Figures, State
from micgate.store.entries import NewEntry
from micgate.store.ids import new_id
from micgate.store.postgres import PostgresStore
from micgate.store.webhooks import StoredWebhook
from micgate.webhooks import event, sign
from micgate.webhooks.deliver import Result, Sender
from micgate.webhooks.errors import (
    BadName,
    NameTaken,
    NoKey,
    NothingThere,
    UnknownEvent,
    UnknownWebhook,
    WebhookError,
)

DEFAULT = ("mute.*",)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


class NewWebhook(msgspec.Struct, frozen=True, kw_only=True):
    """`secret` is shown once. It signs from now on."""

    secret: str
    webhook: StoredWebhook

    def __repr__(self) -> str:
        return f"NewWebhook({self.webhook.name})"


class Book:
    """`sender` None: there is no key to encrypt secrets with."""

    def __init__(
        self, store: PostgresStore, org: str, *, sender: Sender | None, now: Callable[[], float]
    ) -> None:
        self._store = store
        self._org = org
        self._sender = sender
        self._now = now

    async def all(self) -> tuple[StoredWebhook, ...]:
        return await self._store.webhooks.all(self._org)

    async def figures(self) -> dict[str, Figures]:
        """By the webhook's id."""
        return await self._store.deliveries.figures(self._org)

    async def find(self, ref: str) -> StoredWebhook:
        """By name or id."""
        every = await self.all()
        for one in every:
            if ref in {one.id, one.name}:
                return one
        names = ", ".join(one.name for one in every) or "none"
        raise UnknownWebhook(f"There is no webhook {ref!r}.", remedy=f"Those that there are: {names}.")

    async def add(self, name: str, url: str, events: tuple[str, ...], *, by: Actor) -> NewWebhook:
        """It gets what is sealed from now on. Raises `WebhookError` or `DestinationError`."""
        _check_name(name)
        wanted = tuple(sorted({word.strip() for word in events})) or DEFAULT
        _check_events(wanted)
        sender = self._demand_sender()
        await sender.poster.check(url)
        secret = sign.new_secret()
        webhook = StoredWebhook(
            id=new_id(),
            org=self._org,
            name=name,
            url=url,
            actions=wanted,
            secret_cipher=sender.cipher.encrypt(secret.encode()),
            made_at=self._now(),
        )
        if not await self._store.webhooks.add(webhook, entry=self._told(webhook, "added", by)):
            raise NameTaken(f"There is a webhook {name!r} already.", remedy="Choose another name.")
        return NewWebhook(secret=secret, webhook=webhook)

    async def remove(self, ref: str, *, by: Actor) -> StoredWebhook:
        """With what was still to be delivered, and its dead letters."""
        webhook = await self.find(ref)
        await self._store.webhooks.remove(self._org, webhook.id, entry=self._told(webhook, "removed", by))
        return webhook

    async def rotate(self, ref: str, *, overlap: float, by: Actor) -> NewWebhook:
        """Sign with a new secret, for `overlap` seconds with the old one too."""
        webhook, sender = await self.find(ref), self._demand_sender()
        secret = sign.new_secret()
        await self._store.webhooks.rotate(
            self._org,
            webhook.id,
            secret_cipher=sender.cipher.encrypt(secret.encode()),
            former_until=self._now() + overlap,
            entry=self._told(webhook, "rotated", by),
        )
        return NewWebhook(secret=secret, webhook=await self.find(webhook.id))

    async def test(self, ref: str) -> Result:
        """Post an event that tells of nothing, once, now."""
        webhook, sender = await self.find(ref), self._demand_sender()
        id_ = f"test-{secrets.token_hex(8)}"
        body = event.test(self._org, id_=id_, at=self._now(), webhook=webhook.name)
        return await sender.send(webhook, id_, body)

    async def deliveries(
        self, ref: str, *, state: State | None, after: int, limit: int
    ) -> tuple[Delivery, ...]:
        webhook = await self.find(ref)
        return await self._store.deliveries.page(webhook.id, state=state, after=after, limit=limit)

    async def replay(self, ref: str, seq: int, *, by: Actor) -> None:
        """Deliver one record again."""
        webhook = await self.find(ref)
        told = self._told(webhook, "replayed", by, from_seq=seq)
        if not await self._store.deliveries.replay_one(webhook, seq, at=self._now(), entry=told):
            raise await self._nothing(webhook, seq)

    async def replay_dead(self, ref: str, *, by: Actor) -> int:
        """Try every dead letter again. How many there were."""
        webhook = await self.find(ref)
        told = self._told(webhook, "replayed", by)
        return await self._store.deliveries.replay_dead(webhook, at=self._now(), entry=told)

    async def replay_from(self, ref: str, seq: int, *, by: Actor) -> None:
        """Deliver once more all that it asks for, from this record on."""
        webhook = await self.find(ref)
        told = self._told(webhook, "replayed", by, from_seq=seq)
        await self._store.deliveries.replay_from(webhook, seq, entry=told)

    async def _nothing(self, webhook: StoredWebhook, seq: int) -> WebhookError:
        if await self._store.deliveries.read(webhook.id, seq):
            return NothingThere(f"Record {seq} is on its way there already.", remedy="Wait for it.")
        return NothingThere(
            f"Record {seq} was not to be delivered there.",
            remedy="micgate webhooks deliveries lists what was; replay --from goes through the record again.",
        )

    def _demand_sender(self) -> Sender:
        if self._sender is None:
            raise NoKey(
                "There is nothing to encrypt a webhook's secret with.",
                remedy="Set MICGATE_ENCRYPTION_KEY on every replica of the service.",
            )
        return self._sender

    def _told(
        self,
        webhook: StoredWebhook,
        what: Literal["added", "removed", "rotated", "replayed"],
        by: Actor,
        *,
        from_seq: int | None = None,
    ) -> NewEntry:
        host = urlsplit(webhook.url).hostname or ""
        fact = WebhookChanged(webhook_id=webhook.id, what=what, host=host, from_seq=from_seq)
        return write(fact, at=self._now(), actor=by, target=webhook.name, salt=lambda: secrets.token_hex(16))


def _check_name(name: str) -> None:
    """It stands in the record, which takes single words only."""
    if not _NAME.fullmatch(name):
        raise BadName(
            "A webhook is named by one word.", remedy="Use up to 64 letters, digits, . _ and -: crm-eu."
        )


def _check_events(wanted: tuple[str, ...]) -> None:
    for word, nearest in event.unknown(wanted).items():
        meant = f"Did you mean {nearest}? " if nearest else ""
        raise UnknownEvent(f"There is no event {word!r}.", remedy=f"{meant}All: {', '.join(event.kinds())}.")
