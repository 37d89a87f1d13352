"""service: a systemd unit that starts micgate again, whatever ends it."""

import os
import pwd
import shutil
import subprocess
import sys
from pathlib import Path

import click

from micgate.cli import options, show
from micgate.cli.failure import CommandError, UsageProblem
from micgate.cli.options import Function
from micgate.service import unit
from micgate.service.unit import Done, Unit

_HOMES = (Path("/home"), Path("/root"))
_RUNS = Path("/run/systemd/system")


def _which(function: Function) -> Function:
    by_user = click.option("--user", is_flag=True, help="A unit of your own systemd, without root.")
    into = click.option(
        "--into",
        type=click.Path(file_okay=False, path_type=Path),
        metavar="FOLDER",
        help="This folder instead of systemd's; systemd is not asked then.",
    )
    force = click.option("--force", is_flag=True, help="Even if somebody changed the unit that is there.")
    return by_user(into(force(function)))


@click.group(
    short_help="Install the service as a systemd unit.",
    epilog="""\b
Example:  micgate service install --print""",
)
def service() -> None:
    """The service as a unit of systemd, which starts it again whatever ends it."""


@service.command(
    short_help="Write the unit.",
    epilog="""\b
Example:  sudo micgate service install --secret-file /etc/micgate/client_secret
          micgate service install --user""",
)
@click.option("--print", "only_print", is_flag=True, help="Print the unit and change nothing.")
@click.option("--account", default="micgate", show_default=True, help="Who runs it; not with --user.")
@click.option(
    "--secret-file",
    "secret",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="The OAuth client's secret, which systemd hands to the service alone (LoadCredential).",
)
@_which
@options.as_json
def install(
    *,
    only_print: bool,
    account: str,
    secret: Path | None,
    user: bool,
    into: Path | None,
    force: bool,
    as_json: bool,
) -> int:
    """Write the unit micgate.service, and a file of settings to fill in unless there is one. Starts nothing.

    A unit that somebody changed is left alone without --force. Doing it again changes nothing.
    """
    output = show.Output(as_json=as_json)
    wanted = _wanted(account=None if user else account, secret=secret)
    if only_print:
        output.result(wanted.text(), {"unit": wanted.text()})
        return 0
    _check(wanted, into=into)
    path = _folder(user=user, into=into) / unit.NAME
    done = unit.put(path, wanted.text(), force=force)
    _refuse_changed(done, path)
    made = into is None and unit.template(wanted.environment)
    if into is None:
        _systemctl(user, "daemon-reload")
    told = [f"{path}: {done}."]
    told += [f"Fill in {wanted.environment}."] if made else []
    told += [f"Then: systemctl {'--user ' if user else ''}enable --now micgate"]
    told += ["To run without a session of yours: loginctl enable-linger"] if user else []
    output.result("\n".join(told), {"path": str(path), "done": done, "environment": str(wanted.environment)})
    return 0


@service.command(
    short_help="Stop the service and remove the unit.",
    epilog="""\b
Example:  sudo micgate service uninstall""",
)
@_which
@options.as_json
def uninstall(*, user: bool, into: Path | None, force: bool, as_json: bool) -> int:
    """Stop the service, end its start at boot, and remove the unit. Settings, database and dumps stay."""
    output = show.Output(as_json=as_json)
    path = _folder(user=user, into=into) / unit.NAME
    if into is None:
        _demand_systemd()
        if path.exists() and (force or unit.is_ours(path.read_text("utf-8"))):
            _systemctl(user, "disable", "--now", unit.NAME)
    done = unit.take_away(path, force=force)
    _refuse_changed(done, path)
    if into is None:
        _systemctl(user, "daemon-reload")
    output.result(f"{path}: {done}.", {"path": str(path), "done": done})
    return 0


def _wanted(*, account: str | None, secret: Path | None) -> Unit:
    executable = Path(sys.executable)
    if secret and not secret.is_absolute():
        raise UsageProblem("--secret-file is relative.", remedy="systemd asks for a path from /.")
    environment = Path("/etc/micgate/environment") if account else _config() / "micgate" / "environment"
    return Unit(
        command=f"{_quoted(executable)} -P -m micgate serve",
        environment=environment,
        account=account,
        secret=secret,
        sees_homes=any(executable.is_relative_to(home) for home in _HOMES),
    )


def _quoted(path: Path) -> str:
    """As ExecStart reads it."""
    text = str(path).replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return f'"{text}"' if " " in text else text


def _check(wanted: Unit, *, into: Path | None) -> None:
    if into is None:
        _demand_systemd()
    if wanted.secret:
        _check_secret(wanted.secret, reader="root" if wanted.account else f"user {os.geteuid()}")
    if into is None and wanted.account:
        _check_account(wanted.account)


def _check_secret(file: Path, *, reader: str) -> None:
    """`reader` is who systemd is as it reads it; what root may not read here it may there."""
    remedy = f"Put the client's secret there, {reader}'s, mode 0600; then install."
    if not os.path.isfile(file):  # noqa: PTH113 -- false, too, in a folder that is closed to us
        raise UsageProblem(f"There is no file {file} that can be seen from here.", remedy=remedy)
    if reader != "root" and not os.access(file, os.R_OK):
        raise UsageProblem(f"{reader} may not read {file}, and runs the service.", remedy=remedy)


def _demand_systemd() -> None:
    if not _RUNS.is_dir():
        raise CommandError(
            "No systemd runs here.",
            remedy="Have another supervisor run micgate serve. To read the unit: add --print.",
        )


def _check_account(name: str) -> None:
    if os.geteuid() != 0:
        raise CommandError(
            "Only root may install a unit for the whole machine.", remedy="Use sudo, or --user for your own."
        )
    try:
        pwd.getpwnam(name)
    except KeyError:
        raise CommandError(
            f"There is no account {name}.",
            remedy=f"useradd --system --home-dir /var/lib/micgate --shell /usr/sbin/nologin {name}",
        ) from None


def _folder(*, user: bool, into: Path | None) -> Path:
    if into is not None:
        return into
    return _config() / "systemd" / "user" if user else Path("/etc/systemd/system")


def _config() -> Path:
    given = Path(os.environ.get("XDG_CONFIG_HOME", ""))
    return given if given.is_absolute() else Path("~/.config").expanduser()


def _systemctl(user: bool, *arguments: str) -> None:  # noqa: FBT001 -- passed on as it was given
    tool = shutil.which("systemctl") or "/usr/bin/systemctl"
    command = [tool, *(["--user"] if user else []), *arguments]
    done = subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603 -- our own words
    if done.returncode:
        raise CommandError(
            f"systemctl {arguments[0]} failed: {' '.join(done.stderr.split())}", remedy="See: journalctl -xe"
        )


def _refuse_changed(done: Done, path: Path) -> None:
    if done is Done.CHANGED:
        raise CommandError(
            f"{path} was changed by somebody: it is left alone.",
            remedy="Keep your changes in a drop-in (systemctl edit micgate), or give --force.",
        )
