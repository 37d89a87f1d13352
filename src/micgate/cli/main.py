"""The `micgate` command: the lazy group, and the only place where errors become text and exit codes.

Exit codes: 0 done, 1 refused or failed, 2 usage, 3 not confirmed or left closed, 4 no live call; after a
clean release 129, 130 or 143 for SIGHUP, SIGINT and SIGTERM.
"""

import importlib
import os
import sys
from typing import NamedTuple, NoReturn

import click

from micgate import __version__
from micgate.cli import signals


class _Lazy(NamedTuple):
    """A command that is imported when it runs. `short` is its line in `micgate --help`."""

    where: str
    short: str


_SECTIONS: dict[str, dict[str, _Lazy]] = {
    "Try it": {
        "demo": _Lazy("serve:demo", "Simulator and service, shown and tried. No account needed."),
        "twin": _Lazy("serve:twin", "Run the simulator: a Genesys Cloud on this machine."),
    },
    "Run": {
        "serve": _Lazy("serve:serve", "Run the service: mutes that end on time, whatever crashes."),
        "service": _Lazy("service:service", "Install the service as a systemd unit."),
        "keys": _Lazy("keys:keys", "Make, list, rotate and revoke API keys of the service."),
        "webhooks": _Lazy("webhooks:webhooks", "Post the record to your own systems, until it arrives."),
        "db": _Lazy("database:db", "Upgrade, back up or restore the service's database."),
    },
    "Mute": {
        "mute": _Lazy("mute:mute", "Mute an agent for a while, then give the microphone back."),
        "unmute": _Lazy("mute:unmute", "Open what was closed from here, else say whose mute stands."),
        "freeze": _Lazy("freeze:freeze", "Release every mute and refuse new ones."),
        "unfreeze": _Lazy("freeze:unfreeze", "Take mutes again, after a freeze."),
        "set": _Lazy("mute:set_", "Set a microphone once, confirmed. You own the un-mute."),
    },
    "Look": {
        "why": _Lazy("look:why", "Explain an agent's microphone: the call, the mute and whose it is."),
        "mutes": _Lazy("look:mutes", "List the mutes that stand, and whose they are."),
        "budget": _Lazy("look:budget", "Show how many requests to Genesys are left this minute."),
        "agents": _Lazy("look:agents", "List the agents who are on a call now."),
        "watch": _Lazy("look:watch", "Follow calls and microphones live."),
        "audit": _Lazy("audit:audit", "List, export and verify the record: who silenced whom, and when."),
    },
    "Set up": {
        "login": _Lazy("login:login", "Sign in as a person, in the browser."),
        "logout": _Lazy("login:logout", "Revoke the sign-in and delete it."),
        "settings": _Lazy("settings:settings", "Show every setting and where its value comes from."),
        "doctor": _Lazy("doctor:doctor", "Check region, credentials, permissions and the way there."),
        "explain": _Lazy("doctor:explain", "Explain an error of Genesys, pasted on stdin."),
        "completion": _Lazy("completion:completion", "Print the completion script for a shell."),
    },
}
_COMMANDS = {name: lazy for section in _SECTIONS.values() for name, lazy in section.items()}

EXAMPLE = """\b
Without an account:     micgate demo
With one:               export GENESYS_REGION=mypurecloud.ie GENESYS_CLIENT_ID=...
                        export GENESYS_CLIENT_SECRET_FILE=~/.genesys-secret
                        micgate doctor
                        micgate mute ada@example.com --for 90s --reason customer"""


class Commands(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 -- click's signature
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 -- as above
        if cmd_name not in _COMMANDS:
            return None
        module, name = _COMMANDS[cmd_name].where.split(":")
        command = getattr(importlib.import_module(f"micgate.cli.{module}"), name)
        assert isinstance(command, click.Command)  # noqa: S101 -- the table above is ours
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        for title, commands in _SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(name, lazy.short) for name, lazy in commands.items()], col_max=12)


@click.command(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 96},
    epilog=EXAMPLE,
    no_args_is_help=True,
)
@click.version_option(__version__, message="micgate %(version)s")
def cli() -> None:
    """Decide who may be heard on a live Genesys Cloud call, and until when."""


def main() -> NoReturn:
    """Signals are heeded by now: see `micgate.__main__`."""
    _tolerate_the_terminal()
    code = run(sys.argv[1:])
    _flush()
    sys.exit(code)


def run(arguments: list[str]) -> int:
    """Run one command and answer its exit code. Errors of every kind have been shown."""
    try:
        return int(cli.main(arguments, prog_name="micgate", standalone_mode=False) or 0)
    except signals.Stopped as stopped:
        from micgate.cli import failure  # noqa: PLC0415 -- as below

        return failure.tell_stopped(stopped, as_json="--json" in arguments)
    except click.exceptions.NoArgsIsHelpError as help_wanted:
        help_wanted.show()
        return 2
    except click.Abort:
        from micgate.cli import failure  # noqa: PLC0415 -- as below

        why, remedy = "It was not confirmed; nothing was done.", "Answer y, or give --yes."
        return failure.tell(failure.UsageProblem(why, remedy=remedy), as_json="--json" in arguments)
    except BrokenPipeError:
        return 0  # whoever read our output has enough
    except Exception as error:  # noqa: BLE001 -- the outermost edge: nobody is shown a traceback
        from micgate.cli import failure  # noqa: PLC0415 -- costs nothing unless something failed

        return failure.tell(error, as_json="--json" in arguments)


def _tolerate_the_terminal() -> None:
    """A name that the terminal's encoding cannot show must not end a mute."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def _flush() -> None:
    """A reader that went away or a full disk must cause no traceback at exit, nor Python's exit code 120."""
    for number, stream in ((1, sys.stdout), (2, sys.stderr)):
        try:
            if stream is not None:
                stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), number)
