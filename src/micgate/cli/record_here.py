"""`micgate audit erase` and `expire`: on this host's database, with or without a running service."""

import asyncio
from typing import TYPE_CHECKING, TypeVar

from micgate.cli import show
from micgate.cli.equipped import equipped
from micgate.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from micgate.service.duties.retention import Forgotten
    from micgate.service.host import Opened

Answer = TypeVar("Answer")


def erase(settings: Settings, output: show.Output, *, person: str) -> int:
    with equipped():
        from micgate.audit.entry import Actor, ActorKind  # noqa: PLC0415 -- the store, for this command only
        from micgate.service.duties.retention import erase_person  # noqa: PLC0415 -- as above
        from micgate.service.host import host_id  # noqa: PLC0415 -- as above

    by = Actor(ActorKind.HOST, host_id())

    async def do(house: "Opened") -> int:
        return await erase_person(house.store, house.org, person, by=by, now=house.now())

    entries = _in_house(settings, do)
    output.result(f"Erased. {entries} entries name this person no more.", {"entries": entries})
    return 0


def expire(settings: Settings, output: show.Output) -> int:
    with equipped():
        from micgate.service.duties import retention  # noqa: PLC0415 -- as above

    async def do(house: "Opened") -> "Forgotten":
        keep = retention.retention(settings)
        owner = house.cellar.owner
        return await retention.expire(
            house.store, house.org, owner=owner, keep=keep, roster=(), now=house.now()
        )

    done = _in_house(settings, do)
    output.result(
        f"{done.entries} entries name nobody any more, {done.records} records were cut off.",
        {"entries": done.entries, "records": done.records},
    )
    return 0


def _in_house(settings: Settings, work: "Callable[[Opened], Awaitable[Answer]]") -> Answer:
    from micgate.service import host  # noqa: PLC0415 -- as above

    async def do() -> Answer:
        async with host.opened(settings, size=2) as house:
            return await work(house)

    return asyncio.run(do())
