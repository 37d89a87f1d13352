"""doctor, explain: what stands in the way, and where it is changed."""

import sys
from pathlib import Path

import click

from micgate.cli import options, show
from micgate.cli.failure import UsageProblem

NOT_UNDERSTOOD = 1
NOTHING_PASTED = 2
LONGEST_PASTE = 4_000_000
"""Bytes."""


@click.command(
    short_help="Check region, credentials, permissions and the way there.",
    epilog="""\b
Example:  micgate doctor
          micgate doctor --probe ada@example.com
          micgate doctor --role --format terraform > role.tf""",
)
@click.option("--probe", "agent", metavar="AGENT", help="Try it on this agent's live call. Nobody hears it.")
@click.option(
    "--audible", is_flag=True, help="With --probe: close the microphone for 2 s and wait for the event."
)
@click.option(
    "--report",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Where --probe writes its report.  [default: micgate-report-DATE.json]",
)
@click.option("--role", is_flag=True, help="Print the role that micgate's OAuth client needs, and end.")
@click.option(
    "--format",
    "role_format",
    type=click.Choice(["text", "json", "terraform"]),
    help="How to print the role.  [default: text]",
)
@options.as_json
def doctor(
    *,
    agent: str | None,
    audible: bool,
    report: Path | None,
    role: bool,
    role_format: str | None,
    as_json: bool,
) -> int:
    """Check region, credentials, permissions and the way there, in order, each failure with its remedy.

    Nothing is changed, except that a notification channel is opened (and used again next time). With --probe
    the value that the microphone has already is sent, and a report without names, ids and numbers is written,
    which you can share.

    Exit code 0: all is well, with warnings perhaps; 1: something failed.
    """
    _check_together(agent=agent, audible=audible, report=report, role=role, role_format=role_format)
    output = show.Output(as_json=as_json)
    if role:
        return _print_role(output, role_format or ("json" if as_json else "text"))
    from micgate.cli import examination  # noqa: PLC0415 -- the HTTP library, for this command only

    return examination.run(output, agent=agent, audible=audible, report_path=report)


@click.command(
    short_help="Explain an error of Genesys, pasted on stdin.",
    epilog="""\b
Example:  micgate explain < error.json
          curl -si https://api.mypurecloud.com/api/v2/tokens/me | micgate explain""",
)
@options.as_json
def explain(*, as_json: bool) -> int:
    """Explain an error of Genesys, pasted on stdin: what is wrong, and where it is changed.

    Takes the JSON alone, an answer with its headers (curl -i), a page, an SDK's exception, a notification.

    Exit code 0: explained; 1: nothing that Genesys Cloud sends; 2: nothing was pasted.
    """
    from micgate.doctor.explain import explain as explained  # noqa: PLC0415 -- msgspec, for this command only

    output = show.Output(as_json=as_json)
    if sys.stdin and sys.stdin.isatty():
        output.note("Paste the error, then press Ctrl-D on a line of its own.")
    pasted = sys.stdin.buffer.read(LONGEST_PASTE) if sys.stdin else b""
    found = explained(pasted.decode("utf-8", "replace"))
    members = {"word": found.word, "what": found.what, "where": found.where, "facts": found.facts}
    output.result(f"{show.line(found.what)}\n{show.line(found.where)}", members)
    if found.understood:
        return 0
    return NOTHING_PASTED if found.word == "empty" else NOT_UNDERSTOOD


def _check_together(
    *, agent: str | None, audible: bool, report: Path | None, role: bool, role_format: str | None
) -> None:
    if agent is None and (audible or report):
        raise UsageProblem(
            f"{'--audible' if audible else '--report'} needs a call to try it on.",
            remedy="Add --probe AGENT.",
        )
    if role and agent is not None:
        raise UsageProblem("--role and --probe are two different things.", remedy="Give one of them.")
    if role_format and not role:
        raise UsageProblem("--format says how to print the role.", remedy="Add --role.")


def _print_role(output: show.Output, role_format: str) -> int:
    from micgate.doctor import role  # noqa: PLC0415 -- msgspec, for this command only

    if role_format == "json":
        show.Output(as_json=True).json(role.as_object())
    elif role_format == "terraform":
        output.say(role.as_terraform())
    else:
        output.say(role.as_text())
    return 0
