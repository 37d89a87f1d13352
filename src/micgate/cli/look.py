"""why, agents, mutes, budget, watch: looking changes nothing."""

import click

from micgate.cli import options, show
from micgate.cli.failure import UsageProblem


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
    or another app's. A service knows every mute that stands, whose it is and until when, and what happened
    lately. Exit code 4 without a live call.
    """
    from micgate.cli import served  # noqa: PLC0415 -- looks whether there is a service

    output = show.Output(as_json=as_json)
    settings = options.configured(output)
    if gate := served.gate(settings):
        from micgate.cli import served_look  # noqa: PLC0415 -- only where there is a service

        with gate:
            who = served.agent_of(agent, settings)
            return served_look.why(gate, output, agent=who, conversation_id=conversation_id)
    from micgate.cli import whose  # noqa: PLC0415 -- urllib3, when something is asked

    return whose.run(settings, output, agent=agent, conversation_id=conversation_id)


@click.command(
    short_help="List the agents who are on a call now.",
    epilog="""\b
Example:  micgate agents
          micgate agents --json | jq -r '.agents[] | select(.muted) | .email'""",
)
@options.as_json
def agents(*, as_json: bool) -> None:
    """List the agents who are on a call now, with their microphones.

    Without a service, of more than 60 calls the rest is listed without the microphone: reading them all would
    use up the budget.
    """
    from micgate.cli import served  # noqa: PLC0415 -- looks whether there is a service

    output = show.Output(as_json=as_json)
    settings = options.configured(output)
    if gate := served.gate(settings):
        from micgate.cli import served_look  # noqa: PLC0415 -- only where there is a service

        with gate:
            served_look.agents(gate, output)
        return
    from micgate.cli import whose  # noqa: PLC0415 -- urllib3, when something is asked

    whose.list_agents(settings, output)


@click.command(
    short_help="List the mutes that stand, and whose they are.",
    epilog="""\b
Example:  micgate mutes
          micgate mutes ada@example.com --ended""",
)
@options.agent
@click.option("--ended", is_flag=True, help="Also those that have ended lately; of one AGENT.")
@options.as_json
def mutes(*, agent: str | None, ended: bool, as_json: bool) -> None:
    """List the mutes that stand, of AGENT or of everybody: whose, why, until when. Needs the service."""
    if ended and not agent:
        raise UsageProblem("--ended is about one agent.", remedy="Name one: micgate mutes AGENT --ended")
    from micgate.cli import served, served_look  # noqa: PLC0415 -- urllib3, when something is asked

    output = show.Output(as_json=as_json)
    with served.needed(options.configured(output)) as gate:
        served_look.mutes(gate, output, agent=agent, ended=ended)


@click.command(
    short_help="Show how many requests to Genesys Cloud are left this minute.",
    epilog="""\b
Example:  micgate budget
          micgate budget --json | jq .left""",
)
@options.as_json
def budget(*, as_json: bool) -> None:
    """Show the requests to Genesys Cloud of this minute: used, kept for mutes that end, left for new ones.

    Genesys allows 300 a minute. What due ends need is never given to anything else. Needs the service.
    """
    from micgate.cli import served, served_look  # noqa: PLC0415 -- urllib3, when something is asked

    output = show.Output(as_json=as_json)
    with served.needed(options.configured(output)) as gate:
        served_look.budget(gate, output)


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

    Lost connections are mended; where events may be missing a gap is shown and the calls are read again. With
    a service, mutes are followed too.
    """
    from micgate.cli import served  # noqa: PLC0415 -- looks whether there is a service

    output = show.Output(as_json=as_json)
    settings, seconds = options.configured(output), options.span(for_)
    if gate := served.aio_gate(settings):
        from micgate.cli import served_watch  # noqa: PLC0415 -- only where there is a service

        return served_watch.run(gate, output, agents=agents, seconds=seconds)
    from micgate.cli import watching  # noqa: PLC0415 -- asyncio and aiohttp, for this command only

    return watching.run(settings, output, agents=agents, seconds=seconds)
