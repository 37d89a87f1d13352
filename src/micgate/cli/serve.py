"""serve: the service. twin, demo: what runs here without an account, reading no `GENESYS_*` variable."""

from typing import TYPE_CHECKING

import click

from micgate.cli import options, show
from micgate.cli.equipped import equipped

if TYPE_CHECKING:
    from micgate.service.announcement import Announcement


@click.command(
    short_help="Run the simulator: a Genesys Cloud on this machine.",
    epilog="""\b
Example:  micgate twin --port 8701 --agents 40
          GENESYS_REGION=http://127.0.0.1:8701 GENESYS_CLIENT_ID=... micgate agents""",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port", default=8701, show_default=True, type=click.IntRange(0, 65535), help="0 picks a free one."
)
@click.option(
    "--agents", default=12, show_default=True, type=click.IntRange(0, 20000), help="How many people."
)
@click.option("--seed", default=7, show_default=True, type=int, help="The same seed, the same calls.")
@click.option("--quiet", is_flag=True, help="No calls by themselves.")
@click.option(
    "--json", "as_json", is_flag=True, help="First line: one object with addresses and credentials."
)
def twin(*, host: str, port: int, agents: int, seed: int, quiet: bool, as_json: bool) -> int:
    """Run the simulator until Ctrl-C: people, queues and calls, the vendor's API, a live page under /_twin/.

    Nothing leaves this machine. On a host that is not loopback the control surface asks for a token.
    """
    from micgate.twin import app  # noqa: PLC0415 -- aiohttp, for this command only

    return app.serve(host=host, port=port, agents=agents, seed=seed, quiet=quiet, json_lines=as_json)


@click.command(
    short_help="Run the service: mutes that end on time, whatever crashes.",
    epilog="""\b
Example:  micgate serve
          micgate serve --config /etc/micgate/micgate.toml
          MICGATE_DATABASE_URL=postgresql://micgate@db/micgate micgate serve --port 8700""",
)
@click.option("--json", "as_json", is_flag=True, help="First line: one object that says where it is.")
@options.all_settings
def serve(*, as_json: bool, **given: str | None) -> int:
    """Run the HTTP API and the keeper of its mutes until Ctrl-C. Several may run on one database.

    Beyond loopback it needs TLS (--tls-cert, --tls-key) or a stated proxy (--trusted-proxy). Every option is
    a variable and a name in the file of --config too; `micgate settings` shows what is set, and where.
    """
    with equipped():
        from micgate.service import run  # noqa: PLC0415 -- litestar, for this command only

    output = show.Output(as_json=as_json)
    settings = options.configured(output, given=options.given(given))

    def started(announcement: "Announcement") -> None:
        # Not `output.result`, after which signals count for nothing.
        if as_json:
            output.json({"url": announcement.url, "region": announcement.region, "pid": announcement.pid})
        else:
            output.say(f"micgate serves on {announcement.url}; see {announcement.url}/readyz")

    return run.serve(settings, started=started)


@click.command(
    short_help="Simulator and service, shown and tried. No account needed.",
    epilog="""\b
Example:  micgate demo
          micgate demo --once --json | tail -1""",
)
@click.option("--once", is_flag=True, help="End after the run instead of leaving all of it up to try.")
@click.option("--json", "as_json", is_flag=True, help="One object a line; the last one has the figures.")
@click.option(
    "--port", default=0, type=click.IntRange(0, 65535), help="Port of the simulator; 0 picks a free one."
)
def demo(*, once: bool, as_json: bool, port: int) -> int:
    """Start the simulator and the service, mute agents on live calls, and kill what should give them back.

    Shown on the way: the proof, the agent's own button winning, two owners on one microphone, `kill -9` of a
    command and of the service, releases on time, and a record in which a changed letter shows. Under a
    minute. It reads no GENESYS_* variable, and leaves nothing behind.
    """
    from micgate.demo import tour  # noqa: PLC0415 -- aiohttp, for this command only

    return tour.run(once=once, json_lines=as_json, port=port)
