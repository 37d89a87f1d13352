"""settings: what is set, and where it comes from."""

import click

from micgate.cli import options, show
from micgate.settings import SETTINGS, Settings


@click.command(
    short_help="Show every setting and where its value comes from.",
    epilog="""\b
Example:  micgate settings
          micgate settings --config /etc/micgate/micgate.toml --json""",
)
@options.config
@options.as_json
def settings(*, config: str | None, as_json: bool) -> int:
    """Show every setting, its value and where that comes from. Secrets are masked.

    The first of these that has it wins: the command line, the environment, `.env` in the working directory,
    the TOML file of --config or MICGATE_CONFIG, the default.
    """
    output = show.Output(as_json=as_json)
    found = options.configured(output, given=options.given({"config": config}))
    if as_json:
        output.result("", {"settings": _members(found)})
    else:
        rows = [(name, value or "-", found.source(name)) for name, value in found.shown().items()]
        output.table(("setting", "value", "from"), rows)
    return 0


def _members(found: Settings) -> list[dict[str, str | None]]:
    shown = found.shown()
    return [
        {
            "name": one.name,
            "variable": one.names[0],
            "value": shown[one.name] or None,
            "from": found.source(one.name),
        }
        for one in SETTINGS
    ]
