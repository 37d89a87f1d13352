"""why, agents, watch: looking changes nothing."""

import click

from micgate.cli import options, show


@click.command(
    short_help="Explain an agent's microphone: the call, the mute and whose it is.",
    epilog="""\b
Example:  micgate why ada@example.com
          micgate why ada@example.com --json | jq -r .whose""",
)
@options.agent
@options.conversation
@options.as_json
def why(*, agent: str | None, conversation_id: str | None, as_json: bool) -> int:
    """Explain AGENT's microphone: presence, live call, mute, recording, and whose mute it is.

    Genesys names nobody: a mute is micgate's when this user's journal shows it, else the agent's, a device's
    or another app's. Exit code 4 without a live call.
    """
    from micgate.cli import whose  # noqa: PLC0415 -- urllib3, when something is asked

    output = show.Output(as_json=as_json)
    return whose.run(options.configured(output), output, agent=agent, conversation_id=conversation_id)


@click.command(
    short_help="List the agents who are on a call now.",
    epilog="""\b
Example:  micgate agents
          micgate agents --json | jq -r '.agents[] | select(.muted) | .email'""",
)
@options.as_json
def agents(*, as_json: bool) -> None:
    """List the agents who are on a call now, with their microphones.

    Of more than 60 calls the rest is listed without the microphone: reading them all would use up the budget.
    """
    from micgate.cli import whose  # noqa: PLC0415 -- urllib3, when something is asked

    output = show.Output(as_json=as_json)
    whose.list_agents(options.configured(output), output)


@click.command(
    short_help="Follow calls and microphones live.",
    epilog="""\b
Example:  micgate watch
          micgate watch ada@example.com --for 5m --json""",
)
@click.argument("agents", metavar="[AGENT]...", nargs=-1)
@click.option("--for", "for_", metavar="LENGTH", help="End after 30s, 5m, 1h.  [default: until Ctrl-C]")
@options.json_lines
def watch(*, agents: tuple[str, ...], for_: str | None, as_json: bool) -> int:
    """Follow the calls of AGENTs, or of everybody, as Genesys Cloud reports them: a line for every change.

    Lost connections are mended; where events may be missing a gap is shown and the calls are read again.
    """
    from micgate.cli import watching  # noqa: PLC0415 -- asyncio and aiohttp, for this command only

    output = show.Output(as_json=as_json)
    return watching.run(options.configured(output), output, agents=agents, for_=for_)
