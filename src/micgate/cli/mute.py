"""mute, unmute, set: by a service where there is one (never `set`), else straight at Genesys Cloud."""

import click

from micgate.cli import options, show
from micgate.cli.failure import CommandError, UsageProblem

_REASONS = "supervisor, agent, system, customer, escalation, drill"


@click.command(
    short_help="Mute an agent for a while, then give the microphone back.",
    epilog="""\b
Example:  micgate mute ada@example.com --for 90s --reason customer
          micgate mute "Ada Lovelace" --dry-run""",
)
@options.agent
@click.option("--for", "for_", metavar="LENGTH", help="90s, 2m, 1m30s; at most 15m.  [default: 2m]")
@click.option(
    "--reason",
    metavar="WORD",
    shell_complete=lambda _ctx, _param, incomplete: [
        word for word in _REASONS.split(", ") if word.startswith(incomplete)
    ],
    help=f"One of: {_REASONS}.  [default: supervisor]",
)
@click.option("--note", metavar="TEXT", help="For the record; at most 200 characters.")
@options.conversation
@click.option(
    "--covers",
    type=click.Choice(["call", "agent"]),
    default="call",
    help="agent: all calls until it ends. Needs the service.",
)
@click.option("--dry-run", is_flag=True, help="Find the call, say what would happen, send nothing.")
@click.option("--while-here", is_flag=True, help="End it with this command, as without a service.")
@click.option("--no-wait", is_flag=True, help="Return before the platform shows it. Needs the service.")
@options.timeout
@options.json_lines
def mute(
    *,
    agent: str | None,
    for_: str | None,
    reason: str | None,
    note: str | None,
    conversation_id: str | None,
    covers: str,
    dry_run: bool,
    while_here: bool,
    no_wait: bool,
    timeout: float | None,
    as_json: bool,
) -> int:
    """Mute AGENT (user id, e-mail or unique name) and give the microphone back when the time is over.

    With a service (MICGATE_URL, or one that runs here) the mute is kept there, whatever becomes of this
    command, which returns when the platform shows it; with --while-here it stays, and the mute ends with it.

    Without one it stays in the foreground. The end of the time, Ctrl-C, SIGTERM or a closed terminal give
    back what was there before; a guardian does so after kill -9. What was muted before stays muted.
    """
    from micgate.cli import served  # noqa: PLC0415 -- looks whether there is a service

    output = show.Output(as_json=as_json)
    settings = options.configured(output, timeout=timeout)
    if gate := served.gate(settings):
        from micgate.cli import served_mute  # noqa: PLC0415 -- only where there is a service
        from micgate.client.requests import Wish  # noqa: PLC0415 -- as above

        wish = Wish(
            agent=served.agent_of(agent, settings),
            for_=for_,
            reason=reason,
            note=note,
            covers=covers,
            conversation=conversation_id,
        )
        with gate:
            if dry_run:
                return served_mute.rehearse(gate, wish, output)
            if while_here:
                from micgate.cli import served_here  # noqa: PLC0415 -- as above

                return served_here.run(gate, wish, settings, output)
            return served_mute.run(gate, wish, settings, output, wait=not no_wait)
    _check_without_service(covers=covers, no_wait=no_wait)
    from micgate.cli import foreground  # noqa: PLC0415 -- urllib3, when something is sent

    order = foreground.Order(
        agent=agent, conversation_id=conversation_id, for_=for_, reason=reason, note=note
    )
    return (
        foreground.rehearse(order, settings, output) if dry_run else foreground.run(order, settings, output)
    )


@click.command(
    short_help="Open what was closed from here, else say whose mute stands.",
    epilog="""\b
Example:  micgate unmute ada@example.com
          micgate unmute            (the one microphone that is closed from here)""",
)
@options.agent
@options.conversation
@options.timeout
@options.as_json
def unmute(*, agent: str | None, conversation_id: str | None, timeout: float | None, as_json: bool) -> int:
    """Open the microphone of AGENT if it was closed from here, also by a command that was killed.

    A mute that runs here now is ended. What this user did not close is left alone; whose it may be is said.

    With a service: release the mutes of AGENT that this key placed, or one mute by its id (micgate mutes).
    Where others stand, the microphone stays closed, and whose they are is said.
    """
    from micgate.cli import served  # noqa: PLC0415 -- looks whether there is a service

    output = show.Output(as_json=as_json)
    settings = options.configured(output, timeout=timeout)
    if gate := served.gate(settings):
        from micgate.cli import served_release  # noqa: PLC0415 -- only where there is a service

        with gate:
            return served_release.run(gate, settings, output, ref=agent, conversation_id=conversation_id)
    from micgate.cli import release  # noqa: PLC0415 -- urllib3, when something is sent

    release.run(settings, output, agent=agent, conversation_id=conversation_id)
    return 0


@click.command(
    "set",
    short_help="Set a microphone once, confirmed. You own the un-mute.",
    epilog="""\b
Example:  micgate set ada@example.com --muted
          CONTROL_ACTION=unmute AGENT_USER_ID=... micgate set --json""",
)
@options.agent
@click.option("--muted", is_flag=True, help="Close the microphone.")
@click.option("--unmuted", is_flag=True, help="Open it, if it was closed from here.")
@click.option("--force", is_flag=True, help="Open it whoever closed it.")
@options.conversation
@options.participant
@options.timeout
@options.as_json
def set_(
    *,
    agent: str | None,
    muted: bool,
    unmuted: bool,
    force: bool,
    conversation_id: str | None,
    participant_id: str | None,
    timeout: float | None,
    as_json: bool,
) -> None:
    """Set the microphone of AGENT once and wait until the platform shows it. Nothing sets it back.

    Without a flag CONTROL_ACTION decides: mute or unmute. Already as wanted: nothing is sent.
    """
    if participant_id and not conversation_id:
        raise UsageProblem("--participant is an end of a call.", remedy="Give --conversation too.")
    output = show.Output(as_json=as_json)
    settings = options.configured(output, timeout=timeout)
    wanted = _wanted(settings.control_action, muted=muted, unmuted=unmuted)
    from micgate.cli import once  # noqa: PLC0415 -- urllib3, when something is sent

    target = once.Target(agent=agent, conversation_id=conversation_id, participant_id=participant_id)
    once.run(settings, output, target, muted=wanted, force=force)


def _check_without_service(*, covers: str, no_wait: bool) -> None:
    if no_wait:
        raise CommandError(
            "--no-wait needs the service: without it nobody would be left to end the mute.",
            remedy="Leave it out and let the command run; Ctrl-C gives the microphone back.",
        )
    if covers == "agent":
        raise CommandError(
            "--covers agent needs the service: without it one call is muted, not those that follow.",
            remedy="Leave it out to mute the agent's present call.",
        )


def _wanted(action: str | None, *, muted: bool, unmuted: bool) -> bool:
    if muted and unmuted:
        raise UsageProblem("--muted and --unmuted are opposites.", remedy="Give one of them.")
    if muted or unmuted:
        return muted
    if action is None:
        raise UsageProblem(
            "Neither --muted nor --unmuted is given.",
            remedy="Give one of them, or set CONTROL_ACTION to mute or unmute.",
        )
    return action == "mute"
