"""keys: API keys of the service. Made here, on the host, so that the first one needs no other."""

import asyncio
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

import click

from micgate.cli import options, show
from micgate.cli.equipped import equipped
from micgate.cli.failure import UsageProblem
from micgate.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from micgate.service.host import Opened

Answer = TypeVar("Answer")
SCOPES = ("mute", "mute:reassert", "release:any", "audit:read", "admin")


@click.group(
    short_help="Make, list, rotate and revoke API keys of the service.",
    epilog="""\b
Example:  micgate keys add "CRM rules" --scope mute --queue 5f2c... --longest 2m""",
)
def keys() -> None:
    """API keys of the service, in the database of this host."""


@keys.command(
    short_help="Make a key; it is shown once.",
    epilog="""\b
Example:  micgate keys add "wall" --scope mute --scope release:any
          micgate keys add "crm" --scope mute --agent 0c5a... --longest 1m --json""",
)
@click.argument("name")
@click.option(
    "--scope",
    "scopes",
    type=click.Choice(SCOPES),
    multiple=True,
    required=True,
    help="What it may do. May be given several times.",
)
@click.option("--agent", "agents", multiple=True, metavar="ID", help="Only these agents, by user id.")
@click.option("--queue", "queues", multiple=True, metavar="ID", help="Only calls from these queues.")
@click.option("--longest", metavar="LENGTH", help="The longest mute.  [default: 10m]")
@click.option("--rate", type=click.IntRange(1), help="Mutes a minute.  [default: 30]")
@click.option("--standing", type=click.IntRange(1), help="Mutes standing at once.  [default: 5]")
@click.option(
    "--queue-share",
    type=click.FloatRange(0, 100, min_open=True),
    help="Percent of a queue's members that it may mute at once.  [default: 10]",
)
@click.option(
    "--days",
    type=click.FloatRange(0, 366, min_open=True),
    default=90,
    show_default=True,
    help="It expires then.",
)
@options.as_json
def add(*, name: str, scopes: tuple[str, ...], days: float, as_json: bool, **bounds: Any) -> int:
    """Make a key called NAME. What is printed is the only copy there is."""
    with equipped():
        from micgate.service.principals import keyring  # noqa: PLC0415 -- the store, for this command only
        from micgate.service.principals.principal import Scope  # noqa: PLC0415 -- as above

    output = show.Output(as_json=as_json)
    limits = _limits(**bounds)

    async def make(house: "Opened") -> keyring.NewKey:
        new = keyring.issue(
            house.org,
            name=name,
            scopes=tuple(Scope(scope) for scope in scopes),
            limits=limits,
            now=house.now(),
            seconds=days * keyring.DAY,
        )
        await house.keys().add(new, by=_actor())
        return new

    _show_new(output, _in_house(options.configured(output), make))
    return 0


@keys.command(
    name="list",
    short_help="List the keys.",
    epilog="""\b
Example:  micgate keys list""",
)
@options.as_json
def list_(*, as_json: bool) -> int:
    """List all keys, also those that have ended."""
    with equipped():
        import msgspec  # noqa: PLC0415 -- as above

        from micgate.audit.canonical import stamp  # noqa: PLC0415 -- as above
        from micgate.service.principals import keyring  # noqa: PLC0415 -- as above

    output = show.Output(as_json=as_json)

    async def read(house: "Opened") -> list[dict[str, object]]:
        now = house.now()
        return [
            {
                "prefix": key.prefix,
                "name": key.name,
                "scopes": list(key.scopes),
                "limits": msgspec.to_builtins(keyring.limits(key)),
                "expires_at": stamp(key.expires_at),
                "revoked_at": stamp(key.revoked_at) if key.revoked_at else None,
                "last_used_at": stamp(key.last_used_at) if key.last_used_at else None,
                "good": key.good(now=now),
            }
            for key in await house.keys().all()
        ]

    found = _in_house(options.configured(output), read)
    if as_json:
        output.json({"keys": found})
    else:
        output.table(("key", "name", "scopes", "works", "last used"), [_row(key) for key in found])
    return 0


@keys.command(
    short_help="A new key like an old one; both work for a while.",
    epilog="""\b
Example:  micgate keys rotate 3f9a2c11d0 --overlap 24h""",
)
@click.argument("key")
@click.option("--overlap", default="24h", show_default=True, help="For how long the old one goes on.")
@options.as_json
def rotate(*, key: str, overlap: str, as_json: bool) -> int:
    """Make a key like KEY (its prefix or id), which ends after the overlap."""
    with equipped():
        from micgate.control.policy import parse  # noqa: PLC0415 -- as above

    output = show.Output(as_json=as_json)
    seconds = parse(overlap)
    made = _in_house(
        options.configured(output),
        lambda house: house.keys().rotate(key, by=_actor(), overlap=seconds),
    )
    _show_new(output, made)
    return 0


@keys.command(
    short_help="End a key now.",
    epilog="""\b
Example:  micgate keys revoke 3f9a2c11d0""",
)
@click.argument("key")
@options.as_json
def revoke(*, key: str, as_json: bool) -> int:
    """End KEY (its prefix or id). It is refused within seconds; its mutes go on to their ends."""
    output = show.Output(as_json=as_json)
    ended = _in_house(options.configured(output), lambda house: house.keys().revoke(key, by=_actor()))
    output.result(f"{ended.name} ({ended.prefix}) is revoked.", {"prefix": ended.prefix, "good": False})
    return 0


def _limits(
    *,
    agents: tuple[str, ...],
    queues: tuple[str, ...],
    longest: str | None,
    rate: int | None,
    standing: int | None,
    queue_share: float | None,
) -> Any:
    from micgate.control.policy import parse  # noqa: PLC0415 -- as above
    from micgate.service.principals.principal import Limits  # noqa: PLC0415 -- as above

    if any("@" in agent for agent in agents):
        raise UsageProblem("A key is bound to user ids.", remedy="Find them: micgate why AGENT --json")
    given = {
        "agents": agents or None,
        "queues": queues or None,
        "longest": None if longest is None else parse(longest),
        "rate": rate,
        "standing": standing,
        "queue_share": None if queue_share is None else queue_share / 100,
    }
    return Limits(**{name: value for name, value in given.items() if value is not None})  # type: ignore[arg-type]  # each has its own type


def _in_house(settings: Settings, work: "Callable[[Opened], Awaitable[Answer]]") -> Answer:
    with equipped():
        from micgate.service import host  # noqa: PLC0415 -- as above

    async def do() -> Answer:
        async with host.opened(settings, size=2) as house:
            return await work(house)

    return asyncio.run(do())


def _actor() -> Any:
    from micgate.audit.entry import Actor, ActorKind  # noqa: PLC0415 -- as above
    from micgate.service.host import host_id  # noqa: PLC0415 -- as above

    return Actor(ActorKind.HOST, host_id())


def _show_new(output: show.Output, made: Any) -> None:
    """The secret alone goes to stdout, so that it can be put into a file."""
    if output.as_json:
        output.json({"key": made.secret, "prefix": made.key.prefix, "name": made.key.name})
        return
    output.note(f"The key {made.key.prefix} ({made.key.name}). It is shown this once:")
    output.say(made.secret)


def _row(key: dict[str, Any]) -> list[str]:
    used = _moment(key["last_used_at"]) if key["last_used_at"] else "never"
    return [key["prefix"], key["name"], ", ".join(key["scopes"]), _works(key), used]


def _works(key: dict[str, Any]) -> str:
    if key["revoked_at"]:
        return f"no: revoked {_moment(key['revoked_at'])}"
    ends = _moment(key["expires_at"])
    return f"until {ends}" if key["good"] else f"no: expired {ends}"


def _moment(stamped: str) -> str:
    from micgate.cli.standing import clock  # noqa: PLC0415 -- msgspec, when there is something to show

    return clock(datetime.fromisoformat(stamped).timestamp())
