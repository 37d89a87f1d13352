"""A TOML file that somebody named: `--config` or MICGATE_CONFIG. Its keys are the settings' names."""

import tomllib
from difflib import get_close_matches
from pathlib import Path

import msgspec

from micgate.settings.catalogue import SETTINGS
from micgate.settings.errors import SettingError
from micgate.settings.places import Place, text_of
from micgate.settings.setting import Spelling

KEYS = frozenset(
    name
    for one in SETTINGS
    if one.name != "config"
    for name in ((one.name, Spelling.KEY.of_file(one.name)) if one.secret else (one.name,))
)


def toml(path: Path) -> Place:
    """Raises `SettingError` for a name that is no setting."""
    try:
        read = tomllib.loads(text_of(path))
    except FileNotFoundError:
        raise SettingError(
            f"There is no file {path}.", remedy="Correct --config or MICGATE_CONFIG, or unset it."
        ) from None
    except tomllib.TOMLDecodeError as error:
        # Its message names line and column, and at most one character of what is there.
        raise SettingError(f"{path} is no TOML: {error}.", remedy="Correct it there.") from None
    texts = {_known(path, name): _text(path, name, value) for name, value in read.items()}
    return Place(name=str(path), spelling=Spelling.KEY, texts=texts, file=path)


def _known(path: Path, name: str) -> str:
    if name in KEYS:
        return name
    near = get_close_matches(name.lower().replace("-", "_").removeprefix("micgate_"), sorted(KEYS), n=1)
    hint = f"Did you mean {near[0]}?" if near else "See them all: micgate settings."
    raise SettingError(f"{path} sets {name!r}, which is no setting.", remedy=hint)


def _text(path: Path, name: str, value: object) -> str:
    """As the environment would have it: one way to read a value, wherever it comes from."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return ",".join(value)
    if isinstance(value, dict) and all(isinstance(one, str) for one in value.values()):
        return msgspec.json.encode(value).decode()
    raise SettingError(
        f"{name} in {path} is of a kind that no setting takes.",
        remedy="Use a text, a number, true or false, or a list of texts.",
    )
