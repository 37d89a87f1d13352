"""freeze, unfreeze: the brake. Through the service, or straight in its database when there is none."""

import asyncio
from typing import TYPE_CHECKING

import click

from micgate.cli import options, served, show
from micgate.cli.equipped import equipped
from micgate.settings import Settings

if TYPE_CHECKING:
    from micgate.service.resources.brake import BrakeView

_here = click.option("--here", is_flag=True, help="Pull it in the database of this host, past any service.")


@click.command(
    short_help="Release every mute and refuse new ones.",
    epilog="""\b
Example:  micgate freeze
          micgate freeze --here     when the service does not answer""",
)
@_here
@options.as_json
def freeze(*, here: bool, as_json: bool) -> int:
    """Release every mute at once and take no new ones, until: micgate unfreeze."""
    output = show.Output(as_json=as_json)
    settings = options.configured(output)
    gate = None if here else served.gate(settings)
    if gate is None:
        _tell(output, _in_database(settings, pull=True))
        return 0
    with gate:
        shown = gate.freeze()
    output.result(_says(frozen=shown.frozen, released=shown.released), show.plain(shown))
    return 0


@click.command(
    short_help="Take mutes again.",
    epilog="""\b
Example:  micgate unfreeze""",
)
@_here
@options.as_json
def unfreeze(*, here: bool, as_json: bool) -> int:
    """Take the brake off. Mutes that it released stay released."""
    output = show.Output(as_json=as_json)
    settings = options.configured(output)
    gate = None if here else served.gate(settings)
    if gate is None:
        _tell(output, _in_database(settings, pull=False))
        return 0
    with gate:
        shown = gate.unfreeze()
    output.result(_says(frozen=shown.frozen, released=shown.released), show.plain(shown))
    return 0


def _in_database(settings: Settings, *, pull: bool) -> "BrakeView":
    with equipped():
        from micgate.audit.entry import Actor, ActorKind  # noqa: PLC0415 -- the store, for this command only
        from micgate.service import host  # noqa: PLC0415 -- as above
        from micgate.service.resources import brake  # noqa: PLC0415 -- as above

    async def do() -> "BrakeView":
        actor = Actor(ActorKind.HOST, host.host_id())
        async with host.opened(settings, size=2) as house:
            act = brake.freeze if pull else brake.unfreeze
            return await act(house.store, house.org, actor, now=house.now())

    return asyncio.run(do())


def _tell(output: show.Output, shown: "BrakeView") -> None:
    output.result(_says(frozen=shown.frozen, released=shown.released), show.plain(shown))


def _says(*, frozen: bool, released: int) -> str:
    if frozen:
        ended = {0: "no mute stood", 1: "1 mute released"}.get(released, f"{released} mutes released")
        return f"Frozen: {ended}, none are taken. To go on: micgate unfreeze"
    return "Not frozen: mutes are taken."
