"""Never run, only type-checked: how people use a service."""

from datetime import datetime
from typing import assert_type

import micgate
from micgate import Event, Gate, GateError, Microphone, Mute, OnlyIf, Wish
from micgate.client.models import Brake, Budget, Explanation, May, RecordPage, Rehearsal
from micgate.client.webhooks import Tested, Webhook


def blocking(key: str, task_id: str) -> str | None:
    with micgate.connect("https://micgate.example", key=key) as gate:
        assert_type(gate, Gate)
        try:
            mute = gate.mute(
                "ada@example.com", for_="2m", only_if=OnlyIf(connected=True), idempotency_key=task_id
            )
        except GateError as error:
            return error.remedy
        assert_type(mute, Mute)
        assert_type(mute.release_at, datetime)
        assert_type(mute.confirmed, bool)
        assert_type(gate.rehearse(Wish(agent="ada", covers="agent")), Rehearsal)
        assert_type(gate.mutes(), tuple[Mute, ...])
        assert_type(gate.microphones(), tuple[Microphone, ...])
        assert_type(gate.explain("ada"), Explanation)
        assert_type(gate.audit(limit=5), RecordPage)
        assert_type(gate.freeze(), Brake)
        assert_type(gate.webhooks(), tuple[Webhook, ...])
        assert_type(gate.add_webhook("crm", "https://crm.example/", events=["mute.*"]).secret, str)
        assert_type(gate.me(conversation="c").may, tuple[May, ...] | None)
        assert_type(gate.budget().left, int)
        with gate.muted("ada", for_="10m", presence=30) as muted:
            assert_type(muted.mute, Mute)
            assert_type(muted.lost, GateError | None)
        assert_type(gate.renew(mute, presence=20), Mute)
        for event in gate.events():
            assert_type(event, Event)
            assert_type(event.mutes, tuple[Mute, ...])
        return gate.release(mute).end


async def for_asyncio(key: str) -> None:
    async with micgate.aio.connect("https://micgate.example", key=key) as gate:
        assert_type(gate, micgate.aio.Gate)
        mute = await gate.mute("ada", for_=90)
        assert_type(await gate.extend(mute, reason="customer", for_="5m"), Mute)
        assert_type(await gate.budget(), Budget)
        async with gate.muted(Wish(agent="ada", covers="agent")) as muted:
            assert_type(muted.mute.renew_by, datetime | None)
        assert_type(await gate.renew(mute), Mute)
        assert_type(await gate.test_webhook("crm"), Tested)
        async for event in gate.events(after=7):
            assert_type(event, Event)
        async for chunk in gate.export(form="csv"):
            assert_type(chunk, bytes)
