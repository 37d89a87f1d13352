"""Never run, only type-checked: how people use a service."""

from datetime import datetime
from typing import assert_type

import micgate
from micgate import Event, Gate, GateError, Microphone, Mute, OnlyIf, Wish
from micgate.client.models import Brake, Explanation, RecordPage, Rehearsal


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
        for event in gate.events():
            assert_type(event, Event)
            assert_type(event.mutes, tuple[Mute, ...])
        return gate.release(mute).end


async def for_asyncio(key: str) -> None:
    async with micgate.aio.connect("https://micgate.example", key=key) as gate:
        assert_type(gate, micgate.aio.Gate)
        mute = await gate.mute("ada", for_=90)
        assert_type(await gate.extend(mute, reason="customer", for_="5m"), Mute)
        async for event in gate.events(after=7):
            assert_type(event, Event)
        async for chunk in gate.export(form="csv"):
            assert_type(chunk, bytes)
