"""What one setting is, and how it is spelt from place to place."""

from collections.abc import Callable
from enum import Enum

import msgspec

Parse = Callable[[str, str], object]
"""From the text of a setting, and where it came from, to its value. Raises `SettingError`."""


def as_it_is(text: str, _source: str) -> str | None:
    return text or None


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """One setting. `names` are the variables it is read from; the first is ours to print.

    `dotenv` False: never read from `.env`, which a cloned repository may bring along. `serve`: an option of
    `micgate serve` too.
    """

    name: str
    names: tuple[str, ...]
    help: str
    default: str = ""
    secret: bool = False
    dotenv: bool = True
    serve: bool = True
    parse: Parse = as_it_is

    @property
    def option(self) -> str:
        """On the command line a secret is only ever named by its file."""
        return f"--{self.name.replace('_', '-')}{'-file' if self.secret else ''}"


class Spelling(Enum):
    """`GENESYS_CLIENT_SECRET_FILE`, `client_secret_file`, `--client-secret-file`."""

    VARIABLE = "_FILE"
    KEY = "_file"
    OPTION = "-file"

    def names(self, setting: Setting) -> tuple[str, ...]:
        if self is Spelling.VARIABLE:
            return setting.names
        return (setting.name,) if self is Spelling.KEY else (setting.option.removesuffix(self.value),)

    def of_file(self, name: str) -> str:
        return f"{name}{self.value}"
