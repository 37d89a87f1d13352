"""What one setting is."""

from collections.abc import Callable

import msgspec

Parse = Callable[[str, str], object]
"""From the text of a setting, and where it came from, to its value. Raises `SettingError`."""


def as_it_is(text: str, _source: str) -> str | None:
    return text or None


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """One setting. `names` are the variables it is read from; the first is ours to print.

    `dotenv` False: never read from `.env`, which a cloned repository may bring along.
    """

    name: str
    names: tuple[str, ...]
    help: str
    default: str = ""
    secret: bool = False
    dotenv: bool = True
    parse: Parse = as_it_is
