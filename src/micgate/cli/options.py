"""What several commands take, and the settings with their warnings shown."""

from collections.abc import Callable, Mapping
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import click
import msgspec

from micgate import settings as configuration
from micgate.cli import show
from micgate.cli.failure import UsageProblem
from micgate.settings import SETTINGS, Setting, Settings

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

LONGEST_WATCH = 24 * 3600.0

Function = TypeVar("Function", bound=Callable[..., Any])
Completion: TypeAlias = Callable[[click.Context, click.Parameter, str], "list[CompletionItem]"]


def agent(function: Function) -> Function:
    """AGENT, which may be left to AGENT_USER_ID."""
    return click.argument("agent", required=False)(function)


def as_json(function: Function) -> Function:
    return click.option(
        "--json", "as_json", is_flag=True, help="One JSON object on stdout, all else on stderr."
    )(function)


def json_lines(function: Function) -> Function:
    return click.option("--json", "as_json", is_flag=True, help="JSON on stdout, one object a line.")(
        function
    )


def conversation(function: Function) -> Function:
    return click.option(
        "--conversation", "conversation_id", metavar="ID", help="The call, when the agent has several."
    )(function)


def participant(function: Function) -> Function:
    return click.option(
        "--participant",
        "participant_id",
        metavar="ID",
        help="The agent's end of it; nothing is looked up then.",
    )(function)


def timeout(function: Function) -> Function:
    return click.option(
        "--timeout",
        type=_Seconds(0.1, 300),
        metavar="SECONDS",
        help="How long to wait until the platform shows a change.  [default: 10]",
    )(function)


def span(text: str | None) -> float | None:
    """How long to watch, in seconds; None: until somebody ends it."""
    if text is None:
        return None
    from micgate.control import policy  # noqa: PLC0415 -- commands without a length do without

    seconds = policy.parse(text)
    if not 1 <= seconds <= LONGEST_WATCH:
        raise UsageProblem(f"--for {text} cannot be watched.", remedy="Give 1s to 24h.")
    return seconds


def config(function: Function) -> Function:
    """--config, for a command that takes no other setting."""
    return _option(next(setting for setting in SETTINGS if setting.name == "config"))(function)


def all_settings(function: Function) -> Function:
    """An option for everything that the service can be set to, by the setting's name."""
    for setting in reversed([setting for setting in SETTINGS if setting.serve]):
        function = _option(setting)(function)
    return function


def given(values: Mapping[str, str | None]) -> dict[str, str]:
    """What was given of `all_settings`, by option."""
    options = {setting.name: setting.option for setting in SETTINGS}
    return {options[name]: value for name, value in values.items() if value is not None}


def configured(
    output: show.Output, *, timeout: float | None = None, given: Mapping[str, str] | None = None
) -> Settings:
    """The settings; what is odd about them goes to stderr. The others are of the command line."""
    settings = configuration.load(given=given)
    for warning in settings.warnings:
        output.note(f"Warning: {warning}")
    return settings if timeout is None else msgspec.structs.replace(settings, timeout=timeout)


def _option(setting: Setting) -> Callable[[Function], Function]:
    """Texts as they are: a setting is read in one way, wherever it comes from."""
    default = f"; default: {setting.default}" if setting.default else ""
    variable = f"{setting.names[0]}{'_FILE' if setting.secret else ''}"
    return click.option(
        setting.option,
        setting.name,
        metavar="FILE" if setting.secret or setting.name == "config" else "TEXT",
        shell_complete=_completion(setting),
        help=f"{'A file with it: ' if setting.secret else ''}{setting.help}  [{variable}{default}]",
    )


def _completion(setting: Setting) -> Completion | None:
    """What the shell offers for it: names of files, of folders, or nothing."""
    if setting.secret or setting.name in _FILES:
        return _paths("file")
    return _paths("dir") if setting.name.endswith("_dir") else None


_FILES = frozenset({"config", "ca_bundle", "tls_cert", "tls_key", "checkpoint_path"})


def _paths(kind: str) -> Completion:
    def complete(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> "list[CompletionItem]":
        from click.shell_completion import CompletionItem  # noqa: PLC0415 -- while completing only

        return [CompletionItem(incomplete, type=kind)]

    return complete


class _Seconds(click.FloatRange):
    """A range that holds no NaN, which compares as neither too small nor too large."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        seconds = super().convert(value, param, ctx)
        if isnan(seconds):
            self.fail(f"{value!r} is no number of seconds.", param, ctx)
        return seconds


class NewFile(click.Path):
    """A file that is made whole and then takes its name: what a link or a device is called would be lost."""

    def __init__(self) -> None:
        super().__init__(dir_okay=False)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        path = Path(str(super().convert(value, param, ctx)))
        if path.is_symlink() or (path.exists() and not path.is_file()):
            self.fail(f"{str(path)!r} is a link or a device, and would be replaced. Name a file.", param, ctx)
        return path
