"""`micgate.connect`: the service for scripts, Celery tasks, Django. Blocks; safe after a fork."""

import time
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Self
from uuid import uuid4

from msgspec.structs import replace

from micgate.client import flows, happenings, requests, webhooks
from micgate.client.address import Address
from micgate.client.errors import GateError
from micgate.client.flows import drive
from micgate.client.happenings import Event
from micgate.client.messages import CONFIRMED_WITHIN, PATIENCE_SECONDS, Ask, is_ok
from micgate.client.models import (
    Brake,
    Budget,
    Explanation,
    Me,
    Microphone,
    Mute,
    Readiness,
    RecordPage,
    Rehearsal,
)
from micgate.client.presence import USUAL
from micgate.client.presence_sync import Muted
from micgate.client.problems import error_of
from micgate.client.requests import Length, OnlyIf, Wish
from micgate.client.stream import Following
from micgate.client.webhooks import DeliveryPage, NewWebhook, Replayed, State, Tested, Webhook
from micgate.client.wire_urllib3 import Urllib3Wire


def connect(
    url: str,
    *,
    key: str,
    proxy: str | None = None,
    ca_bundle: str | None = None,
    patience: float = PATIENCE_SECONDS,
) -> "Gate":
    """The service at `url`, with an API key (`micgate keys add`). Nothing is sent yet.

    `proxy` and `ca_bundle` are as in `Address`. What passes (a cut, a restart, too many requests) is tried
    again for `patience` seconds. Raises `UnsafeAddress`.
    """
    return Gate(Address(url=url, key=key, proxy=proxy, ca_bundle=ca_bundle), patience=patience)


class Gate:
    """One service, one key. Threads may share it. Every method raises `GateError` when it cannot do it."""

    def __init__(self, address: Address, *, patience: float = PATIENCE_SECONDS) -> None:
        self.address = address
        self._patience = patience
        self._wire = Urllib3Wire(address, {"Authorization": address.authorization, "Accept": "*/*"})

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_raised: object) -> None:
        self.close()

    def close(self) -> None:
        self._wire.close()

    def mute(
        self,
        agent: str,
        *,
        for_: Length | None = None,
        until: datetime | None = None,
        reason: str | None = None,
        note: str | None = None,
        covers: str | None = None,
        conversation: str | None = None,
        on_override: str | None = None,
        open_policy: str | None = None,
        only_if: OnlyIf | None = None,
        presence: float | None = None,
        idempotency_key: str | None = None,
        wait: float = CONFIRMED_WITHIN,
    ) -> Mute:
        """Silence an agent until a time that the service keeps, whatever becomes of this process.

        `agent` is a user id, an e-mail address or a unique name; `for_` ("90s", "2m", 120) or `until`, else
        2 minutes. Returns when the platform shows it (`confirmed`), or after `wait` seconds as it is then.
        The same `idempotency_key` is one mute, for a day: give the task's id. With `presence` it ends as
        `owner_gone` unless it is renewed every so many seconds: see `muted`.
        """
        wish = Wish(
            agent=agent,
            for_=for_,
            until=until,
            reason=reason,
            note=note,
            covers=covers,
            conversation=conversation,
            on_override=on_override,
            open_policy=open_policy,
            only_if=only_if,
            presence=presence,
        )
        return self.place(wish, idempotency_key=idempotency_key, wait=wait)

    def place(
        self, wish: Wish, *, idempotency_key: str | None = None, wait: float = CONFIRMED_WITHIN
    ) -> Mute:
        """As `mute`, of a wish."""
        key = str(uuid4()) if idempotency_key is None else idempotency_key
        return drive(
            flows.decided(
                self._wire,
                lambda seconds: requests.place(wish, key=key, wait=seconds),
                wait=wait,
                patience=self._patience,
            )
        )

    def rehearse(self, wish: Wish) -> Rehearsal:
        """What `place` would do, or the error it would raise; nothing is placed."""
        return self._ask(requests.rehearse(wish))

    def mutes(self, *, agent: str | None = None, standing: bool = True) -> tuple[Mute, ...]:
        """Those that stand; of one agent also those that have ended (`standing=False`)."""
        return drive(flows.mutes(self._wire, agent=agent, standing=standing, patience=self._patience))

    def read(self, mute: Mute | str, *, wait: float = 0.0) -> Mute:
        """A mute as it is now; with `wait` as soon as it is decided."""
        found = _id(mute)
        return drive(
            flows.decided(
                self._wire,
                lambda seconds: requests.mute(found, wait=seconds),
                wait=wait,
                patience=self._patience,
            )
        )

    def extend(
        self,
        mute: Mute | str,
        *,
        reason: str,
        for_: Length | None = None,
        until: datetime | None = None,
        idempotency_key: str | None = None,
    ) -> Mute:
        """Another end, `for_` counted from now. Only its owner may."""
        key = str(uuid4()) if idempotency_key is None else idempotency_key
        return self._ask(requests.extend(_id(mute), reason=reason, for_=for_, until=until, key=key))

    def renew(self, mute: Mute | str, *, presence: float = USUAL) -> Mute:
        """Keep a mute that was placed with `presence`, for so many seconds from now. Its end stays."""
        return self._ask(requests.renew(_id(mute), presence=presence))

    def muted(
        self,
        agent: str | Wish,
        *,
        for_: Length | None = None,
        reason: str | None = None,
        presence: float = USUAL,
        wait: float = CONFIRMED_WITHIN,
    ) -> Muted:
        """Silence an agent while a `with` block runs: renewed meanwhile, released at its end.

        Dies this process, the mute ends after `presence` seconds and the service's grace (60), and at its end
        `for_` in any case. A `Wish` says more.
        """
        wish = agent if isinstance(agent, Wish) else Wish(agent=agent, for_=for_, reason=reason)
        wish = replace(wish, presence=presence)
        return Muted(self, wish, presence=presence, wait=wait)

    def release(self, mute: Mute | str, *, wait: float = CONFIRMED_WITHIN) -> Mute:
        """End a mute. The microphone opens if no other stands and it was open before. Again is the same."""
        found = _id(mute)
        return drive(
            flows.decided(
                self._wire,
                lambda seconds: requests.release(found, wait=seconds),
                wait=wait,
                patience=self._patience,
            )
        )

    def microphones(self, *, live: bool = True) -> tuple[Microphone, ...]:
        """Agents on calls, as last observed."""
        return drive(flows.microphones(self._wire, live=live, patience=self._patience))

    def explain(self, agent: str) -> Explanation:
        """Why an agent is muted, by whom and until when; or that nobody mutes them."""
        return self._ask(requests.explain(agent))

    def me(self, *, agent: str | None = None, conversation: str | None = None) -> Me:
        """What this key is and may do; and what of it to an agent, or to those on a call."""
        return self._ask(requests.me(agent=agent, conversation=conversation))

    def budget(self) -> Budget:
        """The requests to the platform: used, kept for mutes that end, left; and the next minute's."""
        return drive(flows.budget(self._wire, patience=self._patience))

    def readiness(self) -> Readiness:
        """Whether the service works, and what does not. Needs no key."""
        return drive(flows.readiness(self._wire))

    def brake(self) -> Brake:
        return self._ask(requests.brake())

    def freeze(self) -> Brake:
        """Release every mute and refuse new ones."""
        return self._ask(requests.freeze())

    def unfreeze(self) -> Brake:
        return self._ask(requests.unfreeze())

    def audit(self, *, after: int = 0, limit: int = 100, agent: str | None = None) -> RecordPage:
        """Records behind number `after`, oldest first; of one `agent` the latest, latest first."""
        return self._ask(requests.audit(after=after, limit=limit, agent=agent))

    def export(self, *, form: str = "jsonl", after: int = 0, private: bool = True) -> Iterator[bytes]:
        """The record as a file, piece by piece: `jsonl` can be verified offline, `csv` opened in a sheet."""
        with self._wire.stream(requests.export(form=form, after=after, private=private)) as (head, chunks):
            if not is_ok(head.status):
                raise error_of(head)
            yield from chunks

    def events(self, *, after: int | None = None) -> Iterator[Event]:
        """What changes, as it changes, until the caller stops. The first one is a snapshot.

        `after` is the `seq` of an event seen before. A cut is mended from the last event on; raises when the
        service stays away for `patience` seconds, or no longer takes the key.
        """
        following = Following(requests.events(after=after), patience=self._patience)
        while True:
            lost: GateError | None = None
            try:
                with self._wire.stream(following.request()) as (head, chunks):
                    following.opened(head)
                    for chunk in chunks:
                        yield from filter(None, map(happenings.read, following.take(chunk)))
            except GateError as error:
                lost = error
            time.sleep(following.lost(lost, now=time.monotonic(), jitter=self._wire.jitter()))

    def webhooks(self) -> tuple[Webhook, ...]:
        """Where records are posted to, with what waits and what was given up. Needs the scope admin."""
        return (self._ask(webhooks.every())).webhooks

    def add_webhook(self, name: str, url: str, *, events: Sequence[str] = ()) -> NewWebhook:
        """Post what is sealed from now on to `url`: mutes, or what `events` say (`brake.*`, `*`).

        The secret that receivers verify with is in the answer and never shown again. Asked for once only:
        after `NotReached`, look whether it is there.
        """
        return self._once(webhooks.add(name, url, tuple(events)))

    def remove_webhook(self, ref: str) -> None:
        """By name or id. What was still to be delivered is forgotten."""
        self._once(webhooks.remove(ref))

    def rotate_webhook(self, ref: str, *, overlap: Length = "24h") -> NewWebhook:
        """A new secret; the old one signs beside it during the overlap. Asked for once only."""
        return self._once(webhooks.rotate(ref, overlap=overlap))

    def test_webhook(self, ref: str) -> Tested:
        """Post an event that tells of nothing, once, and say what came back."""
        return self._once(webhooks.test(ref))

    def replay_webhook(
        self, ref: str, *, seq: int | None = None, from_seq: int | None = None, dead: bool = False
    ) -> Replayed:
        """Deliver again: one record, all from one on, or all dead letters."""
        return self._once(webhooks.replay(ref, seq=seq, from_seq=from_seq, dead=dead))

    def webhook_deliveries(
        self, ref: str, *, state: State | None = None, after: int = 0, limit: int = 100
    ) -> DeliveryPage:
        """What is to be posted there, was posted, or was given up (`dead`)."""
        return self._ask(webhooks.deliveries(ref, state=state, after=after, limit=limit))

    def _ask(self, ask: Ask[flows.Meant]) -> flows.Meant:
        return drive(flows.asked(self._wire, ask, patience=self._patience))

    def _once(self, ask: Ask[flows.Meant]) -> flows.Meant:
        """For what must not be sent again."""
        return drive(flows.asked(self._wire, ask, patience=0.0))


def _id(mute: Mute | str) -> str:
    return mute if isinstance(mute, str) else mute.id
