"""All settings at once."""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from micgate.settings.catalogue import SETTINGS
from micgate.settings.destination import check_destination
from micgate.settings.dotenv import dotenv
from micgate.settings.places import Found, Place, command_line, environment
from micgate.settings.setting import Setting
from micgate.settings.toml import toml
from micgate.settings.values import Settings


def load(
    environ: Mapping[str, str] | None = None,
    dotenv_path: Path | None = None,
    *,
    given: Mapping[str, str] | None = None,
) -> Settings:
    """Read the settings or raise `SettingError`. Default: this process's environment and `./.env`.

    `given`: what stood on the command line, texts by option (`{"--port": "8700"}`).
    """
    places = _places(environ, dotenv_path or Path(".env"), given or {})
    found = {setting.name: _find(setting, places) for setting in SETTINGS}
    check_destination(found)
    values = {setting.name: _value(setting, found[setting.name]) for setting in SETTINGS}
    sources = {name: value.source for name, value in found.items() if value is not None}
    warnings = tuple(warning for place in places for warning in place.warnings())
    return msgspec.convert(values | {"sources": sources, "warnings": warnings}, Settings)


def _places(
    environ: Mapping[str, str] | None, dotenv_path: Path, given: Mapping[str, str]
) -> tuple[Place, ...]:
    """The first that has a setting wins."""
    places = (command_line(given), environment(environ), dotenv(dotenv_path))
    config = _find(_CONFIG, places)
    return (*places, toml(Path(config.text).expanduser())) if config else places


_CONFIG = next(setting for setting in SETTINGS if setting.name == "config")


def _find(setting: Setting, places: tuple[Place, ...]) -> Found | None:
    return next((found for place in places if (found := place.find(setting))), None)


def _value(setting: Setting, found: Found | None) -> object:
    if found is None:
        return setting.parse(setting.default, setting.names[0])
    return setting.parse(found.text, found.source)
